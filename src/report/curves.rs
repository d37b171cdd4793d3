//! Four curves with the operating point on them: recall against false alarms a day, precision against recall, the receiver operating
//! characteristic, and precision against prevalence.

use std::fmt::Write;

use super::{Report, prevalence, rate, ratio};
use crate::evaluate::{AtPrevalence, Curve};

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 446.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 268.0;

fn y(share: f64) -> f64 {
    BOTTOM - share * (BOTTOM - TOP)
}

/// Precision against recall, in the steps that PR-AUC is the area of.
pub(super) fn precision_recall(report: &Report<'_>, curve: &Curve) -> String {
    let overall = &report.evaluation.overall;
    let x = |recall: f64| LEFT + recall * (RIGHT - LEFT);
    let mut svg = frame(
        "pr",
        "Precision against recall",
        &format!(
            "PR-AUC {} at a prevalence of {}. At the model's threshold, precision {:.3} and recall {:.3}.",
            ratio(overall.pr_auc),
            prevalence(overall.prevalence),
            overall.precision,
            overall.recall
        ),
        "recall (share of attack rows found)",
        "precision",
    );
    for fifth in 0..=5 {
        let recall = f64::from(fifth) / 5.0;
        tick(&mut svg, x(recall), &format!("{recall:.1}"));
    }
    let base = y(overall.prevalence);
    let _ = write!(
        svg,
        "<path class=\"base\" d=\"M{LEFT} {base:.1}H{RIGHT}\"/>\
         <text class=\"note\" x=\"{}\" y=\"{:.1}\">prevalence {}: what chance achieves</text>",
        LEFT + 6.0,
        base - 6.0,
        prevalence(overall.prevalence)
    );
    // Of steps narrower than half a unit only the last is drawn.
    let (mut path, mut drawn) = (String::new(), f64::NEG_INFINITY);
    for (level, at) in curve.thresholds() {
        let right = x(at.recall(curve.attack()));
        if level.attack > 0 && (right - drawn >= 0.5 || at.right == curve.attack()) {
            let top = y(at.precision());
            let _ = if path.is_empty() { write!(path, "M{LEFT} {top:.1}") } else { write!(path, "V{top:.1}") };
            let _ = write!(path, "H{right:.1}");
            drawn = right;
        }
    }
    let _ = write!(svg, "<path class=\"curve\" d=\"{path}\"/>");
    if overall.recall > 0.0 {
        operating_point(&mut svg, x(overall.recall), y(overall.precision));
    }
    svg + "</svg>"
}

/// The share of attack rows found against the share of benign rows that alert.
pub(super) fn receiver(report: &Report<'_>, curve: &Curve) -> String {
    let overall = &report.evaluation.overall;
    let x = |share: f64| LEFT + share * (RIGHT - LEFT);
    let mut svg = frame(
        "roc",
        "Receiver operating characteristic",
        &format!(
            "ROC-AUC {}. At the model's threshold, {:.5} of the benign rows alert, and {:.3} of the attack rows.",
            ratio(overall.roc_auc),
            overall.false_positive_rate,
            overall.recall
        ),
        "share of benign rows that alert",
        "recall",
    );
    for fifth in 0..=5 {
        let share = f64::from(fifth) / 5.0;
        tick(&mut svg, x(share), &format!("{share:.1}"));
    }
    let _ = write!(svg, "<path class=\"base\" d=\"M{LEFT} {BOTTOM}L{RIGHT} {TOP}\"/>");
    let (mut path, mut drawn) = (format!("M{LEFT} {BOTTOM}"), (LEFT, BOTTOM));
    for (_, at) in curve.thresholds() {
        let point = (x(at.wrong as f64 / curve.benign() as f64), y(at.recall(curve.attack())));
        let last = at.right == curve.attack() && at.wrong == curve.benign();
        if (point.0 - drawn.0).abs() >= 0.5 || (point.1 - drawn.1).abs() >= 0.5 || last {
            let _ = write!(path, "L{:.1} {:.1}", point.0, point.1);
            drawn = point;
        }
    }
    let _ = write!(svg, "<path class=\"curve\" d=\"{path}\"/>");
    operating_point(&mut svg, x(overall.false_positive_rate), y(overall.recall));
    svg + "</svg>"
}

/// What precision becomes where attacks are rarer than in this file, at the model's threshold (Axelsson 2000).
pub(super) fn base_rate(report: &Report<'_>) -> String {
    const LOWEST: i32 = -6;
    let overall = &report.evaluation.overall;
    let precision = |share: f64| AtPrevalence::new(share, overall.recall, overall.false_positive_rate).precision;
    let x = |share: f64| LEFT + (share.log10() / f64::from(-LOWEST) + 1.0).clamp(0.0, 1.0) * (RIGHT - LEFT);
    let expected = overall.at_prevalence.as_ref();
    let also = expected
        .map(|at| format!(" At the expected prevalence of {}, {:.3}.", prevalence(at.prevalence), at.precision));
    let mut svg = frame(
        "base",
        "Precision against prevalence",
        &format!(
            "At the model's threshold precision is {:.3} with this file's prevalence of {}, and would be {:.3} with one attack row in \
             ten thousand.{}",
            overall.precision,
            prevalence(overall.prevalence),
            precision(1e-4),
            also.unwrap_or_default()
        ),
        "share of attack rows (logarithmic)",
        "precision",
    );
    for power in LOWEST..=0 {
        let share = 10_f64.powi(power);
        tick(&mut svg, x(share), &if power < -3 { format!("1e{power}") } else { share.to_string() });
    }
    let points: Vec<String> = (0..=120)
        .map(|step| 10_f64.powf(f64::from(LOWEST) * (1.0 - f64::from(step) / 120.0)))
        .map(|share| format!("{:.1} {:.1}", x(share), y(precision(share))))
        .collect();
    let _ = write!(svg, "<path class=\"curve\" d=\"M{}\"/>", points.join("L"));
    if let Some(at) = expected {
        let (x, y) = (x(at.prevalence), y(at.precision));
        let _ = write!(
            svg,
            "<circle class=\"budget\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/><text class=\"note\" x=\"{:.1}\" y=\"{:.1}\">{:.3}</text>",
            x + 7.0,
            y + 16.0,
            at.precision
        );
    }
    operating_point(&mut svg, x(overall.prevalence), y(overall.precision));
    svg + "</svg>"
}

/// Recall against the false alarms a day that it costs, on a logarithmic axis: the curve that an operator chooses from.
pub(super) fn recall_alarms(report: &Report<'_>, curve: &Curve) -> String {
    let overall = &report.evaluation.overall;
    let span_days = report.rows.span_days;
    let per_day = |wrong: usize| wrong as f64 / span_days;
    // One false alarm is the least that can be shown beside none; none has the left edge.
    let low = per_day(1).min(1.0).log10() - 0.15;
    let high = per_day(curve.benign()).max(10.0).log10();
    let x = |rate: f64| LEFT + 30.0 + (rate.log10() - low) / (high - low) * (RIGHT - LEFT - 30.0);
    let x = |rate: f64| if rate > 0.0 { x(rate).clamp(LEFT, RIGHT) } else { LEFT };
    let recall = overall.recall_at_alarms_per_day;
    let mut svg = frame(
        "alarms",
        "Recall against false alarms a day",
        &format!(
            "Recall {} at 1 and {} at 10 false alarms a day. At the model's threshold, recall {:.3} at {}.",
            ratio(recall.one),
            ratio(recall.ten),
            overall.recall,
            rate(overall.false_alarms_per_day)
        ),
        "false alarms a day (logarithmic)",
        "recall",
    );
    tick(&mut svg, LEFT, "none");
    for power in low.ceil() as i32..=high.floor() as i32 {
        let rate = 10_f64.powi(power);
        tick(&mut svg, x(rate), &if power < 5 { rate.to_string() } else { format!("1e{power}") });
    }
    for (budget, recall) in [(1.0, recall.one), (10.0, recall.ten)] {
        if let Some(recall) = recall {
            let (x, y) = (x(budget), y(recall));
            let _ = write!(
                svg,
                "<path class=\"base\" d=\"M{x:.1} {BOTTOM}V{TOP}\"/>\
                 <circle class=\"budget\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>\
                 <text class=\"note\" x=\"{:.1}\" y=\"{:.1}\">{recall:.3}</text>",
                x + 7.0,
                y + 16.0
            );
        }
    }
    let (mut path, mut drawn) = (format!("M{LEFT} {BOTTOM}"), (LEFT, BOTTOM));
    for (_, at) in curve.thresholds() {
        let point = (x(per_day(at.wrong)), y(at.recall(curve.attack())));
        if (point.0 - drawn.0).abs() >= 0.5 || (point.1 - drawn.1).abs() >= 0.5 {
            let _ = write!(path, "H{:.1}V{:.1}", point.0, point.1);
            drawn = point;
        }
    }
    let _ = write!(svg, "<path class=\"curve\" d=\"{path}H{RIGHT}\"/>");
    operating_point(&mut svg, x(overall.false_alarms_per_day), y(overall.recall));
    svg + "</svg>"
}

/// The beginning of a figure: titles for those who do not see it, and the axis of shares that both curves have.
fn frame(id: &str, title: &str, description: &str, horizontal: &str, vertical: &str) -> String {
    let mut svg = format!(
        "<svg id=\"{id}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-title {id}-text\">\
         <title id=\"{id}-title\">{title}</title><desc id=\"{id}-text\">{description}</desc>\
         <text class=\"label\" x=\"{RIGHT}\" y=\"{}\" text-anchor=\"end\">{horizontal}</text>\
         <text class=\"label\" transform=\"translate(12 {TOP}) rotate(-90)\" text-anchor=\"end\">{vertical}</text>",
        HEIGHT - 8.0
    );
    for fifth in 0..=5 {
        let share = f64::from(fifth) / 5.0;
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {0:.1}H{RIGHT}\"/><text x=\"{1}\" y=\"{2:.1}\" text-anchor=\"end\">{share:.1}</text>",
            y(share),
            LEFT - 8.0,
            y(share) + 4.0
        );
    }
    svg
}

fn tick(svg: &mut String, x: f64, label: &str) {
    let _ = write!(
        svg,
        "<path class=\"axis\" d=\"M{x:.1} {BOTTOM}v5\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
        BOTTOM + 19.0
    );
}

fn operating_point(svg: &mut String, x: f64, y: f64) {
    let _ = write!(
        svg,
        "<circle class=\"point\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5.5\"><title>the model's own threshold</title></circle>"
    );
}

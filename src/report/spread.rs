//! What tells attack rows from benign ones, feature by feature, and how benign scores move over the time of the test.

use std::fmt::Write;

use super::escape::escape;
use super::{Report, rate, ratio, score, utc};
use crate::evaluate::{Period, Spread};

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 132.0;
const LEFT: f64 = 6.0;
const RIGHT: f64 = 294.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 104.0;

/// A small figure a feature: benign rows as an area, attack rows as a line, each by share of its own class.
pub(super) fn spreads(spreads: &[Spread]) -> String {
    let figure = |(place, spread): (usize, &Spread)| {
        let highest = spread.benign.iter().chain(&spread.attack).copied().fold(1e-9, f64::max);
        let bins = spread.benign.len().max(1);
        let x = |bin: usize| LEFT + (RIGHT - LEFT) * bin as f64 / bins as f64;
        let y = |share: f64| BOTTOM - (BOTTOM - TOP) * share / highest;
        let steps = |shares: &[f64]| {
            shares.iter().enumerate().fold(String::new(), |mut path, (bin, share)| {
                let _ = write!(path, "V{:.1}H{:.1}", y(*share), x(bin + 1));
                path
            })
        };
        let (low, high) = spread.range;
        format!(
            "<figure><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"spread-{place}\">\
             <title id=\"spread-{place}\">{name}: benign and attack rows by value</title>\
             <path class=\"quiet\" d=\"M{LEFT} {BOTTOM}{benign}V{BOTTOM}z\"/><path class=\"attackline\" d=\"M{LEFT} {BOTTOM}{attack}V{BOTTOM}\"/>\
             <path class=\"axis\" d=\"M{LEFT} {BOTTOM}H{RIGHT}\"/><text x=\"{LEFT}\" y=\"{ticks}\">{low}</text>\
             <text x=\"{RIGHT}\" y=\"{ticks}\" text-anchor=\"end\">{high}</text></svg>\
             <figcaption><b>{name}</b> alone: PR-AUC {alone}</figcaption></figure>\n",
            name = escape(&spread.feature),
            benign = steps(&spread.benign),
            attack = steps(&spread.attack),
            ticks = BOTTOM + 18.0,
            low = score(low),
            high = score(high),
            alone = ratio(Some(spread.pr_auc)),
        )
    };
    spreads.iter().enumerate().map(figure).collect()
}

const WIDE: f64 = 960.0;
const TALL: f64 = 210.0;
const FROM: f64 = 58.0;
const TO: f64 = 936.0;
const ROOF: f64 = 14.0;
const FLOOR: f64 = 172.0;

/// Median and 99th percentile of benign scores by period, beside the threshold, with false alarms as bars.
pub(super) fn drift(report: &Report<'_>, periods: &[Period]) -> String {
    let most = periods.iter().map(|period| period.high).fold(report.threshold * 1.25, f64::max);
    let alarms = periods.iter().map(|period| period.false_alarms).max().unwrap_or(0).max(1) as f64;
    let x = |place: f64| FROM + (TO - FROM) * place / periods.len().max(1) as f64;
    let y = |value: f64| FLOOR - (FLOOR - ROOF) * (value.max(0.0) / most.max(1e-9));
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDE} {TALL}\" role=\"img\" aria-labelledby=\"drift-title drift-text\"><title id=\"drift-title\">Benign scores over \
         the test</title><desc id=\"drift-text\">Median and 99th percentile of benign scores in {} equal parts of the time, the threshold, and \
         false alarms in each.</desc>",
        periods.len()
    );
    for (place, period) in periods.iter().enumerate().filter(|(_, period)| period.false_alarms > 0) {
        let height = (FLOOR - ROOF) * 0.5 * period.false_alarms as f64 / alarms;
        let _ = write!(
            svg,
            "<rect class=\"alarms\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"><title>{}: {} false alarms</title></rect>",
            x(place as f64) + 3.0,
            FLOOR - height,
            x(1.0) - x(0.0) - 6.0,
            utc(period.start_ns, "%F %R"),
            period.false_alarms
        );
    }
    let line = |value: &dyn Fn(&Period) -> f64| {
        let points = periods.iter().enumerate().filter(|(_, period)| period.rows > 0);
        points.fold(String::new(), |mut path, (place, period)| {
            let to = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{to}{:.1} {:.1}", x(place as f64 + 0.5), y(value(period)));
            path
        })
    };
    let _ = write!(
        svg,
        "<path class=\"axis\" d=\"M{FROM} {FLOOR}H{TO}\"/><path class=\"threshold\" d=\"M{FROM} {0:.1}H{TO}\"/>\
         <text class=\"threshold-text\" x=\"{TO}\" y=\"{1:.1}\" text-anchor=\"end\">threshold {2}</text>\
         <path class=\"curve thin\" d=\"{3}\"/><path class=\"curve\" d=\"{4}\"/>",
        y(report.threshold),
        y(report.threshold) - 5.0,
        score(report.threshold),
        line(&|period| period.high),
        line(&|period| period.median)
    );
    for place in (0..periods.len()).step_by((periods.len() / 6).max(1)) {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\">{}</text>",
            x(place as f64),
            FLOOR + 18.0,
            utc(periods[place].start_ns, if place == 0 { "%F %R" } else { "%R" })
        );
    }
    svg + "</svg>"
}

/// Whether benign scores moved, in a sentence.
pub(super) fn drifted(periods: &[Period]) -> Option<String> {
    let with: Vec<&Period> = periods.iter().filter(|period| period.rows > 0).collect();
    let third = with.len() / 3;
    let (early, late) = (with.get(..third)?, with.get(with.len() - third..)?);
    let mean =
        |periods: &[&Period]| periods.iter().map(|period| period.high).sum::<f64>() / periods.len().max(1) as f64;
    let alarms = |periods: &[&Period]| periods.iter().map(|period| period.false_alarms).sum::<usize>();
    (third > 0).then(|| {
        format!(
            "The 99th percentile of benign scores is {} in the first third of the time and {} in the last; false alarms there: {} and {}.",
            rate(mean(early)),
            rate(mean(late)),
            alarms(early),
            alarms(late)
        )
    })
}

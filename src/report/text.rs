//! The evaluation as a table for a terminal: no colour, at most 100 columns.

use super::{comparison, prevalence, printable, rate, ratio, score, seconds, verdict};
use crate::evaluate::baselines::Direction;
use crate::evaluate::{Evaluation, Figures, Interval};

/// Width of the column of names.
const NAME: usize = 20;

/// The other columns: two lines of heading, and the width with the gap before. All widths together are 100.
const COLUMNS: [(&str, &str, usize); 10] = [
    ("PR-", "AUC", 7),
    ("preva-", "lence", 8),
    ("ROC-", "AUC", 7),
    ("preci-", "sion", 7),
    ("", "recall", 7),
    ("recall", "at 1/d", 8),
    ("recall", "at 10/d", 8),
    ("episodes", "found", 10),
    ("delay (s)", "median/p95", 11),
    ("false", "/day", 7),
];

/// A verdict in a sentence, then the figures of the model, of each attack and member, and of the baselines.
pub fn text(evaluation: &Evaluation) -> String {
    let overall = &evaluation.overall;
    let overlap = evaluation.overlap.iter().map(|what| format!("THIS IS NO TEST: {what}."));
    let mut lines: Vec<String> = overlap.collect();
    lines.push(verdict(overall));
    lines.extend(comparison(evaluation));
    lines.push(format!(
        "{} rows, {} of them attack rows; a row is an alert from a score of {}.",
        overall.rows,
        overall.positives,
        score(overall.threshold)
    ));
    lines.extend(sureness(overall));
    lines.push(String::new());
    lines.push(line("", COLUMNS.map(|(top, ..)| top.to_owned())));
    lines.push(line("", COLUMNS.map(|(_, bottom, _)| bottom.to_owned())));
    lines.push(line("overall", cells(overall)));
    let baselines = evaluation.baselines.iter().map(|(name, baseline)| (name, &baseline.figures)).collect();
    let sections: [(&str, Vec<(&String, &Figures)>); 3] = [
        ("attacks (each against all benign rows)", evaluation.attacks.iter().collect()),
        ("members (each alone)", evaluation.members.iter().collect()),
        ("baselines (but for always_alarm, thresholds read off this file at 1 false alarm a day)", baselines),
    ];
    for (heading, rows) in sections.into_iter().filter(|(_, rows)| !rows.is_empty()) {
        lines.extend([String::new(), heading.to_owned()]);
        lines.extend(rows.into_iter().map(|(name, figures)| line(&format!(" {name}"), cells(figures))));
    }
    lines.push(String::new());
    for (name, baseline) in &evaluation.baselines {
        if let Some(choice) = &baseline.choice {
            let end = if choice.direction == Direction::High { "high" } else { "low" };
            let feature = printable(&choice.feature);
            lines.push(format!("{name}: {feature}, {end} values; chosen with the labels, a yardstick and no rival."));
        }
    }
    lines.push(
        "recall at 1/d, 10/d: with so many false alarms a day allowed on the benign rows of this file.".to_owned(),
    );
    lines.push(
        "false episode: alerts of one entity, joined over gaps shorter than two windows, no attack row in it."
            .to_owned(),
    );
    lines.join("\n") + "\n"
}

/// One line of the table; a long name loses its middle.
fn line(name: &str, cells: [String; 10]) -> String {
    let mut line = format!("{:NAME$}", shortened(&printable(name)));
    for (cell, (.., width)) in cells.iter().zip(COLUMNS) {
        line += &format!("{cell:>width$}");
    }
    line.trim_end().to_owned()
}

/// A name in at most [`NAME`] characters: the ends tell names apart better than the beginning alone.
fn shortened(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= NAME {
        return name.to_owned();
    }
    let (head, tail) = (chars.iter().take(NAME - 8), chars.iter().skip(chars.len() - 7));
    head.chain(['…'].iter()).chain(tail).collect()
}

/// How sure the headline figures are, and what precision would be in operation.
fn sureness(overall: &Figures) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(of) = &overall.intervals {
        let share = |name: &str, interval: Option<Interval>| {
            interval.map(|[low, high]| format!("{name} {low:.3} to {high:.3}"))
        };
        let alarms = |[low, high]: Interval| format!("false alarms/day {} to {}", rate(low), rate(high));
        let told = [
            share("PR-AUC", of.pr_auc),
            share("episodes found", of.episodes_detected),
            of.false_alarms_per_day.map(alarms),
        ];
        let told: Vec<String> = told.into_iter().flatten().collect();
        if !told.is_empty() {
            let drawn = format!("from {} episodes, {} blocks of time", of.episodes, of.blocks);
            lines.push(format!("{:.0} % sure, {drawn}:", 100.0 * of.confidence));
            lines.push(format!("  {}", told.join("; ")));
        }
    }
    if let Some(volume) = overall.vus_pr {
        let of = overall.intervals.as_ref().and_then(|intervals| intervals.vus_pr);
        let between = of.map(|[low, high]| format!(" ({low:.3} to {high:.3})")).unwrap_or_default();
        lines.push(format!(
            "VUS-PR {volume:.3}{between}: PR-AUC over windows of time, where a little early or late is forgiven."
        ));
    }
    if let Some(at) = overall.at_prevalence {
        let (precision, prevalence) = (ratio(Some(at.precision)), prevalence(at.prevalence));
        lines.push(format!("If {prevalence} of all rows were attack rows, precision would be {precision}."));
    }
    lines
}

/// The figures in the order of [`COLUMNS`].
fn cells(figures: &Figures) -> [String; 10] {
    let delay = &figures.detection_delay_s;
    [
        ratio(figures.pr_auc),
        prevalence(figures.prevalence),
        ratio(figures.roc_auc),
        ratio(Some(figures.precision)),
        ratio(Some(figures.recall)),
        ratio(figures.recall_at_alarms_per_day.one),
        ratio(figures.recall_at_alarms_per_day.ten),
        format!("{}/{}", figures.episodes_detected, figures.episodes),
        match delay.median {
            Some(_) => format!("{}/{}", seconds(delay.median), seconds(delay.p95)),
            None => "–".to_owned(),
        },
        rate(figures.false_alarms_per_day),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_table() {
        let page = sample::with_report(2_880, 8, |report| text(report.evaluation));
        assert!(page.lines().all(|line| line.chars().count() <= 100), "{page}");
        insta::assert_snapshot!(page);
    }

    #[test]
    fn a_long_name_keeps_both_ends() {
        assert_eq!(shortened(" best_single_feature"), " best_single_feature");
        assert_eq!(shortened("a-very-long-name-of-attack-17"), "a-very-long-…tack-17");
    }
}

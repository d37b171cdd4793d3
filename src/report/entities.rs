//! Whose attacks were found, and who raises the false alarms.

use std::cmp::Reverse;

use super::escape::escape;
use super::{Report, between, rate, ratio};
use crate::evaluate::EntityFigures;

/// Entities that the page shows; the JSON in it has more.
const SHOWN: usize = 20;

/// The entities with the most attack rows, then with the most false alarms; nothing if there is but one.
pub(super) fn entities(report: &Report<'_>) -> String {
    let all = &report.evaluation.entities;
    if all.len() < 2 {
        return String::new();
    }
    let mut shown: Vec<(&String, &EntityFigures)> = all.iter().collect();
    shown.sort_by_key(|(_, figures)| Reverse((figures.positives, figures.false_alarms)));
    let rest = match all.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("<p>And {more} more, with less of either.</p>\n"),
    };
    format!(
        "<section>\n<h2>By entity</h2>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"By entity\">\n\
         <table class=\"figures\">\n<thead><tr><td></td><th scope=\"col\">PR-AUC</th><th scope=\"col\">Attack rows</th><th scope=\"col\">of \
         them found</th><th scope=\"col\">Episodes found</th><th scope=\"col\">False alarms /day</th></tr></thead>\n<tbody>\n{}</tbody>\n\
         </table>\n</div>\n{rest}</section>\n",
        shown.into_iter().take(SHOWN).map(|(name, figures)| line(name, figures)).collect::<String>()
    )
}

fn line(name: &str, figures: &EntityFigures) -> String {
    let of = &figures.intervals;
    let bar = figures.pr_auc.unwrap_or(0.0) * 100.0;
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    format!(
        "<tr><th scope=\"row\">{}</th><td class=\"bar\" style=\"--share:{bar:.1}%\">{}<small>{}</small></td><td>{}</td><td>{}</td><td>{} of \
         {}<small>{}</small></td><td>{}<small>{}</small></td></tr>\n",
        escape(name),
        ratio(figures.pr_auc),
        between(of.pr_auc, |area| format!("{area:.3}")),
        figures.positives,
        figures.found,
        figures.episodes_detected,
        figures.episodes,
        between(of.episodes_detected, percent),
        rate(figures.false_alarms_per_day),
        between(of.false_alarms_per_day, rate),
    )
}

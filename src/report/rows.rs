//! Rows that a person should look at: attacks that were missed, and the loudest false alarms.

use super::escape::{escape, list};
use super::{LISTED, Report, missed, score, utc, worst_false_alarms};
use crate::evaluate::Episode;

/// The missed episodes, each with its row that came closest.
pub(super) fn missed_episodes(report: &Report<'_>, episodes: &[Episode]) -> String {
    let missed: Vec<&Episode> = missed(episodes).collect();
    if missed.is_empty() {
        return String::new();
    }
    let line = |episode: &&Episode| {
        let peak = report.scores.get(episode.peak).copied().unwrap_or(f64::NAN);
        format!(
            "<tr><th scope=\"row\">{}</th><td class=\"text\">{}<small>to {}</small></td><td>{}</td><td class=\"text\">{}</td><td>{}</td>\
             {}</tr>\n",
            escape(report.rows.attack_name(episode.attack)),
            utc(episode.start_ns, "%F %T"),
            utc(episode.end_ns, "%F %T"),
            episode.rows,
            escape(report.rows.entity_of(episode.peak)),
            score(peak),
            reasons(report, episode.peak),
        )
    };
    let rest = match missed.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!("<p>And {more} more.</p>\n"),
    };
    format!(
        "<section>\n<h2>Missed episodes</h2>\n<p>No row of these reached the threshold of {}. The entity is that of the row that came \
         closest.</p>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Missed episodes\">\n\
         <table>\n<thead><tr><th scope=\"col\">Attack</th><th scope=\"col\">Time, UTC</th><th scope=\"col\" class=\"number\">Rows</th>\
         <th scope=\"col\">Entity</th><th scope=\"col\" class=\"number\">Highest score</th>{}</tr></thead>\n\
         <tbody>\n{}</tbody>\n</table>\n</div>\n{rest}</section>\n",
        score(report.threshold),
        why(report, "What stood out"),
        missed.iter().take(LISTED).map(line).collect::<String>(),
    )
}

/// The worst false alarms.
pub(super) fn false_alarms(report: &Report<'_>) -> String {
    let worst = worst_false_alarms(report.rows, report.scores, report.threshold);
    if worst.is_empty() {
        return "<section>\n<h2>False alarms</h2>\n<p>None: no benign row reached the threshold.</p>\n</section>\n"
            .to_owned();
    }
    let line = |&row: &usize| {
        format!(
            "<tr><td class=\"text\">{}</td><th scope=\"row\">{}</th><td>{}</td>{}</tr>\n",
            utc(report.rows.window_start_ns.get(row).copied().unwrap_or(0), "%F %T"),
            escape(report.rows.entity_of(row)),
            score(report.scores.get(row).copied().unwrap_or(f64::NAN)),
            reasons(report, row),
        )
    };
    format!(
        "<section>\n<h2>The worst false alarms</h2>\n<p>Benign rows of the highest scores: what to look at first when there are too \
         many alarms, or when a label may be wrong.</p>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"The worst false \
         alarms\">\n<table>\n<thead><tr><th scope=\"col\">Window, UTC</th><th scope=\"col\">Entity</th><th scope=\"col\" class=\"number\">Score</th>\
         {}</tr></thead>\n<tbody>\n{}</tbody>\n</table>\n</div>\n</section>\n",
        why(report, "Why"),
        worst.iter().map(line).collect::<String>()
    )
}

/// The heading of a column of reasons, if there are any: who judges scores alone knows none.
fn why(report: &Report<'_>, heading: &str) -> String {
    if report.reasons.is_empty() { String::new() } else { format!("<th scope=\"col\">{heading}</th>") }
}

/// The cell of a row's reasons, a dash if it has none.
fn reasons(report: &Report<'_>, row: usize) -> String {
    if report.reasons.is_empty() {
        return String::new();
    }
    let of = report.reasons.get(&row).filter(|reasons| !reasons.is_empty());
    format!("<td class=\"text\">{}</td>", of.map_or_else(|| "–".to_owned(), |reasons| list(reasons)))
}

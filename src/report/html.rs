//! The page: one file with everything in it, nothing fetched; it can be mailed, printed and archived. A script of its own lets
//! figures be zoomed and pointed at; without it they say the same.

use std::fmt::Write;

use super::escape::{escape, list};
use super::{
    Report, between, comparison, curves, entities::entities, heatmap::heatmap, prevalence, rate, ratio, rows, score,
    seconds, spread, timeline::timeline, verdict,
};
use crate::evaluate::baselines::Direction;
use crate::evaluate::spread::periods;
use crate::evaluate::{Curve, Episode, Figures, Interval, episodes};

const STYLE: &str = concat!(include_str!("../look.css"), include_str!("style.css"));
const SCRIPT: &str = include_str!("page.js");
/// Nothing may be fetched, whatever a name in the data tries.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// The report as one self-contained HTML page. The same report gives the same bytes.
pub fn html(report: &Report<'_>) -> String {
    let episodes = episodes(report.rows, report.scores, report.threshold);
    let title = escape(&report.title);
    let body = [
        header(report),
        warnings(report),
        scores(report, &episodes),
        operating(report),
        comparison_table(report),
        attacks(report),
        entities(report),
        map(report),
        rows::missed_episodes(report, &episodes),
        rows::false_alarms(report),
        told_apart(report),
        moved(report),
        notes(report),
        origin(report),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n{}<script type=\"application/json\" id=\"figures\">{}</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        body.concat(),
        figures_json(report),
    )
}

/// What `evaluate --json` prints, for programs that are given the page. `<` would end the element.
fn figures_json(report: &Report<'_>) -> String {
    serde_json::to_string(report.evaluation).unwrap_or_default().replace('<', "\\u003c")
}

/// Where a figure lies, on a line of its own.
fn interval(interval: Option<Interval>, show: impl Fn(f64) -> String) -> String {
    match between(interval, show) {
        none if none.is_empty() => none,
        some => format!("<br>95 % interval: {some}"),
    }
}

/// The title, the verdict, and the four figures that it rests on.
fn header(report: &Report<'_>) -> String {
    let overall = &report.evaluation.overall;
    let recall = &overall.recall_at_alarms_per_day;
    // Without attacks the figures say 0; a headline must not.
    let known = |recall: Option<f64>| recall.filter(|_| overall.positives > 0);
    let tile = |name: &str, value: &str, note: &str| {
        format!("<div><dt>{name}</dt><dd>{value}</dd><dd class=\"note\">{note}</dd></div>\n")
    };
    let of = overall.intervals.as_ref();
    let share = |share: f64| format!("{share:.3}");
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let tiles = [
        tile(
            "Episodes found",
            &format!("{}<small> of {}</small>", overall.episodes_detected, overall.episodes),
            &format!(
                "{} of {} attack rows{}",
                found_rows(overall),
                overall.positives,
                interval(of.and_then(|of| of.episodes_detected), percent)
            ),
        ),
        tile(
            "False alarms a day",
            &rate(overall.false_alarms_per_day),
            &format!(
                "{} false episodes; over {:.2} days, threshold {}{}",
                rate(overall.false_episodes_per_day),
                report.rows.span_days,
                score(overall.threshold),
                interval(of.and_then(|of| of.false_alarms_per_day), rate)
            ),
        ),
        tile(
            "Recall at 1 alarm a day",
            &ratio(known(recall.one)),
            &format!(
                "at 10 a day: {}{}",
                ratio(known(recall.ten)),
                interval(of.and_then(|of| of.recall_at_alarms_per_day.one), share)
            ),
        ),
        tile(
            "PR-AUC",
            &ratio(overall.pr_auc),
            &format!(
                "chance: {}{}<br>VUS-PR {}{}",
                prevalence(overall.prevalence),
                interval(of.and_then(|of| of.pr_auc), share),
                ratio(overall.vus_pr),
                of.and_then(|of| of.vus_pr).map_or_else(String::new, |of| format!(", {}", between(Some(of), share)))
            ),
        ),
    ];
    let comparison = comparison(report.evaluation).map(|line| format!(" {}", escape(&line))).unwrap_or_default();
    format!(
        "<header>\n<p class=\"kind\">tidewatch evaluation</p>\n<h1>{}</h1>\n<p class=\"verdict\">{}<span>{comparison}</span></p>\n\
         <dl class=\"tiles\">\n{}</dl>\n</header>\n<main>\n",
        escape(&report.title),
        escape(&verdict(overall)),
        tiles.concat()
    )
}

/// How many attack rows alert: recall, as a count again.
fn found_rows(figures: &Figures) -> String {
    format!("{:.0}", figures.recall * figures.positives as f64)
}

fn warnings(report: &Report<'_>) -> String {
    let section = |class: &str, heading: &str, lines: &[String]| {
        if lines.is_empty() {
            return String::new();
        }
        format!("<section class=\"warnings {class}\">\n<h2>{heading}</h2>\n{}</section>\n", list(lines))
    };
    let evaluation = report.evaluation;
    section("overlap", "This is no test: the model has seen it", &evaluation.overlap)
        + &section("", "Before you believe this", &evaluation.warnings)
}

fn scores(report: &Report<'_>, episodes: &[Episode]) -> String {
    let key = |class: &str, mark: &str, text: &str| {
        format!(
            "<li><svg viewBox=\"0 0 16 12\" aria-hidden=\"true\"><path class=\"{class}\" d=\"{mark}\"/></svg>{text}</li>"
        )
    };
    let keys = [
        key("quiet", "M0 2H16V10H0z", "range of quiet benign rows"),
        key("found", "M8 6h0", "attack row, alert"),
        key("missed", "M5.5 6a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0", "attack row, no alert"),
        key("wrong", "M5 3l6 6m0-6l-6 6", "false alarm"),
        key("shade", "M0 0H16V12H0z", "attack episode; full tab above: found"),
    ];
    format!(
        "<section>\n<h2>Scores over time</h2>\n<figure class=\"wide\">\n<p class=\"hint\" hidden>Drag across the figure to zoom, double-click to see all again; with the keyboard, +, − and arrows.</p>\n\
         <div class=\"scroll zoom\" role=\"region\" tabindex=\"0\" aria-label=\"Scores over time\">\n{}\n</div>\n<ul class=\"keys\">{}</ul>\n\
         <figcaption>Every row’s anomaly score; times are UTC. The axis is linear about the median and logarithmic beyond the \
         threshold. Time without rows is cut out.</figcaption>\n</figure>\n</section>\n",
        timeline(report, episodes),
        keys.concat()
    )
}

fn operating(report: &Report<'_>) -> String {
    let curve = Curve::new(report.rows.scored(report.scores).map(|row| (row.score, row.attack.is_some())));
    if curve.attack() == 0 || curve.benign() == 0 {
        return String::new();
    }
    format!(
        "<section>\n<h2>What another threshold would do</h2>\n<div class=\"pair\">\n<figure>\n{}\n<figcaption>Recall against the \
         false alarms it costs. Ring: the model’s own threshold. Small dots: 1 and 10 a day.</figcaption>\n</figure>\n\
         <figure>\n{}\n<figcaption>Precision against recall, in steps, nothing interpolated. The area is PR-AUC; chance has the \
         dashed line.</figcaption>\n</figure>\n<figure>\n{}\n<figcaption>Recall against the share of benign rows that alert. Where benign rows \
         are many, all that matters happens at its left edge.</figcaption>\n</figure>\n<figure>\n{}\n<figcaption>What precision becomes where \
         attacks are rarer, at the model’s threshold. Ring: this file. Most networks lie far to the left of it.</figcaption>\n</figure>\n\
         </div>\n</section>\n",
        curves::recall_alarms(report, &curve),
        curves::precision_recall(report, &curve),
        curves::receiver(report, &curve),
        curves::base_rate(report),
    )
}

/// The model, its members and the baselines, side by side.
fn comparison_table(report: &Report<'_>) -> String {
    let evaluation = report.evaluation;
    let members = evaluation.members.iter().map(|(name, figures)| (escape(name), figures));
    let baselines = evaluation.baselines.iter().map(|(name, baseline)| {
        let choice = baseline.choice.as_ref().map(|choice| {
            let end = if choice.direction == Direction::High { "high" } else { "low" };
            format!("<small>{}, {end}; chosen with the labels</small>", escape(&choice.feature))
        });
        (escape(name) + &choice.unwrap_or_default(), &baseline.figures)
    });
    table(
        "Model, members and baselines",
        &[
            ("Model", vec![("overall".to_owned(), &evaluation.overall)]),
            ("Members, each alone", members.collect()),
            ("Baselines, no learning", baselines.collect()),
        ],
    )
}

fn attacks(report: &Report<'_>) -> String {
    let attacks = report.evaluation.attacks.iter().map(|(name, figures)| (escape(name), figures)).collect();
    table("By attack, each against all benign rows", &[("", attacks)])
}

/// A section with a table of figures, grouped; nothing if no group has a row. Names are escaped already.
fn table(heading: &str, groups: &[(&str, Vec<(String, &Figures)>)]) -> String {
    let groups: Vec<_> = groups.iter().filter(|(_, rows)| !rows.is_empty()).collect();
    if groups.is_empty() {
        return String::new();
    }
    const COLUMNS: [&str; 11] = [
        "PR-AUC",
        "Preva\u{ad}lence",
        "ROC-AUC",
        "Preci\u{ad}sion",
        "Recall",
        "Recall at 1&nbsp;/day",
        "Recall at 10&nbsp;/day",
        "Episodes found",
        "Median delay, s",
        "Delay p95, s",
        "False alarms /day",
    ];
    let columns: String = COLUMNS.iter().map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
    let mut body = String::new();
    for (group, rows) in groups {
        body += "<tbody>\n";
        if !group.is_empty() {
            let _ = writeln!(body, "<tr><th class=\"group\" scope=\"rowgroup\" colspan=\"12\">{group}</th></tr>");
        }
        for (name, figures) in rows {
            let _ = writeln!(body, "<tr><th scope=\"row\">{name}</th>{}</tr>", cells(figures));
        }
        body += "</tbody>\n";
    }
    format!(
        "<section>\n<h2>{heading}</h2>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{heading}\">\n\
         <table class=\"figures\">\n<thead><tr><td></td>{columns}</tr></thead>\n{body}</table>\n</div>\n</section>\n"
    )
}

fn cells(figures: &Figures) -> String {
    let delay = &figures.detection_delay_s;
    let recall = &figures.recall_at_alarms_per_day;
    let bar = figures.pr_auc.unwrap_or(0.0) * 100.0;
    let values = [
        prevalence(figures.prevalence),
        ratio(figures.roc_auc),
        ratio(Some(figures.precision)),
        ratio(Some(figures.recall)),
        ratio(recall.one),
        ratio(recall.ten),
        format!("{} of {}", figures.episodes_detected, figures.episodes),
        seconds(delay.median),
        seconds(delay.p95),
        rate(figures.false_alarms_per_day),
    ];
    let cells: String = values.iter().map(|value| format!("<td>{value}</td>")).collect();
    format!("<td class=\"bar\" style=\"--share:{bar:.1}%\">{}</td>{cells}", ratio(figures.pr_auc))
}

/// Entities and time.
fn map(report: &Report<'_>) -> String {
    let Some(map) = heatmap(report) else { return String::new() };
    let key = |class: &str, text: &str| {
        format!(
            "<li><svg viewBox=\"0 0 16 12\" aria-hidden=\"true\"><rect class=\"{class}\" width=\"16\" height=\"12\"/></svg>{text}</li>"
        )
    };
    let keys = [
        key("h1", "calm"),
        key("h2", "a third of the threshold"),
        key("h3", "two thirds"),
        key("h4", "an alert"),
        key("h5", "twice the threshold"),
        key("h1 in", "framed: an attack is in it"),
    ];
    format!(
        "<section>\n<h2>Who and when</h2>\n<figure class=\"wide\">\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Who and \
         when\">\n{map}\n</div>\n<ul class=\"keys\">{}</ul>\n<figcaption>A cell is as dark as its loudest row. Entities with attacks come first, \
         then those with the highest scores. White: no row.</figcaption>\n</figure>\n</section>\n",
        keys.concat()
    )
}

/// The features that tell attacks from benign rows.
fn told_apart(report: &Report<'_>) -> String {
    if report.spreads.is_empty() {
        return String::new();
    }
    format!(
        "<section>\n<h2>What tells attacks apart</h2>\n<p>The features with the highest PR-AUC, each alone and chosen with the labels in hand. \
         Area: benign rows by value; line: attack rows; each as shares of its class, values linear about 0 and logarithmic beyond.</p>\n\
         <div class=\"spreads\">\n{}</div>\n</section>\n",
        spread::spreads(&report.spreads)
    )
}

/// How benign scores move.
fn moved(report: &Report<'_>) -> String {
    let periods = periods(report.rows, report.scores, report.threshold);
    if periods.len() < 3 {
        return String::new();
    }
    let sentence = spread::drifted(&periods).map(|line| format!("<p>{line}</p>\n")).unwrap_or_default();
    format!(
        "<section>\n<h2>Drift</h2>\n{sentence}<figure class=\"wide\">\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" \
         aria-label=\"Drift\">\n{}\n</div>\n<figcaption>Benign rows only: median (strong line) and 99th percentile (thin line) of their scores; \
         bars: false alarms, the highest {}. A rise says that the network moves away from what was learned.</figcaption>\n</figure>\n</section>\n",
        spread::drift(report, &periods),
        periods.iter().map(|period| period.false_alarms).max().unwrap_or(0)
    )
}

fn notes(report: &Report<'_>) -> String {
    let overall = &report.evaluation.overall;
    let own = if report.model_card.is_empty() {
        "the one that came with the scores</b>, or that was named: who set it, and on what, is not known here<b>"
    } else {
        "the model’s own</b>, set from its training data<b>"
    };
    let mut notes = vec![
        format!(
            "<b>PR-AUC means nothing without the prevalence.</b> Here {} of {} rows are attack rows: a score without any knowledge has a \
             PR-AUC of {}. On another file, with other attacks, the same model has another PR-AUC.",
            overall.positives,
            overall.rows,
            prevalence(overall.prevalence)
        ),
        format!(
            "<b>The threshold is {own}.</b> That of <i>recall at 1 and at 10 a day</i> is read off the benign rows of this very file, \
             which nobody has in advance. It compares scores, it promises nothing."
        ),
        "<b>Baselines have their thresholds from this file</b> too, at 1 false alarm a day, but for <i>always_alarm</i>. The best \
         single feature is chosen with the labels in hand: a yardstick, no rival."
            .to_owned(),
        "<b>An episode</b> is a run of rows of one attack, over all entities, joined over gaps shorter than two windows; one alert \
         finds it, and its other rows stay missed (nothing is point-adjusted). The delay runs from the start of its first window to \
         the end of the first window that alerts."
            .to_owned(),
    ];
    let benign = overall.rows.saturating_sub(overall.positives) as f64;
    if report.rows.span_days < 7.0 && benign > 0.0 {
        notes.push(format!(
            "<b>{:.2} days are a short time.</b> They hold no week: what happens once a week, or once a month, has not been seen, and a \
             count of false alarms this small is uncertain.",
            report.rows.span_days
        ));
    }
    let notes: String = notes.iter().map(|note| format!("<li>{note}</li>\n")).collect();
    format!("<section>\n<h2>How to read this</h2>\n<ul class=\"notes\">\n{notes}</ul>\n</section>\n")
}

/// The model's card, the files that were read, and how to come to the same page again.
fn origin(report: &Report<'_>) -> String {
    let mut page = String::new();
    if !report.model_card.is_empty() {
        let line = |(name, value): &(String, String)| {
            format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), escape(value))
        };
        let lines: String = report.model_card.iter().map(line).collect();
        let _ = write!(page, "<section>\n<h2>The model</h2>\n<dl class=\"card\">\n{lines}</dl>\n</section>\n");
    }
    if !report.commands.is_empty() {
        let commands: Vec<String> = report.commands.iter().map(|command| escape(command)).collect();
        let _ = write!(
            page,
            "<section>\n<h2>How to repeat it</h2>\n<p>The same input gives the same page, byte for byte.</p>\n\
             <pre tabindex=\"0\"><code>{}</code></pre>\n</section>\n",
            commands.join("\n")
        );
    }
    if !report.generated_from.is_empty() {
        let _ =
            write!(page, "<section class=\"files\">\n<h2>Made from</h2>\n{}</section>\n", list(&report.generated_from));
    }
    page + "</main>\n"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::evaluate::Judged;
    use crate::report::sample;

    #[test]
    fn a_day_of_many_hosts_is_one_small_page_that_fetches_nothing() {
        let page = sample::with_report(2_880, 30, html);
        assert!(page.len() < 400_000, "{} bytes", page.len());
        for fetched in ["<link", "<img", "src=", "href=", "url(", "@import", "http:", "https:"] {
            assert!(!page.contains(fetched), "{fetched}");
        }
        assert!(!page.contains("NaN") && !page.contains("inf,"), "a coordinate is not a number");
    }

    #[test]
    fn text_from_data_is_escaped() {
        let page = sample::with_report(2_880, 8, html);
        assert!(page.contains("beacon &lt;c2&gt;") && !page.contains("<c2>"));
        assert!(page.contains("<title>A made-up day &lt;of&gt; 24 hours</title>"));
        assert_eq!(escape("<a href=\"x\" b='&'>\x1b"), "&lt;a href=&quot;x&quot; b=&#39;&amp;&#39;&gt;\u{fffd}");
    }

    #[test]
    fn every_element_that_is_opened_is_closed() {
        let page = sample::with_report(2_880, 8, html);
        let names = [
            "section", "figure", "table", "tbody", "tr", "td", "th", "svg", "g", "text", "ul", "li", "dl", "dt", "dd",
            "div", "p",
        ];
        for name in names {
            let opened = page.matches(&format!("<{name}>")).count() + page.matches(&format!("<{name} ")).count();
            assert_eq!(opened, page.matches(&format!("</{name}>")).count(), "{name}");
        }
    }

    #[test]
    fn degenerate_rows_make_a_page_too() {
        sample::with_report(4, 1, |report| {
            type Case<'a> = (&'a [i64], &'a [Option<u16>], &'a [f64], f64);
            let cases: [Case<'_>; 5] = [
                (&[], &[], &[], 1.0),
                (&[5], &[None], &[0.0], 0.0),
                (&[5, 5], &[Some(0), None], &[2.0, 2.0], f64::INFINITY),
                (&[i64::MIN, i64::MAX], &[None, Some(0)], &[f64::MIN, f64::MAX], 0.0),
                (&[0, 1], &[Some(9), None], &[f64::INFINITY, f64::NEG_INFINITY], 0.0),
            ];
            for (starts, label, scores, threshold) in cases {
                let rows = Judged { window_start_ns: starts, label, entity: &[], ..*report.rows };
                let page = html(&Report {
                    rows: &rows,
                    scores,
                    threshold,
                    title: report.title.clone(),
                    generated_from: vec![],
                    evaluation: report.evaluation,
                    reasons: BTreeMap::new(),
                    spreads: vec![],
                    commands: vec![],
                    model_card: vec![],
                });
                assert!(!page.contains("NaN"), "{starts:?}: {page}");
            }
        });
    }
}

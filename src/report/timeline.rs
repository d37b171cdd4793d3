//! Scores over time as an SVG: the ordinary range of quiet rows, attacks shaded, alerts right and wrong, misses.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::escape::escape;
use super::{Report, score, utc};
use crate::evaluate::Episode;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 396.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 936.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 352.0;
/// Between two spans of time, where nothing was captured.
const BREAK: f64 = 16.0;
/// Marks that share a cell of this many units are drawn once: the page stays small however many alerts there are.
const CELL: f64 = 2.0;
/// Episodes that are drawn one by one, with a title each; the rest are shaded together.
const TITLED: usize = 300;

/// The figure. `episodes` are those of the report's rows.
pub(super) fn timeline(report: &Report<'_>, episodes: &[Episode]) -> String {
    let rows = report.rows;
    let time = TimeAxis::new(rows.window_start_ns, rows.window_ns);
    let axis = ScoreAxis::new(report.scores, report.threshold);

    let mut quiet: BTreeMap<i64, Range> = BTreeMap::new();
    let [mut found, mut missed, mut wrong] = [const { BTreeSet::new() }; 3];
    for row in rows.scored(report.scores) {
        let y = axis.y(row.score);
        let marks = match (row.attack.is_some(), row.score >= report.threshold) {
            (true, true) => &mut found,
            (true, false) => &mut missed,
            (false, true) => &mut wrong,
            (false, false) => {
                let (left, right) = time.window(row.start_ns);
                quiet.entry(left as i64).or_insert(Range { left, right, top: y, bottom: y }).add(right, y);
                continue;
            }
        };
        let (left, right) = time.window(row.start_ns);
        marks.insert((((left + right) / 2.0 / CELL).round() as i64, (y / CELL).round() as i64));
    }

    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"scores-title scores-text\">\
         <title id=\"scores-title\">Anomaly scores over time</title><desc id=\"scores-text\">{}</desc>",
        escape(&description(report, episodes))
    );
    axis.draw(&mut svg);
    time.draw(&mut svg);
    shade(&mut svg, report, episodes, &time);
    let _ = write!(svg, "<path class=\"quiet\" d=\"{}\"/>", quiet.values().map(Range::path).collect::<String>());
    marks(&mut svg, "missed", &missed, "m-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0");
    marks(&mut svg, "wrong", &wrong, "m-3-3l6 6m0-6l-6 6");
    marks(&mut svg, "found", &found, "h0");
    if (axis.low..=axis.high).contains(&axis.place(report.threshold)) {
        let y = axis.y(report.threshold);
        let _ = write!(
            svg,
            "<path class=\"threshold\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>\
             <text class=\"threshold-text\" x=\"{RIGHT}\" y=\"{:.1}\" text-anchor=\"end\">threshold {}</text>",
            y - 5.0,
            score(report.threshold)
        );
    }
    svg + "</svg>"
}

/// The figure in words, for those who do not see it.
fn description(report: &Report<'_>, episodes: &[Episode]) -> String {
    let found = episodes.iter().filter(|episode| episode.detected_ns.is_some()).count();
    let starts = report.rows.window_start_ns;
    let (first, last) = (starts.iter().min(), starts.iter().max());
    let span = first.zip(last).map(|(&first, &last)| format!("{} to {} UTC", utc(first, "%F %T"), utc(last, "%F %T")));
    format!(
        "{} rows, {}. Attack episodes, shaded: {}; with an alert: {found}. Threshold {}.",
        report.scores.len(),
        span.unwrap_or_default(),
        episodes.len(),
        score(report.threshold)
    )
}

/// Attack intervals, full height, with a tab on top that is full if the episode was found and hollow if not.
fn shade(svg: &mut String, report: &Report<'_>, episodes: &[Episode], time: &TimeAxis) {
    let mut named_to = [f64::NEG_INFINITY; 2];
    for episode in episodes.iter().take(TITLED) {
        let left = time.x(episode.start_ns);
        let width = (time.x(episode.end_ns) - left).max(2.0);
        let (class, fate) = match episode.delay_s() {
            Some(delay) => ("hit", format!("found after {}", super::duration(delay))),
            None => ("miss", "missed".to_owned()),
        };
        let name = escape(report.rows.attack_name(episode.attack));
        let _ = write!(
            svg,
            "<g class=\"{class}\"><title>{name}, {} to {}: {fate}</title>\
             <rect class=\"shade\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{}\"/>\
             <rect class=\"tab\" x=\"{left:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"5\"/></g>",
            utc(episode.start_ns, "%F %T"),
            utc(episode.end_ns, "%T"),
            BOTTOM - TOP,
            TOP - 8.0,
        );
        // A name where the names before it have ended, on one of two lines; at the right edge it ends with its episode.
        let length = 7.4 * report.rows.attack_name(episode.attack).chars().count() as f64;
        let starts = if left + length < WIDTH { left } else { left + width - length };
        let free = named_to.iter().position(|&named_to| starts > named_to + 8.0);
        if let Some((line, named_to)) = free.and_then(|line| Some((line, named_to.get_mut(line)?))) {
            *named_to = starts + length;
            let y = TOP - 14.0 - line as f64 * 16.0;
            let _ = write!(svg, "<text class=\"attack\" x=\"{starts:.1}\" y=\"{y}\">{name}</text>");
        }
    }
    let rest: BTreeMap<i64, i64> = episodes
        .iter()
        .skip(TITLED)
        .map(|episode| (time.x(episode.start_ns) as i64, time.x(episode.end_ns).ceil() as i64))
        .collect();
    let path: String =
        rest.iter().map(|(left, right)| format!("M{left} {TOP}H{}V{BOTTOM}H{left}z", right.max(&(left + 2)))).collect();
    let _ = write!(svg, "<path class=\"shade\" d=\"{path}\"/>");
}

/// One path for all marks of a kind; `shape` is drawn relative to each mark's centre.
fn marks(svg: &mut String, class: &str, cells: &BTreeSet<(i64, i64)>, shape: &str) {
    let place = |&(x, y): &(i64, i64)| format!("M{} {}{shape}", x as f64 * CELL, y as f64 * CELL);
    let _ = write!(svg, "<path class=\"{class}\" d=\"{}\"/>", cells.iter().map(place).collect::<String>());
}

/// What the quiet rows of one column of pixels cover.
struct Range {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Range {
    fn add(&mut self, right: f64, y: f64) {
        self.right = self.right.max(right);
        self.top = self.top.min(y);
        self.bottom = self.bottom.max(y);
    }

    fn path(&self) -> String {
        let (top, bottom) = (self.top - 1.25, self.bottom + 1.25);
        format!("M{:.1} {top:.1}H{:.1}V{bottom:.1}H{:.1}z", self.left, self.right.max(self.left + 1.0), self.left)
    }
}

/// Time, with the long spans cut out in which there are no rows (days of a week, two files of different months).
struct TimeAxis {
    spans: Vec<Span>,
    window_ns: i64,
}

struct Span {
    start_ns: i64,
    end_ns: i64,
    left: f64,
    right: f64,
}

impl TimeAxis {
    fn new(starts: &[i64], window_ns: i64) -> Self {
        let mut starts: Vec<i64> = starts.to_vec();
        starts.sort_unstable();
        starts.dedup();
        // A gap is cut out if it is longer than a tenth of the time with rows; the longest eleven, so that what is left
        // of the figure is not made of breaks.
        let limit = window_ns.saturating_mul((starts.len() as i64 / 10).max(10));
        let mut gaps: Vec<(i64, usize)> =
            starts.windows(2).enumerate().map(|(at, pair)| (pair[1].saturating_sub(pair[0]), at + 1)).collect();
        gaps.retain(|&(gap, _)| gap > limit);
        gaps.sort_unstable_by(|a, b| b.cmp(a));
        let mut cuts: Vec<usize> = gaps.iter().take(11).map(|&(_, at)| at).collect();
        cuts.extend([0, starts.len()]);
        cuts.sort_unstable();

        let mut spans: Vec<Span> = cuts
            .windows(2)
            .filter_map(|cut| starts.get(cut[0]..cut[1]).and_then(|part| Some((part.first()?, part.last()?))))
            .map(|(&start_ns, &last)| Span { start_ns, end_ns: last.saturating_add(window_ns), left: 0.0, right: 0.0 })
            .collect();
        let length = |span: &Span| span.end_ns.saturating_sub(span.start_ns).max(1) as f64;
        let covered: f64 = spans.iter().map(length).sum();
        let room = RIGHT - LEFT - BREAK * spans.len().saturating_sub(1) as f64;
        let mut left = LEFT;
        for span in &mut spans {
            (span.left, span.right) = (left, left + room * length(span) / covered);
            left = span.right + BREAK;
        }
        Self { spans, window_ns }
    }

    fn x(&self, ns: i64) -> f64 {
        let at = self.spans.partition_point(|span| span.start_ns <= ns).saturating_sub(1);
        self.spans.get(at).map_or(LEFT, |span| span.x(ns))
    }

    /// Left and right edge of the window that starts at `start_ns`.
    fn window(&self, start_ns: i64) -> (f64, f64) {
        let at = self.spans.partition_point(|span| span.start_ns <= start_ns).saturating_sub(1);
        let edges = |span: &Span| (span.x(start_ns), span.x(start_ns.saturating_add(self.window_ns)));
        self.spans.get(at).map_or((LEFT, LEFT), edges)
    }

    fn draw(&self, svg: &mut String) {
        let room: f64 = self.spans.iter().map(|span| span.right - span.left).sum();
        let covered: f64 = self.spans.iter().map(|span| span.end_ns.saturating_sub(span.start_ns).max(0) as f64).sum();
        let step_s = tick_step(covered / 1e9 * 84.0 / room);
        let pattern = match step_s {
            86_400.. => "%b %-d",
            60.. => "%H:%M",
            _ => "%H:%M:%S",
        };
        let mut named_to = f64::NEG_INFINITY;
        for span in &self.spans {
            let _ = write!(svg, "<path class=\"axis\" d=\"M{:.1} {BOTTOM}H{:.1}\"/>", span.left, span.right);
            if span.left > named_to {
                let date = utc(span.start_ns, "%F");
                let _ =
                    write!(svg, "<text class=\"date\" x=\"{:.1}\" y=\"{}\">{date}</text>", span.left, BOTTOM + 36.0);
                named_to = span.left + 76.0;
            }
            let step_ns = step_s.saturating_mul(1_000_000_000);
            let mut tick = span.start_ns.div_euclid(step_ns).saturating_mul(step_ns);
            while tick <= span.end_ns {
                let x = span.x(tick);
                if tick >= span.start_ns {
                    let label = utc(tick, pattern);
                    let _ = write!(
                        svg,
                        "<path class=\"axis\" d=\"M{x:.1} {BOTTOM}v5\"/>\
                         <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
                        BOTTOM + 19.0
                    );
                }
                let Some(next) = tick.checked_add(step_ns) else { break };
                tick = next;
            }
        }
    }
}

impl Span {
    fn x(&self, ns: i64) -> f64 {
        let length = self.end_ns.saturating_sub(self.start_ns).max(1) as f64;
        let share = ns.saturating_sub(self.start_ns) as f64 / length;
        self.left + share.clamp(0.0, 1.0) * (self.right - self.left)
    }
}

/// The shortest step of a clock or calendar that is at least `seconds`.
fn tick_step(seconds: f64) -> i64 {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 3_600;
    const DAY: i64 = 86_400;
    let steps = [1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE];
    let longer = [HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 28 * DAY, 91 * DAY, 364 * DAY];
    let enough = steps.into_iter().chain(longer).find(|&step| step as f64 >= seconds);
    // Longer than that, whole numbers of years: there are never more than some ten ticks.
    enough.unwrap_or_else(|| (seconds / (364 * DAY) as f64).ceil() as i64 * 364 * DAY)
}

/// Scores, linear about the median of all rows and logarithmic in the tails (an inverse hyperbolic sine whose unit is the
/// distance from median to threshold): detectors of every scale, bounded or not, show their threshold in the middle.
struct ScoreAxis {
    middle: f64,
    unit: f64,
    low: f64,
    high: f64,
}

impl ScoreAxis {
    fn new(scores: &[f64], threshold: f64) -> Self {
        let mut scores: Vec<f64> = scores.iter().copied().filter(|score| score.is_finite()).collect();
        scores.sort_unstable_by(f64::total_cmp);
        let middle = scores.get(scores.len() / 2).copied().unwrap_or(0.0);
        let highest = scores.last().copied().unwrap_or(0.0);
        let usable = |unit: &f64| unit.is_finite() && *unit > 0.0;
        let unit = [(threshold - middle).abs(), highest - middle, 1.0].into_iter().find(usable).unwrap_or(1.0);
        let mut axis = Self { middle, unit, low: 0.0, high: 0.0 };
        let shown = scores.iter().chain(Some(&threshold).filter(|threshold| threshold.is_finite()));
        let places = shown.map(|&score| axis.place(score));
        let (low, high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| (low.min(p), high.max(p)));
        let margin = ((high - low) * 0.04).max(0.05);
        (axis.low, axis.high) = if low <= high { (low - margin / 4.0, high + margin) } else { (-1.0, 1.0) };
        axis
    }

    fn place(&self, score: f64) -> f64 {
        ((score - self.middle) / self.unit).clamp(-1e150, 1e150).asinh()
    }

    fn y(&self, score: f64) -> f64 {
        let share = (self.place(score) - self.low) / (self.high - self.low);
        BOTTOM - share.clamp(0.0, 1.0) * (BOTTOM - TOP)
    }

    /// Round scores near eight places that divide the axis evenly, each as round as the distance to the next allows.
    fn ticks(&self) -> BTreeMap<i64, (f64, String)> {
        let near = |part: f64| self.middle + self.unit * (self.low + (self.high - self.low) * part / 8.0).sinh();
        let rounded = (0..=8).map(|part| {
            let (value, step) = (near(f64::from(part)), near(f64::from(part) + 0.5) - near(f64::from(part) - 0.5));
            let ten = 10_f64.powf((step * 0.6).log10().floor());
            let grain =
                [5.0, 2.0, 1.0].iter().map(|factor| factor * ten).find(|grain| *grain <= step * 0.6).unwrap_or(ten);
            // Adding zero takes the sign off a zero.
            let value = (value / grain).round() * grain + 0.0;
            let decimals = (-ten.log10().floor()).clamp(0.0, 8.0) as usize;
            let label = if value.abs() >= 1e7 { format!("{value:.0e}") } else { format!("{value:.decimals$}") };
            (self.y(value) as i64, (value, label))
        });
        rounded
            .filter(|(_, (value, _))| value.is_finite() && (self.low..=self.high).contains(&self.place(*value)))
            .collect()
    }

    fn draw(&self, svg: &mut String) {
        for (value, label) in self.ticks().values() {
            let y = self.y(*value);
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                label
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_month_without_rows_is_cut_out() {
        let starts: Vec<i64> = (0..100).map(|window| window + if window < 50 { 0 } else { 1_000_000 }).collect();
        let axis = TimeAxis::new(&starts, 1);
        assert_eq!(axis.spans.len(), 2);
        assert_eq!((axis.x(0), axis.x(1_000_100)), (LEFT, RIGHT));
        assert!((axis.x(1_000_050) - axis.x(50) - BREAK).abs() < 1e-9);
    }

    #[test]
    fn higher_scores_stand_higher_and_ticks_are_round() {
        let scores: Vec<f64> = (0..1_000).map(|score| f64::from(score) / 100.0).chain([800.0]).collect();
        let axis = ScoreAxis::new(&scores, 9.9);
        assert!(scores.windows(2).all(|pair| axis.y(pair[1]) < axis.y(pair[0])));
        let labels: Vec<String> = axis.ticks().into_values().rev().map(|(_, label)| label).collect();
        assert_eq!(labels, ["0", "4", "10", "20", "40", "80", "200", "400", "1000"]);
    }

    #[test]
    fn the_figure_stays_small_when_every_row_alerts() {
        sample::with_report(2_880, 30, |report| {
            let all = Report {
                threshold: 0.0,
                title: String::new(),
                generated_from: vec![],
                spreads: vec![],
                reasons: BTreeMap::new(),
                commands: vec![],
                model_card: vec![],
                ..*report
            };
            let size = timeline(&all, &[]).len();
            assert!(size < 700_000, "{size} bytes");
        });
    }
}

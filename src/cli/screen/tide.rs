//! The tide: packets a second as water, and below it the highest score of each step.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline, SparklineBar};
use tidewatch::watch::{Shown, Step};

use super::look::{Look, clock, lasting, short};

/// Columns for what the heights are.
const SCALE: u16 = 8;
/// Columns that a step is wide at most.
const WIDEST: usize = 4;
/// Parts that a row of a bar has.
const EIGHTHS: u16 = 8;

pub fn draw(frame: &mut Frame<'_>, area: Rect, shown: &Shown, look: Look) {
    let tide = &shown.tide;
    let mut told = Vec::new();
    if let Some(latest) = tide.steps.last() {
        let (packets, bytes) = (latest.packets_per_second, latest.bytes_per_second);
        told.push(Span::styled(format!("{} packets/s", short(packets, "")), look.sea()));
        told.push(Span::raw(format!("  {}/s", short(bytes, "B"))));
    }
    let block = look.part("Tide", told);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    if tide.steps.is_empty() {
        frame.render_widget(Paragraph::new("no window has closed yet").style(look.soft()), inside);
        return;
    }
    let marks = u16::from(inside.height >= 5);
    let low = if inside.height >= 8 { 3 } else { u16::from(inside.height >= 3) + u16::from(inside.height >= 6) };
    let [water, scores, times] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(low), Constraint::Length(marks)]).areas(inside);
    let columns = usize::from(inside.width.saturating_sub(SCALE));
    let steps = latest(&tide.steps, tide.step_ms, tide.end_ms, columns);
    let wide = (columns / steps.len().max(1)).clamp(1, WIDEST);

    let most = steps.iter().flatten().map(|step| step.packets_per_second).fold(0.0, f64::max).max(1e-9);
    let rate = |step: &Step| (step.packets_per_second / most, look.sea());
    bars(frame, water, &steps, wide, rate);
    scale(frame, water, &short(most, ""), look);
    let loudest = steps.iter().flatten().filter_map(|step| step.score).fold(shown.threshold * 1.25, f64::max).max(1e-9);
    let score = |step: &Step| {
        let style = if step.alerts > 0 { look.loud() } else { look.soft() };
        (step.score.unwrap_or(0.0) / loudest, style)
    };
    bars(frame, scores, &steps, wide, score);
    scale(frame, scores, &format!("score {loudest:.0}"), look);
    let span_ms = steps.len() as i64 * tide.step_ms;
    let from = format!("{:>width$}", "", width = usize::from(SCALE));
    let stamp = |ms: i64| tidewatch::alert::time(ms.saturating_mul(1_000_000));
    let (begin, end) = (stamp(tide.end_ms.saturating_sub(span_ms)), stamp(tide.end_ms));
    let middle = format!(
        "the latest {}, {} a step, alarms from score {:.2}",
        lasting(span_ms),
        lasting(tide.step_ms),
        shown.threshold
    );
    let (begin, end) = (clock(&begin).to_owned(), format!("{} UTC", clock(&end)));
    let gap = columns.saturating_sub(begin.len() + end.len());
    let between = if middle.len() + 4 <= gap { format!("{middle:^gap$}") } else { " ".repeat(gap) };
    frame.render_widget(Line::styled(format!("{from}{begin}{between}{end}"), look.soft()), times);
}

/// The latest steps that have room, the last of which ends with the tide; None where the tide was out.
fn latest(steps: &[Step], step_ms: i64, end_ms: i64, room: usize) -> Vec<Option<&Step>> {
    let step_ms = step_ms.max(1);
    let place = |step: &Step| (end_ms.saturating_sub(1).saturating_sub(step.start_ms) / step_ms) as usize;
    let count = steps.first().map_or(0, |first| place(first).saturating_add(1)).min(room);
    let mut told = vec![None; count];
    for step in steps {
        if let Some(place) = count.checked_sub(place(step).saturating_add(1)) {
            told[place] = Some(step);
        }
    }
    told
}

/// A bar a step, as high as its share of the whole height.
fn bars(
    frame: &mut Frame<'_>,
    area: Rect,
    steps: &[Option<&Step>],
    wide: usize,
    height: impl Fn(&Step) -> (f64, Style),
) {
    let [_, area] = Layout::horizontal([Constraint::Length(SCALE), Constraint::Fill(1)]).areas(area);
    let whole = f64::from(area.height * EIGHTHS);
    let bar = |step: &Option<&Step>| {
        let Some(step) = step else { return SparklineBar::from(0) };
        let (share, style) = height(step);
        // What there is can be seen, however little.
        let least = f64::from(u8::from(share > 0.0));
        SparklineBar::from((share * whole).round().max(least) as u64).style(style)
    };
    let data = steps.iter().map(bar).flat_map(|bar| std::iter::repeat_n(bar, wide));
    frame.render_widget(Sparkline::default().max(whole as u64).data(data), area);
}

/// What a bar of the whole height would be.
fn scale(frame: &mut Frame<'_>, area: Rect, most: &str, look: Look) {
    if area.height > 0 {
        frame.render_widget(Span::styled(format!("{most:>7}"), look.soft()), Rect { width: SCALE, height: 1, ..area });
    }
}

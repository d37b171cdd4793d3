//! How a watch looks: a function of what it tells and of what the onlooker wants to see.

use std::path::Path;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use tidewatch::alert::number;
use tidewatch::watch::{Sink, State};

use super::look::{Look, lasting, many, short, tame, tame_all};
use super::pose::{Phase, Pose};
use super::{episodes, tide, who};

/// Draws all of it.
pub fn draw(frame: &mut Frame<'_>, pose: &mut Pose, slices: Option<&Path>, look: Look) {
    let area = frame.area();
    // A fifth of what is not needed otherwise.
    let sums = sums(&pose.state, usize::from(area.height.saturating_sub(9) / 5), look);
    let low = sums.len() as u16;
    let [head, body, foot, said, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(if low > 0 { low + 1 } else { 0 }),
        Constraint::Length(u16::from(area.height >= 8)),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(headline(pose, head.width, look), head);
    if pose.whole {
        episodes::whole(frame, body, pose, slices, look);
    } else {
        parts(frame, body, pose, slices, look);
    }
    frame.render_widget(Paragraph::new(sums).block(look.part("Counts", Vec::new())), foot);
    frame.render_widget(message(pose, look), said);
    frame.render_widget(hints(pose, keys.width, look), keys);
    tame_all(frame.buffer_mut());
}

/// The tide above, who stands out beside the episodes, the chosen one of these below.
fn parts(frame: &mut Frame<'_>, area: Rect, pose: &Pose, slices: Option<&Path>, look: Look) {
    let high = if area.height < 12 { 0 } else { (area.height * 3 / 10).clamp(5, 14) };
    let low = if area.height < 9 { 0 } else { (area.height * 3 / 10).clamp(4, 11) };
    let [water, middle, detail] =
        Layout::vertical([Constraint::Length(high), Constraint::Fill(1), Constraint::Length(low)]).areas(area);
    tide::draw(frame, water, &pose.state.shown, look);
    if middle.width >= 70 {
        let [left, gap, right] =
            Layout::horizontal([Constraint::Percentage(42), Constraint::Length(2), Constraint::Fill(1)]).areas(middle);
        let _ = gap;
        who::draw(frame, left, &pose.state.shown, look);
        episodes::list(frame, right, pose, look);
    } else {
        episodes::list(frame, middle, pose, look);
    }
    episodes::detail(frame, detail, pose, slices, look);
}

/// What is watched, by which model, and where the watch stands.
fn headline(pose: &Pose, width: u16, look: Look) -> Line<'static> {
    let State { source, model, shown, .. } = &pose.state;
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let (stands, style) = match pose.phase {
        Phase::Over => ("over: q leaves", bold.add_modifier(Modifier::REVERSED)),
        Phase::Ending => ("ending…", look.amiss()),
        Phase::Watching if pose.paused => ("paused: p goes on", look.amiss()),
        Phase::Watching if !pose.state.alive => ("does not come by", look.loud()),
        Phase::Watching => ("watching", look.sea()),
    };
    let mut told = format!(" {}  by {}", tame(source), tame(model));
    if shown.window_ms > 0 {
        told += &format!(", {} in {}", shown.view, lasting(shown.window_ms));
    }
    let room = usize::from(width).saturating_sub(9 + stands.chars().count() + 3);
    let told = super::look::fit(&told, room).into_owned();
    let gap = room.saturating_sub(told.chars().count());
    Line::from(vec![
        Span::styled("tidewatch", look.sea().add_modifier(Modifier::BOLD)),
        Span::raw(told),
        Span::raw(" ".repeat(gap + 1)),
        Span::styled(format!(" {stands} "), style),
    ])
}

/// What came of packets, rows, models and notices, in so many lines at most.
fn sums(state: &State, room: usize, look: Look) -> Vec<Line<'static>> {
    let counts = &state.counts;
    let amiss = |count: u64| if count > 0 { look.amiss() } else { Style::new() };
    let named = |name: &'static str| Span::styled(format!("{name:9}"), look.soft());
    let mut lines = vec![Line::from(vec![
        named("packets"),
        Span::raw(format!("{} read ({}), ", number(counts.packets_read as f64), short(counts.bytes_read as f64, "B"))),
        Span::styled(format!("{} skipped", number(counts.packets_skipped as f64)), amiss(counts.packets_skipped)),
        Span::raw(", "),
        Span::styled(
            format!("{} dropped by the kernel", number(counts.packets_dropped as f64)),
            amiss(counts.packets_dropped),
        ),
    ])];
    let muted = if counts.alerts_muted > 0 {
        format!(" ({} muted)", number(counts.alerts_muted as f64))
    } else {
        String::new()
    };
    lines.push(Line::from(vec![
        named("rows"),
        Span::raw(format!(
            "{} in {}, {}{muted} in {}",
            number(counts.rows as f64),
            many(counts.windows, "window"),
            many(counts.alerts, "alert"),
            many(counts.episodes, "episode"),
        )),
    ]));
    let mut model = vec![
        named("model"),
        Span::raw(format!("{} taken over, ", number(counts.models_taken as f64))),
        Span::styled(format!("{} refused", number(counts.models_refused as f64)), amiss(counts.models_refused)),
    ];
    if let Some(shadow) = &state.shadow {
        let ranks = shadow.agreement.map_or_else(|| "unknown".to_owned(), |ranks| format!("{ranks:.2}"));
        let [both, first, second] = [shadow.both, shadow.first, shadow.shadow].map(|count| number(count as f64));
        model.push(Span::raw(format!(
            "; shadow: {both} alerts of both, {first} and {second} of one alone, ranks {ranks}"
        )));
    }
    if counts.evidence_failed > 0 {
        model.push(Span::styled(
            format!("; packets not kept {} times", number(counts.evidence_failed as f64)),
            look.amiss(),
        ));
    }
    if let (Some(written), Some(lost)) = (counts.rows_written, counts.rows_lost) {
        model.push(Span::raw(format!("; {} rows written, ", number(written as f64))));
        model.push(Span::styled(format!("{} lost", number(lost as f64)), amiss(lost)));
    }
    // Each on a line of its own, or all together behind the model.
    let apart = lines.len() + 1 + state.sinks.len() <= room;
    if !apart && !state.sinks.is_empty() {
        let sum = |of: fn(&Sink) -> u64| state.sinks.iter().map(of).sum();
        let [delivered, waiting] = [sum(|sink| sink.delivered), sum(|sink| sink.waiting)];
        let (dropped, failures) = (sum(|sink| sink.dropped), sum(|sink| sink.failures));
        model.push(Span::raw(format!("; {}: ", many(state.sinks.len() as u64, "sink"))));
        model.extend(delivery(delivered, waiting, dropped, failures, look));
    }
    lines.push(Line::from(model));
    if apart {
        for Sink { name, delivered, waiting, dropped, failures, trouble } in &state.sinks {
            let mut line = vec![named("sink"), Span::raw(format!("{}: ", tame(name)))];
            line.extend(delivery(*delivered, *waiting, *dropped, *failures, look));
            line.extend(trouble.iter().map(|why| Span::styled(format!(": {}", tame(why)), look.amiss())));
            lines.push(Line::from(line));
        }
    }
    if state.sinks.is_empty() {
        lines.push(Line::from(vec![named("sink"), Span::raw("none: notices are seen here alone")]));
    }
    lines.truncate(room);
    lines
}

fn delivery(delivered: u64, waiting: u64, dropped: u64, failures: u64, look: Look) -> Vec<Span<'static>> {
    let amiss = |count: u64| if count > 0 { look.amiss() } else { Style::new() };
    let [delivered, waiting, lost] = [delivered, waiting, dropped].map(|count| number(count as f64));
    let mut told = vec![
        Span::raw(format!("{delivered} delivered, {waiting} waiting, ")),
        Span::styled(format!("{lost} dropped"), amiss(dropped)),
    ];
    if failures > 0 {
        let tries = if failures == 1 { "try" } else { "tries" };
        told.push(Span::styled(format!(", {} {tries} failed", number(failures as f64)), look.amiss()));
    }
    told
}

/// What was said last, to whom asked or to everybody.
fn message(pose: &Pose, look: Look) -> Line<'static> {
    if let Some(answer) = &pose.answer {
        return Line::styled(format!("» {}", tame(answer)), look.sea());
    }
    let (count, Some(latest)) = &pose.said else { return Line::default() };
    let style = if latest.starts_with("warning:") { look.amiss() } else { Style::new() };
    let more = if *count > 1 { format!(" ({} more at the end)", count - 1) } else { String::new() };
    Line::from(vec![Span::styled(format!("» {}", tame(latest)), style), Span::styled(more, look.soft())])
}

/// What keys do, as many of them as there is room for.
fn hints(pose: &Pose, width: u16, look: Look) -> Line<'static> {
    let over = pose.phase == Phase::Over;
    let mut hints = vec![("q", if over { "leaves" } else { "ends" })];
    if pose.episode().is_some() {
        hints.push(("↑↓", "episode"));
        hints.push(if pose.whole { ("esc", "back") } else { ("⏎", "all of it") });
    }
    if !over {
        hints.push(("p", if pose.paused { "goes on" } else { "pauses the picture" }));
    }
    if pose.state.benign.is_some() && pose.episode().is_some() {
        hints.extend([("b", "benign"), ("a", "unusual after all")]);
    }
    let mut line = Vec::new();
    let mut room = usize::from(width);
    for (key, does) in hints {
        let needed = key.chars().count() + does.chars().count() + 4;
        if needed > room {
            break;
        }
        room -= needed;
        line.push(Span::styled(format!(" {key} "), Style::new().add_modifier(Modifier::REVERSED)));
        line.push(Span::styled(format!(" {does} "), look.soft()));
    }
    Line::from(line)
}

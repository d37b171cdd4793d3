//! Episodes: a list of those that are open or have just closed, and all that is known of the chosen one.

use std::path::Path;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use tidewatch::alert::episode::Notice;
use tidewatch::window::Busiest;

use super::look::{Look, clock, fit, lasting, many, score, tame};
use super::pose::Pose;

/// Columns of a line of the list beside the name.
const BESIDE: usize = 38;
/// Columns from which there is room for when it began and how it stands.
const ROOMY: usize = 56;
/// Columns of the bar of a reason.
const BAR: usize = 10;

/// Those that are open and those that have closed, a line each.
pub fn list(frame: &mut Frame<'_>, area: Rect, pose: &Pose, look: Look) {
    let told = &pose.state.shown.episodes;
    let style = if told.open_count > 0 { look.loud() } else { look.soft() };
    let counted = format!("{} open", tidewatch::alert::number(told.open_count as f64));
    let block = look.part("Episodes", vec![Span::styled(counted, style)]);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    if pose.episodes().next().is_none() {
        frame.render_widget(Paragraph::new("none so far").style(look.soft()), inside);
        return;
    }
    let room = usize::from(inside.width);
    let roomy = room >= ROOMY;
    let beside = if roomy { BESIDE + 9 } else { BESIDE - 7 };
    let name = room.saturating_sub(beside).clamp(9, 39);
    let since = if roomy { format!("{:9}", "since") } else { String::new() };
    let title = format!("  {:9}{:name$} {since}{:>12}{:>7}", "severity", "entity", "lasts", "score");
    frame.render_widget(Line::styled(title, look.soft()), Rect { height: inside.height.min(1), ..inside });
    let rows = Rect { y: inside.y.saturating_add(1), height: inside.height.saturating_sub(1), ..inside };
    let place = pose.place();
    // The chosen one is always among those that are seen.
    let first = (place + 1).saturating_sub(usize::from(rows.height));
    let lines: Vec<Line<'_>> = pose
        .episodes()
        .enumerate()
        .skip(first)
        .take(usize::from(rows.height))
        .map(|(number, (notice, open))| line(pose, notice, open, (number == place, roomy), name, look))
        .collect();
    frame.render_widget(Paragraph::new(lines), rows);
}

fn line<'a>(
    pose: &Pose,
    notice: &'a Notice,
    open: bool,
    (chosen, roomy): (bool, bool),
    name: usize,
    look: Look,
) -> Line<'a> {
    let benign = is_benign(pose, notice);
    let rest = if open { Style::new() } else { look.soft() };
    let severity = if open && !benign { look.severity(notice.severity) } else { rest };
    let entity = tame(&notice.alert.entity).into_owned();
    let state = match (benign, open) {
        (true, _) => " benign",
        (false, true) => " open",
        (false, false) => "",
    };
    let line = Line::from(vec![
        Span::raw(if chosen { "▸ " } else { "  " }),
        Span::styled(notice.severity.name(), severity),
        Span::raw(" ".repeat(9usize.saturating_sub(notice.severity.name().len()))),
        Span::styled(format!("{:name$} ", fit(&entity, name)), rest),
        Span::styled(if roomy { format!("{:9}", clock(&notice.started)) } else { String::new() }, rest),
        Span::styled(format!("{:>12}", lasting(lasts_ms(notice))), rest),
        Span::styled(score(notice.alert.score), rest),
        Span::styled(if roomy { state } else { "" }, rest),
    ]);
    if chosen { line.patch_style(Modifier::BOLD) } else { line }
}

/// What made the chosen episode one, in few lines.
pub fn detail(frame: &mut Frame<'_>, area: Rect, pose: &Pose, slices: Option<&Path>, look: Look) {
    let Some((notice, open)) = pose.episode() else {
        frame.render_widget(look.part("Why", Vec::new()), area);
        return;
    };
    let entity = tame(&notice.alert.entity).into_owned();
    let block = look.part("Why", vec![Span::styled(entity, Style::new().add_modifier(Modifier::BOLD))]);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let mut lines = vec![summary(pose, notice, open, look)];
    let below = ends(notice, slices, look);
    // Reasons come before whom it was with.
    let room = usize::from(inside.height).saturating_sub(1);
    let reasons = reasons(notice, look);
    let kept = reasons.len().min(room.saturating_sub(below.len().min(room / 2)));
    lines.extend(reasons.into_iter().take(kept));
    lines.extend(below);
    frame.render_widget(Paragraph::new(lines), inside);
}

/// All that is known of the chosen episode.
pub fn whole(frame: &mut Frame<'_>, area: Rect, pose: &mut Pose, slices: Option<&Path>, look: Look) {
    let lines = {
        let Some((notice, open)) = pose.episode() else { return };
        let of = |name: &'static str, what: String| {
            Line::from(vec![Span::styled(format!("{name:10}"), look.soft()), Span::raw(what)])
        };
        let alert = &notice.alert;
        let mut lines = vec![summary(pose, notice, open, look), Line::default()];
        lines.extend(reasons(notice, look));
        lines.push(Line::default());
        lines.extend(ends(notice, slices, look));
        lines.push(of("episode", tame(&notice.episode).into_owned()));
        lines.push(of("view", format!("{}, {} a window", tame(&alert.view), lasting(alert.window_ns / 1_000_000))));
        lines.push(of("from", notice.started.clone()));
        lines.push(of("to", notice.ended.clone()));
        lines.push(of("loudest", alert.time.clone().unwrap_or_default()));
        lines.push(of("p-value", format!("{:.2e}, alarms from score {:.2}", alert.p_value, alert.threshold)));
        if let Some(lasts) = alert.lasts() {
            lines.push(of("lasts", lasts));
        }
        if let Some(truth) = &alert.truth {
            lines.push(of("truth", tame(truth).into_owned()));
        }
        lines
    };
    let most = lines.len().saturating_sub(1) as u16;
    pose.scrolled = pose.scrolled.min(most);
    let entity = pose.episode().map(|(notice, _)| tame(&notice.alert.entity).into_owned()).unwrap_or_default();
    let block = look.part("Why", vec![Span::styled(entity, Style::new().add_modifier(Modifier::BOLD))]);
    let text = Paragraph::new(lines).wrap(Wrap { trim: false }).scroll((pose.scrolled, 0)).block(block);
    frame.render_widget(text, area);
}

fn summary(pose: &Pose, notice: &Notice, open: bool, look: Look) -> Line<'static> {
    let lasted = lasting(lasts_ms(notice));
    let when = if open {
        format!("since {}, for {lasted}", clock(&notice.started))
    } else {
        format!("{} to {}, for {lasted}", clock(&notice.started), clock(&notice.ended))
    };
    let called = if is_benign(pose, notice) { ", called benign: alerts like it are muted" } else { "" };
    Line::from(vec![
        Span::styled(notice.severity.name(), look.severity(notice.severity)),
        Span::raw(format!(
            ", score {}, {when}, {}{called}",
            score(notice.alert.score).trim(),
            many(notice.alerts, "alert")
        )),
    ])
}

fn reasons(notice: &Notice, look: Look) -> Vec<Line<'static>> {
    let reasons = &notice.alert.reasons;
    let most = reasons.iter().map(|reason| reason.share).fold(0.0, f64::max).max(1e-9);
    let line = |reason: &tidewatch::alert::Reason| {
        let full = ((reason.share / most * BAR as f64).round() as usize).clamp(1, BAR);
        Line::from(vec![
            Span::styled("━".repeat(full), look.loud()),
            Span::raw(" ".repeat(BAR - full)),
            Span::styled(format!("{:>4.0} % ", reason.share * 100.0), look.soft()),
            Span::raw(tame(&reason.text).into_owned()),
        ])
    };
    reasons.iter().map(line).collect()
}

/// With whom it was, at which services, and where its packets are.
fn ends(notice: &Notice, slices: Option<&Path>, look: Look) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut end = |name: &'static str, what: String| {
        lines.push(Line::from(vec![Span::styled(format!("{name:10}"), look.soft()), Span::raw(what)]));
    };
    if notice.peers.count > 0 {
        end("with", busiest(&notice.peers));
    }
    if notice.ports.count > 0 {
        end("at", busiest(&notice.ports));
    }
    if let Some(evidence) = &notice.evidence {
        let path = slices.map_or_else(|| Path::new(evidence).to_owned(), |folder| folder.join(evidence));
        end("packets", tame(&path.display().to_string()).into_owned());
    }
    lines
}

fn busiest(ends: &Busiest) -> String {
    let share = |share: &tidewatch::window::Share| {
        format!("{} ({})", tame(&share.name), tidewatch::alert::number(share.packets as f64))
    };
    let named: Vec<String> = ends.top.iter().map(share).collect();
    let more = ends.count.saturating_sub(ends.top.len());
    let more = if more > 0 { format!(" and {} more", tidewatch::alert::number(more as f64)) } else { String::new() };
    format!("{}{more}", named.join(", "))
}

fn is_benign(pose: &Pose, notice: &Notice) -> bool {
    pose.state.benign.as_ref().is_some_and(|benign| benign.contains(&notice.episode))
}

fn lasts_ms(notice: &Notice) -> i64 {
    let (from, to) = notice.span_ns;
    to.saturating_sub(from) / 1_000_000
}

//! Who stood out in the latest windows.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use tidewatch::watch::{Entity, Shown};

use super::look::{Look, fit, score, short, tame};

/// A window's score, from nothing to the loudest of all.
const LEVELS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// Columns of a number behind a name.
const NUMBER: usize = 9;
/// Columns from which there is room for two.
const ROOMY: usize = 40;

pub fn draw(frame: &mut Frame<'_>, area: Rect, shown: &Shown, look: Look) {
    let crowd = &shown.entities;
    let roomy = usize::from(area.width) >= ROOMY;
    let windows = if roomy { format!(" in {} windows", crowd.starts_ms.len()) } else { String::new() };
    let told = vec![Span::styled(format!("of {}{windows}", short(crowd.count as f64, "")), look.soft())];
    let block = look.part("Who stands out", told);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let width = usize::from(inside.width);
    let numbers = if roomy { 2 * NUMBER } else { NUMBER };
    let longest = crowd.rows.iter().map(|row| row.entity.chars().count()).max().unwrap_or(0);
    let name = longest.clamp(6, 39).min(width.saturating_sub(numbers + 6).max(8));
    let room = width.saturating_sub(name + numbers + 1);
    let loudest = crowd.rows.iter().flat_map(|row| &row.scores).flatten().copied().fold(shown.threshold, f64::max);
    let titles =
        if roomy { format!("{:>NUMBER$}{:>NUMBER$}", "latest", "highest") } else { format!("{:>NUMBER$}", "highest") };
    let title = format!("{:name$}{titles}", "entity");
    let mut lines = vec![Line::styled(title, look.soft())];
    let row = |row: &Entity| {
        let latest = row.scores.last().copied().flatten();
        let highest = row.scores.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
        let style = |score: f64| if score >= shown.threshold { look.loud() } else { Style::new() };
        let number = latest.map_or_else(|| "–".to_owned(), score);
        let entity = tame(&row.entity);
        let mut line = vec![
            Span::styled(format!("{:name$}", fit(&entity, name)), style(highest)),
            Span::styled(
                if roomy { format!("{number:>NUMBER$}") } else { String::new() },
                latest.map_or_else(|| look.soft(), style),
            ),
            Span::styled(format!("{:>NUMBER$}", score(highest)), style(highest)),
            Span::raw(" "),
        ];
        line.extend(row.scores.iter().skip(row.scores.len().saturating_sub(room)).map(|score| match score {
            None => Span::styled("·", look.soft()),
            Some(score) => {
                let level = (score / loudest.max(1e-9) * 7.0).round().clamp(0.0, 7.0) as usize;
                let style = if *score >= shown.threshold { look.loud() } else { look.sea() };
                Span::styled(LEVELS[level], style)
            }
        }));
        Line::from(line)
    };
    lines.extend(crowd.rows.iter().map(row));
    frame.render_widget(Paragraph::new(lines), inside);
}

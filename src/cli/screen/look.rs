//! Colours and words that all parts of the screen share. Without colour it says the same: by words, marks, bold and dim.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders};
use tidewatch::alert::episode::Severity;
use tidewatch::alert::number;

/// Whether there is colour, as in <https://no-color.org>.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub colour: bool,
}

impl Look {
    pub fn of_terminal() -> Self {
        Self { colour: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) }
    }

    fn of(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// What is there, but not to be looked at first.
    pub fn soft(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Water.
    pub fn sea(self) -> Style {
        self.of(Color::Cyan)
    }

    /// What is over the threshold.
    pub fn loud(self) -> Style {
        self.of(Color::LightRed).add_modifier(Modifier::BOLD)
    }

    /// What is not as it should be.
    pub fn amiss(self) -> Style {
        self.of(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    pub fn severity(self, severity: Severity) -> Style {
        match severity {
            Severity::Low => self.of(Color::Cyan),
            Severity::Medium => self.of(Color::Yellow),
            Severity::High => self.of(Color::LightRed).add_modifier(Modifier::BOLD),
            Severity::Critical => self.of(Color::LightRed).add_modifier(Modifier::BOLD | Modifier::REVERSED),
        }
    }

    /// A part of the screen under its name.
    pub fn part(self, name: &'static str, told: Vec<Span<'static>>) -> Block<'static> {
        let mut title =
            vec![Span::raw("─ "), Span::styled(name, Style::new().add_modifier(Modifier::BOLD)), Span::raw(" ")];
        if !told.is_empty() {
            title.push(Span::raw("  "));
            title.extend(told);
            title.push(Span::raw(" "));
        }
        Block::new().borders(Borders::TOP).border_style(self.soft()).title(Line::from(title))
    }
}

/// A count with its noun: `1 alert`, `2,000 alerts`.
pub fn many(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(count as f64), if count == 1 { "" } else { "s" })
}

/// A large number in a few letters: `1.2 M`.
pub fn short(value: f64, unit: &str) -> String {
    let (scaled, prefix) = match value {
        value if value >= 1e12 => (value / 1e12, "T"),
        value if value >= 1e9 => (value / 1e9, "G"),
        value if value >= 1e6 => (value / 1e6, "M"),
        value if value >= 1e4 => (value / 1e3, "k"),
        value => (value, ""),
    };
    let digits = usize::from(!prefix.is_empty() && scaled < 100.0);
    let gap = if prefix.is_empty() && unit.is_empty() { "" } else { " " };
    format!("{scaled:.digits$}{gap}{prefix}{unit}")
}

/// A score in seven columns.
pub fn score(score: f64) -> String {
    let digits = match score {
        1e3.. => 0,
        1e2.. => 1,
        _ => 2,
    };
    format!("{score:>7.digits$}")
}

/// How long something lasts: `1 h 20 min`.
pub fn lasting(ms: i64) -> String {
    let s = ms.max(0) / 1000;
    let (unit, more) = match s {
        0 if ms > 0 => return format!("{ms} ms"),
        0..60 => return format!("{s} s"),
        60..3600 => ((s / 60, "min"), (s % 60, "s")),
        3600..86_400 => ((s / 3600, "h"), (s % 3600 / 60, "min")),
        _ => ((s / 86_400, "d"), (s % 86_400 / 3600, "h")),
    };
    match more {
        (0, _) => format!("{} {}", unit.0, unit.1),
        (rest, of) => format!("{} {} {rest} {of}", unit.0, unit.1),
    }
}

/// The time of day of a moment in RFC 3339, UTC.
pub fn clock(moment: &str) -> &str {
    moment.get(11..19).unwrap_or(moment)
}

/// As much of a text as has room, with a mark where it was cut.
pub fn fit(text: &str, room: usize) -> Cow<'_, str> {
    if text.chars().count() <= room {
        return text.into();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{kept}…").into()
}

/// Whether a character moves the cursor, turns the way of writing around or cannot be seen: names come from who sends packets.
fn is_mischief(one: char) -> bool {
    one.is_control()
        || matches!(one, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A text from anywhere as it may be drawn.
pub fn tame(text: &str) -> Cow<'_, str> {
    if text.contains(is_mischief) { text.replace(is_mischief, "\u{fffd}").into() } else { text.into() }
}

/// Takes out of a picture what must not reach a terminal, whichever way it came in.
pub fn tame_all(picture: &mut Buffer) {
    for cell in &mut picture.content {
        if cell.symbol().contains(is_mischief) {
            cell.set_symbol("\u{fffd}");
        }
    }
}

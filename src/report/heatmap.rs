//! Who was how loud when: a map of entities and time, each cell as dark as its loudest row.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::escape::escape;
use super::{Report, score, utc};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 936.0;
const TOP: f64 = 8.0;
const ROW: f64 = 18.0;
/// Entities that are shown: those with attacks first, then the loudest.
const SHOWN: usize = 24;
/// Cells of time.
const CELLS: usize = 120;

/// The loudest row of a cell, and whether an attack is in it.
#[derive(Clone, Copy, Default)]
struct Cell {
    score: f64,
    attack: bool,
    rows: usize,
}

/// The figure; nothing where there is but one entity.
pub(super) fn heatmap(report: &Report<'_>) -> Option<String> {
    let rows = report.rows;
    let (first, last) = (*rows.window_start_ns.iter().min()?, *rows.window_start_ns.iter().max()?);
    let span = i128::from(last) - i128::from(first) + i128::from(rows.window_ns);
    let cell_of = |start: i64| ((i128::from(start) - i128::from(first)) * CELLS as i128 / span.max(1)) as usize;
    let mut of: BTreeMap<u32, (usize, f64, BTreeMap<usize, Cell>)> = BTreeMap::new();
    for row in rows.scored(report.scores) {
        let Some(&entity) = rows.entity.get(row.index) else { continue };
        let (attacks, loudest, cells) = of.entry(entity).or_insert((0, f64::NEG_INFINITY, BTreeMap::new()));
        *attacks += usize::from(row.attack.is_some());
        *loudest = loudest.max(row.score);
        let cell = cells.entry(cell_of(row.start_ns).min(CELLS - 1)).or_default();
        cell.score = if cell.rows == 0 { row.score } else { cell.score.max(row.score) };
        cell.attack |= row.attack.is_some();
        cell.rows += 1;
    }
    if of.len() < 2 {
        return None;
    }
    let mut shown: Vec<_> = of.into_iter().collect();
    shown.sort_by(|(a, (a_attacks, a_loudest, _)), (b, (b_attacks, b_loudest, _))| {
        (*b_attacks > 0).cmp(&(*a_attacks > 0)).then(b_loudest.total_cmp(a_loudest)).then(a.cmp(b))
    });
    let hidden = shown.len().saturating_sub(SHOWN);
    shown.truncate(SHOWN);

    let bottom = TOP + ROW * shown.len() as f64;
    let height = bottom + 42.0;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"heat-title heat-text\">\
         <title id=\"heat-title\">Scores by entity and time</title><desc id=\"heat-text\">The {} entities with attacks or the highest \
         scores{}; a cell is as dark as its highest score, and framed if an attack is in it.</desc>",
        shown.len(),
        if hidden > 0 { format!(", {hidden} more are not shown") } else { String::new() }
    );
    let width = (RIGHT - LEFT) / CELLS as f64;
    for (line, (entity, (_, _, cells))) in shown.iter().enumerate() {
        let y = TOP + ROW * line as f64;
        let name = rows.entities.get(*entity as usize).map_or("?", String::as_str);
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + 13.0,
            escape(&shortened(name))
        );
        for (cell, of) in cells {
            // In five steps, so that a reader can tell them apart; the last two are alerts.
            let level = match of.score / report.threshold {
                share if share >= 2.0 => 5,
                share if share >= 1.0 => 4,
                share if share >= 0.66 => 3,
                share if share >= 0.33 => 2,
                _ => 1,
            };
            let x = LEFT + width * *cell as f64;
            let attack = if of.attack { " in" } else { "" };
            let _ = write!(
                svg,
                "<rect class=\"h{level}{attack}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\">",
                y + 1.0,
                width - 0.6,
                ROW - 2.0
            );
            if level > 3 || of.attack {
                let from = i128::from(first) + span * *cell as i128 / CELLS as i128;
                let from = utc(i64::try_from(from).unwrap_or(first), "%F %R");
                let attack = if of.attack { ", attack" } else { "" };
                let _ = write!(svg, "<title>{}, {from}: {}{attack}</title>", escape(name), score(of.score));
            }
            svg += "</rect>";
        }
    }
    for sixth in 0..=6_i128 {
        let x = LEFT + (RIGHT - LEFT) * sixth as f64 / 6.0;
        let at = i64::try_from(i128::from(first) + span * sixth / 6).unwrap_or(first);
        let anchor = ["start", "middle", "middle", "middle", "middle", "middle", "end"][sixth as usize];
        let _ = write!(
            svg,
            "<path class=\"axis\" d=\"M{x:.1} {bottom}v4\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            bottom + 18.0,
            utc(at, "%R")
        );
    }
    let _ = write!(svg, "<text class=\"date\" x=\"{LEFT}\" y=\"{}\">{}</text></svg>", bottom + 35.0, utc(first, "%F"));
    Some(svg)
}

/// A name that fits beside the map.
fn shortened(name: &str) -> String {
    const MOST: usize = 26;
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= MOST { name.to_owned() } else { letters[..MOST - 1].iter().collect::<String>() + "…" }
}

//! How sure a figure is: what it would be on other days of the same network.
//!
//! Rows of one attack, and benign rows of one hour, stand and fall together; a bootstrap over rows would take a hundred rows of
//! one flood for a hundred proofs. So whole episodes are drawn, and whole blocks of benign time (Carlstein 1986, Künsch 1989),
//! and the interval lies between percentiles of what comes of it. At the ends of what can be counted (all episodes found, no
//! false alarm) redrawing shows nothing: there Wilson's interval for a share (Brown, Cai & DasGupta 2001) and Garwood's for a rate
//! (1936) hold.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use serde::Serialize;

use super::metrics::{alarms_allowed, quantile, share};
use super::{Episode, Judged, Row, vus};

/// From where to where a figure lies.
pub type Interval = [f64; 2];

/// How sure the intervals are.
pub const CONFIDENCE: f64 = 0.95;
/// The normal deviate that belongs to it.
const DEVIATE: f64 = 1.959963984540054;
/// How often is drawn.
const DRAWS: u64 = 500;
/// How often at least.
const FEWEST_DRAWS: u64 = 100;
/// Windows, once for each buffer, that draws of the volume may look at in all.
const VOLUME_STEPS: u64 = 50_000_000;
/// Parts of the benign time, if it is no longer than a few days.
const BLOCKS: usize = 24;
/// From so many days on a block is a day.
const DAYS: f64 = 14.0;

/// Intervals of the figures, each null where it cannot be told (fewer than two episodes, or two blocks of time).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Intervals {
    /// How many of a hundred such intervals hold the truth, as a share.
    pub confidence: f64,
    /// Episodes that were drawn from.
    pub episodes: usize,
    /// Blocks of benign time that were drawn from.
    pub blocks: usize,
    /// Of the figure of this name.
    pub roc_auc: Option<Interval>,
    /// Of the figure of this name.
    pub pr_auc: Option<Interval>,
    /// Of the figure of this name, for all attacks together; left out where it is not looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vus_pr: Option<Interval>,
    /// Of the figure of this name.
    pub precision: Option<Interval>,
    /// Of the figure of this name.
    pub recall: Option<Interval>,
    /// Of the figure of this name.
    pub f1: Option<Interval>,
    /// Of the figures of this name.
    pub recall_at_alarms_per_day: AtAlarms,
    /// Of the share of episodes that are detected.
    pub episodes_detected: Option<Interval>,
    /// Of the median, in seconds.
    pub median_delay_s: Option<Interval>,
    /// Of the figure of this name.
    pub false_alarms_per_day: Option<Interval>,
}

/// Of recall when one, or ten, benign rows a day may alert.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AtAlarms {
    /// At one a day.
    #[serde(rename = "1")]
    pub one: Option<Interval>,
    /// At ten a day.
    #[serde(rename = "10")]
    pub ten: Option<Interval>,
}

/// Rows of one episode, or of one block of time.
#[derive(Clone, Copy)]
struct Part {
    unit: u32,
    rows: u32,
}

/// From one score that attack rows have down to the next: nothing depends on where between them benign rows lie.
#[derive(Default)]
struct Step {
    /// Benign rows above that score.
    above: Vec<Part>,
    /// Benign rows with it.
    tied: Vec<Part>,
    /// Attack rows with it.
    attack: Vec<Part>,
}

/// What is drawn from: rows in the order of their scores, by the episode or the block that they are of.
struct Urn {
    steps: Vec<Step>,
    /// Of each episode: its rows, those that alert, and how late it was found.
    episodes: Vec<(u32, u32, Option<f64>)>,
    /// Of each block: its benign rows, and those that alert.
    blocks: Vec<(u32, u32)>,
    span_days: f64,
}

/// The figures of one draw.
struct Draw {
    roc_auc: Option<f64>,
    pr_auc: Option<f64>,
    precision: f64,
    recall: f64,
    f1: f64,
    at_one: f64,
    at_ten: f64,
    detected: f64,
    delay: Option<f64>,
    alarms: f64,
}

/// The time of the rows, in blocks of as many windows.
pub(super) struct Blocks {
    /// The starts of all windows, ascending.
    starts: Vec<i64>,
    count: usize,
    span_days: f64,
}

impl Blocks {
    /// The blocks of the time that these rows cover.
    pub fn of(rows: &Judged<'_>) -> Self {
        let mut starts: Vec<i64> = rows.window_start_ns.to_vec();
        starts.sort_unstable();
        starts.dedup();
        let count = if rows.span_days >= DAYS { rows.span_days as usize } else { BLOCKS }.min(starts.len());
        Self { starts, count, span_days: rows.span_days }
    }

    /// The block of the window that starts then.
    fn at(&self, start_ns: i64) -> usize {
        self.starts.partition_point(|start| *start < start_ns) * self.count / self.starts.len().max(1)
    }
}

/// The intervals of what `kept` (rows that are benign or of one of these `episodes`) show at `threshold`.
pub(super) fn intervals(blocks: &Blocks, kept: &[Row], episodes: &[&Episode], threshold: f64) -> Intervals {
    let urn = Urn::new(blocks, kept, episodes, threshold);
    let (many_episodes, many_blocks) = (urn.episodes.len() > 1, urn.blocks.len() > 1);
    let draws: Vec<Draw> = if many_episodes || many_blocks {
        (0..DRAWS).into_par_iter().map(|seed| urn.draw(&mut Xoshiro256PlusPlus::seed_from_u64(seed))).collect()
    } else {
        Vec::new()
    };
    let between = |known: bool, figure: &dyn Fn(&Draw) -> Option<f64>| {
        percentiles(draws.iter().filter_map(figure).collect()).filter(|_| known)
    };
    let both = many_episodes && many_blocks;
    let found = episodes.iter().filter(|episode| episode.detected_ns.is_some()).count();
    let alarms = urn.blocks.iter().map(|&(_, alarms)| u64::from(alarms)).sum::<u64>();
    Intervals {
        confidence: CONFIDENCE,
        episodes: urn.episodes.len(),
        blocks: urn.blocks.len(),
        roc_auc: between(both, &|draw| draw.roc_auc),
        pr_auc: between(both, &|draw| draw.pr_auc),
        vus_pr: None,
        precision: between(both, &|draw| Some(draw.precision)),
        recall: between(many_episodes, &|draw| Some(draw.recall)),
        f1: between(both, &|draw| Some(draw.f1)),
        recall_at_alarms_per_day: AtAlarms {
            one: between(both, &|draw| Some(draw.at_one)),
            ten: between(both, &|draw| Some(draw.at_ten)),
        },
        episodes_detected: match found {
            _ if episodes.is_empty() => None,
            found if found == 0 || found == episodes.len() || !many_episodes => Some(wilson(found, episodes.len())),
            _ => between(true, &|draw| Some(draw.detected)),
        },
        median_delay_s: between(many_episodes, &|draw| draw.delay),
        false_alarms_per_day: match alarms {
            _ if urn.blocks.is_empty() => None,
            0 => Some([0.0, -((1.0 - CONFIDENCE) / 2.0).ln() / blocks.span_days]),
            _ => between(many_blocks, &|draw| Some(draw.alarms)),
        },
    }
}

/// Between which of the drawn values the middle ones lie.
fn percentiles(mut values: Vec<f64>) -> Option<Interval> {
    values.sort_unstable_by(f64::total_cmp);
    let at = |share| quantile(&values, share);
    Some([at((1.0 - CONFIDENCE) / 2.0)?, at((1.0 + CONFIDENCE) / 2.0)?])
}

/// The interval of the volume under the surface of windows in the order of time: each one's highest score, and whether an attack
/// is in it. The volume knows what lies beside an attack, so stretches of the series are drawn whole, and none ends inside an attack.
/// None with fewer than two attacks or stretches.
pub(super) fn interval_of_volume(scores: &[f64], attack: &[bool]) -> Option<Interval> {
    let stretches = stretches(attack);
    let begins = |window: usize| attack[window] && (window == 0 || !attack[window - 1]);
    if stretches.len() < 2 || (0..attack.len()).filter(|&window| begins(window)).count() < 2 {
        return None;
    }
    let buffer = vus::widest(attack);
    let steps = (buffer as u64 + 1) * attack.len() as u64;
    let volume = |seed: u64| {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let drawn = (0..stretches.len()).flat_map(|_| stretches[rng.gen_range(0..stretches.len())].clone());
        let (scores, attack): (Vec<f64>, Vec<bool>) = drawn.map(|window| (scores[window], attack[window])).unzip();
        vus::vus_pr(&scores, &attack, buffer)
    };
    // A long series is dear, and shows much in few draws.
    let draws = (VOLUME_STEPS / steps.max(1)).clamp(FEWEST_DRAWS, DRAWS);
    percentiles((0..draws).into_par_iter().filter_map(volume).collect())
}

/// [`BLOCKS`] stretches of about as many windows; each goes on to the end of the attack that it would cut.
fn stretches(attack: &[bool]) -> Vec<std::ops::Range<usize>> {
    let (count, mut stretches, mut from) = (BLOCKS.min(attack.len()), Vec::new(), 0);
    for block in 1..=count {
        let mut to = (block * attack.len() / count).max(from);
        while to < attack.len() && to > 0 && attack[to] && attack[to - 1] {
            to += 1;
        }
        if to > from {
            stretches.push(from..to);
        }
        from = to;
    }
    stretches
}

/// Wilson's interval for a share of independent trials.
fn wilson(found: usize, of: usize) -> Interval {
    let (n, p, z) = (of as f64, share(found, of), DEVIATE);
    let (middle, half) = (p + z * z / (2.0 * n), z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt());
    let scale = 1.0 + z * z / n;
    [((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0)]
}

impl Urn {
    fn new(blocks: &Blocks, kept: &[Row], episodes: &[&Episode], threshold: f64) -> Self {
        let mut by_attack: Vec<(u16, i64, usize)> =
            episodes.iter().enumerate().map(|(place, episode)| (episode.attack, episode.start_ns, place)).collect();
        by_attack.sort_unstable();
        let mut urn = Self {
            steps: vec![Step::default()],
            episodes: episodes.iter().map(|episode| (0, 0, episode.delay_s())).collect(),
            blocks: vec![(0, 0); blocks.count],
            span_days: blocks.span_days,
        };
        let unit = |row: &Row| match row.attack {
            Some(attack) => {
                let behind = by_attack.partition_point(|&(a, start, _)| (a, start) <= (attack, row.start_ns));
                behind.checked_sub(1).map_or(0, |at| by_attack[at].2)
            }
            None => blocks.at(row.start_ns),
        };
        let mut ranked: Vec<(f64, bool, u32)> =
            kept.iter().map(|row| (row.score, row.attack.is_some(), unit(row) as u32)).collect();
        ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        for tied in ranked.chunk_by(|a, b| a.0 == b.0) {
            let mixed = tied.iter().any(|&(_, attack, _)| attack);
            for &(score, attack, unit) in tied {
                let alerts = u32::from(score >= threshold);
                if attack {
                    if let Some((rows, found, _)) = urn.episodes.get_mut(unit as usize) {
                        (*rows, *found) = (*rows + 1, *found + alerts);
                    }
                } else if let Some((rows, alarms)) = urn.blocks.get_mut(unit as usize) {
                    (*rows, *alarms) = (*rows + 1, *alarms + alerts);
                }
                let Some(step) = urn.steps.last_mut() else { continue };
                let parts = match (attack, mixed) {
                    (true, _) => &mut step.attack,
                    (false, true) => &mut step.tied,
                    (false, false) => &mut step.above,
                };
                parts.push(Part { unit, rows: 1 });
            }
            if mixed {
                urn.steps.push(Step::default());
            }
        }
        for step in &mut urn.steps {
            [&mut step.above, &mut step.tied, &mut step.attack].into_iter().for_each(gather);
        }
        urn
    }

    fn draw(&self, rng: &mut Xoshiro256PlusPlus) -> Draw {
        let mut weights = |units: usize| {
            let mut weights = vec![0_u32; units];
            (0..units).for_each(|_| weights[rng.gen_range(0..units)] += 1);
            weights
        };
        let (episodes, blocks) = (weights(self.episodes.len()), weights(self.blocks.len()));
        self.weighed(&episodes, &blocks)
    }

    /// The figures if each episode and each block were there so often.
    fn weighed(&self, episodes: &[u32], blocks: &[u32]) -> Draw {
        let weigh = |parts: &[Part], weights: &[u32]| {
            parts.iter().map(|part| u64::from(part.rows) * u64::from(weights[part.unit as usize])).sum::<u64>()
        };
        let sum = |counts: &mut dyn Iterator<Item = (u32, u32)>| {
            counts.map(|(count, weight)| u64::from(count) * u64::from(weight)).sum::<u64>()
        };
        let of_episodes = || self.episodes.iter().zip(episodes);
        let of_blocks = || self.blocks.iter().zip(blocks);
        let attack = sum(&mut of_episodes().map(|(episode, weight)| (episode.0, *weight)));
        let benign = sum(&mut of_blocks().map(|(block, weight)| (block.0, *weight)));

        let allowed = [1.0, 10.0].map(|per_day| alarms_allowed(per_day, self.span_days) as u64);
        let (mut right, mut wrong, mut area, mut pairs, mut at) = (0, 0, 0.0, 0.0, [0; 2]);
        for step in &self.steps {
            let (tied, found) = (weigh(&step.tied, blocks), weigh(&step.attack, episodes));
            wrong += weigh(&step.above, blocks) + tied;
            right += found;
            if found > 0 {
                pairs += found as f64 * (benign.saturating_sub(wrong) as f64 + tied as f64 / 2.0);
                area += found as f64 * right as f64 / (right + wrong) as f64;
            }
            for (at, allowed) in at.iter_mut().zip(allowed) {
                if wrong <= allowed {
                    *at = right;
                }
            }
        }
        let found = sum(&mut of_episodes().map(|(episode, weight)| (episode.1, *weight)));
        let alarms = sum(&mut of_blocks().map(|(block, weight)| (block.1, *weight)));
        let late = of_episodes().filter_map(|((_, _, delay), weight)| Some(((*delay)?, *weight)));
        let mut delays: Vec<f64> =
            late.flat_map(|(delay, weight)| std::iter::repeat_n(delay, weight as usize)).collect();
        delays.sort_unstable_by(f64::total_cmp);
        let ratio = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let ranked = attack > 0 && benign > 0;
        Draw {
            roc_auc: ranked.then(|| pairs / (attack as f64 * benign as f64)),
            pr_auc: ranked.then(|| area / attack as f64),
            precision: ratio(found, found + alarms),
            recall: ratio(found, attack),
            f1: ratio(2 * found, found + alarms + attack),
            at_one: ratio(at[0], attack),
            at_ten: ratio(at[1], attack),
            detected: share(delays.len(), self.episodes.len()),
            delay: quantile(&delays, 0.5),
            alarms: alarms as f64 / self.span_days,
        }
    }
}

/// Parts of one unit become one.
fn gather(parts: &mut Vec<Part>) {
    parts.sort_unstable_by_key(|part| part.unit);
    parts.dedup_by(|next, part| {
        let same = next.unit == part.unit;
        if same {
            part.rows += next.rows;
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use super::super::{episodes, judge, judge_overall};
    use super::*;

    const WINDOW: i64 = 30_000_000_000;

    /// A day of windows; every 96th begins an attack of six, of which a few are as loud as the benign ones.
    fn day(test: impl FnOnce(&Judged<'_>, &[f64])) {
        let starts: Vec<i64> = (0..2880).map(|window| window * WINDOW).collect();
        let label: Vec<Option<u16>> = (0..2880).map(|window| (window % 96 < 6).then_some(0)).collect();
        let noise = |window: usize| (window * 7919 % 1009) as f64 / 1009.0;
        let scores: Vec<f64> = (0..2880)
            .map(|window| noise(window) + if label[window].is_some() { noise(window / 96) } else { 0.0 })
            .collect();
        let names = ["flood".to_owned()];
        let rows = Judged {
            window_start_ns: &starts,
            window_ns: WINDOW,
            entity: &vec![0; 2880],
            entities: &names,
            label: &label,
            names: &names,
            span_days: 1.0,
            prevalence: None,
        };
        test(&rows, &scores);
    }

    #[test]
    fn a_draw_of_everything_once_is_the_figure() {
        day(|rows, scores| {
            let kept: Vec<Row> = rows.scored(scores).collect();
            let found = episodes(rows, scores, 0.9);
            let urn = Urn::new(&Blocks::of(rows), &kept, &found.iter().collect::<Vec<_>>(), 0.9);
            let figures = judge(rows, scores, 0.9).unwrap();
            let all = urn.weighed(&vec![1; urn.episodes.len()], &vec![1; urn.blocks.len()]);
            assert_eq!(all.roc_auc, figures.roc_auc);
            assert!((all.pr_auc.unwrap() - figures.pr_auc.unwrap()).abs() < 1e-12);
            assert_eq!((all.precision, all.recall, all.f1), (figures.precision, figures.recall, figures.f1));
            assert_eq!(Some(all.at_one), figures.recall_at_alarms_per_day.one);
            assert_eq!(Some(all.at_ten), figures.recall_at_alarms_per_day.ten);
            assert_eq!((all.delay, all.alarms), (figures.detection_delay_s.median, figures.false_alarms_per_day));
        });
    }

    #[test]
    fn intervals_hold_the_figure_and_are_the_same_again() {
        day(|rows, scores| {
            let figures = judge(rows, scores, 0.9).unwrap();
            let intervals = figures.intervals.clone().unwrap();
            assert_eq!((intervals.episodes, intervals.blocks), (30, 24));
            for (figure, interval) in [
                (figures.roc_auc.unwrap(), intervals.roc_auc),
                (figures.pr_auc.unwrap(), intervals.pr_auc),
                (figures.precision, intervals.precision),
                (figures.recall, intervals.recall),
                (figures.false_alarms_per_day, intervals.false_alarms_per_day),
                (figures.episodes_detected as f64 / 30.0, intervals.episodes_detected),
            ] {
                let [low, high] = interval.unwrap();
                assert!(low <= figure && figure <= high && low < high, "{figure} in {low}..{high}");
            }
            assert_eq!(judge(rows, scores, 0.9).unwrap(), figures);
        });
    }

    #[test]
    fn no_stretch_ends_inside_an_attack() {
        let mut attack = vec![false; 100];
        attack[3..30].fill(true);
        attack[99] = true;
        let stretches = stretches(&attack);
        assert_eq!((stretches[0].clone(), stretches[1].clone()), (0..30, 30..33));
        assert_eq!(stretches.iter().map(|stretch| stretch.len()).sum::<usize>(), 100);
        assert!(stretches.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert!(super::stretches(&[]).is_empty());
    }

    #[test]
    fn the_volume_lies_in_its_interval() {
        day(|rows, scores| {
            let figures = judge_overall(rows, scores, 0.9).unwrap();
            let (volume, interval) = (figures.vus_pr.unwrap(), figures.intervals.unwrap().vus_pr.unwrap());
            assert!(interval[0] < volume && volume < interval[1], "{volume} in {interval:?}");
            assert!(interval[1] - interval[0] < 0.3, "{interval:?}");
        });
    }

    #[test]
    fn where_redrawing_shows_nothing_a_formula_does() {
        // Wilson, 10 of 10: n / (n + z²).
        let [low, high] = wilson(10, 10);
        assert!((low - 10.0 / (10.0 + DEVIATE * DEVIATE)).abs() < 1e-12 && (high - 1.0).abs() < 1e-12);
        day(|rows, scores| {
            let quiet = judge(rows, scores, 9.0).unwrap().intervals.unwrap();
            // −ln 0.025 alarms in one day.
            assert!((quiet.false_alarms_per_day.unwrap()[1] - 3.688879454113936).abs() < 1e-9);
            assert_eq!(quiet.episodes_detected, Some(wilson(0, 30)));
            let benign = Judged { label: &vec![None; 2880], ..*rows };
            let of_benign = judge(&benign, scores, 0.9).unwrap().intervals.unwrap();
            assert_eq!((of_benign.pr_auc, of_benign.recall, of_benign.episodes_detected), (None, None, None));
            assert!(of_benign.false_alarms_per_day.is_some());
        });
    }
}

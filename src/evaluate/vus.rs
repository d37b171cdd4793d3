//! The volume under the surface of precision and recall: PR-AUC that forgives a detector for being a little early or late.
//!
//! Paparrizos et al. 2022, "Volume under the surface: a new accuracy evaluation measure for time-series anomaly detection"
//! (VLDB 15). Each attack is widened by a buffer in which the truth falls off from 1 to 0, recall is multiplied by the share of
//! attacks that are touched at all, and the area is averaged over buffers of 0 to `widest` windows. Theirs looks at 250
//! thresholds; here every score is one, as in theirs (`vus` 0.0.6 on PyPI) with as many thresholds as scores.

/// The volume for a series of windows in the order of time: each one's score and whether an attack is in it. None if all windows
/// are alike.
pub fn vus_pr(scores: &[f64], attack: &[bool], widest: usize) -> Option<f64> {
    let runs = runs(attack);
    if runs.is_empty() || attack.iter().all(|&attack| attack) {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let area = |buffer| area(&order, scores, &runs, buffer);
    Some((0..=widest).map(area).sum::<f64>() / (widest + 1) as f64)
}

/// How wide a buffer is at most: as the attack of median length, and never more than a hundred windows.
pub fn widest(attack: &[bool]) -> usize {
    let mut lengths: Vec<usize> = runs(attack).iter().map(|&(first, last)| last - first + 1).collect();
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).map_or(0, |&length| length.min(100))
}

/// The first and the last window of each attack.
fn runs(attack: &[bool]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (window, _) in attack.iter().enumerate().filter(|(_, attack)| **attack) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == window => *last = window,
            _ => runs.push((window, window)),
        }
    }
    runs
}

/// The area under precision over recall, in steps, with attacks widened by `buffer` in all.
fn area(order: &[usize], scores: &[f64], runs: &[(usize, usize)], buffer: usize) -> f64 {
    let (windows, half) = (order.len(), buffer / 2);
    let mut truth = vec![0.0_f64; windows];
    let mut inside = vec![false; windows];
    // Which widened attack a window is in; those that touch are one.
    let mut part = vec![usize::MAX; windows];
    let (mut parts, mut reached) = (0, None);
    for &(first, last) in runs {
        let (from, to) = (first.saturating_sub(half), (last + half).min(windows - 1));
        if reached.is_none_or(|reached| first > reached + half) {
            parts += 1;
        }
        reached = Some(last + half);
        for window in from..=to {
            let away = first.saturating_sub(window).max(window.saturating_sub(last));
            truth[window] += if away == 0 { 1.0 } else { (1.0 - away as f64 / buffer as f64).sqrt() };
            part[window] = parts - 1;
            inside[window] |= away == 0;
        }
    }
    truth.iter_mut().for_each(|truth| *truth = truth.min(1.0));
    let attack: usize = runs.iter().map(|(first, last)| last - first + 1).sum();

    // An alert in a buffer is right as far as the truth reaches there. Half of that is added to what there is to find: nobody has
    // to alert in a buffer.
    let (mut right, mut near, mut alerts, mut touched) = (0.0, 0.0, 0, 0);
    let mut is_touched = vec![false; parts];
    let (mut area, mut before) = (0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        for &window in tied {
            right += truth[window];
            near += if inside[window] { 0.0 } else { truth[window] };
            if truth[window] > 0.0 && !std::mem::replace(&mut is_touched[part[window]], true) {
                touched += 1;
            }
        }
        alerts += tied.len();
        let recall = (right / (attack as f64 + near / 2.0)).min(1.0) * touched as f64 / parts as f64;
        area += (recall - before) * right / alerts as f64;
        before = recall;
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_buffer_it_is_the_average_precision() {
        assert_eq!(vus_pr(&[0.1, 0.9, 0.2], &[false, true, false], 0), Some(1.0));
        assert_eq!(vus_pr(&[0.9, 0.5, 0.2], &[false, true, false], 0), Some(0.5));
    }

    #[test]
    fn a_near_miss_is_forgiven_by_the_buffer() {
        let mut attack = [false; 40];
        attack[20..24].fill(true);
        let peak = |at: usize| (0..40).map(|window| if window == at { 1.0 } else { 0.0 }).collect::<Vec<f64>>();
        let near = vus_pr(&peak(18), &attack, 8).unwrap();
        assert!(near > vus_pr(&peak(2), &attack, 8).unwrap());
        assert!(near < vus_pr(&peak(20), &attack, 8).unwrap());
    }

    #[test]
    fn what_is_undefined() {
        assert_eq!(vus_pr(&[], &[], 4), None);
        assert_eq!(vus_pr(&[1.0, 2.0], &[false, false], 4), None);
        assert_eq!(vus_pr(&[1.0, 2.0], &[true, true], 4), None);
        assert_eq!(widest(&[false, false]), 0);
        assert_eq!(widest(&[true, false, true, true, true, false, true]), 1);
    }
}

//! Doubt: which rows of a table are not learned from, where nobody says which of them are attacks.
//!
//! Attacks among the rows of training make detectors take attacks for normal, densities and distances above all. They are
//! sought as the minimum covariance determinant is fitted and reweighted (Rousseeuw, Van Driessen: A Fast Algorithm for the
//! Minimum Covariance Determinant Estimator, Technometrics 41, 1999): detectors that were fitted on everything name the oddest
//! tenth, others are fitted without it, and what lies far beyond the tail of the rows that these know is doubtful. All else is
//! learned from again, for most of the oddest tenth is only rare. To repeat that would let the doubtful rows in again one by one.
//!
//! Doubtful rows are counted when scores are calibrated: what is an alarm remains a matter of how seldom it is.

use super::calibrate::Calibration;
use super::ensemble::{Ensemble, Kind};
use super::folds::{Fit, Folds};
use crate::error::Result;

/// The share of rows that are set aside at first. Tables of attacks hold from none to a third of them, and most less than this.
const ODDEST: f64 = 0.1;

/// A row is doubtful if rows are so odd once in n to this power, where there are n. That is not once in n, for the rows that
/// are left were chosen for being ordinary, and their tail ends too soon: it would leave out one benign row in fifteen. This
/// leaves out one in forty; with 2.5, one in a hundred, attacks that are a twentieth of NSL-KDD are not noticed.
const BEYOND: f64 = 1.5;

/// How often detectors are fitted on all folds.
pub(super) const PASSES: usize = 3;

/// Fits detectors on the rows that are not doubtful, and says how many are.
///
/// # Errors
/// As [`Folds::fit`].
pub(super) fn fit(folds: &Folds<'_>, kinds: &[Kind]) -> Result<(Fit, usize)> {
    let (entities, schema) = (&folds.benign.entity, &folds.benign.schema);
    let everything = folds.fit(kinds, &vec![true; entities.len()])?;
    let (_, odd) = Ensemble::calibrate(everything.members, everything.held_out, entities, schema);
    let calm = all_but_the_oddest(&odd);

    let Fit { members, held_out, .. } = folds.fit(kinds, &calm)?;
    let of_calm = held_out.iter().map(|scores| chosen(scores, &calm)).collect();
    let (ensemble, usual) = Ensemble::calibrate(members, of_calm, &chosen(entities, &calm), schema);
    let (odd, _) = ensemble.hear(held_out, entities);
    let believed = within_the_tail(&odd, usual);

    let doubtful = believed.iter().filter(|&&believed| !believed).count();
    Ok((folds.fit(kinds, &believed)?, doubtful))
}

/// Which rows are not among the oddest; of rows that are as odd the later ones are.
fn all_but_the_oddest(odd: &[f64]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..odd.len()).collect();
    order.sort_by(|&a, &b| odd[a].total_cmp(&odd[b]));
    let calm = odd.len() - (ODDEST * odd.len() as f64) as usize;
    let mut kept = vec![false; odd.len()];
    order[..calm].iter().for_each(|&row| kept[row] = true);
    kept
}

/// Which rows are not far beyond what is usual.
fn within_the_tail(odd: &[f64], usual: Vec<f64>) -> Vec<bool> {
    let calibration = Calibration::fit(usual);
    let most = BEYOND * (odd.len() as f64).ln();
    odd.iter().map(|&odd| calibration.surprise(odd) < most).collect()
}

fn chosen<T: Clone>(all: &[T], which: &[bool]) -> Vec<T> {
    all.iter().zip(which).filter(|(_, which)| **which).map(|(one, _)| one.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_is_set_aside_and_comes_back_unless_it_is_far_out() {
        // An exponential's quantiles, and two rows that are none of it.
        let mut odd: Vec<f64> = (0..998).map(|row| -(1.0 - (f64::from(row) + 0.5) / 998.0).ln()).collect();
        odd.extend([40.0, 60.0]);
        let calm = all_but_the_oddest(&odd);
        assert_eq!(calm.iter().filter(|&&calm| calm).count(), 900);
        assert!(calm[..900].iter().all(|&calm| calm));
        let believed = within_the_tail(&odd, chosen(&odd, &calm));
        assert!(believed[..900].iter().all(|&believed| believed));
        let back = believed[900..998].iter().filter(|&&believed| believed).count();
        assert!(back > 40, "rows that are only rare are believed, but for the rarest: {back} of 98");
        assert_eq!(believed[998..], [false, false]);
    }

    #[test]
    fn rows_that_are_all_alike_are_all_believed() {
        let odd = vec![0.0; 50];
        assert!(within_the_tail(&odd, chosen(&odd, &all_but_the_oddest(&odd))).iter().all(|&believed| believed));
    }
}

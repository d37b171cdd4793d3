//! What a ranking of rows is worth, all of it read off one [`Curve`].
//!
//! ROC-AUC is the probability that an attack row scores above a benign one, ties counted half (Hanley & McNeil 1982;
//! the midrank form of Mann and Whitney). PR-AUC is the average precision as scikit-learn computes it: step-wise, rows
//! of one score enter together, nothing is interpolated (Davis & Goadrich 2006 say why interpolation flatters).

/// The rows that share one score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Their score.
    pub score: f64,
    /// How many of them are attack rows.
    pub attack: usize,
    /// How many of them are benign.
    pub benign: usize,
}

/// Rows counted by score, from the most anomalous down. Every threshold that can be told from another lies on a level.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    levels: Vec<Level>,
    attack: usize,
    benign: usize,
}

/// What a threshold does: the alerts, right and wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alerts {
    /// Attack rows at or above the threshold.
    pub right: usize,
    /// Benign rows at or above it.
    pub wrong: usize,
}

impl Curve {
    /// The curve of rows given as (score, is an attack row), in any order. Scores are not NaN.
    pub fn new(rows: impl IntoIterator<Item = (f64, bool)>) -> Self {
        let mut rows: Vec<(f64, bool)> = rows.into_iter().collect();
        rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let mut curve = Curve::default();
        // `==` and not the total order tells levels apart: 0.0 and -0.0 are one score.
        for tied in rows.chunk_by(|a, b| a.0 == b.0) {
            let attack = tied.iter().filter(|row| row.1).count();
            let level = Level { score: tied[0].0, attack, benign: tied.len() - attack };
            curve.attack += level.attack;
            curve.benign += level.benign;
            curve.levels.push(level);
        }
        curve
    }

    /// The levels, highest score first.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// How many attack rows there are.
    pub fn attack(&self) -> usize {
        self.attack
    }

    /// How many benign rows there are.
    pub fn benign(&self) -> usize {
        self.benign
    }

    /// The levels with the alerts of a threshold that lies on them.
    pub fn thresholds(&self) -> impl Iterator<Item = (&Level, Alerts)> {
        self.levels.iter().scan(Alerts::default(), |alerts, level| {
            alerts.right += level.attack;
            alerts.wrong += level.benign;
            Some((level, *alerts))
        })
    }

    /// Area under the receiver operating characteristic, 0 to 1; none if a class is missing.
    pub fn roc_auc(&self) -> Option<f64> {
        if self.attack == 0 || self.benign == 0 {
            return None;
        }
        // Twice the number of pairs in which the attack row is above, so that every sum is a whole number and exact.
        let pairs: f64 = self
            .thresholds()
            .map(|(level, at)| level.benign as f64 * (2 * (at.right - level.attack) + level.attack) as f64)
            .sum();
        Some(pairs / (2.0 * self.attack as f64 * self.benign as f64))
    }

    /// Average precision, `Σ (recallₙ − recallₙ₋₁) · precisionₙ` over the levels; none if a class is missing.
    pub fn pr_auc(&self) -> Option<f64> {
        if self.attack == 0 || self.benign == 0 {
            return None;
        }
        let sum: f64 = self.thresholds().map(|(level, at)| level.attack as f64 * at.precision()).sum();
        Some(sum / self.attack as f64)
    }

    /// The alerts at `threshold`; a row whose score equals it is an alert.
    pub fn at(&self, threshold: f64) -> Alerts {
        let above = self.levels.iter().take_while(|level| level.score >= threshold);
        above.fold(Alerts::default(), |alerts, level| Alerts {
            right: alerts.right + level.attack,
            wrong: alerts.wrong + level.benign,
        })
    }

    /// The lowest threshold with at most `alarms` benign rows at or above it. It lies on a level, or just above the
    /// highest score if even that one holds too many; with no rows it is 0.
    pub fn threshold_at(&self, alarms: usize) -> f64 {
        let allowed = self.thresholds().take_while(|(_, at)| at.wrong <= alarms).last();
        match (allowed, self.levels.first()) {
            (Some((level, _)), _) => level.score,
            (None, Some(highest)) => highest.score.next_up(),
            (None, None) => 0.0,
        }
    }

    /// The share of attack rows that [`threshold_at`](Self::threshold_at) finds. 0 without attack rows; none without
    /// benign rows, since then there is nothing to read a threshold off.
    pub fn recall_at(&self, alarms: usize) -> Option<f64> {
        let found = self.thresholds().take_while(|(_, at)| at.wrong <= alarms).last();
        (self.benign > 0).then(|| found.map_or(0.0, |(_, at)| at.recall(self.attack)))
    }
}

impl Alerts {
    /// The share of alerts that are right; 0 if nothing alerts (scikit-learn's `zero_division=0`).
    pub fn precision(self) -> f64 {
        share(self.right, self.right + self.wrong)
    }

    /// The share of the `attack` rows that alert; 0 if there are none.
    pub fn recall(self, attack: usize) -> f64 {
        share(self.right, attack)
    }

    /// The harmonic mean of precision and recall; 0 if both are 0 or undefined.
    pub fn f1(self, attack: usize) -> f64 {
        share(2 * self.right, self.right + self.wrong + attack)
    }
}

/// How many false alarms `per_day` allows in `span_days`, rounded down: half a day at one a day allows none. The
/// billionth keeps a span that was divided out of nanoseconds from losing its last alarm.
pub fn alarms_allowed(per_day: f64, span_days: f64) -> usize {
    (per_day * span_days + 1e-9).floor() as usize
}

/// The `quantile` (0 to 1) of values in ascending order, interpolated linearly as NumPy does; none of none.
pub fn quantile(ascending: &[f64], quantile: f64) -> Option<f64> {
    let at = quantile * ascending.len().checked_sub(1)? as f64;
    let (below, above) = (ascending.get(at.floor() as usize)?, ascending.get(at.ceil() as usize)?);
    Some(below + (above - below) * at.fract())
}

/// `part / whole`, and 0 of nothing.
pub(super) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curve(scores: &[f64], attack: &[u8]) -> Curve {
        Curve::new(scores.iter().copied().zip(attack.iter().map(|&attack| attack == 1)))
    }

    #[test]
    fn figures_by_hand() {
        // From the top: attack, benign, (attack, benign tied), benign.
        let curve = curve(&[0.9, 0.8, 0.5, 0.5, 0.1], &[1, 0, 1, 0, 0]);
        // Of 2 × 3 pairs: 3 for the first attack row; 1 + ½ for the second.
        assert_eq!(curve.roc_auc(), Some(4.5 / 6.0));
        // ½ · 1/1 + ½ · 2/4
        assert_eq!(curve.pr_auc(), Some(0.75));
        let alerts = curve.at(0.5);
        assert_eq!(alerts, Alerts { right: 2, wrong: 2 });
        assert_eq!((alerts.precision(), alerts.recall(2), alerts.f1(2)), (0.5, 1.0, 2.0 / 3.0));
        assert_eq!(curve.at(0.51), Alerts { right: 1, wrong: 1 });
        assert_eq!([0, 1, 2, 3].map(|alarms| curve.threshold_at(alarms)), [0.9, 0.8, 0.5, 0.1]);
        assert_eq!([0, 1, 2, 3].map(|alarms| curve.recall_at(alarms)), [Some(0.5), Some(0.5), Some(1.0), Some(1.0)]);
    }

    /// Values of scikit-learn 1.9.1: `roc_auc_score`, `average_precision_score`,
    /// `precision_recall_fscore_support(average="binary", zero_division=0)` at the threshold.
    #[test]
    fn figures_as_scikit_learn_has_them() {
        type Case = (&'static [f64], &'static [u8], f64, f64, f64, [f64; 3]);
        let cases: [Case; 3] = [
            (
                &[724.0, 1000.0, 123.0, 523.0, 627.0, 1000.0, 877.0, 396.0, 1000.0, 46.0, 1000.0, 589.0],
                &[1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 1],
                500.0,
                0.9375,
                0.9704861111111112,
                [0.8888888888888888, 1.0, 0.9411764705882353],
            ),
            (
                &[2.0, 4.0, 2.0, 4.0, 5.0, 1.0, 4.0, 0.0, 2.0, 5.0, 2.0, 3.0, 0.0, 3.0, 3.0, 2.0, 4.0, 3.0, 3.0, 2.0],
                &[1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0],
                3.0,
                0.7087912087912088,
                0.6046600458365164,
                [0.45454545454545453, 0.7142857142857143, 0.5555555555555556],
            ),
            (
                &[
                    0.0, 3.0, 4.0, 7.0, 6.0, 6.0, 4.0, 3.0, 2.0, 7.0, 7.0, 1.0, 1.0, 1.0, 4.0, 3.0, 4.0, 2.0, 2.0, 3.0,
                    2.0, 4.0, 7.0, 5.0,
                ],
                &[0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0],
                9.0,
                0.48412698412698413,
                0.1611111111111111,
                [0.0, 0.0, 0.0],
            ),
        ];
        let close = |ours: f64, theirs: f64| assert!((ours - theirs).abs() < 1e-12, "{ours} is not {theirs}");
        for (scores, attack, threshold, roc_auc, pr_auc, [precision, recall, f1]) in cases {
            let curve = curve(scores, attack);
            close(curve.roc_auc().unwrap(), roc_auc);
            close(curve.pr_auc().unwrap(), pr_auc);
            let alerts = curve.at(threshold);
            close(alerts.precision(), precision);
            close(alerts.recall(curve.attack()), recall);
            close(alerts.f1(curve.attack()), f1);
        }
    }

    #[test]
    fn what_is_undefined() {
        let benign = curve(&[1.0, 2.0], &[0, 0]);
        assert_eq!((benign.roc_auc(), benign.pr_auc(), benign.recall_at(1)), (None, None, Some(0.0)));
        assert_eq!((benign.at(3.0).precision(), benign.at(3.0).recall(0), benign.at(3.0).f1(0)), (0.0, 0.0, 0.0));
        let attacks = curve(&[1.0, 2.0], &[1, 1]);
        assert_eq!((attacks.roc_auc(), attacks.pr_auc(), attacks.recall_at(1)), (None, None, None));
        assert_eq!(Curve::new([]).threshold_at(1), 0.0);
    }

    #[test]
    fn a_benign_row_on_top_leaves_no_threshold_but_one_above_it() {
        let curve = curve(&[2.0, 1.0], &[0, 1]);
        assert_eq!(curve.at(curve.threshold_at(0)), Alerts::default());
        assert_eq!(curve.recall_at(0), Some(0.0));
    }

    #[test]
    fn zero_has_no_sign() {
        assert_eq!(curve(&[0.0, -0.0], &[1, 0]).roc_auc(), Some(0.5));
    }

    #[test]
    fn alarms_are_rounded_down() {
        assert_eq!([0.49, 1.0, 2.999].map(|days| alarms_allowed(1.0, days)), [0, 1, 2]);
        assert_eq!(alarms_allowed(10.0, 0.7), 7);
    }

    #[test]
    fn quantiles_are_interpolated() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[3.0], 0.95), Some(3.0));
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[0.0, 100.0], 0.95), Some(95.0));
    }

    fn rows() -> impl Strategy<Value = Vec<(i16, bool)>> {
        prop::collection::vec((-20_i16..20, any::<bool>()), 2..80)
    }

    fn of(rows: &[(i16, bool)], score: impl Fn(f64) -> f64) -> Curve {
        Curve::new(rows.iter().map(|&(value, attack)| (score(f64::from(value)), attack)))
    }

    proptest! {
        #[test]
        fn only_the_order_counts(rows in rows()) {
            let (plain, bent) = (of(&rows, |x| x), of(&rows, |x| (x / 7.0).exp()));
            prop_assert_eq!(plain.roc_auc(), bent.roc_auc());
            prop_assert_eq!(plain.pr_auc(), bent.pr_auc());
        }

        #[test]
        fn roc_auc_is_the_share_of_pairs(rows in rows()) {
            let (mut pairs, mut above) = (0, 0.0);
            for attack in rows.iter().filter(|row| row.1) {
                for benign in rows.iter().filter(|row| !row.1) {
                    pairs += 1;
                    above += match attack.0.cmp(&benign.0) {
                        std::cmp::Ordering::Greater => 1.0,
                        std::cmp::Ordering::Equal => 0.5,
                        std::cmp::Ordering::Less => 0.0,
                    };
                }
            }
            prop_assert_eq!(of(&rows, |x| x).roc_auc(), (pairs > 0).then(|| above / f64::from(pairs)));
        }

        #[test]
        fn other_labels_or_other_direction_turn_it_round(rows in rows()) {
            let curve = of(&rows, |x| x);
            let flipped: Vec<_> = rows.iter().map(|&(value, attack)| (value, !attack)).collect();
            if let Some(auc) = curve.roc_auc() {
                prop_assert!((of(&flipped, |x| x).roc_auc().unwrap() - (1.0 - auc)).abs() < 1e-12);
                prop_assert!((of(&rows, |x| -x).roc_auc().unwrap() - (1.0 - auc)).abs() < 1e-12);
            }
        }

        #[test]
        fn more_alarms_never_find_less(rows in rows(), few in 0_usize..40, more in 0_usize..40) {
            let curve = of(&rows, |x| x);
            prop_assert!(curve.recall_at(few) <= curve.recall_at(few + more));
        }

        #[test]
        fn the_threshold_keeps_to_its_alarms_and_no_lower_one_does(rows in rows(), alarms in 0_usize..40) {
            let curve = of(&rows, |x| x);
            let threshold = curve.threshold_at(alarms);
            prop_assert!(curve.at(threshold).wrong <= alarms);
            if let Some(next) = curve.levels().iter().find(|level| level.score < threshold) {
                prop_assert!(curve.at(next.score).wrong > alarms);
            }
            if let Some(recall) = curve.recall_at(alarms) {
                prop_assert_eq!(recall, curve.at(threshold).recall(curve.attack()));
            }
        }
    }
}

//! Questions: what a detector asks of a row, and how many detectors become one verdict.
//!
//! Both among those that ask the same and among the answers, a mean would bury the one that knows, and a maximum hears no
//! agreement: their norm of order 4 does both. But detectors that ask the same see the same rows as odd, so how seldom benign
//! rows surprise all of them so much is learned once more, and the question has one voice. Answers to different questions are
//! nearly independent on benign rows: a row that is strange for everybody, for this host and the first of its kind is an
//! alarm, though no detector alone would call it one. One vote for each detector instead lets the many that ask whether a row is
//! strange for anybody agree on the same harmless row, and outvote the one that knows.

mod graph;

use serde::{Deserialize, Serialize};

use super::calibrate::Calibration;

/// The order of the norms, which their graph has, too.
const ORDER: i32 = 4;

/// What a detector asks of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Question {
    /// Is it strange for anybody?
    Anybody,
    /// Is it strange for this entity?
    Own,
    /// Does it show what was never seen before?
    New,
    /// Does it stray from the entity's habits?
    Habit,
}

/// The questions that were asked, each with who answers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    voices: Vec<Voice>,
}

/// A question, who answers it, and how seldom benign rows surprise several of them so much.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Voice {
    question: Question,
    members: Vec<usize>,
    calibration: Option<Calibration>,
}

impl Verdict {
    /// Learns from benign rows how members that ask the same are to be heard. `questions` has one for each member, and `surprises`
    /// each member's surprises of rows that it was not fitted on, in nats.
    pub fn fit(questions: &[Question], surprises: &[Vec<f64>]) -> Self {
        let mut voices: Vec<Voice> = Vec::new();
        for (member, &question) in questions.iter().enumerate() {
            match voices.iter_mut().find(|voice| voice.question == question) {
                Some(voice) => voice.members.push(member),
                None => voices.push(Voice { question, members: vec![member], calibration: None }),
            }
        }
        let rows = surprises.first().map_or(0, Vec::len);
        for voice in voices.iter_mut().filter(|voice| voice.members.len() > 1) {
            let together = (0..rows).map(|row| voice.together(surprises, row)).collect();
            voice.calibration = Some(Calibration::fit(together));
        }
        Self { voices }
    }

    /// The surprises of all members as one, for a row.
    pub fn of(&self, surprises: &[Vec<f64>], row: usize) -> f64 {
        norm(self.voices.iter().map(|voice| voice.answer(surprises, row)))
    }

    /// How much of the verdict each member makes, in their order; the sum is the verdict.
    pub fn shares(&self, surprises: &[Vec<f64>], row: usize) -> Vec<f64> {
        let mut shares = vec![0.0; surprises.len()];
        let verdict = self.of(surprises, row);
        for voice in &self.voices {
            let share = verdict * part(voice.answer(surprises, row), verdict);
            let together = voice.together(surprises, row);
            voice.members.iter().for_each(|&member| shares[member] = share * part(surprises[member][row], together));
        }
        shares
    }

    /// Whether what was read from a file can be used with so many members.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, members: usize) -> Result<(), String> {
        let mut heard: Vec<usize> = self.voices.iter().flat_map(|voice| &voice.members).copied().collect();
        heard.sort_unstable();
        if !heard.into_iter().eq(0..members) || self.voices.iter().any(|voice| voice.members.is_empty()) {
            return Err("not every detector is heard once".to_owned());
        }
        self.voices.iter().filter_map(|voice| voice.calibration.as_ref()).try_for_each(Calibration::check)
    }
}

impl Voice {
    /// What those who answer the question say together, as if it were the only one that many are asked.
    fn together(&self, surprises: &[Vec<f64>], row: usize) -> f64 {
        norm(self.members.iter().map(|&member| surprises[member][row]))
    }

    fn answer(&self, surprises: &[Vec<f64>], row: usize) -> f64 {
        let together = self.together(surprises, row);
        self.calibration.as_ref().map_or(together, |calibration| calibration.surprise(together))
    }
}

/// Surprises as one: how many they are counts for little, how large the largest is for nearly all.
pub(super) fn norm(surprises: impl Iterator<Item = f64>) -> f64 {
    surprises.map(|surprise| surprise.powi(ORDER)).sum::<f64>().powf(1.0 / f64::from(ORDER))
}

/// The part that a surprise has in the sum under the root of a norm.
fn part(surprise: f64, norm: f64) -> f64 {
    if norm > 0.0 { (surprise / norm).powi(ORDER) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Surprises of 1,000 benign rows: two members that see the same, and one that sees something else.
    fn benign() -> Vec<Vec<f64>> {
        let surprise = |rank: usize| -((rank as f64 + 0.5) / 1000.0).ln();
        let same: Vec<f64> = (0..1000).map(surprise).collect();
        let other = (0..1000).map(|row| surprise(row * 387 % 1000)).collect();
        vec![same.clone(), same, other]
    }

    #[test]
    fn who_asks_the_same_is_heard_once_and_who_asks_another_adds() {
        let verdict = Verdict::fit(&[Question::Anybody, Question::Anybody, Question::New], &benign());
        assert_eq!(verdict.check(3), Ok(()));
        assert!(verdict.check(2).is_err());
        let of = |row: [f64; 3]| verdict.of(&row.map(|surprise| vec![surprise]), 0);
        assert!((of([5.0, 5.0, 0.0]) - 5.0).abs() < 0.1, "two that always agree are one: {}", of([5.0, 5.0, 0.0]));
        assert!((of([5.0, 5.0, 5.0]) / of([5.0, 5.0, 0.0]) - 2.0_f64.powf(0.25)).abs() < 0.01);
    }

    #[test]
    fn shares_add_up_to_the_verdict() {
        let verdict = Verdict::fit(&[Question::Anybody, Question::Own, Question::Anybody], &benign());
        let row = [vec![1.0], vec![2.0], vec![4.0]];
        let shares = verdict.shares(&row, 0);
        assert!((shares.iter().sum::<f64>() - verdict.of(&row, 0)).abs() < 1e-12);
        assert!(shares[2] > shares[1] && shares[1] > shares[0], "{shares:?}");
        assert_eq!(verdict.shares(&[vec![0.0], vec![0.0], vec![0.0]], 0), [0.0; 3]);
    }
}

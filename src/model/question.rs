//! Questions: what a detector asks of a row, and how many detectors become one verdict.
//!
//! Both among those that ask the same and among the answers, a mean would bury the one that knows, and a maximum hears no
//! agreement: their norm of order 4 does both. But detectors that ask the same see the same rows as odd, so how seldom benign
//! rows surprise all of them so much is learned once more, and the question has one voice. Answers to different questions are
//! nearly independent on benign rows: a row that is strange for everybody, for this host and the first of its kind is an
//! alarm, though no detector alone would call it one. One vote for each detector instead lets the many that ask whether a row is
//! strange for anybody agree on the same harmless row, and outvote the one that knows.
//!
//! Of a table that was made elsewhere nobody knows whose its rows are or what came before them, and all detectors ask whether a row is
//! strange for anybody. There it is three questions, one for each way in which detectors look at rows: three forests that
//! see the same do not outvote the one detector of another kind.

mod graph;

use serde::{Deserialize, Serialize};

use super::calibrate::Calibration;
use super::temper::Tempers;

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
    /// Is it soon parted from all others?
    Apart,
    /// Does it lie far from where others lie?
    Far,
    /// Are its values at the ends of their features?
    AtTheEnds,
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
    /// Who is strange for anybody again and again, where whose a row is matters.
    tempers: Option<Tempers>,
}

impl Verdict {
    /// Learns from benign rows how members that ask the same are to be heard. `questions` has one for each member, and `surprises`
    /// each member's surprises of rows that it was not fitted on, in nats; `entities` says whose each row is.
    pub fn fit(questions: &[Question], surprises: &[Vec<f64>], entities: &[String]) -> Self {
        let mut voices: Vec<Voice> = Vec::new();
        for (member, &question) in questions.iter().enumerate() {
            match voices.iter_mut().find(|voice| voice.question == question) {
                Some(voice) => voice.members.push(member),
                None => voices.push(Voice { question, members: vec![member], calibration: None, tempers: None }),
            }
        }
        let rows = surprises.first().map_or(0, Vec::len);
        for voice in voices.iter_mut().filter(|voice| voice.members.len() > 1) {
            let together = (0..rows).map(|row| voice.together(surprises, row)).collect();
            voice.calibration = Some(Calibration::fit(together));
        }
        let tells_entities_apart = questions.contains(&Question::Own);
        for voice in voices.iter_mut().filter(|voice| tells_entities_apart && voice.question == Question::Anybody) {
            let answers: Vec<f64> = (0..rows).map(|row| voice.of_anybody(surprises, row)).collect();
            voice.tempers = Some(Tempers::fit(entities, &answers));
        }
        Self { voices }
    }

    /// The surprises of all members as one, for a row of this entity.
    pub fn of(&self, surprises: &[Vec<f64>], row: usize, entity: &str) -> f64 {
        norm(self.voices.iter().map(|voice| voice.answer(surprises, row, entity)))
    }

    /// How much of the verdict each member makes, in their order; the sum is the verdict.
    pub fn shares(&self, surprises: &[Vec<f64>], row: usize, entity: &str) -> Vec<f64> {
        let mut shares = vec![0.0; surprises.len()];
        let verdict = self.of(surprises, row, entity);
        for voice in &self.voices {
            let share = verdict * part(voice.answer(surprises, row, entity), verdict);
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
        self.voices.iter().filter_map(|voice| voice.tempers.as_ref()).try_for_each(Tempers::check)?;
        self.voices.iter().filter_map(|voice| voice.calibration.as_ref()).try_for_each(Calibration::check)
    }

    /// Of how many entities less is believed than of others, if that is asked.
    pub fn tempers(&self) -> Option<usize> {
        self.voices.iter().find_map(|voice| voice.tempers.as_ref()).map(Tempers::count)
    }
}

impl Voice {
    /// What those who answer the question say together, as if it were the only one that many are asked.
    fn together(&self, surprises: &[Vec<f64>], row: usize) -> f64 {
        norm(self.members.iter().map(|&member| surprises[member][row]))
    }

    /// Their answer, whosever the row is.
    fn of_anybody(&self, surprises: &[Vec<f64>], row: usize) -> f64 {
        let together = self.together(surprises, row);
        self.calibration.as_ref().map_or(together, |calibration| calibration.surprise(together))
    }

    fn answer(&self, surprises: &[Vec<f64>], row: usize, entity: &str) -> f64 {
        let answer = self.of_anybody(surprises, row);
        self.tempers.as_ref().map_or(answer, |tempers| tempers.heard(entity, answer))
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

    fn hosts() -> Vec<String> {
        vec!["a".to_owned(); 1000]
    }

    #[test]
    fn what_an_entity_usually_is_counts_where_its_own_past_is_asked_for() {
        // The first hundred rows are the oddest, and are all of one host.
        let hosts: Vec<String> = (0..1000).map(|row| if row < 100 { "odd" } else { "a" }.to_owned()).collect();
        let row = [5.0, 5.0, 0.0].map(|surprise| vec![surprise]);
        let fit = |other| Verdict::fit(&[Question::Anybody, Question::Anybody, other], &benign(), &hosts);
        let (own, new) = (fit(Question::Own), fit(Question::New));
        assert_eq!((own.tempers(), own.check(3), new.tempers()), (Some(1), Ok(()), None));
        assert_eq!(own.of(&row, 0, "a"), new.of(&row, 0, "odd"));
        assert!(own.of(&row, 0, "odd") < 0.6 * own.of(&row, 0, "a"), "{}", own.of(&row, 0, "odd"));
    }

    #[test]
    fn who_asks_the_same_is_heard_once_and_who_asks_another_adds() {
        let verdict = Verdict::fit(&[Question::Anybody, Question::Anybody, Question::New], &benign(), &hosts());
        assert_eq!(verdict.check(3), Ok(()));
        assert!(verdict.check(2).is_err());
        let of = |row: [f64; 3]| verdict.of(&row.map(|surprise| vec![surprise]), 0, "a");
        assert!((of([5.0, 5.0, 0.0]) - 5.0).abs() < 0.1, "two that always agree are one: {}", of([5.0, 5.0, 0.0]));
        assert!((of([5.0, 5.0, 5.0]) / of([5.0, 5.0, 0.0]) - 2.0_f64.powf(0.25)).abs() < 0.01);
    }

    #[test]
    fn shares_add_up_to_the_verdict() {
        let verdict = Verdict::fit(&[Question::Anybody, Question::Own, Question::Anybody], &benign(), &hosts());
        let row = [vec![1.0], vec![2.0], vec![4.0]];
        let shares = verdict.shares(&row, 0, "a");
        assert!((shares.iter().sum::<f64>() - verdict.of(&row, 0, "a")).abs() < 1e-12);
        assert!(shares[2] > shares[1] && shares[1] > shares[0], "{shares:?}");
        assert_eq!(verdict.shares(&[vec![0.0], vec![0.0], vec![0.0]], 0, "a"), [0.0; 3]);
    }
}

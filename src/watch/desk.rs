//! Each window as it closes, on the thread that closed it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::board::Board;
use super::learn::Learner;
use super::reload::Succession;
use super::shadow::Shadow;
use super::status::Tallies;
use super::verdicts::Verdicts;
use crate::alert::episode::{Episodes, Event, Notice};
use crate::alert::mute::Mute;
use crate::alert::{Alert, alerts};
use crate::error::Result;
use crate::evidence::Keeper;
use crate::matrix::Matrix;
use crate::model::scorer::{Scorer, Scores};
use crate::model::train::Model;
use crate::sink::Hub;
use crate::window::{Closed, Parties};

/// What looks at every row's score.
pub type Witness<'a> = dyn FnMut(&Matrix, &Scores) -> Result<()> + Send + 'a;

/// What a desk works with.
pub struct Fittings<'a> {
    /// Alerts of an entity are one episode if there is less than this between their windows.
    pub gap_ns: i64,
    /// Alerts that no episode is made of.
    pub mutes: Vec<Mute>,
    /// What people said of earlier ones, if that is remembered.
    pub verdicts: Option<Arc<Verdicts>>,
    /// Where every row's score goes.
    pub witness: &'a mut Witness<'a>,
    /// Where news go.
    pub hub: &'a Hub,
    /// Who keeps the packets behind episodes, if anybody does.
    pub keeper: Option<&'a Keeper>,
    /// Who writes the rows down, if anybody does.
    pub learner: Option<&'a Learner>,
    /// A second model, if there is one.
    pub shadow: Option<Shadow>,
    /// Where another model would come from.
    pub succession: Arc<Succession>,
    /// Where all is counted.
    pub tallies: Arc<Tallies>,
    /// What is shown of the latest windows, if anybody may look.
    pub board: Option<Arc<Board>>,
}

/// Takes windows in, in the order of time, and publishes what is news.
pub struct Desk<'a> {
    scorer: Scorer<Arc<Model>>,
    episodes: Episodes,
    fittings: Fittings<'a>,
    went_back: bool,
}

fn count(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}

impl<'a> Desk<'a> {
    /// A desk at which this model scores, until there is another one.
    pub fn new(model: Arc<Model>, fittings: Fittings<'a>) -> Self {
        let (scorer, episodes) = (Scorer::new(model), Episodes::new(fittings.gap_ns));
        Self { scorer, episodes, fittings, went_back: false }
    }

    /// Whether rows came from before the end of what the model remembers.
    pub fn went_back(&self) -> bool {
        self.went_back
    }

    /// Takes in a window, with the names of its attacks if there is ground truth.
    ///
    /// # Errors
    /// The rows are not the model's; the witness refuses; nobody is left to hear of news.
    pub fn take(&mut self, closed: Closed, attacks: Option<&[String]>) -> Result<()> {
        let begun = Instant::now();
        // Between two windows, so that each is scored by one model.
        if let Some(model) = self.fittings.succession.next() {
            self.scorer = self.scorer.succeeded_by(model);
        }
        let window_ns = self.scorer.model().schema.window_ns;
        for (_, mut rows) in closed.rows {
            let mut parties = rows.parties.take().unwrap_or_default();
            let mut matrix = Matrix::new(self.scorer.model().schema.clone(), attacks.is_some());
            matrix.push_window(closed.start_ns, rows, attacks);
            self.went_back |= self.scorer.goes_back(&matrix);
            let scores = self.scorer.score(&matrix, closed.ends)?;
            (self.fittings.witness)(&matrix, &scores)?;
            let over = (0..matrix.rows()).filter(|&row| scores.alert[row]);
            let parties = over.map(|row| parties.get_mut(row).map(std::mem::take).unwrap_or_default());
            let alerts: Vec<(Alert, Parties)> =
                alerts(self.scorer.model(), &matrix, &scores).into_iter().zip(parties).collect();
            if let Some(board) = &self.fittings.board {
                let threshold = self.scorer.model().threshold();
                board.window(closed.start_ns, (closed.packets, closed.bytes), &matrix, &scores, threshold);
            }
            self.judge(closed.start_ns, matrix.rows(), alerts)?;
            let took_ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.fittings.tallies.took_ns.store(took_ns, Ordering::Relaxed);
            // What nobody waits for comes last.
            if let Some(shadow) = &mut self.fittings.shadow {
                shadow.compare(&matrix, &scores, closed.ends)?;
            }
            if let Some(learner) = self.fittings.learner {
                learner.take(matrix);
            }
        }
        let tallies = &self.fittings.tallies;
        count(&tallies.windows, 1);
        tallies.latest_ns.store(closed.start_ns.saturating_add(window_ns), Ordering::Relaxed);
        Ok(())
    }

    /// Makes episodes of the alerts among so many rows.
    fn judge(&mut self, start_ns: i64, rows: usize, mut alerts: Vec<(Alert, Parties)>) -> Result<()> {
        let Fittings { mutes, verdicts, tallies, .. } = &self.fittings;
        count(&tallies.rows, rows);
        count(&tallies.alerts, alerts.len());
        let all = alerts.len();
        let called = |alert: &Alert| verdicts.as_ref().is_some_and(|verdicts| verdicts.mutes(alert));
        alerts.retain(|(alert, _)| !mutes.iter().any(|mute| mute.mutes(alert)) && !called(alert));
        count(&tallies.muted, all - alerts.len());
        let notices = self.episodes.take(start_ns, alerts);
        self.fittings.tallies.crowded.store(self.episodes.crowded(), Ordering::Relaxed);
        self.publish(notices)
    }

    /// Closes the episodes that are open.
    ///
    /// # Errors
    /// Nobody is left to hear of it.
    pub fn finish(&mut self) -> Result<()> {
        let notices = self.episodes.finish();
        self.publish(notices)
    }

    fn publish(&mut self, mut notices: Vec<Notice>) -> Result<()> {
        let Fittings { tallies, keeper, hub, board, .. } = &self.fittings;
        tallies.open.store(self.episodes.open() as u64, Ordering::Relaxed);
        for notice in &mut notices {
            count(&tallies.episodes, usize::from(notice.event == Event::Opened));
            if let Some(keeper) = keeper
                && let Some(file) = keeper.order(notice)
            {
                self.episodes.keep_evidence(&notice.alert.entity, file.clone());
                notice.evidence = Some(file);
            }
        }
        if let Some(board) = board {
            board.episodes(&self.episodes, &notices);
        }
        notices.into_iter().try_for_each(|notice| hub.publish(notice))
    }
}

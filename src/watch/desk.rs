//! Each window as it closes, on the thread that closed it.

use std::sync::Arc;

use crate::alert::alerts;
use crate::alert::episode::{Episodes, Event, Notice};
use crate::error::Result;
use crate::matrix::Matrix;
use crate::model::scorer::{Scorer, Scores};
use crate::model::train::Model;
use crate::sink::Hub;
use crate::window::Closed;

/// What came of the windows so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Windows that had a row.
    pub windows: u64,
    /// Rows that were scored.
    pub rows: u64,
    /// Rows over the threshold.
    pub alerts: u64,
    /// Episodes that were opened.
    pub episodes: u64,
    /// Whether rows came from before the end of what the model remembers.
    pub went_back: bool,
}

/// What looks at every row's score.
pub type Witness<'a> = dyn FnMut(&Matrix, &Scores) -> Result<()> + Send + 'a;

/// Takes windows in, in the order of time, and publishes what is news.
pub struct Desk<'a> {
    scorer: Scorer<Arc<Model>>,
    episodes: Episodes,
    witness: &'a mut Witness<'a>,
    hub: &'a Hub,
    tally: Tally,
}

impl<'a> Desk<'a> {
    /// A desk at which this model scores, and alerts less than `gap_ns` apart are one episode. Every row's score goes to
    /// `witness`, news go to `hub`.
    pub fn new(model: Arc<Model>, gap_ns: i64, witness: &'a mut Witness<'a>, hub: &'a Hub) -> Self {
        let (scorer, episodes) = (Scorer::new(model), Episodes::new(gap_ns));
        Self { scorer, episodes, witness, hub, tally: Tally::default() }
    }

    /// Takes in a window, with the names of its attacks if there is ground truth.
    ///
    /// # Errors
    /// The rows are not the model's; the table cannot be written; nobody is left to hear of news.
    pub fn take(&mut self, closed: Closed, attacks: Option<&[String]>) -> Result<()> {
        self.tally.windows += 1;
        for (_, mut rows) in closed.rows {
            let mut parties = rows.parties.take().unwrap_or_default();
            let mut matrix = Matrix::new(self.scorer.model().schema.clone(), attacks.is_some());
            matrix.push_window(closed.start_ns, rows, attacks);
            self.tally.went_back |= self.scorer.goes_back(&matrix);
            let scores = self.scorer.score(&matrix)?;
            (self.witness)(&matrix, &scores)?;
            let over = (0..matrix.rows()).filter(|&row| scores.alert[row]);
            let parties: Vec<_> =
                over.map(|row| parties.get_mut(row).map(std::mem::take).unwrap_or_default()).collect();
            let alerts = alerts(self.scorer.model(), &matrix, &scores);
            self.tally.rows += matrix.rows() as u64;
            self.tally.alerts += alerts.len() as u64;
            let notices = self.episodes.take(closed.start_ns, alerts.into_iter().zip(parties).collect());
            self.publish(notices)?;
        }
        Ok(())
    }

    /// Closes the episodes that are open.
    ///
    /// # Errors
    /// Nobody is left to hear of it.
    pub fn finish(mut self) -> Result<Tally> {
        let notices = self.episodes.finish();
        self.publish(notices)?;
        Ok(self.tally)
    }

    fn publish(&mut self, notices: Vec<Notice>) -> Result<()> {
        self.tally.episodes += notices.iter().filter(|notice| notice.event == Event::Opened).count() as u64;
        notices.into_iter().try_for_each(|notice| self.hub.publish(notice))
    }
}

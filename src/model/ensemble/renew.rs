//! Members that follow what they watch: forests keep a part of their trees, all else is fitted anew.

use rayon::prelude::*;

use super::fitted::Fitted;
use super::{Kind, Members, Rows};
use crate::error::{Error, Result};
use crate::model::scale::Scaler;

impl Members {
    /// The same kinds, on later raw rows. Of every forest the oldest trees, that share of all, give way to new ones; the forests go
    /// on in the units that they were grown in, the other detectors in those of the new rows. A detector that cannot be had so is
    /// left out, with why.
    ///
    /// # Errors
    /// None could be had.
    pub fn renew(&self, rows: &Rows<'_>, kinds: &[Kind], seed: u64, share: f64) -> Result<(Self, Vec<(Kind, Error)>)> {
        let grown_in = self.grown_in.clone().unwrap_or_else(|| self.scaler.clone());
        let scaler = Scaler::fit(rows.values, rows.zeros);
        let (as_grown, scaled) = (grown_in.transform(rows.values), scaler.transform(rows.values));
        let renew = |kind: Kind| match self.fitted.iter().find(|(known, _)| *known == kind) {
            Some((_, Fitted::Forest(forest))) => {
                let mut forest = forest.clone();
                let trees = (forest.count() as f64 * share).ceil() as usize;
                forest.renew(as_grown.view(), trees)?;
                Ok(Fitted::Forest(forest))
            }
            _ => kind.fit(rows, &scaler, scaled.view(), seed),
        };
        let results: Vec<_> = kinds.par_iter().map(|&kind| (kind, renew(kind))).collect();
        Self::of(scaler, Some(grown_in), results)
    }
}

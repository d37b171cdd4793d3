//! Parameters of the forest, unchecked and checked, as linfa has them.

use linfa::ParamGuard;

use crate::error::{Error, ErrorKind};

/// Bounds that keep a forest in memory; far above what improves it.
const MAX_TREES: usize = 10_000;
pub(super) const MAX_SAMPLES: usize = 1 << 20;

/// Parameters of an [`super::IsolationForest`], checked when it is fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct IsolationForestParams(IsolationForestValidParams);

/// Checked parameters of an [`super::IsolationForest`].
#[derive(Clone, Debug, PartialEq)]
pub struct IsolationForestValidParams {
    pub(super) trees: usize,
    pub(super) samples: usize,
    pub(super) seed: u64,
}

/// Why no forest could be grown.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ForestError {
    /// The number of trees is out of range.
    #[error("trees: {0} is outside 1 to {MAX_TREES}; hint: 200 trees suit most data")]
    Trees(usize),
    /// The number of samples a tree is out of range.
    #[error("samples: {0} is outside 2 to {MAX_SAMPLES}; hint: 256 samples a tree suit most data")]
    Samples(usize),
    /// The matrix has no rows or no columns.
    #[error("rows: {0} rows of {1} features hold nothing to learn from; hint: train on a longer capture")]
    Empty(usize, usize),
    /// A value is missing or infinite.
    #[error("rows: row {0}, column {1} is not finite; hint: scale the rows first")]
    NotFinite(usize, usize),
    /// What linfa itself refuses.
    #[error("rows: {0}")]
    Linfa(#[from] linfa::Error),
}

impl From<ForestError> for Error {
    fn from(error: ForestError) -> Self {
        let kind = match error {
            ForestError::Trees(_) | ForestError::Samples(_) => ErrorKind::Parameter,
            _ => ErrorKind::Model,
        };
        Error::new(kind, "isolation forest", error)
    }
}

impl Default for IsolationForestParams {
    /// The paper's 256 samples a tree, 200 trees, seed 0.
    fn default() -> Self {
        Self(IsolationForestValidParams { trees: 200, samples: 256, seed: 0 })
    }
}

impl IsolationForestParams {
    /// The number of trees (200 unless told). More make scores steadier, not sharper.
    #[must_use]
    pub fn trees(mut self, trees: usize) -> Self {
        self.0.trees = trees;
        self
    }

    /// The number of rows that each tree is grown on (256 unless told), or all if there are fewer. Few are better: they
    /// keep anomalies from hiding in a crowd of their own.
    #[must_use]
    pub fn samples(mut self, samples: usize) -> Self {
        self.0.samples = samples;
        self
    }

    /// The seed of all that is random (0 unless told).
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }
}

impl ParamGuard for IsolationForestParams {
    type Checked = IsolationForestValidParams;
    type Error = ForestError;

    fn check_ref(&self) -> Result<&Self::Checked, ForestError> {
        match self.0 {
            IsolationForestValidParams { trees, .. } if !(1..=MAX_TREES).contains(&trees) => {
                Err(ForestError::Trees(trees))
            }
            IsolationForestValidParams { samples, .. } if !(2..=MAX_SAMPLES).contains(&samples) => {
                Err(ForestError::Samples(samples))
            }
            _ => Ok(&self.0),
        }
    }

    fn check(self) -> Result<Self::Checked, ForestError> {
        self.check_ref()?;
        Ok(self.0)
    }
}

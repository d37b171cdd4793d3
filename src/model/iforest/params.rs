//! Parameters of the forest, unchecked and checked, as linfa has them, and the presets that papers propose.

use linfa::ParamGuard;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// Bounds that keep a forest in memory; far above what improves it.
pub(super) const MAX_TREES: usize = 10_000;
pub(super) const MAX_SAMPLES: usize = 1 << 20;
const MAX_TRIES: u32 = 1_000;

/// A forest as a paper proposes it. They differ in how a cut is chosen and in how deep it goes, and in little else.
///
/// In those whose cuts are sloped a row far outside what a cut has seen loses a step, as the SCiForest paper proposes and isotree
/// offers for all: else what training never saw ends beside its outermost rows, and is no stranger than they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Liu, Ting, Zhou: Isolation Forest, ICDM 2008. One feature, anywhere in its range.
    Iforest,
    /// Hariri, Carrasco Kind, Brunner: Extended Isolation Forest, TKDE 2019. A direction of random slope over two features,
    /// anywhere in the range of what it sees there (as isotree has it; the paper's point is drawn feature by feature, which
    /// leaves many cuts with an empty side).
    Extended,
    /// Liu, Ting, Zhou: On Detecting Clustered Anomalies Using SCiForest, ECML PKDD 2010. The best of ten directions, cut
    /// where both sides are most alike within.
    SciForest,
    /// Cortes: Revisiting randomized choices in isolation forests, 2021. One direction, cut where the sides, weighed by
    /// their rows, are most alike within; until at most two rows are left.
    FairCut,
}

/// How a cut is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Recipe {
    /// How many features a cut looks at; all if there are fewer.
    pub dims: u32,
    /// Weights of the features, where there are several.
    pub weights: Weights,
    /// Where along the direction it cuts.
    pub place: Place,
    /// How many directions are tried; that of the highest gain is taken.
    pub tries: u32,
    /// Whether a row beyond the range that a cut has seen, measured from the cut, loses a step.
    pub ranged: bool,
    pub depth: Depth,
}

/// How the features of a cut are weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Weights {
    /// Uniform in [−1, 1), for features of one scale.
    Uniform,
    /// Standard normal, each feature in units of its standard deviation in the node.
    Normal,
}

/// Where a cut is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// Anywhere in the range.
    Anywhere,
    /// Where the mean of both sides' standard deviations is least.
    Averaged,
    /// Where the variance within the sides, weighed by their rows, is least.
    Pooled,
}

/// How deep a tree grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Depth {
    /// As deep as a balanced tree of the sample: anomalies lie above.
    Balanced,
    /// As deep as this.
    AtMost(u32),
    /// Until every row is alone, or one of two, or equal to those beside it.
    Full,
}

impl Preset {
    pub(super) fn recipe(self) -> Recipe {
        let plain = Recipe {
            dims: 1,
            weights: Weights::Uniform,
            place: Place::Anywhere,
            tries: 1,
            ranged: false,
            depth: Depth::Balanced,
        };
        let sloped = Recipe { dims: 2, weights: Weights::Normal, ranged: true, ..plain };
        match self {
            Preset::Iforest => plain,
            Preset::Extended => Recipe { weights: Weights::Uniform, ..sloped },
            Preset::SciForest => Recipe { place: Place::Averaged, tries: 10, ..sloped },
            Preset::FairCut => Recipe { place: Place::Pooled, depth: Depth::Full, ..sloped },
        }
    }
}

/// Parameters of an [`super::IsolationForest`], checked when it is fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct IsolationForestParams(IsolationForestValidParams);

/// Checked parameters of an [`super::IsolationForest`].
#[derive(Clone, Debug, PartialEq)]
pub struct IsolationForestValidParams {
    pub(super) recipe: Recipe,
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
    /// The number of features a cut is out of range.
    #[error("dims: a cut looks at one feature or more; hint: 1 or 2 suit most data")]
    Dims,
    /// The number of tries is out of range.
    #[error("tries: {0} is outside 1 to {MAX_TRIES}; hint: 10 suit most data")]
    Tries(u32),
    /// A tree that may not be cut.
    #[error("depth: a tree is at least one step deep; hint: 8 suits 256 samples")]
    Depth,
    /// The matrix has no rows or no columns.
    #[error("rows: {0} rows of {1} features hold nothing to learn from; hint: train on a longer capture")]
    Empty(usize, usize),
    /// The matrix has other columns, or fewer rows than a tree wants, than those that the forest was grown on.
    #[error(
        "rows: {0} rows of {1} features do not suit trees of {2} samples and {3} features; hint: give it more rows"
    )]
    Unlike(usize, usize, u32, u32),
    /// A value is infinite.
    #[error("rows: row {0}, column {1} is infinite; hint: scale the rows first")]
    Infinite(usize, usize),
    /// What linfa itself refuses.
    #[error("rows: {0}")]
    Linfa(#[from] linfa::Error),
}

impl From<ForestError> for Error {
    fn from(error: ForestError) -> Self {
        let kind = match error {
            ForestError::Trees(_)
            | ForestError::Samples(_)
            | ForestError::Dims
            | ForestError::Tries(_)
            | ForestError::Depth => ErrorKind::Parameter,
            _ => ErrorKind::Model,
        };
        Error::new(kind, "isolation forest", error)
    }
}

impl Default for IsolationForestParams {
    /// The first paper's forest with 256 samples a tree; 200 trees, seed 0.
    fn default() -> Self {
        Self(IsolationForestValidParams { recipe: Preset::Iforest.recipe(), trees: 200, samples: 256, seed: 0 })
    }
}

impl IsolationForestParams {
    /// Chooses cuts and depth as a paper does; what was set of them before is forgotten.
    #[must_use]
    pub fn preset(mut self, preset: Preset) -> Self {
        self.0.recipe = preset.recipe();
        self
    }

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

    /// The number of features that a cut looks at, at most all: one makes cuts along the axes, more make sloped ones.
    #[must_use]
    pub fn dims(mut self, dims: u32) -> Self {
        self.0.recipe.dims = dims;
        self
    }

    /// Where cuts are made, and of how many directions the best is taken (where a cut is made anywhere, one is as good as
    /// another).
    #[must_use]
    pub fn place(mut self, place: Place, tries: u32) -> Self {
        (self.0.recipe.place, self.0.recipe.tries) = (place, tries);
        self
    }

    /// How deep trees grow.
    #[must_use]
    pub fn depth(mut self, depth: Depth) -> Self {
        self.0.recipe.depth = depth;
        self
    }

    /// The seed of all that is random (0 unless told).
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }
}

impl Recipe {
    pub(super) fn check(&self) -> Result<(), ForestError> {
        match *self {
            Recipe { dims: 0, .. } => Err(ForestError::Dims),
            Recipe { tries, .. } if !(1..=MAX_TRIES).contains(&tries) => Err(ForestError::Tries(tries)),
            Recipe { depth: Depth::AtMost(0), .. } => Err(ForestError::Depth),
            _ => Ok(()),
        }
    }
}

impl ParamGuard for IsolationForestParams {
    type Checked = IsolationForestValidParams;
    type Error = ForestError;

    fn check_ref(&self) -> Result<&Self::Checked, ForestError> {
        self.0.recipe.check()?;
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

//! Where rows lie in a mixture, and how thin it is there. What does not depend on the row is worked out once for all of them.

use std::f64::consts::TAU;

use super::{Component, MAX_AXES, MAX_COMPONENTS, Mixture};

/// Where a row lies: its whitened coordinates and its squared distance from the plane.
pub(super) struct Place {
    pub on_axes: [f64; MAX_AXES],
    pub off_plane: f64,
}

/// Finds places in a mixture.
pub(super) struct Surveyor<'a> {
    mixture: &'a Mixture,
    /// For each feature its part in every axis: what is done for all axes at once fills vector registers.
    parts: Vec<[f64; MAX_AXES]>,
    /// The spread along each axis.
    spreads: [f64; MAX_AXES],
    /// ln of the volume that the spreads off the plane and on its axes span.
    volume_off_plane: f64,
    volume_on_axes: f64,
    heights: Vec<f64>,
}

impl<'a> Surveyor<'a> {
    pub fn new(mixture: &'a Mixture) -> Self {
        let mut parts = vec![[0.0; MAX_AXES]; mixture.mean.len()];
        let mut spreads = [0.0; MAX_AXES];
        for (at, (axis, variance)) in mixture.axes().zip(&mixture.variances).enumerate() {
            spreads[at] = variance.sqrt();
            parts.iter_mut().zip(axis).for_each(|(parts, part)| parts[at] = *part);
        }
        let off_plane = (mixture.mean.len() - mixture.variances.len()) as f64;
        Self {
            mixture,
            parts,
            spreads,
            volume_off_plane: off_plane * (TAU * mixture.residual).ln(),
            volume_on_axes: mixture.variances.iter().map(|variance| variance.ln()).sum(),
            heights: heights(&mixture.components),
        }
    }

    #[inline(always)]
    pub fn place(&self, row: impl Iterator<Item = f64>) -> Place {
        let Mixture { mean, variances, .. } = self.mixture;
        let (mut along, mut off_plane) = ([0.0; MAX_AXES], 0.0);
        for ((value, mean), parts) in row.zip(mean).zip(&self.parts) {
            let from_mean = value - mean;
            off_plane += from_mean * from_mean;
            for (along, part) in along.iter_mut().zip(parts) {
                *along += from_mean * part;
            }
        }
        let mut place = Place { on_axes: [0.0; MAX_AXES], off_plane };
        let coordinates = place.on_axes.iter_mut().zip(along).zip(self.spreads).take(variances.len());
        for ((coordinate, along), spread) in coordinates {
            *coordinate = along / spread;
            place.off_plane -= along * along;
        }
        place.off_plane = if variances.len() < mean.len() { place.off_plane.max(0.0) } else { 0.0 };
        place
    }

    /// −ln density there, in nats.
    #[inline(always)]
    pub fn surprise(&self, place: &Place) -> f64 {
        let Mixture { residual, components, .. } = self.mixture;
        0.5 * (place.off_plane / residual + self.volume_off_plane + self.volume_on_axes)
            - log_density(components, &self.heights, &place.on_axes)
    }

    /// The surprise at the densest of the components' means.
    pub fn least(&self) -> f64 {
        let at_mean = |component: &Component| {
            let mut place = Place { on_axes: [0.0; MAX_AXES], off_plane: 0.0 };
            place.on_axes.iter_mut().zip(&component.mean).for_each(|(to, from)| *to = *from);
            self.surprise(&place)
        };
        self.mixture.components.iter().map(at_mean).fold(f64::INFINITY, f64::min)
    }

    /// The component that a place belongs to most.
    pub fn nearest(&self, place: &Place) -> Option<&'a Component> {
        let density = |(component, height): &(&Component, &f64)| component.log_density(**height, &place.on_axes);
        let components = self.mixture.components.iter().zip(&self.heights);
        components.max_by(|a, b| density(a).total_cmp(&density(b))).map(|(component, _)| component)
    }
}

/// What each component's log density is at its mean, but for the constant that all have.
pub(super) fn heights(components: &[Component]) -> Vec<f64> {
    let height = |component: &Component| {
        let diagonal = component.factor.iter().step_by(component.mean.len() + 1);
        component.log_weight + diagonal.map(|diagonal| diagonal.ln()).sum::<f64>()
    };
    components.iter().map(height).collect()
}

/// ln Σ exp, with the largest term taken out so that far rows keep a finite density.
#[inline(always)]
pub(super) fn log_density(components: &[Component], heights: &[f64], place: &[f64; MAX_AXES]) -> f64 {
    let mut terms = [f64::NEG_INFINITY; MAX_COMPONENTS];
    for (term, (component, height)) in terms.iter_mut().zip(components.iter().zip(heights)) {
        *term = component.log_density(*height, place);
    }
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + terms.iter().take(components.len()).map(|term| (term - largest).exp()).sum::<f64>().ln()
}

impl Component {
    /// Lᵀ·(place − mean): its square is the Mahalanobis distance.
    #[inline(always)]
    pub(super) fn deviation(&self, place: &[f64; MAX_AXES]) -> [f64; MAX_AXES] {
        let mut out = [0.0; MAX_AXES];
        let rows = self.factor.chunks_exact(self.mean.len());
        for ((row, mean), place) in rows.zip(&self.mean).zip(place) {
            out.iter_mut().zip(row).for_each(|(out, factor)| *out += factor * (place - mean));
        }
        out
    }

    #[inline(always)]
    fn log_density(&self, height: f64, place: &[f64; MAX_AXES]) -> f64 {
        let distance: f64 = self.deviation(place).iter().map(|value| value * value).sum();
        height - 0.5 * (distance + self.mean.len() as f64 * TAU.ln())
    }
}

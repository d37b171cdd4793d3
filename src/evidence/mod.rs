//! The packets behind an episode: kept for a while as they pass, and cut out as a pcapng file of the entity's own, from just before
//! to just after.

mod keeper;
mod slice;
mod trail;

pub use keeper::{Keeper, Keeping, Kept, slice_path};
pub use slice::Whose;
pub use trail::{Tapped, Trail};

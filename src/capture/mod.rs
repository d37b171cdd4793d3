//! Where bytes come from.

mod ledger;

pub use ledger::{Ledger, Skip};

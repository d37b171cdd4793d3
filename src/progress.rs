//! How long work tells its caller how far it is, and hears that it should stop.

use crate::error::{Error, ErrorKind, Result};

/// Implemented by whoever calls the library: the binary draws a bar and hears Ctrl-C; tests use [`Quiet`].
pub trait Progress: Sync {
    /// A new piece of work begins, of `total` units (bytes of input, fits) if that is known.
    fn begin(&self, what: &str, total: Option<u64>);
    /// Another `units` of the current piece are done.
    fn advance(&self, units: u64);
    /// Whether the user wants it to end.
    fn cancelled(&self) -> bool;

    /// An error if the user wants the work to end; asked between pieces that are short.
    ///
    /// # Errors
    /// The user does.
    fn check(&self) -> Result<()> {
        if self.cancelled() {
            Err(Error::new(ErrorKind::Cancelled, "cancelled", "nothing was written"))
        } else {
            Ok(())
        }
    }
}

/// Progress that nobody watches and nobody stops.
pub struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn cancelled(&self) -> bool {
        false
    }
}

//! What of a frame is still to be read.

use super::Flaw;

/// What lies behind the headers that were read so far.
#[derive(Clone, Copy)]
pub(super) struct Rest<'a> {
    /// What of it was captured.
    pub bytes: &'a [u8],
    /// How many bytes of it were on the wire; never fewer.
    pub wire: usize,
    /// Whether it goes on in later fragments, so that headers may claim more than there is.
    pub torn: bool,
}

impl Rest<'_> {
    /// What lies behind the next `len` bytes.
    pub fn after(self, len: usize) -> Self {
        Self { bytes: self.bytes.get(len..).unwrap_or_default(), wire: self.wire.saturating_sub(len), ..self }
    }

    /// The first `len` bytes, without the padding behind them.
    pub fn first(self, len: usize) -> Self {
        Self { bytes: self.bytes.get(..len).unwrap_or(self.bytes), wire: self.wire.min(len), ..self }
    }

    /// Why a header of `len` bytes is not all there: it is `short`, or cut.
    pub fn lacks(self, len: usize, short: Flaw) -> Flaw {
        if self.wire < len { short } else { Flaw::Cut }
    }
}

//! Lines to standard output.

use std::io::{self, Write};

use super::{Carrier, Needs};

/// Standard output.
pub struct StandardOutput;

impl Carrier for StandardOutput {
    fn deliver(&mut self, message: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(message).and_then(|()| out.flush())
    }

    fn needs(&self) -> Needs<'_> {
        Needs::Nothing
    }
}

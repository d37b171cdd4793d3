//! Memory that is used again, by the thread that had it last.
//!
//! What a thread has touched lies in its processor's own caches. Another's has to ask for it, line by line: where two processors
//! share no cache, that takes longer than the work.

/// A thread of rayon's pool, or any that is none of them.
pub(crate) type Thread = Option<usize>;

/// The thread that runs.
pub(crate) fn this_thread() -> Thread {
    rayon::current_thread_index()
}

/// Things that are to be used again.
#[derive(Debug)]
pub(crate) struct Spares<T>(Vec<(Thread, T)>);

impl<T> Default for Spares<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Spares<T> {
    /// Keeps what this thread has no use for.
    pub fn put(&mut self, thing: T) {
        self.0.push((this_thread(), thing));
    }

    /// Takes what this thread had last; else what another had, if there is anything.
    pub fn take(&mut self) -> Option<T> {
        let thread = this_thread();
        let mine = self.0.iter().rposition(|&(last, _)| last == thread);
        let place = mine.or(self.0.len().checked_sub(1))?;
        Some(self.0.remove(place).1)
    }

    /// Drops all but `most`.
    pub fn truncate(&mut self, most: usize) {
        self.0.truncate(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_gets_what_it_had_last_and_only_then_what_others_had() {
        let mut spares = Spares::default();
        assert_eq!(spares.take(), None);
        spares.put("first");
        spares.put("second");
        spares.0.push((Some(usize::MAX), "another's"));
        assert_eq!([(); 4].map(|()| spares.take()), [Some("second"), Some("first"), Some("another's"), None]);
    }
}

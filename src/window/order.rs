//! Work that is done out of order, handed over in order.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// Locks, also what a thread left behind that panicked: the panic is passed on to the caller anyway.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes what several threads make of numbered pieces, and hands it to `sink` in the order of the numbers.
pub(super) struct Order<T, S>(Mutex<State<T, S>>);

struct State<T, S> {
    /// The number that is to be handed over next.
    next: u64,
    /// What is done before its turn, with its weight.
    done: BTreeMap<u64, (usize, Result<Option<T>>)>,
    /// The weight of all of that.
    weight: usize,
    /// None while a thread hands over.
    sink: Option<S>,
    /// Threads that have gone to rest.
    resting: usize,
    error: Option<Error>,
}

impl<T, S: FnMut(T) -> Result<()>> Order<T, S> {
    /// Pieces that wait for their turn at most, but for one a thread.
    const MOST: usize = 256;

    pub fn new(sink: S) -> Self {
        Self(Mutex::new(State { next: 0, done: BTreeMap::new(), weight: 0, sink: Some(sink), resting: 0, error: None }))
    }

    /// Takes what came of a piece, none if there is nothing to hand over, and hands over whatever it is the turn of. How many
    /// threads have to be woken.
    ///
    /// # Errors
    /// There is an error that comes first: all work is over.
    pub fn give(&self, number: u64, weight: usize, result: Result<Option<T>>) -> std::result::Result<usize, Over> {
        let mut state = lock(&self.0);
        state.done.insert(number, (weight, result));
        state.weight += weight;
        let Some(mut sink) = state.sink.take() else { return Ok(0) };
        loop {
            let next = state.next;
            let Some((weight, result)) = state.done.remove(&next) else { break };
            state.weight -= weight;
            drop(state);
            let handed = result.and_then(|piece| piece.map_or(Ok(()), &mut sink));
            state = lock(&self.0);
            if let Err(error) = handed {
                // Nobody hands over any more: the sink is gone.
                state.error = Some(error);
                return Err(Over);
            }
            state.next = next + 1;
        }
        state.sink = Some(sink);
        Ok(std::mem::take(&mut state.resting))
    }

    /// Whether the thread that would work on `number` has to rest instead: others wait for their turn before it, more than
    /// weigh so much or more than so many.
    pub fn rests(&self, number: u64, most: usize) -> bool {
        let mut state = lock(&self.0);
        let rests = number > state.next && (state.weight > most || state.done.len() > Self::MOST);
        state.resting += usize::from(rests);
        rests
    }

    /// The error that ended the work, if one did.
    pub fn finish(self) -> Result<()> {
        let state = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.error.map_or(Ok(()), Err)
    }
}

/// The work is over before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Over;

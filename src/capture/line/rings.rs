//! The rings of an interface, and what the kernel is asked for them.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::Program;
use super::super::feed::Shelf;
use super::merge::Merge;
use super::ring::{self, BLOCK, Counted, Ring};
use super::{Clock, Listening, frames};

/// Rings that share the frames of an interface.
pub struct Rings {
    rings: Vec<Ring>,
    clock: Clock,
    /// Frames whose time is not of that clock.
    passed: u64,
}

impl Rings {
    /// Opens the rings of an interface, which let nothing in yet.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn open(interface: i32, listening: &Listening) -> io::Result<Self> {
        let count = listening.rings.max(1);
        let blocks = (listening.ring / BLOCK / count).max(4);
        let rings: Vec<Ring> = (0..count).map(|_| Ring::new(blocks)).collect::<io::Result<_>>()?;
        // Nothing, for each frame is to have but one ring to come to.
        for ring in &rings {
            ring.filter(&Program::nothing().0)?;
            ring.bind(interface, listening.promiscuous)?;
        }
        if let [first, others @ ..] = rings.as_slice()
            && !others.is_empty()
        {
            let group = first.found_group()?;
            others.iter().try_for_each(|ring| ring.join(group))?;
        }
        Ok(Self { rings, clock: Clock::Kernel, passed: 0 })
    }

    /// Takes the times of frames from the hardware of the interface.
    ///
    /// # Errors
    /// It gives none; they are the kernel's still.
    pub fn take_hardware_times(&mut self, interface: &str) -> io::Result<()> {
        ring::want_hardware_times(interface)?;
        self.rings.iter().try_for_each(Ring::take_hardware_times)?;
        self.clock = Clock::Hardware;
        Ok(())
    }

    /// Lets in what a program accepts; everything, if there is none.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn let_in(&self, program: Option<&Program>) -> io::Result<()> {
        let everything = Program::everything();
        self.rings.iter().try_for_each(|ring| ring.filter(&program.unwrap_or(&everything).0))
    }

    /// How many frames were passed over since this was last asked, for their time is not of the clock that was asked for.
    pub fn passed(&mut self) -> u64 {
        std::mem::take(&mut self.passed)
    }

    /// For what is taken from them: as many blocks of each may wait as it has.
    pub fn merge(&self) -> Merge {
        Merge::new(self.rings.len(), self.rings.iter().map(Ring::blocks).max().unwrap_or_default())
    }

    /// Copies the next block of every ring and notes where its frames lie; whether there was one.
    pub fn gather(&mut self, shelf: &Shelf, merge: &mut Merge) -> bool {
        let mut any = false;
        for (number, ring) in self.rings.iter_mut().enumerate() {
            if !merge.has_room_of(number) {
                continue;
            }
            let asked = Instant::now();
            let mut block = shelf.take(BLOCK);
            let Some(length) = ring.take(block.room()) else {
                merge.found_empty(number, asked);
                continue;
            };
            let mut spots = merge.list();
            self.passed += frames::find(block.room().get_mut(..length).unwrap_or_default(), self.clock, &mut spots);
            merge.take(number, Arc::new(block), spots, Instant::now());
            any = true;
        }
        any
    }

    /// Waits until there may be a block that there is room for, or until that has taken too long.
    ///
    /// # Errors
    /// That of a socket, such as of an interface that goes down; it is told once.
    pub fn wait(&self, merge: &Merge, longest: Duration) -> io::Result<()> {
        let rings = self.rings.iter().enumerate().filter(|(number, _)| merge.has_room_of(*number));
        ring::wait(rings.map(|(_, ring)| ring), longest)
    }

    /// Lets nothing new in.
    pub fn close(&self) {
        // Were it refused, what comes until the end would only be more than was wanted.
        for ring in &self.rings {
            let _ = ring.filter(&Program::nothing().0);
        }
    }

    /// What the kernel counted since it was last asked.
    pub fn counted(&self) -> Counted {
        let each = self.rings.iter().filter_map(|ring| ring.counted().ok());
        each.fold(Counted::default(), |sum, more| Counted {
            seen: sum.seen + more.seen,
            dropped: sum.dropped + more.dropped,
            freezes: sum.freezes + more.freezes,
        })
    }
}

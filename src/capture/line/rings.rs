//! The rings of an interface, and what the kernel is asked for them.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::feed::Shelf;
use super::super::{Link, Program};
use super::interface::link;
use super::merge::Merge;
use super::ring::{self, BLOCK, Ring};
use super::{Clock, Listening, Losses, Opened, Source, down, frames, unknown};
use crate::error::{Error, ErrorKind, Result};

/// Opens the rings of an interface.
///
/// # Errors
/// There is no such interface, it is down or of a kind that is not decoded, or the process may not listen.
pub fn open(name: &str, listening: &Listening) -> Result<Opened> {
    let index = ring::index_of(name).map_err(|_| unknown(name))?;
    let link = link(name)?;
    let refused = |error: io::Error| refused(name, &error);
    let mut rings = Rings::open(name, index, listening).map_err(refused)?;
    let timed = match listening.clock {
        Clock::Kernel => Ok(()),
        Clock::Hardware => rings.take_hardware_times(),
    };
    // The program is for frames of Ethernet.
    rings.let_in(listening.program.as_ref().filter(|_| link == Link::Ethernet)).map_err(refused)?;
    Ok(Opened { link, source: Box::new(rings), untimed: timed.err().map(|error| untimed(&error)) })
}

/// Rings that share the frames of an interface.
struct Rings {
    interface: String,
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
    fn open(interface: &str, index: i32, listening: &Listening) -> io::Result<Self> {
        let count = listening.rings.max(1);
        let blocks = (listening.ring / BLOCK / count).max(4);
        let rings: Vec<Ring> = (0..count).map(|_| Ring::new(blocks)).collect::<io::Result<_>>()?;
        // Nothing, for each frame is to have but one ring to come to.
        for ring in &rings {
            ring.filter(&Program::nothing().0)?;
            ring.bind(index, listening.promiscuous)?;
        }
        if let [first, others @ ..] = rings.as_slice()
            && !others.is_empty()
        {
            let group = first.found_group()?;
            others.iter().try_for_each(|ring| ring.join(group))?;
        }
        Ok(Self { interface: interface.to_owned(), rings, clock: Clock::Kernel, passed: 0 })
    }

    /// Takes the times of frames from the hardware of the interface.
    ///
    /// # Errors
    /// It gives none; they are the kernel's still.
    fn take_hardware_times(&mut self) -> io::Result<()> {
        ring::want_hardware_times(&self.interface)?;
        self.rings.iter().try_for_each(Ring::take_hardware_times)?;
        self.clock = Clock::Hardware;
        Ok(())
    }

    /// Lets in what a program accepts; everything, if there is none.
    ///
    /// # Errors
    /// The kernel refuses it.
    fn let_in(&self, program: Option<&Program>) -> io::Result<()> {
        let everything = Program::everything();
        self.rings.iter().try_for_each(|ring| ring.filter(&program.unwrap_or(&everything).0))
    }
}

impl Source for Rings {
    /// As many blocks of each may wait as it has.
    fn merge(&self) -> Merge {
        Merge::new(self.rings.len(), self.rings.iter().map(Ring::blocks).max().unwrap_or_default())
    }

    /// Copies the next block of every ring.
    fn gather(&mut self, shelf: &Shelf, merge: &mut Merge) -> bool {
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

    fn wait(&mut self, merge: &Merge, longest: Duration) -> io::Result<()> {
        let rings = self.rings.iter().enumerate().filter(|(number, _)| merge.has_room_of(*number));
        ring::wait(rings.map(|(_, ring)| ring), longest)
    }

    fn is_gone(&self) -> bool {
        ring::index_of(&self.interface).is_err()
    }

    fn close(&mut self) {
        // Were it refused, what comes until the end would only be more than was wanted.
        for ring in &self.rings {
            let _ = ring.filter(&Program::nothing().0);
        }
    }

    fn losses(&mut self) -> Losses {
        let counted = self.rings.iter().filter_map(|ring| ring.counted().ok());
        let (dropped, freezes) =
            counted.fold((0, 0), |(dropped, freezes), ring| (dropped + ring.dropped, freezes + ring.freezes));
        Losses { dropped, freezes, untimed: std::mem::take(&mut self.passed) }
    }
}

/// Why its hardware gives no times.
fn untimed(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM) => "that takes another capability: setcap cap_net_raw,cap_net_admin=ep tidewatch".to_owned(),
        Some(libc::EOPNOTSUPP | libc::ENODEV | libc::EINVAL | libc::ERANGE) | None => {
            "it cannot, of every frame".to_owned()
        }
        Some(_) => error.to_string(),
    }
}

/// Why an interface cannot be listened to.
fn refused(name: &str, error: &io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            Error::new(ErrorKind::Capture, name, "this process may not listen to an interface")
                .hint("run it as root, or give the program the capability: setcap cap_net_raw=ep tidewatch")
        }
        Some(libc::ENETDOWN) => down(name),
        Some(libc::ENOMEM) => Error::new(ErrorKind::Capture, name, "the kernel has no memory for the ring")
            .hint("ask for less with --ring"),
        _ => Error::new(ErrorKind::Capture, name, error),
    }
}

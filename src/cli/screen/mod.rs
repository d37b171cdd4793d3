//! A view of a watch in the terminal: what its page shows, drawn beside it a few times a second.
//!
//! It is drawn on standard error, so that standard output stays for notices. While it is there, nothing else is written to the terminal:
//! messages wait in [`Held`], and the latest is shown.

mod draw;
mod episodes;
mod look;
mod pose;
#[cfg(test)]
mod tests;
mod tide;
mod who;

use std::io::{self, IsTerminal, Stderr};
use std::panic;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{self, Event};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal as Canvas;
use ratatui::backend::CrosstermBackend;
use tidewatch::watch::Status;
use tidewatch::{Error, ErrorKind, Result};

use self::look::Look;
use self::pose::{Phase, Pose, Wish};
use super::terminal::{Held, Signals, Terminal};

/// How long a picture stays if no key is pressed.
const PICTURE: Duration = Duration::from_millis(250);
/// How long what it shows does.
const FRESH: Duration = Duration::from_millis(500);

/// A screen that is there until it is ended, or dropped.
pub struct Screen {
    ending: Arc<Ending>,
    thread: Option<JoinHandle<()>>,
}

/// What the watch tells its screen.
#[derive(Default)]
struct Ending {
    /// It is over: the last picture stays until the onlooker has seen enough.
    over: AtomicBool,
    /// Nobody is to look any more.
    gone: AtomicBool,
}

/// Whether there is a terminal to draw on.
///
/// # Errors
/// There is none.
pub fn check() -> Result<()> {
    if io::stderr().is_terminal() {
        return Ok(());
    }
    let what = "standard error, where the view is drawn, is no terminal";
    Err(Error::parameter(
        "--tui",
        what,
        "redirect only standard output, or look at a watch with --listen 127.0.0.1:9464",
    ))
}

impl Screen {
    /// Draws what the watch tells of itself, on a thread of its own.
    ///
    /// # Errors
    /// The terminal does not let itself be drawn on.
    pub fn new(terminal: &Terminal, status: Arc<Status>) -> Result<Self> {
        let (signals, held) = (terminal.signals(), terminal.held());
        let ending = Arc::new(Ending::default());
        let stage = Stage::new(&held).map_err(|error| {
            Error::new(ErrorKind::Io, "--tui", format!("the terminal cannot be drawn on: {error}"))
                .hint("leave it out, or look at a watch with --listen 127.0.0.1:9464")
        })?;
        let show = Onlooker { stage, signals, held, status, ending: Arc::clone(&ending) };
        Ok(Self { ending, thread: Some(thread::spawn(move || show.run())) })
    }

    /// Takes the screen away: at once, or once the onlooker has seen enough of what `stays`.
    pub fn end(self, stays: bool) {
        self.ending.over.store(true, Ordering::Relaxed);
        if stays {
            self.wait();
        }
    }

    fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.ending.gone.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked has given the terminal back.
            let _ = thread.join();
        }
    }
}

/// The terminal while it is drawn on; as it was before once this is dropped, on whatever way.
struct Stage {
    canvas: Canvas<CrosstermBackend<Stderr>>,
    held: Arc<Held>,
}

impl Stage {
    fn new(held: &Arc<Held>) -> io::Result<Self> {
        let canvas = Canvas::new(CrosstermBackend::new(io::stderr()))?;
        held.begin();
        hold_panics(held);
        // Dropped from here on, it gives back what it has taken so far.
        let stage = Self { canvas, held: Arc::clone(held) };
        enable_raw_mode()?;
        execute!(io::stderr(), EnterAlternateScreen, Hide)?;
        Ok(stage)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        let _ = execute!(io::stderr(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
        self.held.end();
    }
}

/// Lets what a panic says wait, as all else, as long as messages do.
fn hold_panics(held: &Arc<Held>) {
    let (held, otherwise) = (Arc::clone(held), panic::take_hook());
    panic::set_hook(Box::new(move |panic| {
        if !held.take(panic) {
            otherwise(panic);
        }
    }));
}

/// What the thread works with.
struct Onlooker {
    stage: Stage,
    signals: Signals,
    held: Arc<Held>,
    status: Arc<Status>,
    ending: Arc<Ending>,
}

impl Onlooker {
    fn run(mut self) {
        if self.draw().is_err() {
            // The terminal is gone, and with it who looked.
            self.signals.cancelled.store(true, Ordering::Relaxed);
        }
        // From here on signals end the program by themselves.
        self.signals.ends.store(self.signals.cancelled.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    fn draw(&mut self) -> io::Result<()> {
        let (mut pose, look) = (Pose::new(self.status.state()), Look::of_terminal());
        let mut taken = Instant::now();
        let mut asked = false;
        loop {
            let over = self.ending.over.load(Ordering::Relaxed);
            let cancelled = self.signals.cancelled.load(Ordering::Relaxed);
            pose.phase = match (over, cancelled) {
                (true, _) => Phase::Over,
                (false, true) => Phase::Ending,
                (false, false) => Phase::Watching,
            };
            if self.ending.gone.load(Ordering::Relaxed) || over && cancelled {
                return Ok(());
            }
            if !io::stderr().is_terminal() {
                return Err(io::ErrorKind::NotConnected.into());
            }
            pose.paused &= !over;
            if taken.elapsed() >= FRESH || over {
                taken = Instant::now();
                pose.take(self.status.state());
            }
            pose.hear(self.held.latest());
            let slices = self.status.slices.as_deref();
            self.stage.canvas.draw(|frame| draw::draw(frame, &mut pose, slices, look))?;
            let mut wish = None;
            if event::poll(PICTURE)?
                && let Event::Key(key) = event::read()?
            {
                wish = pose.key(key);
            }
            if self.signals.again.swap(false, Ordering::Relaxed) {
                wish = Some(Wish::Interrupt);
            }
            match wish {
                None => {}
                Some(Wish::End) if over => return Ok(()),
                Some(Wish::End) => self.signals.cancelled.store(true, Ordering::Relaxed),
                Some(Wish::Interrupt) if asked => self.leave(),
                Some(Wish::Interrupt) => {
                    asked = true;
                    self.signals.cancelled.store(true, Ordering::Relaxed);
                }
                Some(Wish::Say(episode, verdict)) => {
                    pose.answer = Some(match self.status.say(&episode, verdict) {
                        Ok(()) => "remembered".to_owned(),
                        Err(unsaid) => unsaid.to_string(),
                    });
                    pose.take(self.status.state());
                }
            }
        }
    }

    /// Ends the program at once, as a second Ctrl-C does.
    fn leave(&mut self) {
        let _ = execute!(io::stderr(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
        self.held.end();
        process::exit(130);
    }
}

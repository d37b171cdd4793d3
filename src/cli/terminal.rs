//! What people see: everything that is not data goes to standard error.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::{consts, flag};
use tidewatch::progress::Progress;
use tidewatch::{Error, ErrorKind, Result, file};

/// Messages, a progress bar if standard error is a terminal, and Ctrl-C.
pub struct Terminal {
    bar: Mutex<Option<ProgressBar>>,
    held: Arc<Held>,
    signals: Signals,
    /// Whether all of it belongs to a screen: there is no bar then.
    draws: bool,
}

/// What signals have asked for.
#[derive(Clone, Default)]
pub struct Signals {
    /// To end in good order.
    pub cancelled: Arc<AtomicBool>,
    /// The same once more, for who has put this flag down: a screen has to go before the program ends at once.
    pub again: Arc<AtomicBool>,
    /// Whether the next one ends the program at once, whatever it is doing.
    pub ends: Arc<AtomicBool>,
    hung_up: Arc<AtomicBool>,
}

impl Terminal {
    /// Listens for Ctrl-C: the first ends the work in good order, the second ends the program at once. So does SIGTERM, and the loss
    /// of the terminal (SIGHUP), unless that is asked for as [`Terminal::hung_up`]. Where a screen `draws`, it is the screen's to
    /// end the program while it is there.
    pub fn new(asks_hang_up: bool, draws: bool) -> Self {
        let mut signals = Signals::default();
        if !draws {
            signals.ends = Arc::clone(&signals.cancelled);
        }
        let ends = |signal| {
            // The second time the flag is set already. Without a handler Ctrl-C still ends the program, only less politely.
            let _ = flag::register_conditional_shutdown(signal, 130, Arc::clone(&signals.ends));
            let _ = flag::register(signal, Arc::clone(&signals.cancelled));
            let _ = flag::register(signal, Arc::clone(&signals.again));
        };
        ends(consts::SIGINT);
        ends(consts::SIGTERM);
        #[cfg(unix)]
        if asks_hang_up {
            let _ = flag::register(consts::SIGHUP, Arc::clone(&signals.hung_up));
        } else {
            ends(consts::SIGHUP);
        }
        Self { bar: Mutex::default(), held: Arc::default(), signals, draws }
    }

    /// Set by SIGHUP, where that was asked for.
    pub fn hung_up(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.signals.hung_up)
    }

    /// What tells, wherever it is asked, whether the user wants the work to end.
    pub fn enough(&self) -> impl Fn() -> bool + Send + 'static {
        let cancelled = Arc::clone(&self.signals.cancelled);
        move || cancelled.load(Ordering::Relaxed)
    }

    /// What signals have asked for.
    pub fn signals(&self) -> Signals {
        self.signals.clone()
    }

    /// Where messages wait while a screen is there.
    pub fn held(&self) -> Arc<Held> {
        Arc::clone(&self.held)
    }

    /// Says something beside the data.
    pub fn say(&self, text: impl Display) {
        if self.held.take(&text) {
            return;
        }
        match self.bar.lock().ok().as_deref() {
            Some(Some(bar)) => bar.suspend(|| write_line(&text)),
            _ => write_line(&text),
        }
    }

    /// Says what went wrong without ending the work.
    pub fn warn(&self, text: impl Display) {
        self.say(format_args!("warning: {text}"));
    }

    /// Says why the work ended.
    pub fn error(&self, error: &Error) {
        self.say(format_args!("error: {error}"));
    }

    /// Takes the progress bar away.
    pub fn finish(&self) {
        if let Some(bar) = self.bar.lock().ok().and_then(|mut bar| bar.take()) {
            bar.finish_and_clear();
        }
    }
}

/// Messages that wait until a screen is gone, the latest of which it may show.
#[derive(Default)]
pub struct Held(Mutex<Option<VecDeque<String>>>);

impl Held {
    /// Messages that wait at most; the oldest are forgotten.
    const MOST: usize = 1000;

    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on messages wait.
    pub fn begin(&self) {
        self.lock().get_or_insert_default();
    }

    /// Keeps a message, if messages wait.
    pub fn take(&self, text: &impl Display) -> bool {
        let mut held = self.lock();
        let Some(held) = &mut *held else { return false };
        held.push_back(text.to_string());
        if held.len() > Self::MOST {
            held.pop_front();
        }
        true
    }

    /// How many wait, and the latest.
    pub fn latest(&self) -> (usize, Option<String>) {
        self.lock().as_ref().map_or((0, None), |held| (held.len(), held.back().cloned()))
    }

    /// Says what has waited, and from now on what comes at once.
    pub fn end(&self) {
        for text in self.lock().take().into_iter().flatten() {
            write_line(&text);
        }
    }
}

/// A line to standard error; where that has gone, there is nobody to tell.
fn write_line(text: &impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

impl Progress for Terminal {
    fn begin(&self, what: &str, total: Option<u64>) {
        self.finish();
        if self.draws || !io::stderr().is_terminal() {
            return;
        }
        // Captures are counted in bytes, everything else in a few steps.
        let bytes = total.is_none_or(|total| total > 100);
        let template = match (total, bytes) {
            (Some(_), true) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            (None, _) => "{msg} {spinner} {bytes} {bytes_per_sec}",
            (Some(_), false) => "{msg} {wide_bar} {pos}/{len} {elapsed}",
        };
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr()).with_message(what.to_owned());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if let Ok(mut current) = self.bar.lock() {
            *current = Some(bar);
        }
    }

    fn advance(&self, units: u64) {
        if let Some(Some(bar)) = self.bar.lock().ok().as_deref() {
            bar.inc(units);
        }
    }

    fn cancelled(&self) -> bool {
        self.signals.cancelled.load(Ordering::Relaxed)
    }
}

/// Writes data to standard output.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| file::standard_output(&error))
}

/// Writes a value to standard output as JSON over several lines.
pub fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let json = serde_json::to_string_pretty(value)
        .map_err(|error| Error::new(ErrorKind::Io, "standard output", error.to_string()))?;
    print(&(json + "\n"))
}

/// A count as people write it: `1,234,567`.
pub fn count(number: u64) -> String {
    tidewatch::alert::number(number as f64)
}

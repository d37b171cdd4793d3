//! What the onlooker of a watch wants to see of it.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tidewatch::alert::episode::Notice;
use tidewatch::watch::{State, Verdict};

/// What is looked at, and how.
pub struct Pose {
    /// What the watch told last that was to be seen.
    pub state: State,
    /// Whether what it tells is left alone for the moment.
    pub paused: bool,
    /// The episode that was chosen; without one the first is.
    pub chosen: Option<String>,
    /// Whether that episode has the whole screen.
    pub whole: bool,
    /// Lines of it that are scrolled away.
    pub scrolled: u16,
    /// Where the watch stands.
    pub phase: Phase,
    /// How many messages wait, and the latest of them.
    pub said: (usize, Option<String>),
    /// What came of the last verdict.
    pub answer: Option<String>,
}

/// Where a watch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Watching,
    /// It was told to end, and sees to that.
    Ending,
    /// A recording has come to its end.
    Over,
}

/// What a key asks for beyond another look.
#[derive(Debug, PartialEq, Eq)]
pub enum Wish {
    End,
    /// To end, and the second time at once.
    Interrupt,
    Say(String, Verdict),
}

impl Pose {
    /// That of who has just come.
    pub fn new(state: State) -> Self {
        Self {
            state,
            paused: false,
            chosen: None,
            whole: false,
            scrolled: 0,
            phase: Phase::Watching,
            said: (0, None),
            answer: None,
        }
    }

    /// Takes in what the watch tells now, unless that is to wait.
    pub fn take(&mut self, state: State) {
        if !self.paused {
            self.state = state;
        }
    }

    /// Takes in what was said, which an answer has to give way to.
    pub fn hear(&mut self, said: (usize, Option<String>)) {
        if said != self.said {
            self.answer = None;
            self.said = said;
        }
    }

    /// All episodes that are told of: first those that are open, the latest of the closed ones behind.
    pub fn episodes(&self) -> impl Iterator<Item = (&Notice, bool)> {
        let told = &self.state.shown.episodes;
        told.open.iter().map(|notice| (notice, true)).chain(told.closed.iter().map(|notice| (notice, false)))
    }

    /// The place of the chosen episode among all.
    pub fn place(&self) -> usize {
        let chosen = self.chosen.as_deref();
        chosen.and_then(|chosen| self.episodes().position(|(notice, _)| notice.episode == chosen)).unwrap_or(0)
    }

    /// The chosen episode, and whether it is open.
    pub fn episode(&self) -> Option<(&Notice, bool)> {
        self.episodes().nth(self.place())
    }

    fn choose(&mut self, place: usize) {
        let count = self.episodes().count();
        let chosen = self.episodes().nth(place.min(count.saturating_sub(1)));
        self.chosen = chosen.map(|(notice, _)| notice.episode.clone());
        self.scrolled = 0;
    }

    /// Does what a key asks for, or tells it, if that is another's to do.
    pub fn key(&mut self, key: KeyEvent) -> Option<Wish> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        self.answer = None;
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Some(Wish::Interrupt),
            KeyCode::Char('q') => return Some(Wish::End),
            KeyCode::Char('p') => self.paused = !self.paused,
            KeyCode::Up => self.choose(self.place().saturating_sub(1)),
            KeyCode::Down => self.choose(self.place().saturating_add(1)),
            KeyCode::Home => self.choose(0),
            KeyCode::End => self.choose(usize::MAX),
            KeyCode::Enter | KeyCode::Right => {
                self.whole = !self.whole && self.episode().is_some();
                self.scrolled = 0;
                // It stays the one that is looked at, whatever comes before it.
                self.chosen = self.episode().map(|(notice, _)| notice.episode.clone());
            }
            KeyCode::Esc | KeyCode::Left => self.whole = false,
            KeyCode::PageUp => self.scrolled = self.scrolled.saturating_sub(8),
            KeyCode::PageDown => self.scrolled = self.scrolled.saturating_add(8),
            KeyCode::Char('b') => return self.say(Verdict::Benign),
            KeyCode::Char('a') => return self.say(Verdict::Unusual),
            _ => {}
        }
        None
    }

    fn say(&self, verdict: Verdict) -> Option<Wish> {
        self.episode().map(|(notice, _)| Wish::Say(notice.episode.clone(), verdict))
    }
}

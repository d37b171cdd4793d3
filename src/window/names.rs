//! Names of rows, one behind the other.

use std::fmt::{Display, Write};
use std::ops::Range;

/// Texts in one piece of memory: a quarter of a million of them are not asked for one by one by the thread that makes a window's
/// rows, and given back one by one by the thread that writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Names {
    /// Without any, with room for so many.
    pub(super) fn with_capacity(names: usize) -> Self {
        Self { text: String::new(), ends: Vec::with_capacity(names) }
    }

    /// Adds one.
    pub fn push(&mut self, name: impl Display) {
        // A String takes whatever is written.
        let _ = write!(self.text, "{name}");
        self.ends.push(self.text.len());
    }

    /// Adds some of others.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn append(&mut self, others: &Self, part: Range<usize>) {
        let (from, to) = (others.start(part.start), others.start(part.end));
        let ends = others.ends[part].iter().map(|end| end - from + self.text.len());
        self.ends.extend(ends);
        self.text.push_str(&others.text[from..to]);
    }

    /// All of them, in the order in which they came.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|at| &self.text[self.start(at)..self.ends[at]])
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Forgets them, but keeps their memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// About how much memory they take.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + self.ends.len() * size_of::<usize>()
    }

    /// Where a name starts, or the one behind the last would.
    fn start(&self, name: usize) -> usize {
        if name == 0 { 0 } else { self.ends[name - 1] }
    }
}

impl<T: Display> FromIterator<T> for Names {
    fn from_iter<I: IntoIterator<Item = T>>(names: I) -> Self {
        let mut all = Self::default();
        names.into_iter().for_each(|name| all.push(name));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_they_went_in() {
        let mut names = Names::from_iter(["a", "", "älter"]);
        let others = Names::from_iter(["x", "yy", "", "zzz"]);
        names.append(&others, 1..4);
        names.append(&others, 0..0);
        names.append(&others, 4..4);
        assert_eq!(names.iter().collect::<Vec<_>>(), ["a", "", "älter", "yy", "", "zzz"]);
        assert_eq!((names.len(), names.is_empty()), (6, false));
        names.clear();
        names.append(&others, 0..1);
        assert_eq!(names, Names::from_iter(["x"]));
    }
}

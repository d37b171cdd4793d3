//! What an operator writes down for a watch: where notices go, and what is not to be heard of.

use std::path::Path;

use serde::Deserialize;

use crate::alert::mute::{Mute, RawMute};
use crate::error::{Error, ErrorKind, Result};
use crate::sink::{Outlet, RawOutlet};

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    sink: Vec<RawOutlet>,
    #[serde(default)]
    mute: Vec<RawMute>,
}

/// What it says.
pub struct Config {
    /// Where notices go.
    pub outlets: Vec<Outlet>,
    /// Alerts that no episode is made of.
    pub mutes: Vec<Mute>,
}

impl Config {
    /// What the file at `path` says, if there is one; where it names no sink, notices go to `otherwise`.
    ///
    /// # Errors
    /// It cannot be read, or says what cannot be; which of its entries is named.
    pub fn read(path: Option<&Path>, otherwise: Option<RawOutlet>) -> Result<Self> {
        let Some(path) = path else { return Self::check(Raw::default(), otherwise, Path::new("")) };
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(path, &error))?;
        let raw = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
            Error::new(ErrorKind::Parameter, path.display(), format!("{} (line {line})", error.message()))
                .hint("write [[sink]] and [[mute]] entries as the manual shows them")
        })?;
        Self::check(raw, otherwise, path)
    }

    fn check(raw: Raw, otherwise: Option<RawOutlet>, path: &Path) -> Result<Self> {
        let wrong = |kind: &str, place: usize, what: String| {
            Error::new(ErrorKind::Parameter, path.display(), format!("{what} ({kind} {})", place + 1))
        };
        let sinks = if raw.sink.is_empty() { otherwise.into_iter().collect() } else { raw.sink };
        let outlets = sinks.into_iter().enumerate();
        let mutes = raw.mute.into_iter().enumerate();
        Ok(Self {
            outlets: outlets
                .map(|(place, sink)| sink.check().map_err(|what| wrong("sink", place, what)))
                .collect::<Result<_>>()?,
            mutes: mutes
                .map(|(place, mute)| mute.check().map_err(|what| wrong("mute", place, what)))
                .collect::<Result<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Config::read(Some(file.path()), Some(RawOutlet::default()))
    }

    #[test]
    fn what_is_not_said_goes_without_saying() {
        for config in
            [Config::read(None, Some(RawOutlet::default())).unwrap(), read("[[mute]]\nentity = ['10.0.0.7']").unwrap()]
        {
            assert_eq!(config.outlets.iter().map(|outlet| outlet.name.as_str()).collect::<Vec<_>>(), ["stdout"]);
        }
        assert_eq!(read("[[sink]]\nto = 'a.jsonl'\n[[sink]]\nto = 'stdout'").unwrap().outlets.len(), 2);
        assert!(Config::read(None, None).unwrap().outlets.is_empty());
    }

    #[test]
    fn the_entry_that_is_wrong_is_named() {
        for (text, told) in [
            ("[[sink]]\nto = 'stdout'\n[[sink]]\nto = 'ftp://a'", "(sink 2)"),
            ("[[mute]]", "a rule without conditions would mute everything (mute 1)"),
            ("[[sink]]\nto = 'stdout'\nshape = 'x'", "unknown field `shape`"),
            ("[[sink]\n", "(line 1)"),
        ] {
            let error = read(text).err().unwrap().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
        assert!(Config::read(Some(Path::new("gone.toml")), None).err().unwrap().to_string().contains("no such file"));
    }
}

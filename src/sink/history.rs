//! A history of episodes in a database of SQLite: one row each, as it was last told.
//!
//! Written ahead (<https://sqlite.org/wal.html>), so that it can be read while it is written, and is whole whenever the program dies.

use std::io;
use std::path::PathBuf;

use rusqlite::{Connection, ErrorCode, params};
use serde_json::Value;

use super::{Carrier, Needs};

/// Of another layout nothing is known.
const LAYOUT: i64 = 1;

const TABLE: &str = "
    CREATE TABLE episodes (
        number   INTEGER PRIMARY KEY,
        episode  TEXT NOT NULL UNIQUE,
        state    TEXT NOT NULL,
        severity TEXT NOT NULL,
        view     TEXT NOT NULL,
        entity   TEXT NOT NULL,
        started  TEXT NOT NULL,
        ended    TEXT NOT NULL,
        alerts   INTEGER NOT NULL,
        score    REAL,
        p_value  REAL,
        reason   TEXT,
        evidence TEXT,
        notice   TEXT NOT NULL
    ) STRICT;
    CREATE INDEX by_entity ON episodes (entity, started);
    CREATE INDEX by_time ON episodes (started);
    PRAGMA user_version = 1;";

const TELL: &str = "
    INSERT INTO episodes (episode, state, severity, view, entity, started, ended, alerts, score, p_value, reason, evidence, notice)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
    ON CONFLICT (episode) DO UPDATE SET
        state = ?2, severity = ?3, started = ?6, ended = ?7, alerts = ?8, score = ?9, p_value = ?10, reason = ?11, evidence = ?12,
        notice = ?13";

/// The oldest that are too many go.
const FORGET: &str = "DELETE FROM episodes WHERE number <= (SELECT max(number) FROM episodes) - ?1";

/// A database that holds the latest episodes.
pub struct History {
    path: PathBuf,
    /// How many.
    keep: usize,
    connection: Option<Connection>,
}

impl History {
    /// In the file at `path`, which is made if it is not there.
    pub fn new(path: PathBuf, keep: usize) -> Self {
        Self { path, keep, connection: None }
    }

    fn open(&mut self) -> io::Result<&mut Connection> {
        if self.connection.is_none() {
            let connection = Connection::open(&self.path).map_err(fault)?;
            // A reader may hold it for a moment.
            connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(fault)?;
            connection.pragma_update(None, "journal_mode", "wal").map_err(fault)?;
            connection.pragma_update(None, "synchronous", "normal").map_err(fault)?;
            // What SQLite would put aside for a moment belongs in no folder of others.
            connection.pragma_update(None, "temp_store", "memory").map_err(fault)?;
            let layout: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fault)?;
            match layout {
                0 => connection.execute_batch(TABLE).map_err(fault)?,
                LAYOUT => {}
                other => return Err(refused(format!("its layout is {other}, not {LAYOUT}"))),
            }
            self.connection = Some(connection);
        }
        self.connection.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn tell(&mut self, message: &[u8]) -> io::Result<()> {
        let notice: Value = serde_json::from_slice(message).map_err(|error| refused(error.to_string()))?;
        let words = String::from_utf8_lossy(message);
        let keep = i64::try_from(self.keep).unwrap_or(i64::MAX);
        let connection = self.open()?;
        let text = |name: &str| notice[name].as_str();
        let change = connection.transaction().map_err(fault)?;
        let told = params![
            text("episode"),
            text("event"),
            text("severity"),
            text("view"),
            text("entity"),
            text("started"),
            text("ended"),
            notice["alerts"].as_i64(),
            notice["score"].as_f64(),
            notice["p_value"].as_f64(),
            notice["reasons"][0]["text"].as_str(),
            text("evidence"),
            words.trim_end(),
        ];
        change.execute(TELL, told).map_err(fault)?;
        change.execute(FORGET, params![keep]).map_err(fault)?;
        change.commit().map_err(fault)
    }
}

fn refused(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A file that is no database, and a notice that does not fit, will be no better later; a disk that is full may be.
fn fault(error: rusqlite::Error) -> io::Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => {
            refused(error.to_string())
        }
        _ => io::Error::other(error),
    }
}

impl Carrier for History {
    fn deliver(&mut self, message: &[u8]) -> io::Result<()> {
        let told = self.tell(message);
        if told.is_err() {
            self.connection = None;
        }
        told
    }

    fn needs(&self) -> Needs<'_> {
        Needs::File(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(episode: &str, event: &str, alerts: u64) -> Vec<u8> {
        let notice = serde_json::json!({
            "event": event, "episode": episode, "severity": "high", "view": "host", "entity": "10.0.0.66",
            "started": "2026-01-01T00:00:00Z", "ended": "2026-01-01T00:00:30Z", "alerts": alerts, "score": 9.5,
            "p_value": 3e-10, "reasons": [{"text": "ports tried: 200"}],
        });
        serde_json::to_vec(&notice).unwrap()
    }

    fn rows(path: &std::path::Path) -> Vec<(String, String, i64, String)> {
        let connection = Connection::open(path).unwrap();
        let mut all =
            connection.prepare("SELECT episode, state, alerts, reason FROM episodes ORDER BY number").unwrap();
        let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
        rows.unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn an_episode_is_one_row_as_it_was_last_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        for (episode, event, alerts) in [("a", "opened", 1), ("b", "opened", 1), ("a", "closed", 7)] {
            // Each time anew, as after a restart.
            History::new(path.clone(), 100).deliver(&notice(episode, event, alerts)).unwrap();
        }
        let told = |episode: &str, state: &str, alerts| {
            (episode.to_owned(), state.to_owned(), alerts, "ports tried: 200".to_owned())
        };
        assert_eq!(rows(&path), [told("a", "closed", 7), told("b", "opened", 1)]);
    }

    #[test]
    fn the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        let mut history = History::new(path.clone(), 2);
        for episode in ["a", "b", "c"] {
            history.deliver(&notice(episode, "opened", 1)).unwrap();
        }
        assert_eq!(rows(&path).into_iter().map(|row| row.0).collect::<Vec<_>>(), ["b", "c"]);
    }

    #[test]
    fn what_is_no_history_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("letter.txt");
        let text = "dear database, ".repeat(100);
        std::fs::write(&path, &text).unwrap();
        let error = History::new(path.clone(), 2).deliver(&notice("a", "opened", 1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        let other = folder.path().join("other.db");
        Connection::open(&other).unwrap().pragma_update(None, "user_version", 7).unwrap();
        let error = History::new(other, 2).deliver(&notice("a", "opened", 1)).unwrap_err();
        assert!(error.to_string().contains("its layout is 7"), "{error}");
        assert!(History::new(path, 2).deliver(b"{").is_err());
    }
}

//! The view of a watch in a terminal: what is seen, what keys do, and how the terminal is left.

#![cfg(target_os = "linux")]

mod common;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use common::running::Bounded;
use common::{Folder, TIDEWATCH, office};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// A watch in a terminal of its own.
struct Seen {
    terminal: Option<File>,
    /// The end that the program has, held open so that the terminal outlives it.
    slave: OwnedFd,
    child: Child,
    parser: vt100::Parser,
    raw: Vec<u8>,
    _bounded: Bounded,
}

fn size(ws_col: u16, ws_row: u16) -> Winsize {
    Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 }
}

impl Seen {
    /// What is to be seen once there is nothing to wait for any more.
    const IN_VAIN: &str = "waited in vain";

    /// `tidewatch watch model.tw LINE`, by a shell whose terminal has this size.
    fn start(folder: &Folder, line: &str, (width, height): (u16, u16)) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let slave = open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        tcsetwinsize(&terminal, size(width, height)).unwrap();
        let end = || Stdio::from(slave.try_clone().unwrap());
        let mut command = Command::new("setsid");
        command.args(["--ctty", "sh", "-c", &format!("exec {TIDEWATCH} watch model.tw {line}")]);
        command.current_dir(folder.folder()).env("TERM", "xterm-256color").env_remove("NO_COLOR");
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let parser = vt100::Parser::new(height, width, 0);
        let mut ours = File::from(slave.try_clone().unwrap());
        let bounded = Bounded::new(child.id(), move || ours.write_all(Self::IN_VAIN.as_bytes()).unwrap());
        Self { terminal: Some(File::from(terminal)), slave, child, parser, raw: Vec::new(), _bounded: bounded }
    }

    /// Waits until this can be seen.
    fn see(&mut self, words: &str) -> String {
        let mut bytes = [0; 4096];
        loop {
            let contents = self.parser.screen().contents();
            if contents.contains(words) {
                return contents;
            }
            assert!(!contents.contains(Self::IN_VAIN), "'{words}' is not to be seen: {contents}");
            let read = self.terminal.as_mut().unwrap().read(&mut bytes).unwrap();
            assert!(read > 0, "'{words}' is not to be seen: {contents}");
            self.parser.process(&bytes[..read]);
            self.raw.extend(&bytes[..read]);
        }
    }

    fn press(&mut self, keys: &str) {
        self.terminal.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    fn resize(&mut self, width: u16, height: u16) {
        self.parser.screen_mut().set_size(height, width);
        tcsetwinsize(self.terminal.as_ref().unwrap(), size(width, height)).unwrap();
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end, sees that the terminal is as it was, and gives what was said at last.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        assert!(tcgetattr(&self.slave).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO));
        // A mark of ours behind all that it wrote.
        File::from(self.slave.try_clone().unwrap()).write_all(b"\r\nthat is all").unwrap();
        let contents = self.see("that is all");
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor(), "{contents}");
        (code, contents)
    }
}

/// A watch of what is written to a pipe, with an episode on the screen; and the pipe, which holds it open.
fn watching(folder: &Folder, line: &str) -> (Seen, File) {
    assert!(Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap().success());
    let mut seen = Seen::start(folder, &format!("--replay - --tui {line} < pipe"), (110, 36));
    let mut pipe = File::options().write(true).open(folder.path("pipe")).unwrap();
    pipe.write_all(&folder.get("attack.pcap")).unwrap();
    seen.see("▸");
    (seen, pipe)
}

/// A watch of a recording that has come to its end.
fn over(folder: &Folder, line: &str, size: (u16, u16)) -> Seen {
    let mut seen = Seen::start(folder, &format!("--replay attack.pcap --tui {line}"), size);
    seen.see("over: q leaves");
    seen
}

#[test]
fn a_recording_is_seen_until_its_onlooker_leaves() {
    let folder = office(10, 105);
    let mut seen = over(&folder, "--evidence kept", (120, 40));
    for part in [
        "10.0.0.66",
        "Tide",
        "Who stands out",
        "Episodes",
        "Why",
        "Counts",
        "kept/",
        "none: notices are seen here alone",
    ] {
        seen.see(part);
    }
    seen.resize(60, 15);
    seen.see("Episodes");
    seen.press("\x1b[B\r");
    seen.see("episode ");
    seen.press("q");
    let (code, said) = seen.end();
    assert!(code == Some(0) && said.contains("packets read") && said.contains("episodes"), "{code:?} {said}");
}

#[test]
fn notices_go_where_standard_output_goes() {
    let folder = office(10, 105);
    let seen = over(&folder, "> notices.jsonl", (80, 24));
    seen.signal("TERM");
    assert_eq!(seen.end().0, Some(0));
    assert!(folder.get("notices.jsonl") == folder.done("watch model.tw --replay attack.pcap").out.as_bytes());
}

#[test]
fn where_notices_would_tear_the_view_it_is_refused() {
    let folder = office(5, 102);
    let refused = folder.run("watch model.tw --replay attack.pcap --tui");
    assert!(refused.code == Some(2) && refused.err.contains("no terminal; hint: "), "{}", refused.err);
    folder.put("out.toml", "[[sink]]\nto = 'stdout'\n");
    let mut seen = Seen::start(&folder, "--replay attack.pcap --tui --config out.toml", (200, 24));
    seen.see("redirect it, as in > notices.jsonl");
    assert_eq!(seen.end().0, Some(2));
}

#[test]
fn keys_judge_an_episode_and_end_the_watch_in_good_order() {
    let folder = office(5, 102);
    let (mut seen, pipe) = watching(&folder, "--verdicts verdicts.jsonl");
    seen.press("b");
    seen.see("remembered");
    seen.see("called benign");
    assert!(String::from_utf8(folder.get("verdicts.jsonl")).unwrap().contains("\"verdict\":\"benign\""));
    folder.put("model.tw", "no model");
    seen.see("the model that is there stays");
    seen.see("1 refused");
    seen.press("\x03");
    seen.see("ending");
    drop(pipe);
    let (code, said) = seen.end();
    assert_eq!(code, Some(3), "{said}");
    // What had to wait comes out at the end.
    assert!(said.contains("the model that is there stays") && said.contains("interrupted"), "{said}");
}

#[test]
fn who_asks_twice_need_not_wait() {
    let by_key: fn(&mut Seen) = |seen| seen.press("\x03");
    for ask in [by_key, |seen| seen.signal("TERM")] {
        let folder = office(5, 102);
        let (mut seen, _pipe) = watching(&folder, "");
        ask(&mut seen);
        seen.see("ending");
        ask(&mut seen);
        assert_eq!(seen.end().0, Some(130));
    }
}

#[test]
fn a_watch_ends_with_the_terminal_that_it_is_seen_in() {
    let folder = office(5, 102);
    let (mut seen, pipe) = watching(&folder, "> notices.jsonl");
    // The other end is the program's alone, as when a window is closed.
    drop(seen.terminal.take());
    drop(pipe);
    assert!(seen.child.wait().unwrap().code().is_some());
    assert!(!folder.get("notices.jsonl").is_empty());
}

//! What the kernel holds a watch to, where it knows how to: no file, program or connection but those that it needs.

#![cfg(target_os = "linux")]

mod common;

use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use common::office;
use common::running::{Running, address, get, of_threads};
use landlock::{AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr};

fn knows_landlock() -> bool {
    let asked = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    asked.handle_access(AccessFs::ReadFile).and_then(Ruleset::create).is_ok()
}

/// What a program may not do is said there, on kernels that know it.
fn knows_seccomp() -> bool {
    std::path::Path::new("/proc/sys/kernel/seccomp/actions_avail").exists()
}

#[test]
fn a_model_from_beyond_the_bounds_is_refused_and_every_thread_is_held_to_them() {
    let folder = office(12, 102);
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("model.tw"), folder.get("model.tw")).unwrap();
    let mut watch = Running::start(&folder, "--listen 127.0.0.1:0 --evidence kept --learn rows -o scores.parquet");
    let capture = folder.get("attack.pcap");
    let (first, rest) = capture.split_at(1000);
    watch.feed(first);
    watch.hear("/metrics");
    let page = get(&address(&watch.said), "/metrics", "");
    let holds = |means: &str| page.contains(&format!("tidewatch_confined{{by=\"{means}\"}} 1"));
    let (files, calls) = (holds("landlock"), holds("seccomp"));
    assert_eq!((files, calls), (knows_landlock(), knows_seccomp()), "{page}");
    if calls {
        for (field, value) in [("Seccomp:", "2"), ("NoNewPrivs:", "1")] {
            let values = of_threads(watch.child.id(), field);
            assert!(values.len() > 3 && values.iter().all(|is| is == value), "{field} {values:?}");
        }
    }
    let replace = |leads_to: std::path::PathBuf| {
        symlink(leads_to, folder.path("model.tmp")).unwrap();
        std::fs::rename(folder.path("model.tmp"), folder.path("model.tw")).unwrap();
    };
    std::fs::copy(folder.path("model.tw"), folder.path("other.tw")).unwrap();
    replace(elsewhere.path().join("model.tw"));
    watch.hear(if files { "the model that is there stays: model.tw: " } else { "another model takes over" });
    // In the same folder it may be any file.
    replace(folder.path("other.tw"));
    watch.hear("another model takes over");
    watch.feed(rest);
    let (code, said) = watch.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(folder.path("scores.parquet").is_file() && !said.contains("could not be"), "{said}");
    let written = |name: &str| std::fs::read_dir(folder.path(name)).unwrap().count();
    assert!(written("kept") > 0 && written("rows") > 0);
}

#[test]
fn sinks_are_still_found_by_their_names() {
    let folder = office(12, 102);
    let receiver = TcpListener::bind("localhost:0").unwrap();
    let port = receiver.local_addr().unwrap().port();
    let config = format!("[[sink]]\nto = 'syslog+tcp://localhost:{port}'\n[[sink]]\nto = 'sqlite://history.db'\n");
    folder.put("watch.toml", config);
    let taken = std::thread::spawn(move || {
        let mut text = String::new();
        receiver.accept().unwrap().0.read_to_string(&mut text).unwrap();
        text
    });
    let said = folder.done("watch model.tw --replay attack.pcap --config watch.toml");
    assert!(!said.err.contains("did not arrive"), "{}", said.err);
    assert!(taken.join().unwrap().contains("tidewatch") && folder.path("history.db").is_file());
}

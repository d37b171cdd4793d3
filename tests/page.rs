//! The page of a watch: what it shows, whom it lets in, and the packets that it gives. How it looks and behaves in a browser is tried by
//! `.ci/pages`.

mod common;

use std::time::Duration;

use common::running::{Running, address, ask, get};
use common::{Folder, keys, office};
use serde_json::Value;

/// A watch of the office and its scan, that has come to where the scan is an episode.
fn watching(folder: &Folder, options: &str) -> (Running, String) {
    let mut watch = Running::start(folder, options);
    watch.feed(&folder.get("attack.pcap"));
    watch.hear("a page at");
    let address = address(&watch.said).replace("0.0.0.0", "127.0.0.1");
    (watch, address)
}

/// What is shown, once an episode is among it.
fn state(address: &str, headers: &str) -> Value {
    loop {
        let answer = get(address, "/state.json", headers);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let state: Value = serde_json::from_str(body).unwrap();
        if state["episodes"]["open_count"] != 0 {
            return state;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_page_shows_the_tide_who_stands_out_and_the_episodes() {
    let folder = office(5, 102);
    let (watch, address) = watching(&folder, "--listen 127.0.0.1:0");
    let state = state(&address, "");
    let expected = ["source", "model", "alive", "evidence", "benign", "version", "view", "window_ms", "threshold"];
    assert_eq!(keys(&state)[..9], expected);
    assert_eq!((&state["source"], &state["view"]), (&"standard input".into(), &"host".into()));
    let open = state["episodes"]["open"].as_array().unwrap();
    let scan = open.iter().find(|episode| episode["entity"] == "10.0.0.66").unwrap();
    assert_eq!((&scan["ports"]["count"], &scan["peers"]["count"]), (&200.into(), &1.into()));
    assert!(!scan["reasons"].as_array().unwrap().is_empty());
    // The second of the scan has its 400 packets among those of the office, and nobody is louder than who is in it.
    let steps = state["tide"]["steps"].as_array().unwrap();
    let rates: Vec<f64> = steps.iter().map(|step| step["packets_per_second"].as_f64().unwrap()).collect();
    assert!(rates.iter().filter(|&&rate| rate >= 400.0).count() == 1, "{rates:?}");
    let loudest = &state["entities"]["rows"][0];
    assert!(loudest["entity"] == "10.0.0.66" || loudest["entity"] == "10.0.0.1", "{loudest}");
    assert_eq!(loudest["scores"].as_array().unwrap().len(), state["entities"]["starts_ms"].as_array().unwrap().len());

    let page = get(&address, "/", "");
    let policy = page.lines().find(|line| line.starts_with("Content-Security-Policy: ")).unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(page.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
    assert!(!get(&address, "/", "").contains(nonce), "a nonce is used once");
    assert!(!page.contains("http://") || page.matches("http://").count() == page.matches("http://www.w3.org/").count());
    assert!(
        ask(&address, "DELETE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 405")
    );
    assert_eq!(watch.end().0, Some(0));
}

#[test]
fn the_packets_of_an_episode_can_be_had_and_nothing_else_of_the_disk() {
    let folder = office(5, 102);
    let (watch, address) = watching(&folder, "--listen 127.0.0.1:0 --evidence kept");
    let state = state(&address, "");
    let name = state["episodes"]["open"][0]["evidence"].as_str().unwrap();
    let answer = loop {
        // The slice is written beside the watch.
        let answer = get(&address, &format!("/evidence/{name}"), "");
        if answer.starts_with("HTTP/1.1 200") {
            break answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(answer.contains(&format!("attachment; filename=\"{name}\"")) && answer.contains("application/x-pcapng"));
    folder.put("kept/secret.pcapng", "secret");
    for path in [
        "secret.pcapng",
        "../model.tw",
        "..%2fmodel.tw",
        "%2e%2e/model.tw",
        "",
        "/etc/passwd",
        "0011223344556677.pcapng",
    ] {
        let answer = get(&address, &format!("/evidence/{path}"), "");
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    assert_eq!(watch.end().0, Some(0));
}

#[test]
fn beyond_the_loopback_nobody_gets_in_without_the_token() {
    let folder = office(5, 102);
    let open = folder.run("watch model.tw --replay attack.pcap --listen 0.0.0.0:0");
    assert!(open.code == Some(2) && open.err.contains("--token-file"), "{}", open.err);
    folder.put("token", "s3cret\n");
    let (watch, address) = watching(&folder, "--listen 0.0.0.0:0 --token-file token --evidence kept");
    let bearer = "Authorization: Bearer s3cret\r\n";
    let state = state(&address, bearer);
    let evidence = format!("/evidence/{}", state["episodes"]["open"][0]["evidence"].as_str().unwrap());
    let paths = ["/", "/login", "/state.json", "/metrics", "/health", "/ready", &evidence, "/nowhere"];
    let wrong = [
        "",
        "Authorization: Bearer s3cre\r\n",
        "Authorization: s3cret\r\n",
        "Authorization: Basic s3cret\r\n",
        "Cookie: tidewatch=s3cret\r\n",
        "X-Forwarded-For: 127.0.0.1\r\n",
    ];
    for path in paths {
        for headers in wrong {
            let answer = get(&address, path, headers);
            assert!(answer.starts_with("HTTP/1.1 401"), "{path} {headers}: {answer}");
            assert!(!answer.contains("10.0.0.66"), "{path} {headers}");
        }
        assert!(get(&address, &format!("{path}?token=s3cret"), "").starts_with("HTTP/1.1 401"), "{path}");
    }
    assert!(get(&address, "/metrics", bearer).starts_with("HTTP/1.1 200"));

    // A browser types it in, and is known by a cookie from then on, which is not the token.
    let post = |form: &str| {
        let head =
            format!("POST /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", form.len());
        ask(&address, &(head + form))
    };
    for form in ["", "token=", "token=s3cre\r\n", "s3cret", &format!("token={}", "s3cret".repeat(10_000))] {
        let answer = post(form);
        assert!(answer.starts_with("HTTP/1.1 401") && !answer.contains("Set-Cookie"), "{answer}");
    }
    let answer = post("token=s3cret\r\n");
    let cookie = answer.lines().find_map(|line| line.strip_prefix("Set-Cookie: ")).unwrap();
    assert!(answer.starts_with("HTTP/1.1 303") && cookie.ends_with("; HttpOnly; SameSite=Strict"), "{answer}");
    let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
    assert!(!value.contains("s3cret"));
    assert!(get(&address, "/state.json", &format!("Cookie: a=b; {name}={value}\r\n")).starts_with("HTTP/1.1 200"));
    assert!(get(&address, "/state.json", &format!("Cookie: {name}={value}0\r\n")).starts_with("HTTP/1.1 401"));
    assert_eq!(watch.end().0, Some(0));
}

/// DNS rebinding: a page of somewhere else whose name has come to lead to this machine.
#[test]
fn without_a_token_only_pages_of_this_machine_are_answered() {
    let folder = office(5, 102);
    let (watch, address) = watching(&folder, "--listen 127.0.0.1:0");
    for (host, code) in
        [("evil.example:80", 403), ("localhost.evil.example", 403), ("localhost:1", 200), ("127.0.0.1", 200)]
    {
        for path in ["/", "/state.json", "/metrics"] {
            let answer = ask(&address, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
            assert!(answer.starts_with(&format!("HTTP/1.1 {code}")), "{host}{path}: {answer}");
        }
    }
    assert_eq!(watch.end().0, Some(0));
}

#[test]
fn what_was_called_benign_is_muted_and_stays_so() {
    let folder = office(5, 102);
    let (watch, address) = watching(&folder, "--listen 127.0.0.1:0 --verdicts verdicts.jsonl");
    let shown = state(&address, "");
    assert_eq!(shown["benign"], serde_json::json!([]));
    let open = shown["episodes"]["open"].as_array().unwrap();
    let scan = open.iter().find(|episode| episode["entity"] == "10.0.0.66").unwrap()["episode"].as_str().unwrap();
    let post = |headers: &str, form: &str| {
        let length = form.len();
        let head = format!("POST /verdict HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n");
        ask(&address, &format!("{head}Content-Length: {length}\r\n\r\n{form}"))
    };
    let benign = format!("episode={scan}&verdict=benign");
    let page = "X-Tidewatch: page\r\n";
    for (headers, form, code) in [
        ("", benign.as_str(), 403),
        (page, "episode=0000000000000000&verdict=benign", 404),
        (page, &format!("episode={scan}&verdict=fine"), 400),
        (page, "", 400),
        (page, &benign, 200),
    ] {
        let answer = post(headers, form);
        assert!(answer.starts_with(&format!("HTTP/1.1 {code}")), "{form}: {answer}");
    }
    assert_eq!(state(&address, "")["benign"], serde_json::json!([scan]));
    assert_eq!(watch.end().0, Some(0));

    let again = "watch model.tw --replay attack.pcap --verdicts verdicts.jsonl";
    let said = folder.done(again);
    assert!(said.err.contains("2 alerts (1 muted) in 1 episodes"), "{}", said.err);
    assert!(said.json_lines().iter().all(|notice| notice["entity"] != "10.0.0.66"), "{}", said.out);
    folder.put("verdicts.jsonl", "benign\n");
    let refused = folder.run(again);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(
        refused.err.contains("verdicts.jsonl: expected value") && refused.err.contains("(line 1)"),
        "{}",
        refused.err
    );
}

//! Mistakes as a new user makes them: each gets one clear sentence with the cure, and leaves nothing behind.

mod common;

use std::fmt::Write;

use common::Folder;
use common::traffic::{LABELS, Traffic, pcap_header};

/// A folder in which someone has begun to work: benign traffic, an attack with its truth, matrices, a model.
fn desk() -> Folder {
    let desk = Folder::new();
    desk.put("benign.pcap", Traffic::office(0, 60).pcap());
    desk.put("attack.pcap", Traffic::office(100, 20).scan(110).pcap());
    desk.put("attack.labels.toml", LABELS);
    desk.done("extract benign.pcap -o benign.parquet --window 1s");
    desk.done("train benign.parquet -o model.tw --model tail");
    std::fs::create_dir(desk.path("folder")).unwrap();
    desk
}

/// Makes the mistakes, and compares what was said of each with what was said before. Whatever the mistake, the answer has
/// the form that all have, and the folder is as it was.
fn judge(name: &str, desk: &Folder, mistakes: &[&str]) {
    let before = desk.names();
    let mut told = String::new();
    for line in mistakes {
        let said = desk.run(line);
        let _ = writeln!(told, "$ tidewatch {line}\n{}[{}]\n", said.err, said.code.expect("no signal"));
        let errors: Vec<&str> = said.err.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
        let [error] = errors[..] else { panic!("not one error of {line}: {}", said.err) };
        assert!(!said.err.contains("panicked") && !error.contains("::"), "{}", said.err);
        assert_eq!(said.out, "", "{line}");
        let (subject, what) = error.split_once(": ").unwrap_or(("", error));
        if said.err.contains("Usage:") || said.err.contains("try '--help'") {
            assert_eq!(said.code, Some(2), "{line}");
        } else {
            assert!(said.err.ends_with(&format!("error: {error}\n")), "the error is not the last word: {}", said.err);
            assert!(what.contains("; hint: "), "{line}: no cure: {error}");
            assert!(what.starts_with(|first: char| !first.is_uppercase()), "{line}: {error}");
            assert_eq!(said.code, Some(if subject.starts_with("--") { 2 } else { 1 }), "{line}: {error}");
        }
    }
    assert_eq!(desk.names(), before, "something was left behind");
    // Fingerprints change with every feature that is added, the length of a model with the last digits of its numbers.
    let filters = vec![("[0-9a-f]{16}", "FINGERPRINT"), (r"\d+ bytes where \d+ are", "N bytes where N are")];
    insta::with_settings!({filters => filters, omit_expression => true}, { insta::assert_snapshot!(name, told) });
}

#[test]
fn of_captures() {
    let desk = desk();
    desk.put("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    desk.put("program", b"\x7fELF\x02\x01\x01\0\0\0\0\0");
    desk.put("note.txt", "do not forget the milk\nand the bread\n");
    desk.put("empty.pcap", "");
    desk.put("no-packets.pcap", pcap_header());
    desk.put("cut.pcap", &pcap_header()[..11]);
    // What a wireless card records in monitor mode: link type 105.
    let mut radio = desk.get("benign.pcap");
    radio[20] = 105;
    desk.put("radio.pcap", radio);
    judge(
        "captures",
        &desk,
        &[
            "extract missing.pcap -o x.parquet",
            "extract folder -o x.parquet",
            "extract picture.png -o x.parquet",
            "extract program -o x.parquet",
            "extract note.txt -o x.parquet",
            "extract empty.pcap -o x.parquet",
            "extract no-packets.pcap -o x.parquet",
            "extract cut.pcap -o x.parquet",
            "extract model.tw -o x.parquet",
            "extract benign.parquet -o x.parquet",
            "extract - -o x.parquet",
            "train no-packets.pcap -o x.tw",
            "train picture.png -o x.tw",
            "train model.tw -o x.tw",
            "score model.tw missing.pcap",
            "score model.tw folder",
            "score model.tw picture.png",
            "score model.tw no-packets.pcap",
            "score model.tw radio.pcap",
            "score model.tw no-packets.pcap -o x.parquet",
            "score model.tw model.tw",
            "evaluate model.tw program",
            "evaluate model.tw no-packets.pcap",
            "inspect picture.png",
            "inspect missing.pcap",
            "inspect cut.pcap",
        ],
    );
}

#[test]
fn of_models() {
    let desk = desk();
    let model = desk.get("model.tw");
    desk.put("half.tw", &model[..model.len() / 2]);
    desk.put("header.tw", &model[..20]);
    desk.put("longer.tw", [&model[..], b"!"].concat());
    let flipped = |at: usize| {
        let mut bytes = model.clone();
        bytes[at] ^= 1;
        bytes
    };
    desk.put("flipped.tw", flipped(model.len() / 2));
    desk.put("newer.tw", flipped(9));
    desk.put("empty.tw", "");
    judge(
        "models",
        &desk,
        &[
            "score missing.tw attack.pcap",
            "score folder attack.pcap",
            "score empty.tw attack.pcap",
            "score attack.pcap model.tw",
            "evaluate benign.parquet attack.pcap",
            "score half.tw attack.pcap",
            "score header.tw attack.pcap",
            "score longer.tw attack.pcap",
            "evaluate flipped.tw attack.pcap",
            "inspect flipped.tw",
            "score newer.tw attack.pcap",
        ],
    );
}

#[test]
fn of_matrices_that_do_not_fit() {
    let desk = desk();
    desk.done("extract benign.pcap -o seconds.parquet --window 10s");
    desk.done("extract benign.pcap -o network.parquet --window 1s --view network");
    desk.done("score model.tw attack.pcap -o scores.parquet");
    let parquet = desk.get("benign.parquet");
    desk.put("half.parquet", &parquet[..parquet.len() / 2]);
    desk.put("table.csv", "a,b\n1,2\n3,4\n");
    judge(
        "matrices",
        &desk,
        &[
            "score model.tw seconds.parquet",
            "score model.tw network.parquet",
            "evaluate model.tw seconds.parquet",
            "evaluate model.tw network.parquet",
            "train benign.parquet seconds.parquet -o x.tw",
            "train benign.parquet table.csv -o x.tw",
            "train scores.parquet -o x.tw",
            "score model.tw scores.parquet",
            "score model.tw table.csv",
            "train half.parquet -o x.tw",
            "evaluate model.tw benign.parquet",
            "evaluate model.tw benign.pcap",
        ],
    );
}

#[test]
fn of_tables_made_elsewhere() {
    let desk = desk();
    desk.put("README.md", "# A network\n\nIt hums, and it hisses, and at times, it sighs.\n\nSee `train`.\n");
    desk.put("note.txt", "do not forget the milk\nand the bread\n");
    desk.put("commas.txt", "milk, bread\nand, as always\nbutter, jam\n");
    desk.put("one.csv", "size\n1\n2\n3\n");
    desk.put("header.csv", "size,port\n");
    let rows = |n: usize| (0..n).map(|row| format!("{row},{},tcp,normal\n", row % 7)).collect::<String>();
    desk.put("table.csv", "size,port,proto,class\n".to_owned() + &rows(50));
    desk.put("few.csv", "size,port,proto,class\n".to_owned() + &rows(9));
    desk.done("train table.csv --label-column class -o table.tw --model tail");
    desk.put("other.csv", "size,colour\n".to_owned() + &"1,red\n".repeat(50));
    judge(
        "tables",
        &desk,
        &[
            "train README.md -o x.tw",
            "train note.txt -o x.tw",
            "train commas.txt -o x.tw",
            "train one.csv -o x.tw",
            "train header.csv -o x.tw",
            "train few.csv -o x.tw",
            "train table.csv -o x.tw --label-column klass",
            "train table.csv -o x.tw --label-column size --benign normal",
            "train table.csv -o x.tw --drop-column klass",
            "train table.csv -o x.tw --time-column proto",
            "score table.tw attack.pcap",
            "score table.tw benign.parquet",
            "score table.tw other.csv",
            "evaluate table.tw table.csv",
            "inspect README.md",
        ],
    );
}

#[test]
fn of_labels() {
    let desk = desk();
    desk.put("typo.toml", LABELS.replace("attack", "atack"));
    desk.put("time.toml", LABELS.to_owned() + "start = \"yesterday\"\n");
    desk.put("prose.toml", "the attack began at noon\n");
    desk.put("empty.toml", "");
    judge(
        "labels",
        &desk,
        &[
            "evaluate model.tw attack.pcap --labels missing.toml",
            "evaluate model.tw attack.pcap --labels typo.toml",
            "evaluate model.tw attack.pcap --labels time.toml",
            "evaluate model.tw attack.pcap --labels prose.toml",
            "evaluate model.tw attack.pcap --labels empty.toml",
            "evaluate model.tw attack.pcap --labels attack.pcap",
        ],
    );
}

#[test]
fn of_outputs() {
    let desk = desk();
    judge(
        "outputs",
        &desk,
        &[
            "extract benign.pcap -o missing/x.parquet",
            "extract benign.pcap -o folder",
            "extract benign.pcap -o benign.pcap",
            "extract benign.pcap -o - --json",
            "train benign.parquet -o missing/x.tw",
            "train benign.parquet -o folder",
            "train benign.parquet -o ./benign.parquet",
            "score model.tw attack.pcap -o missing/x.parquet",
            "score model.tw attack.pcap -o folder",
            "score model.tw attack.pcap -o -",
            "evaluate model.tw attack.pcap --report missing/x.html",
            "evaluate model.tw attack.pcap --report folder",
        ],
    );
}

#[test]
fn of_parameters() {
    let desk = desk();
    judge(
        "parameters",
        &desk,
        &[
            "extract benign.pcap -o x.parquet --window 0",
            "extract benign.pcap -o x.parquet --window soon",
            "extract benign.pcap -o x.parquet --window 30",
            "extract benign.pcap -o x.parquet --window=-5s",
            "extract benign.pcap -o x.parquet --window 400d",
            "extract benign.pcap -o x.parquet --lateness never",
            "extract benign.pcap -o x.parquet --view flows",
            "features --view flows",
            "train benign.pcap -o x.tw --model forest",
            "train benign.pcap -o x.tw --model tail+forest",
            "train benign.pcap -o x.tw --alarms-per-day 0",
            "train benign.pcap -o x.tw --alarms-per-day many",
            "train benign.pcap -o x.tw --window 1m",
            "train benign.pcap",
            "score model.tw",
            "extract benign.pcap --outptu x.parquet",
            "learn benign.pcap",
        ],
    );
}

#[test]
fn of_options_that_would_do_nothing_or_something_else() {
    let desk = desk();
    desk.done("extract benign.pcap -o udp.parquet --window 1s --filter udp");
    judge(
        "options",
        &desk,
        &[
            "train benign.parquet -o x.tw --window 30s",
            "train benign.parquet -o x.tw --view host",
            "train benign.parquet -o x.tw --labels attack.labels.toml",
            "score model.tw benign.parquet --filter udp",
            "evaluate model.tw benign.parquet --lateness 2s",
            "score model.tw attack.pcap --filter udp",
            "score model.tw attack.pcap --tunnels outer",
            "score model.tw attack.pcap --local 10.0.0.0/24",
            "score model.tw udp.parquet",
            "train benign.parquet udp.parquet -o x.tw",
            "train benign.pcap -o x.tw --view host,network",
            "extract benign.pcap -o - --view host,network",
            "extract benign.pcap -o x.parquet --view host,moon",
            "extract - -o x.parquet --follow",
            "extract folder -o x.parquet --follow",
            "extract benign.pcap attack.pcap -o x.parquet --follow",
        ],
    );
}

#[test]
fn of_several_inputs_each_is_told_and_then_that_there_is_none() {
    let desk = desk();
    for line in [
        "extract gone.pcap lost.pcap -o x.parquet",
        "score model.tw gone.pcap lost.pcap",
        "train gone.pcap lost.pcap -o x",
    ] {
        let said = desk.run(line);
        assert_eq!(said.code, Some(1), "{line}");
        insta::with_settings!({omit_expression => true}, {
            insta::allow_duplicates! { insta::assert_snapshot!("none-of-several", said.err) };
        });
    }
}

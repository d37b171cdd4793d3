//! Same input, same bytes (law 5): whatever the threads, the run and the spelling of the capture.

mod common;

use common::traffic::{LABELS, Traffic, gzip, zstd};
use common::{Folder, Said};
use sha2::{Digest, Sha256};

fn traffic() -> Traffic {
    Traffic::office(0, 90).scan(40)
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs `tidewatch LINE` on so many threads; it has to end with exit code 0.
fn on_threads(folder: &Folder, threads: usize, line: &str) -> Said {
    let mut command = folder.command(line);
    command.env("RAYON_NUM_THREADS", threads.to_string());
    let said = Said::from(command.output().unwrap());
    assert_eq!(said.code, Some(0), "tidewatch {line}\n{}", said.err);
    said
}

/// The hash of what `tidewatch LINE` writes to `output`, which is the same on one thread, on two, once more, and on three.
fn one_hash(folder: &Folder, output: &str, line: &str) -> String {
    let [one, two, again, three] = [1, 2, 2, 3].map(|threads| {
        on_threads(folder, threads, line);
        let bytes = folder.get(output);
        std::fs::remove_file(folder.path(output)).unwrap();
        hash(&bytes)
    });
    assert_eq!(one, two, "one thread and two: {line}");
    assert_eq!(two, again, "two runs: {line}");
    assert_eq!(one, three, "one thread and three: {line}");
    one
}

#[test]
fn threads_and_runs_change_no_byte_of_a_matrix() {
    let folder = Folder::new();
    folder.put("day.pcap", traffic().pcap());
    folder.put("more.pcap", Traffic::office(200, 50).pcap());
    folder.put("day.labels.toml", LABELS);
    for options in
        ["--window 1s", "--window 1s --view network", "--window 100ms", "--window 1h", "--window 1s --view flow"]
    {
        one_hash(&folder, "m.parquet", &format!("extract day.pcap more.pcap -o m.parquet {options}"));
    }
}

#[test]
fn threads_and_runs_change_no_byte_of_a_model_and_of_scores() {
    let folder = Folder::new();
    // A table of four columns is enough for every kind of detector, and quick.
    let row = |i: usize| format!("{},{},{},{}\n", i % 7, i * i % 31, i % 11 * (i % 3), ["tcp", "udp"][i % 2]);
    folder.put("table.csv", "packets,bytes,ports,proto\n".to_owned() + &(0..100).map(row).collect::<String>());
    one_hash(&folder, "m.tw", "train table.csv -o m.tw");
    on_threads(&folder, 2, "train table.csv -o model.tw --alarms-per-day 20");
    one_hash(&folder, "s.parquet", "score model.tw table.csv -o s.parquet");
    let alerts = [1, 2].map(|threads| on_threads(&folder, threads, "score model.tw table.csv").out);
    assert!(!alerts[0].is_empty(), "there is nothing to compare");
    assert_eq!(alerts[0], alerts[1]);

    folder.put("day.pcap", Traffic::office(0, 60).pcap());
    one_hash(&folder, "m.tw", "train day.pcap -o m.tw --model tail+novelty+drift --window 1s");
}

#[test]
fn another_seed_is_another_model() {
    let folder = Folder::new();
    let row = |i: usize| format!("{},{}\n", i % 7, i * i % 31);
    folder.put("table.csv", "packets,bytes\n".to_owned() + &(0..100).map(row).collect::<String>());
    let [a, b] =
        [0, 1].map(|seed| one_hash(&folder, "m.tw", &format!("train table.csv -o m.tw --model iforest --seed {seed}")));
    assert_ne!(a, b, "what is compared above depends on nothing random");
}

#[test]
fn every_spelling_of_a_capture_gives_the_same_matrix() {
    let folder = Folder::new();
    let (pcap, pcapng) = (traffic().pcap(), traffic().pcapng());
    let spellings = [
        ("plain.pcap", pcap.clone()),
        ("plain.pcapng", pcapng.clone()),
        ("packed.pcap.gz", gzip(&pcap)),
        ("packed.pcapng.gz", gzip(&pcapng)),
        ("packed.pcap.zst", zstd(&pcap)),
        ("packed.pcapng.zst", zstd(&pcapng)),
        ("named.wrongly.txt", zstd(&pcap)),
    ];
    folder.put("truth.toml", LABELS);
    let options = "--window 1s --labels truth.toml";
    let mut expected = None;
    for (name, bytes) in spellings {
        folder.put(name, &bytes);
        folder.done(&format!("extract {name} -o m.parquet {options}"));
        let expected = expected.get_or_insert_with(|| hash(&folder.get("m.parquet")));
        assert_eq!(hash(&folder.get("m.parquet")), *expected, "{name}");

        let piped = folder.run_with(&format!("extract - -o piped.parquet {options}"), bytes);
        assert_eq!(piped.code, Some(0), "{name}: {}", piped.err);
        assert_eq!(hash(&folder.get("piped.parquet")), *expected, "{name} from standard input");
    }
}

/// Live and offline rows are equal: a capture that is scored as it comes, one that was extracted before, and one that is
/// extracted on the way to training are the same rows.
#[test]
fn scores_do_not_depend_on_the_way() {
    let folder = Folder::new();
    folder.put("benign.pcap", Traffic::office(0, 60).pcap());
    folder.put("attack.pcap", Traffic::office(100, 30).scan(115).pcap());
    folder.done("extract benign.pcap -o benign.parquet --window 1s");
    folder.done("extract attack.pcap -o attack.parquet --window 1s");
    folder.done("train benign.parquet -o model.tw --model tail+novelty+drift");
    let offline = folder.done("score model.tw attack.parquet -o offline.parquet");
    let streamed = folder.done("score model.tw attack.pcap -o streamed.parquet");
    let piped = folder.run_with("score model.tw - -o piped.parquet", folder.get("attack.pcap"));
    assert!(!offline.out.is_empty(), "there is nothing to compare");
    assert_eq!(offline.out, streamed.out);
    assert_eq!(offline.out, piped.out);
    let expected = hash(&folder.get("offline.parquet"));
    assert_eq!(hash(&folder.get("streamed.parquet")), expected);
    assert_eq!(hash(&folder.get("piped.parquet")), expected);

    folder.done("train benign.pcap -o direct.tw --model tail+novelty+drift --window 1s");
    assert_eq!(folder.done("score direct.tw attack.parquet").out, offline.out);
}

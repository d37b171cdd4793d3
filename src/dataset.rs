//! Public benchmarks, by their manifests: where each comes from, under which licence, which of its packets are attacks, and what
//! is wrong with it. A manifest carries nothing of the data.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};

/// The manifests that come with the program, by name.
const MANIFESTS: [(&str, &str); 10] = [
    ("cic-ddos2019", include_str!("../datasets/cic-ddos2019.toml")),
    ("cic-ids2017", include_str!("../datasets/cic-ids2017.toml")),
    ("ctu-13", include_str!("../datasets/ctu-13.toml")),
    ("iot-23", include_str!("../datasets/iot-23.toml")),
    ("kitsune", include_str!("../datasets/kitsune.toml")),
    ("mawilab", include_str!("../datasets/mawilab.toml")),
    ("qut-dnp3", include_str!("../datasets/qut-dnp3.toml")),
    ("qut-s7", include_str!("../datasets/qut-s7.toml")),
    ("ton-iot", include_str!("../datasets/ton-iot.toml")),
    ("unsw-nb15", include_str!("../datasets/unsw-nb15.toml")),
];

/// A benchmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// By what it is named on the command line; that of the manifest's file.
    #[serde(default)]
    pub name: String,
    /// What its makers call it.
    pub title: String,
    /// Where it is described and to be had.
    pub source: String,
    /// What may be done with it.
    pub licence: String,
    /// What to cite.
    pub cite: String,
    /// What is wrong with it.
    #[serde(rename = "flaw")]
    pub flaws: Vec<Flaw>,
    /// What it consists of.
    #[serde(rename = "file")]
    pub files: Vec<Item>,
}

/// Something that makes a benchmark easier, or its labels worse, than it looks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flaw {
    /// In a sentence.
    pub what: String,
    /// Who found it.
    pub reference: String,
}

/// A file of a benchmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Where it is to lie, from the folder of the benchmark on.
    pub name: String,
    /// Where it is to be had.
    pub from: String,
    /// The SHA-256 of its bytes, where its source or a copy that was looked at tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Of a capture: its ground truth, as the text of a `*.labels.toml` beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// Of a capture: the files that its labels refer to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
}

/// All benchmarks, by name.
///
/// # Errors
/// A manifest is wrong, which a test keeps from happening.
pub fn all() -> Result<Vec<Dataset>> {
    MANIFESTS.iter().map(|(name, text)| parse(name, text)).collect()
}

/// The benchmark of this name.
///
/// # Errors
/// There is none.
pub fn named(name: &str) -> Result<Dataset> {
    let found = MANIFESTS.iter().find(|(known, _)| *known == name);
    let (name, text) = found.ok_or_else(|| {
        let known = MANIFESTS.map(|(name, _)| name).join(", ");
        Error::parameter("dataset", format!("there is no dataset '{name}'"), format!("it is one of {known}"))
    })?;
    parse(name, text)
}

fn parse(name: &str, text: &str) -> Result<Dataset> {
    let wrong = |what: String| Error::new(ErrorKind::Parameter, format!("datasets/{name}.toml"), what);
    let mut dataset: Dataset = toml::from_str(text).map_err(|error| wrong(error.message().to_owned()))?;
    name.clone_into(&mut dataset.name);
    for item in &dataset.files {
        let inside = |name: &str| {
            let relative = Path::new(name).components();
            relative.into_iter().all(|part| matches!(part, std::path::Component::Normal(_)))
        };
        if !inside(&item.name) {
            return Err(wrong(format!("{} lies outside the dataset's folder", item.name)));
        }
        if let Some(lost) = item.needs.iter().find(|need| !dataset.files.iter().any(|other| other.name == **need)) {
            return Err(wrong(format!("{} needs {lost}, which is none of the files", item.name)));
        }
        let digits = |sum: &String| sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
        if item.sha256.as_ref().is_some_and(|sum| !digits(sum)) {
            return Err(wrong(format!("the checksum of {} is no SHA-256", item.name)));
        }
    }
    if dataset.flaws.is_empty() || dataset.captures().next().is_none() {
        return Err(wrong("it has no flaws, or no labelled captures".to_owned()));
    }
    Ok(dataset)
}

impl Dataset {
    /// The files that have labels.
    pub fn captures(&self) -> impl Iterator<Item = &Item> {
        self.files.iter().filter(|item| item.labels.is_some())
    }

    /// The captures that are wanted, by their names or the names of their files alone (all if none is named), and all files that
    /// these need.
    ///
    /// # Errors
    /// One is wanted that it does not have.
    pub fn wanted(&self, only: &[String]) -> Result<Vec<&Item>> {
        let is = |item: &Item, name: &str| item.name == name || item.name.rsplit('/').next() == Some(name);
        if let Some(name) = only.iter().find(|name| !self.captures().any(|item| is(item, name))) {
            let known: Vec<&str> = self.captures().map(|item| item.name.as_str()).collect();
            let what = format!("{} has no capture '{name}'", self.name);
            return Err(Error::parameter("--only", what, format!("it has {}", known.join(", "))));
        }
        let chosen = |item: &&Item| only.is_empty() || only.iter().any(|name| is(item, name));
        let captures: Vec<&Item> = self.captures().filter(chosen).collect();
        let needed = |item: &&Item| captures.iter().any(|capture| capture.needs.contains(&item.name));
        let others = self.files.iter().filter(|item| item.labels.is_none()).filter(needed);
        Ok(others.chain(captures.iter().copied()).collect())
    }

    /// How many of its files lie in `folder`.
    pub fn present(&self, folder: &Path) -> usize {
        self.files.iter().filter(|item| folder.join(&item.name).exists()).count()
    }
}

impl Item {
    /// What is wrong with the copy of this file in `folder`, and where to get a good one; nothing if it is there and, where its
    /// checksum is known, whole.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn fault(&self, folder: &Path) -> Result<Option<String>> {
        let path = folder.join(&self.name);
        let expected = match &self.sha256 {
            Some(sum) => format!("its SHA-256 is {sum}"),
            None => "its checksum is not published".to_owned(),
        };
        if !path.exists() {
            return Ok(Some(format!("{} is missing: get it from {} ({expected})", self.name, self.from)));
        }
        let Some(known) = &self.sha256 else { return Ok(None) };
        let sum = sha256(&path)?;
        let same = sum.eq_ignore_ascii_case(known);
        Ok((!same).then(|| {
            format!(
                "{} is not as published: get it anew from {} ({expected}, and here it is {sum})",
                self.name, self.from
            )
        }))
    }

    /// Where its ground truth is written.
    pub fn labels_path(&self, folder: &Path) -> PathBuf {
        let mut path = folder.join(&self.name);
        path.as_mut_os_string().push(".labels.toml");
        path
    }
}

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// It cannot be read.
pub fn sha256(path: &Path) -> Result<String> {
    let io = |error: std::io::Error| Error::io(path, &error);
    let mut file = File::open(path).map_err(io)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            length => hash.update(&buffer[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manifest_is_whole() {
        let all = all().unwrap();
        assert_eq!(all.len(), MANIFESTS.len());
        for dataset in &all {
            assert!(dataset.source.starts_with("http"), "{}", dataset.name);
            assert!(!dataset.licence.is_empty() && !dataset.cite.is_empty(), "{}", dataset.name);
            assert!(dataset.flaws.iter().all(|flaw| !flaw.reference.is_empty()), "{}", dataset.name);
            assert!(dataset.files.iter().all(|item| item.from.starts_with("http")), "{}", dataset.name);
            // A table that no capture needs would be downloaded for nothing.
            let needed: Vec<&String> = dataset.captures().flat_map(|capture| &capture.needs).collect();
            let mut tables = dataset.files.iter().filter(|item| item.labels.is_none());
            assert!(tables.all(|table| needed.contains(&&table.name)), "{}", dataset.name);
        }
        // None lies in the folder that the program does not know of.
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
            .collect();
        names.sort();
        assert_eq!(names, MANIFESTS.map(|(name, _)| name));
    }

    #[test]
    fn what_is_missing_or_wrong_is_told_with_its_source_and_checksum() {
        let folder = tempfile::tempdir().unwrap();
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let mut item = Item {
            name: "day.pcap".to_owned(),
            from: "https://example.org/day".to_owned(),
            sha256: Some(sum.to_owned()),
            labels: None,
            needs: Vec::new(),
        };
        let missing = item.fault(folder.path()).unwrap().unwrap();
        assert_eq!(missing, format!("day.pcap is missing: get it from https://example.org/day (its SHA-256 is {sum})"));
        std::fs::write(folder.path().join("day.pcap"), "abd").unwrap();
        let wrong = item.fault(folder.path()).unwrap().unwrap();
        assert!(wrong.starts_with("day.pcap is not as published: get it anew from https://example.org/day"), "{wrong}");
        std::fs::write(folder.path().join("day.pcap"), "abc").unwrap();
        assert_eq!(item.fault(folder.path()).unwrap(), None);
        item.sha256 = None;
        std::fs::remove_file(folder.path().join("day.pcap")).unwrap();
        assert!(item.fault(folder.path()).unwrap().unwrap().ends_with("(its checksum is not published)"));
    }

    #[test]
    fn a_manifest_that_reaches_outside_is_refused() {
        let text = MANIFESTS[6].1.replace("\"control-frequent.pcap.gz\"", "\"../control-frequent.pcap.gz\"");
        assert!(parse("x", &text).unwrap_err().to_string().contains("outside the dataset's folder"));
    }
}

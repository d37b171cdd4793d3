//! Law 1: a module uses only those above it in the list of the stages, and within a stage no two files lean on each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The ground floor, then the stages in the order of the data. Each may use those before it.
const ORDER: [&str; 22] = [
    "error", "progress", "file", "confine", "sketch", "spare", "capture", "packet", "truth", "window", "matrix",
    "context", "model", "artifact", "score", "alert", "evidence", "sink", "watch", "evaluate", "tune", "report",
];
/// What stands beside the stages: it may use the ground floor, and no stage may use it.
const BESIDE: [&str; 2] = ["dataset", "synth"];
const GROUND: usize = 6;
/// What `lib.rs` lifts to the root, and the module that it is of.
const LIFTED: [(&str, &str); 3] = [("Error", "error"), ("ErrorKind", "error"), ("Result", "error")];

/// A source file: the module that it is, from the crate's root, and its code without tests and comments.
struct Source {
    path: Vec<String>,
    code: String,
}

/// The library's files that are not for tests alone.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    files_below(&root, &mut files);
    files.sort();
    let mut for_tests: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut sources = Vec::new();
    for file in files {
        let mut path: Vec<String> = file
            .strip_prefix(&root)
            .unwrap()
            .with_extension("")
            .iter()
            .map(|part| part.to_str().unwrap().to_owned())
            .collect();
        if path.last().is_some_and(|last| last == "mod" || last == "lib") {
            path.pop();
        }
        if path.first().is_some_and(|first| first == "cli" || first == "main") {
            continue;
        }
        let (code, tested) = without_tests(&std::fs::read_to_string(&file).unwrap());
        for_tests.extend(tested.into_iter().map(|name| [path.clone(), vec![name]].concat()));
        sources.push(Source { path, code });
    }
    sources.retain(|source| !for_tests.contains(&source.path));
    sources
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The code that is compiled into the library, and the names of the files that are compiled for tests alone. The code is
/// laid out by rustfmt: an item ends at the first brace that stands as far in as the item begins.
fn without_tests(text: &str) -> (String, Vec<String>) {
    let (mut code, mut files) = (String::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            let end = line.find("//").unwrap_or(line.len());
            code += &line[..end];
            code.push('\n');
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let item = lines.by_ref().find(|line| !line.trim().starts_with("#[")).unwrap();
        if let Some(name) = item.trim().strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
            files.push(name.to_owned());
        } else if item.ends_with('{') {
            let end = format!("{indent}}}");
            lines.by_ref().find(|line| *line == end).unwrap();
        }
    }
    (code, files)
}

/// The modules that a file uses, as paths from the root: what follows `crate::` or as many `super::` as reach out of it,
/// cut after two names.
fn used(source: &Source) -> BTreeSet<Vec<String>> {
    let mut used = BTreeSet::new();
    for (prefix, root) in [("crate::", true), ("super::", false)] {
        for (at, _) in source.code.match_indices(prefix) {
            let before = &source.code[..at];
            let continued = before.ends_with("super::") || before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if continued {
                continue;
            }
            let mut rest = &source.code[at + prefix.len()..];
            let mut base = if root { Vec::new() } else { parent(&source.path) };
            while let Some(further) = rest.strip_prefix("super::") {
                (rest, base) = (further, parent(&base));
            }
            for tail in tails(rest, 2) {
                let mut path = base.clone();
                path.extend(tail);
                path.truncate(2);
                used.insert(path);
            }
        }
    }
    used
}

fn parent(path: &[String]) -> Vec<String> {
    path[..path.len().saturating_sub(1)].to_vec()
}

/// Up to so many names of a path, or of every path in braces.
fn tails(rest: &str, names: usize) -> Vec<Vec<String>> {
    if names == 0 {
        return vec![Vec::new()];
    }
    if let Some(group) = rest.strip_prefix('{') {
        return parts(group).into_iter().flat_map(|part| tails(part, names)).collect();
    }
    let first: String = rest.chars().take_while(|&c| c.is_alphanumeric() || c == '_').collect();
    match rest[first.len()..].strip_prefix("::") {
        _ if first.is_empty() => vec![Vec::new()],
        None => vec![vec![first]],
        Some(further) => {
            tails(further, names - 1).into_iter().map(|tail| [vec![first.clone()], tail].concat()).collect()
        }
    }
}

/// What commas part in a group, up to the brace that closes it.
fn parts(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                parts.push(group[start..at].trim());
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Whether `user` may use `other`, two modules below the root.
fn may_use(user: &str, other: &str) -> bool {
    let place = |name: &str| ORDER.iter().position(|known| *known == name);
    match (place(user), place(other)) {
        (Some(user), Some(other)) => other <= user,
        (None, Some(other)) => other < GROUND,
        (None, None) => user == other,
        (Some(_), None) => false,
    }
}

#[test]
fn no_arrow_runs_back() {
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for source in sources().iter().filter(|source| !source.path.is_empty()) {
        for path in used(source) {
            let other =
                LIFTED.iter().find(|(lifted, _)| *lifted == path[0]).map_or(path[0].as_str(), |(_, module)| module);
            arrows += usize::from(other != source.path[0]);
            if !may_use(&source.path[0], other) {
                wrong.push(format!("{} uses {}", source.path.join("::"), path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(arrows > 50, "only {arrows} arrows were seen: is the code still laid out as this test reads it?");
}

#[test]
fn every_module_has_its_place_in_the_order() {
    let modules: BTreeSet<String> = sources().into_iter().filter_map(|source| source.path.first().cloned()).collect();
    for module in &modules {
        assert!(ORDER.iter().chain(&BESIDE).any(|known| known == module), "{module} has no place in the order");
    }
    assert!(ORDER.iter().all(|stage| modules.contains(*stage)), "{modules:?}");
}

/// A stage's own file and the files in its folder may know each other; two files in the folder only one way.
#[test]
fn within_a_stage_there_is_no_circle() {
    let mut below: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
    let sources = sources();
    let files: BTreeSet<&[String]> =
        sources.iter().filter(|source| source.path.len() > 1).map(|source| &source.path[..2]).collect();
    for source in sources.iter().filter(|source| source.path.len() > 1) {
        let user = source.path[..2].to_vec();
        let beside = |path: &Vec<String>| files.contains(&path[..]) && path[0] == user[0] && *path != user;
        let others: Vec<Vec<String>> = used(source).into_iter().filter(beside).collect();
        below.entry(user).or_default().extend(others);
    }
    assert!(below.values().map(BTreeSet::len).sum::<usize>() > 10, "too few arrows were seen: {below:?}");
    // What uses nothing that is left is taken away, until nothing is left or what is left goes in circles.
    loop {
        let before = below.len();
        let left: BTreeSet<Vec<String>> = below.keys().cloned().collect();
        below.retain(|_, others| others.iter().any(|other| left.contains(other)));
        if below.len() == before {
            break;
        }
    }
    assert!(below.is_empty(), "these lean on each other, or on some that do: {:?}", below.keys());
}

/// What is not safe code stays in one small file, where each piece says why it is sound.
#[test]
fn unsafe_code_is_in_one_place() {
    let unsafe_files: Vec<String> = sources()
        .into_iter()
        .filter(|source| source.code.contains("unsafe {") || source.code.contains("unsafe impl"))
        .map(|source| source.path.join("::"))
        .collect();
    assert_eq!(unsafe_files, ["capture::line::ring"]);
}

/// The reading of paths itself.
#[test]
fn paths_are_read() {
    let of = |path: &[&str], text: &str| {
        let source = Source { path: path.iter().map(|part| (*part).to_owned()).collect(), code: without_tests(text).0 };
        used(&source).into_iter().map(|path| path.join("::")).collect::<Vec<_>>()
    };
    assert_eq!(of(&["score"], "use crate::matrix::{Matrix, Schema};\n"), ["matrix::Matrix", "matrix::Schema"]);
    let nested = "use crate::{\n    error::Error,\n    model::{train::Model, tail},\n};\n";
    assert_eq!(of(&["score"], nested), ["error::Error", "model::tail", "model::train"]);
    assert_eq!(
        of(&["window", "tally"], "use super::flow::Flow;\nuse super::super::matrix::x;\n"),
        ["matrix::x", "window::flow"]
    );
    assert_eq!(of(&["score"], "let x = super::report::html();\n// crate::cli is not read\n"), ["report::html"]);
    let tests = "#[cfg(test)]\nmod tests {\n    use crate::report;\n}\n#[cfg(test)]\nmod other;\nuse crate::file;\n";
    assert_eq!(of(&["score"], tests), ["file"]);
    assert_eq!(without_tests(tests).1, ["other"]);
    assert!(!may_use("capture", "packet") && may_use("packet", "capture") && may_use("synth", "error"));
    assert!(!may_use("synth", "packet") && !may_use("report", "synth") && !may_use("file", "capture"));
}

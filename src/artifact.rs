//! The saved model file, which cannot run code (law 6).
//!
//! Layout, little endian: magic (8 bytes), format version (u32), length of the header's JSON (u32), length of the body
//! (u64), SHA-256 of everything else (32 bytes), JSON, body. The JSON is for people and other programs: the schema's
//! fingerprint and the model's card; the body is bincode, decoded under a limit, and every index in it is checked.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::file;
use crate::model::train::{Card, Model};

/// The first bytes of a model file.
pub const MAGIC: &[u8; 8] = b"TIDEWTCH";
/// The version of the layout; other versions are refused.
pub const FORMAT: u32 = 12;
const PREFIX: usize = 56;

/// No model is larger: forests have 2 MB, and only names that hardly repeat could fill it. A file that claims to be is not
/// read, and no length in a small one can claim more memory than this.
const LARGEST: u64 = 32 << 20;

/// How a model is spelled, and what decoding may claim.
fn codec() -> Configuration<LittleEndian, Fixint, Limit<{ LARGEST as usize }>> {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<{ LARGEST as usize }>()
}

/// What stands in the header for people and other programs.
#[derive(Serialize)]
struct Header<'a> {
    schema: String,
    view: &'a str,
    window_ns: i64,
    features: usize,
    card: &'a Card,
}

fn fault(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Artifact, path.display(), what)
}

/// Writes a model, whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn write(model: &Model, path: &Path) -> Result<()> {
    let header = Header {
        schema: model.schema.fingerprint(),
        view: &model.schema.view,
        window_ns: model.schema.window_ns,
        features: model.schema.columns.len(),
        card: &model.card,
    };
    let json = serde_json::to_vec(&header).map_err(|error| fault(path, error))?;
    let body = bincode::serde::encode_to_vec(model, codec()).map_err(|error| fault(path, error))?;
    if (PREFIX + json.len() + body.len()) as u64 > LARGEST {
        let what = format!("the model would be larger than {} MiB", LARGEST >> 20);
        return Err(fault(path, what).hint("leave out columns of names that hardly repeat, with --drop-column"));
    }
    let mut prefix = Vec::with_capacity(PREFIX);
    prefix.extend(MAGIC);
    prefix.extend(FORMAT.to_le_bytes());
    prefix.extend((json.len() as u32).to_le_bytes());
    prefix.extend((body.len() as u64).to_le_bytes());
    let checksum = checksum(&prefix, &json, &body);
    file::write(path, |out| {
        [&prefix[..], &checksum, &json, &body]
            .into_iter()
            .try_for_each(|part| out.write_all(part))
            .map_err(|error| Error::io(path, &error))
    })
}

fn checksum(prefix: &[u8], json: &[u8], body: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(prefix).chain_update(json).chain_update(body).finalize().into()
}

/// Reads a model.
///
/// # Errors
/// The file is no model, is of another version, is damaged or was made to do harm.
pub fn read(path: &Path) -> Result<Model> {
    let io = |error: std::io::Error| Error::io(path, &error);
    let mut file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if metadata.is_dir() {
        return Err(Error::io(path, &std::io::ErrorKind::IsADirectory.into()).hint("name the model file in it"));
    }
    // A fifo has no length to hold its claims against, so it is read as far as it claims; a file is held to its length.
    let mut prefix = Vec::with_capacity(PREFIX);
    Read::by_ref(&mut file).take(PREFIX as u64).read_to_end(&mut prefix).map_err(io)?;
    if !prefix.starts_with(MAGIC) {
        let seen = if prefix.is_empty() { "the file is empty".to_owned() } else { first_bytes(&prefix) };
        return Err(fault(path, format!("is not a model ({seen})"))
            .hint("the model comes first; make one with: tidewatch train CAPTURE -o MODEL"));
    }
    let damaged = |what: &str| {
        fault(path, format!("the model file is damaged ({what})")).hint("train it again, or copy it again")
    };
    if prefix.len() < PREFIX {
        return Err(damaged("it ends inside its header"));
    }
    let number = |at: usize, bytes: usize| {
        prefix[at..at + bytes].iter().rev().fold(0_u64, |number, &byte| number << 8 | u64::from(byte))
    };
    let (format, json_len, body_len) = (number(8, 4), number(12, 4), number(16, 8));
    if format != u64::from(FORMAT) {
        let what = format!("has format version {format}; this tidewatch reads version {FORMAT}");
        return Err(fault(path, what).hint("train it again with this version, or use the version that wrote it"));
    }
    let claimed = (PREFIX as u64).saturating_add(json_len).saturating_add(body_len);
    if metadata.is_file() && claimed != metadata.len() {
        return Err(damaged(&format!("{} bytes where {claimed} are claimed", metadata.len())));
    }
    if claimed > LARGEST {
        return Err(damaged(&format!("it claims {claimed} bytes")));
    }
    let mut rest = Vec::new();
    file.take(json_len + body_len).read_to_end(&mut rest).map_err(io)?;
    let Some((json, body)) = rest.split_at_checked(json_len as usize).filter(|(_, body)| body.len() as u64 == body_len)
    else {
        return Err(damaged("it ends too early"));
    };
    if checksum(&prefix[..24], json, body) != prefix[24..PREFIX] {
        return Err(damaged("its checksum does not match its bytes"));
    }
    let (model, read): (Model, usize) =
        bincode::serde::decode_from_slice(body, codec()).map_err(|error| damaged(&error.to_string()))?;
    if read != body.len() {
        return Err(damaged("there are bytes behind the model"));
    }
    model.check().map_err(|what| damaged(&what))?;
    Ok(model)
}

/// The first bytes of something, for an error that says what a file is not.
fn first_bytes(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("it starts with {}", shown.join(" "))
}

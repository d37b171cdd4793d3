//! The stream of a capture, unpacked: what it is packed in is told by its first bytes, never by its name.

use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use zstd::stream::read::Decoder as ZstdDecoder;

use crate::error::{Error, ErrorKind};

/// Enough first bytes to tell every kind of file that is known here.
const HEAD: usize = 8;
/// The most memory that unpacking xz may take, in KiB: four times what `xz -9` asks for.
const XZ_MEMORY: u32 = 256 << 10;
/// How much of a packed stream goes into its decoder at once, and how much comes out. Where a decoder meets damage, it keeps to
/// itself what it has unpacked since it was called: so it is called often, and always at the same places.
const PIECE: usize = 1 << 14;

/// The bytes of a capture, unpacked.
pub(super) struct Source {
    pub stream: Box<dyn Read + Send>,
    pub packing: Option<Packing>,
    pub position: Position,
}

/// What a capture can be packed in.
#[derive(Clone, Copy)]
pub(super) enum Packing {
    Gzip,
    Zstd,
    Xz,
}

impl Packing {
    fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Packing::Gzip),
            // A frame, or one to be skipped, with which some writers begin (RFC 8878, 3.1).
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Packing::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Packing::Xz),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
            Packing::Xz => "xz",
        }
    }
}

/// How many bytes of the input, as it is stored, have been read.
#[derive(Clone, Default)]
pub(super) struct Position(Arc<AtomicU64>);

impl Position {
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Counted<R> {
    reader: R,
    position: Position,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.position.0.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The stream in `reader`, out of what it is packed in.
pub(super) fn unpack(reader: Box<dyn Read + Send>) -> io::Result<Source> {
    let position = Position::default();
    let mut reader = Counted { reader, position: position.clone() };
    let mut head = Vec::with_capacity(HEAD);
    reader.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let packing = Packing::of(&head);
    let whole = Cursor::new(head).chain(reader);
    let pieces = |whole| BufReader::with_capacity(PIECE, Full { reader: whole, failed: None });
    let stream: Box<dyn Read + Send> = match packing {
        Some(Packing::Gzip) => Box::new(Piecemeal(MultiGzDecoder::new(pieces(whole)))),
        Some(Packing::Zstd) => Box::new(Piecemeal(ZstdDecoder::with_buffer(pieces(whole))?)),
        Some(Packing::Xz) => Box::new(Piecemeal(XzReader::new_mem_limit(pieces(whole), true, XZ_MEMORY))),
        None => Box::new(whole),
    };
    Ok(Source { stream, packing, position })
}

/// Fills the buffers that it is given to the brim until the stream ends, in whatever pieces that comes.
struct Full<R> {
    reader: R,
    /// What comes behind the bytes that were given last.
    failed: Option<io::Error>,
}

impl<R: Read> Read for Full<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while self.failed.is_none()
            && let Some(rest) = buffer.get_mut(filled..)
            && !rest.is_empty()
        {
            match self.reader.read(rest) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.failed = Some(error),
            }
        }
        match self.failed.take_if(|_| filled == 0) {
            Some(error) => Err(error),
            None => Ok(filled),
        }
    }
}

/// Takes a piece at a time out of a decoder.
struct Piecemeal<R>(R);

impl<R: Read> Read for Piecemeal<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(PIECE);
        self.0.read(buffer.get_mut(..len).unwrap_or_default())
    }
}

/// The error for a stream that begins with `head`, which no capture does.
pub(super) fn not_a_capture(subject: &str, packing: Option<Packing>, head: &[u8]) -> Error {
    let (what, hint) = match head {
        [] => ("is empty, not a capture", "check that the recording was started and is complete"),
        [b'P', b'A', b'R', b'1', ..] => ("is a matrix, not a capture", "train, evaluate and score take it as it is"),
        [b's', b'n', b'o', b'o', b'p', 0, ..] => {
            ("is a snoop capture of another version than 2", "convert it with `editcap -F pcap`")
        }
        [b'B', b'Z', b'h', ..] | [b'P', b'K', 3, 4, ..] | [4, 0x22, 0x4d, 0x18, ..] => {
            ("is packed in a way that is not supported", "unpack it, or pack it with gzip, zstd or xz")
        }
        _ if Packing::of(head).is_some() => ("is packed twice", "unpack it once"),
        _ => (
            "is not a capture",
            "name a pcap, pcapng or snoop file, plain or packed with gzip, zstd or xz; editcap converts others",
        ),
    };
    let inside = packing.map(|packing| format!("what it holds as {} ", packing.name())).unwrap_or_default();
    let bytes: Vec<String> = head.iter().take(HEAD).map(|byte| format!("{byte:02x}")).collect();
    let first = if bytes.is_empty() { String::new() } else { format!(" (its first bytes are {})", bytes.join(" ")) };
    Error::new(ErrorKind::Capture, subject, format!("{inside}{what}{first}")).hint(hint)
}

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::packet::{Packet, Tunnels};

/// What a capture is read to: its frames, its ledger with every one of them counted as used, and what stopped it.
type Reading = (Vec<(u64, i64, Link, u32, Vec<u8>)>, Ledger, Option<String>);

fn read(bytes: impl AsRef<[u8]> + Send + 'static) -> Reading {
    read_from(Cursor::new(bytes)).unwrap()
}

fn read_from(reader: impl Read + Send + 'static) -> Result<Reading> {
    let mut capture = Capture::from_reader("made", reader, None)?;
    let mut ledger = Ledger::default();
    let mut frames = Vec::new();
    while let Some(frame) = capture.next_frame(&mut ledger) {
        frames.push((frame.number, frame.time_ns, frame.link, frame.wire_len, frame.bytes.to_vec()));
        ledger.used += 1;
    }
    assert!(capture.next_frame(&mut ledger).is_none(), "what has ended does not go on");
    assert!(ledger.balances(), "{ledger:?}");
    Ok((frames, ledger, capture.trouble().map(str::to_owned)))
}

fn refusal(bytes: &'static [u8]) -> String {
    let Err(error) = Capture::from_reader("made", bytes, None) else { panic!("{bytes:?} was opened") };
    assert_eq!(error.kind, ErrorKind::Capture);
    error.to_string()
}

/// Numbers in either byte order.
#[derive(Clone, Copy)]
struct Put(bool);

impl Put {
    fn u16(self, number: u16) -> [u8; 2] {
        if self.0 { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn u32(self, number: u32) -> [u8; 4] {
        if self.0 { number.to_be_bytes() } else { number.to_le_bytes() }
    }
}

const FRAMES: [(u32, u32, &[u8], u32); 3] =
    [(1_500_000_000, 1, b"first frame", 11), (1_500_000_000, 999_999, b"", 60), (1_500_000_001, 0, &[7; 300], 1500)];

fn pcap(magic: u32, big: bool, link: u32) -> Vec<u8> {
    let put = Put(big);
    let mut file = [put.u32(magic), put.u32(0x0004_0002), [0; 4], [0; 4], put.u32(65_535), put.u32(link)].concat();
    for (seconds, micros, bytes, wire_len) in FRAMES {
        let fraction = if magic == 0xa1b2_3c4d { micros * 1000 } else { micros };
        for field in [seconds, fraction, bytes.len() as u32, wire_len] {
            file.extend(put.u32(field));
        }
        if magic == 0xa1b2_cd34 {
            file.extend([9; 8]);
        }
        file.extend(bytes);
    }
    file
}

mod merged;

fn block(put: Put, kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = [0; 3][..body.len().next_multiple_of(4) - body.len()].to_vec();
    let size = put.u32((body.len() + padding.len() + 12) as u32).to_vec();
    [put.u32(kind).to_vec(), size.clone(), body.to_vec(), padding, size].concat()
}

fn section(put: Put) -> Vec<u8> {
    let version = [put.u16(1), put.u16(0)].concat();
    block(put, 0x0a0d_0d0a, &[put.u32(0x1a2b_3c4d).to_vec(), version, vec![0xff; 8]].concat())
}

fn interface(put: Put, link: u16, snap_len: u32, options: &[u8]) -> Vec<u8> {
    block(put, 1, &[&put.u16(link), &[0; 2][..], &put.u32(snap_len), options].concat())
}

fn enhanced(put: Put, interface: u32, ticks: u64, bytes: &[u8], wire_len: u32) -> Vec<u8> {
    let fields = [interface, (ticks >> 32) as u32, ticks as u32, bytes.len() as u32, wire_len];
    block(put, 6, &[fields.map(|field| put.u32(field)).concat(), bytes.to_vec()].concat())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn snoop() -> Vec<u8> {
    let put = Put(true);
    let mut file = [&b"snoop\0\0\0"[..], &put.u32(2), &put.u32(4)].concat();
    for (seconds, micros, bytes, wire_len) in FRAMES {
        let size = (24 + bytes.len()).next_multiple_of(4);
        file.extend(
            [wire_len, bytes.len() as u32, size as u32, 0, seconds, micros].map(|field| put.u32(field)).concat(),
        );
        file.extend(bytes);
        file.resize(file.len() + size - 24 - bytes.len(), 0);
    }
    file
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 0).unwrap()
}

#[test]
fn every_spelling_of_a_capture_gives_the_same_frames() {
    let plain = pcap(0xa1b2_c3d4, false, 1);
    let (frames, ledger, trouble) = read(plain.clone());
    assert_eq!(
        frames.iter().map(|(number, time_ns, ..)| (*number, *time_ns)).collect::<Vec<_>>(),
        [(1, 1_500_000_000_000_001_000), (2, 1_500_000_000_999_999_000), (3, 1_500_000_001_000_000_000)]
    );
    for ((_, _, link, wire_len, bytes), (_, _, expected, expected_len)) in frames.iter().zip(FRAMES) {
        assert_eq!((*link, bytes.as_slice(), *wire_len), (Link::Ethernet, expected, expected_len));
    }
    assert_eq!((ledger.read, ledger.bytes, trouble.as_deref()), (3, 1571, None));

    let mut others = vec![gzip(&plain), zstd(&plain), xz(&plain), snoop(), gzip(&snoop())];
    for magic in [0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34] {
        others.extend([false, true].map(|big| pcap(magic, big, 1)));
    }
    // A frame check sequence of 4 bytes is noted in the link type's upper bits.
    others.push(pcap(0xa1b2_c3d4, true, 0x4400_0001));
    // In two pieces, cut where it hurts.
    let (head, tail) = plain.split_at(30);
    others.push([gzip(head), gzip(tail)].concat());
    others.push([zstd(head), zstd(tail)].concat());
    others.push([xz(head), xz(tail)].concat());
    // A zstd frame to be skipped comes first.
    others.push([&[0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 1][..], &zstd(&plain)].concat());
    for (index, other) in others.into_iter().enumerate() {
        assert_eq!(read(other), (frames.clone(), ledger.clone(), None), "spelling {index}");
    }
}

#[test]
fn a_pcapng_has_sections_interfaces_and_blocks_of_every_kind() {
    let (little, big) = (Put(false), Put(true));
    let ns = [&little.u16(9)[..], &little.u16(1), &[9, 0, 0, 0]].concat();
    // if_name that is not UTF-8, if_tsresol 2^-10 s, if_tsoffset 100 s, end of options.
    let odd = [
        &big.u16(2)[..],
        &big.u16(2),
        &[0xff, 0xfe, 0, 0],
        &big.u16(9),
        &big.u16(1),
        &[0x8a, 0, 0, 0],
        &big.u16(14),
        &big.u16(8),
        &100_u64.to_be_bytes(),
        &[0; 4],
    ]
    .concat();
    let obsolete =
        [&big.u16(0)[..], &big.u16(7), &[0, 0, 1].map(|field| big.u32(field)).concat(), &big.u32(60), b"p"].concat();
    let file = [
        section(little),
        interface(little, 1, 0, &[]),
        interface(little, 101, 0, &ns),
        enhanced(little, 0, 1_500_000_000_000_001, b"micro", 5),
        enhanced(little, 1, 1_500_000_000_000_000_001, b"nano", 90),
        block(little, 0x0000_0bad, b"a block that nobody knows"),
        enhanced(little, 2, 0, b"nobody's", 8),
        block(little, 3, &[&little.u32(6)[..], b"simple"].concat()),
        section(big),
        enhanced(big, 0, 0, b"before its interface", 20),
        interface(big, 113, 4, &odd),
        enhanced(big, 0, 1536, b"binary", 6),
        block(big, 3, &[&big.u32(9)[..], b"simp"].concat()),
        block(big, 2, &obsolete),
    ]
    .concat();
    let (frames, ledger, trouble) = read(file);
    let expected: [(u64, i64, Link, u32, &[u8]); 6] = [
        (1, 1_500_000_000_000_001_000, Link::Ethernet, 5, b"micro"),
        (2, 1_500_000_000_000_000_001, Link::RawIp, 90, b"nano"),
        (4, 1_500_000_000_000_000_001, Link::Ethernet, 6, b"simple"),
        (6, 101_500_000_000, Link::LinuxSll, 6, b"binary"),
        (7, 101_500_000_000, Link::LinuxSll, 9, b"simp"),
        (8, 100_000_000_000, Link::LinuxSll, 60, b"p"),
    ];
    let frames: Vec<_> =
        frames.iter().map(|(n, time, link, len, bytes)| (*n, *time, *link, *len, &bytes[..])).collect();
    assert_eq!(frames, expected);
    assert_eq!((ledger.read, ledger.skipped(Skip::UnknownInterface), trouble), (8, 2, None));
}

#[test]
fn a_capture_cut_anywhere_keeps_what_lies_before_the_cut() {
    let put = Put(true);
    let ng = [
        section(put),
        interface(put, 1, 0, &[]),
        enhanced(put, 0, 1, b"one", 3),
        enhanced(put, 0, 2, b"another", 7),
        enhanced(put, 0, 3, b"third", 5),
    ]
    .concat();
    for (file, first) in [(pcap(0xa1b2_c3d4, false, 1), 24), (ng, 4), (snoop(), 16)] {
        let (whole, ..) = read(file.clone());
        let mut kept = 0;
        for len in first..=file.len() {
            let (frames, ledger, trouble) = read(file[..len].to_vec());
            assert_eq!(frames, whole[..frames.len()], "cut at {len}");
            assert!(frames.len() >= kept && frames.len() <= kept + 1, "cut at {len}");
            kept = frames.len();
            assert_eq!(ledger.read, kept as u64 + ledger.skipped(Skip::CutRecord), "cut at {len}");
            assert_eq!(ledger.skipped_total(), u64::from(trouble.is_some()), "cut at {len}");
        }
        assert_eq!(kept, 3);
        for len in 0..first {
            assert!(read_from(Cursor::new(file[..len].to_vec())).is_err(), "cut at {len}");
        }
    }
}

#[test]
fn a_packed_stream_cut_anywhere_keeps_what_could_be_unpacked() {
    let plain = pcap(0xa1b2_c3d4, false, 1);
    let (whole, ..) = read(plain.clone());
    for packed in [gzip(&plain), zstd(&plain), xz(&plain)] {
        for len in 0..packed.len() {
            // Cut in the file header it is refused, behind it the frames count.
            let Ok((frames, ledger, trouble)) = read_from(Cursor::new(packed[..len].to_vec())) else { continue };
            assert_eq!(frames, whole[..frames.len()], "cut at {len}");
            assert!(trouble.unwrap().contains("stream is cut short"), "cut at {len}");
            assert!(ledger.skipped_total() <= 1, "cut at {len}");
        }
    }
    // A stream of many small blocks, so that the cut lies far behind the first frames.
    let mut long = plain.clone();
    (0..50_000).for_each(|_| long.extend(&plain[24..]));
    for packed in [gzip(&long), zstd(&long)] {
        let (frames, ledger, trouble) = read(packed[..packed.len() / 2].to_vec());
        assert!(frames.len() > 10_000, "{} frames", frames.len());
        assert_eq!(ledger.skipped(Skip::CutRecord), ledger.skipped_total());
        assert!(trouble.unwrap().ends_with("stream is cut short"));
    }
}

#[test]
fn garbage_is_found_where_it_begins() {
    let mut file = pcap(0xa1b2_c3d4, false, 1);
    let at = 24 + 16 + 11;
    file[at + 8..at + 12].copy_from_slice(&0xdead_beef_u32.to_le_bytes());
    let (frames, ledger, trouble) = read(file);
    assert_eq!((frames.len(), ledger.read, ledger.skipped(Skip::CorruptRecord)), (1, 2, 1));
    assert_eq!(
        trouble.unwrap(),
        "reading stopped at byte 51: a record claims 3735928559 captured bytes, where 262144 are the most"
    );

    let put = Put(false);
    let start = [section(put), interface(put, 1, 0, &[]), enhanced(put, 0, 1, b"good", 4)].concat();
    let mut liar = enhanced(put, 0, 1, b"liar", 4);
    liar[20] = 99;
    let mut other_end = enhanced(put, 0, 1, b"good", 4);
    *other_end.last_mut().unwrap() = 1;
    for (bad, why) in [
        (liar, "a block of type 6 contradicts its length of 36 bytes"),
        (other_end, "a block of type 6 and 36 bytes does not end with its length"),
        (vec![6, 0, 0, 0, 33, 0, 0, 0, 0, 0, 0, 0], "a block of type 6 claims a length of 33 bytes"),
        (vec![6, 0, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0], "a block of type 6 claims a length of 2130706432 bytes"),
        (vec![10, 13, 13, 10, 28, 0, 0, 0, 1, 2, 3, 4], "a section header has no byte-order magic"),
    ] {
        let (frames, ledger, trouble) = read([&start[..], &bad[..], &start[..]].concat());
        assert_eq!((frames.len(), ledger.read, ledger.skipped(Skip::CorruptRecord)), (1, 2, 1));
        assert_eq!(trouble.unwrap(), format!("reading stopped at byte {}: {why}", start.len()));
    }
}

#[test]
fn what_is_no_capture_is_refused_with_the_cure() {
    for (bytes, part) in [
        (&b""[..], "made: is empty, not a capture; hint: "),
        (b"PAR1\x15\x04\x15", "made: is a matrix, not a capture (its first bytes are 50 41 52 31 15 04 15); hint: "),
        (b"snoop\0\0\0\0\0\0\x01\0\0\0\x04", "is a snoop capture of another version than 2"),
        (b"BZh91AY", "is packed in a way that is not supported"),
        (b"\xfd7zXZ\0", "the xz stream is cut short"),
        (b"\x7fELF\x02\x01\x01\0\0", "made: is not a capture (its first bytes are 7f 45 4c 46 02 01 01 00); hint: "),
        (b"\xd4\xc3\xb2\xa1\x02\0\x04", "made: ends inside its file header, after 7 bytes; hint: "),
        (b"\xd4", "made: is not a capture (its first bytes are d4); hint: "),
        (b"\x1f\x8b\x08\0\0", "the gzip stream is cut short"),
    ] {
        let told = refusal(bytes);
        assert!(told.contains(part), "{told}");
    }
    let text = Box::leak(gzip(b"a text").into_boxed_slice());
    assert!(refusal(text).starts_with("made: what it holds as gzip is not a capture (its first bytes are 61 20"));
    let twice = Box::leak(gzip(&zstd(b"a text")).into_boxed_slice());
    assert!(refusal(twice).contains("is packed twice"));
}

#[test]
fn a_file_tells_how_far_it_is_read() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let packed = gzip(&pcap(0xa1b2_c3d4, false, 1));
    file.write_all(&packed).unwrap();
    let mut capture = Capture::open(file.path()).unwrap();
    while capture.next_frame(&mut Ledger::default()).is_some() {}
    assert_eq!((capture.position(), capture.size()), (packed.len() as u64, Some(packed.len() as u64)));

    let folder = tempfile::tempdir().unwrap();
    let Err(error) = Capture::open(folder.path()) else { panic!("a folder was opened") };
    assert!(error.to_string().contains("is a directory; hint: "), "{error}");
    let Err(error) = Capture::open(&folder.path().join("none")) else { panic!("nothing was opened") };
    assert!(error.to_string().contains("no such file; hint: "), "{error}");
}

/// A reader that gives one byte at a time, and then an error.
struct Slow(Cursor<Vec<u8>>);

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(&mut buffer[..1])? {
            0 => Err(io::Error::other("the cable was pulled")),
            read => Ok(read),
        }
    }
}

#[test]
fn a_failing_reader_loses_only_what_it_did_not_give() {
    let file = pcap(0xa1b2_c3d4, false, 1);
    let (whole, ..) = read(file.clone());
    let (frames, ledger, trouble) = read_from(Slow(Cursor::new(file.clone()))).unwrap();
    assert_eq!((frames, ledger.read), (whole.clone(), 3));
    assert_eq!(trouble.unwrap(), format!("reading stopped at byte {}: the cable was pulled", file.len()));
    let (frames, ledger, _) = read_from(Slow(Cursor::new(file[..file.len() - 1].to_vec()))).unwrap();
    assert_eq!((frames.as_slice(), ledger.read, ledger.skipped(Skip::CutRecord)), (&whole[..2], 3, 1));
}

/// A reader that gives seven bytes at a time.
struct Pieces(Cursor<Vec<u8>>);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(7);
        self.0.read(&mut buffer[..len])
    }
}

/// Found by fuzzing: how much was read of a damaged stream depended on the pieces in which it came in, and of one that came in
/// large ones little was read.
#[test]
fn a_damaged_stream_is_read_up_to_the_damage_however_it_comes_in() {
    let put = Put(false);
    let mut file = [section(put), interface(put, 1, 0, &[])].concat();
    for n in 0..6000_u32 {
        let noise = [1, 2, 3, 4, 5, 6].map(|k| (n * k).wrapping_mul(0x9e37_79b9).rotate_left(k).to_be_bytes()).concat();
        file.extend(enhanced(put, 0, n.into(), &noise, 24));
    }
    let (whole, ..) = read(file.clone());
    let mut checked = ::zstd::Encoder::new(Vec::new(), 0).unwrap();
    checked.include_checksum(true).unwrap();
    checked.write_all(&file).unwrap();
    for (name, mut packed) in [("gzip", gzip(&file)), ("zstd", checked.finish().unwrap()), ("xz", xz(&file))] {
        let at = packed.len() * 7 / 8;
        packed[at..at + 100].fill(0xff);
        let (frames, ledger, trouble) = read(packed.clone());
        let (pieced, ..) = read_from(Pieces(Cursor::new(packed))).unwrap();
        assert_eq!(pieced.len(), frames.len(), "{name}: {ledger:?}");
        assert!(pieced == frames && trouble.is_some(), "{name}: {trouble:?}");
        let safe = whole.len() / 2;
        assert!(frames.len() > safe && frames[..safe] == whole[..safe], "{name}: {} of {}", frames.len(), whole.len());
    }
}

#[test]
fn records_longer_than_the_buffer_are_read_whole() {
    let put = Put(false);
    let long = vec![5; 3 << 20];
    let file = [section(put), interface(put, 1, 0, &[]), enhanced(put, 0, 1, &long, 1), enhanced(put, 0, 2, b"x", 1)];
    let (frames, _, trouble) = read(file.concat());
    assert_eq!((frames.len(), frames[0].4 == long, frames[0].3, trouble), (2, true, 3 << 20, None));
}

proptest! {
    #[test]
    fn nothing_makes_reading_panic_or_lose_count(
        kind in 0..4_usize,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        tail in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let put = Put(kind == 3);
        let mut file = match kind {
            0 => pcap(0xa1b2_c3d4, false, 1),
            1 => pcap(0xa1b2_3c4d, true, 276),
            _ => [
                section(put),
                interface(put, 1, 0, &[]),
                enhanced(put, 0, 1, b"one", 3),
                block(put, 3, &put.u32(0)),
                enhanced(put, 0, 2, b"another", 7),
            ]
            .concat(),
        };
        file.extend(tail);
        for (index, byte) in flips {
            let at = index.index(file.len());
            file[at] = byte;
        }
        let _ = read_from(Cursor::new(file));
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() { files(&entry, found) } else { found.push(entry) }
    }
}

#[test]
fn every_real_capture_is_read_decoded_and_accounted_for() {
    let data = std::env::var_os("TIDEWATCH_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let mut paths = Vec::new();
    files(&data.join("robust"), &mut paths);
    if paths.is_empty() {
        println!("skipped: {} is not there", data.join("robust").display());
        return;
    }
    let (mut total, mut opened, mut stopped, mut flawed) = (Ledger::default(), 0, 0, 0);
    for path in &paths {
        let Ok(mut capture) = Capture::open(path) else { continue };
        opened += 1;
        let mut ledger = Ledger::default();
        while let Some(frame) = capture.next_frame(&mut ledger) {
            match Packet::decode(&frame, Tunnels::Inner) {
                Ok(packet) => {
                    ledger.used += 1;
                    flawed += usize::from(packet.flaw.is_some());
                }
                Err(reason) => ledger.skip(reason),
            }
        }
        assert!(ledger.balances(), "{}: {ledger:?}", path.display());
        stopped += usize::from(capture.trouble().is_some());
        total.add(&ledger);
    }
    println!("{} files, {opened} captures, {stopped} with trouble, {flawed} flawed packets, {total:?}", paths.len());
    assert!(opened * 10 > paths.len() * 9, "only {opened} of {} files are captures", paths.len());
}

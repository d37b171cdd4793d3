//! A filter as a program that the kernel runs on each frame, so that what nobody wants is not even copied.
//!
//! The kernel's program may let in more than the filter, never less: whatever it lets in is looked at again. So it judges only the
//! frames that are plain, as [`super::super::plain`] has it (Ethernet without a tag, IP without options or fragments, TCP or UDP
//! without a tunnel, all lengths consistent), and lets in every other. Of plain frames all is known where it lies, and family and
//! protocol are settled before the expression is looked at: there is a piece of program for each of the four.

use super::{Expr, Proto, Side};
use crate::capture::{Instruction, Program};
use crate::packet::tunnel;

/// Instructions that the kernel takes at most (`BPF_MAXINSNS`).
const MOST: usize = 4096;
/// More than any frame has bytes: all of it is wanted.
const ALL: u32 = 1 << 18;
/// Where the kernel tells whether it took a VLAN's tag from the frame (`SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT`).
const TAGGED: u32 = 0xffff_f000 + 48;

/// Operations (`linux/bpf_common.h`): load a word, half a word or a byte of the frame, or its length.
const WORD: u16 = 0x20;
const HALF: u16 = 0x28;
const BYTE: u16 = 0x30;
const LENGTH: u16 = 0x80;
/// With a constant, and with what was put aside.
const AND: u16 = 0x54;
const SHIFT_RIGHT: u16 = 0x74;
const SUBTRACT: u16 = 0x14;
const PUT_ASIDE: u16 = 0x07;
/// Compare with a constant, and with what was put aside.
const EQUAL: u16 = 0x15;
const ABOVE: u16 = 0x25;
const AT_LEAST: u16 = 0x35;
const ANY_BIT: u16 = 0x45;
const ABOVE_ASIDE: u16 = 0x2d;
const AT_LEAST_ASIDE: u16 = 0x3d;
const JUMP: u16 = 0x05;
const RETURN: u16 = 0x06;

const IP: u32 = 14;
const TCP: u32 = 6;
const UDP: u32 = 17;

/// A place in the program that is jumped to from before it.
#[derive(Clone, Copy)]
struct Label(usize);

/// What is known of the frames that a piece of program is for.
#[derive(Clone, Copy)]
struct Known {
    v6: bool,
    protocol: u32,
}

impl Known {
    /// Where the addresses lie, the source first.
    fn addresses(self) -> [u32; 2] {
        if self.v6 { [IP + 8, IP + 24] } else { [IP + 12, IP + 16] }
    }

    /// Where the transport header lies.
    fn transport(self) -> u32 {
        IP + if self.v6 { 40 } else { 20 }
    }
}

#[derive(Default)]
struct Assembler {
    code: Vec<Instruction>,
    /// Jumps, with the labels that they go to.
    jumps: Vec<(usize, Label)>,
    /// Where the labels lie.
    labels: Vec<Option<usize>>,
}

impl Assembler {
    fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    fn put(&mut self, label: Label) {
        if let Some(place) = self.labels.get_mut(label.0) {
            *place = Some(self.code.len());
        }
    }

    fn op(&mut self, code: u16, k: u32) {
        self.code.push(Instruction { code, jt: 0, jf: 0, k });
    }

    fn jump(&mut self, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.op(JUMP, 0);
    }

    /// Goes to one of two places. Only a plain jump reaches far.
    fn branch(&mut self, code: u16, k: u32, yes: Label, no: Label) {
        self.code.push(Instruction { code, jt: 0, jf: 1, k });
        self.jump(yes);
        self.jump(no);
    }

    /// Goes on if it holds.
    fn need(&mut self, code: u16, k: u32, no: Label) {
        self.code.push(Instruction { code, jt: 1, jf: 0, k });
        self.jump(no);
    }

    /// Goes on if it does not hold.
    fn unless(&mut self, code: u16, k: u32, yes: Label) {
        self.code.push(Instruction { code, jt: 0, jf: 1, k });
        self.jump(yes);
    }

    fn finish(mut self) -> Option<Program> {
        for (at, label) in self.jumps {
            let to = self.labels.get(label.0).copied().flatten()?;
            self.code.get_mut(at)?.k = u32::try_from(to.checked_sub(at + 1)?).ok()?;
        }
        (self.code.len() <= MOST).then_some(Program(self.code))
    }
}

/// The program for frames of Ethernet; none if it would be longer than the kernel takes.
pub fn program(expr: &Expr) -> Option<Program> {
    let mut to = Assembler::default();
    let [accept, reject, v4, v6] = [(); 4].map(|()| to.label());
    to.op(LENGTH, 0);
    to.need(AT_LEAST, IP + 20 + 8, accept);
    to.op(BYTE, TAGGED);
    to.need(EQUAL, 0, accept);
    to.op(HALF, 12);
    to.unless(EQUAL, 0x86dd, v6);
    to.branch(EQUAL, 0x0800, v4, accept);
    for is_v6 in [false, true] {
        to.put(if is_v6 { v6 } else { v4 });
        plain_ip(&mut to, is_v6, accept);
        let [tcp, udp] = [(); 2].map(|()| to.label());
        to.op(BYTE, IP + if is_v6 { 6 } else { 9 });
        to.unless(EQUAL, TCP, tcp);
        to.branch(EQUAL, UDP, udp, accept);
        for (label, protocol) in [(tcp, TCP), (udp, UDP)] {
            to.put(label);
            let known = Known { v6: is_v6, protocol };
            plain_transport(&mut to, known, accept);
            judge(&mut to, expr, known, accept, reject);
        }
    }
    to.put(accept);
    to.op(RETURN, ALL);
    to.put(reject);
    to.op(RETURN, 0);
    to.finish()
}

/// Goes on if the IP header is a plain one.
fn plain_ip(to: &mut Assembler, v6: bool, other: Label) {
    to.op(BYTE, IP);
    if v6 {
        to.op(AND, 0xf0);
        to.need(EQUAL, 0x60, other);
        to.op(LENGTH, 0);
        to.need(AT_LEAST, IP + 40 + 8, other);
        to.op(SUBTRACT, IP + 40);
        to.op(PUT_ASIDE, 0);
        to.op(HALF, IP + 4);
        to.unless(EQUAL, 0, other);
        to.unless(ABOVE_ASIDE, 0, other);
        // Those that are not the address of a host: unspecified, IPv4 in disguise, and what stands for MACs.
        for address in [IP + 8, IP + 24] {
            let [usual, prefix] = [(); 2].map(|()| to.label());
            to.op(WORD, address + 4);
            to.branch(EQUAL, 0, prefix, usual);
            to.put(prefix);
            to.op(WORD, address);
            to.unless(EQUAL, 0, other);
            to.unless(EQUAL, 0x0100_0000, other);
            to.put(usual);
        }
    } else {
        to.need(EQUAL, 0x45, other);
        to.op(HALF, IP + 6);
        to.unless(ANY_BIT, 0x3fff, other);
        to.op(LENGTH, 0);
        to.op(SUBTRACT, IP);
        to.op(PUT_ASIDE, 0);
        to.op(HALF, IP + 2);
        to.need(AT_LEAST, 20, other);
        to.unless(ABOVE_ASIDE, 0, other);
        for address in [IP + 12, IP + 16] {
            to.op(WORD, address);
            to.unless(EQUAL, 0, other);
        }
    }
}

/// Goes on if the transport header is a plain one, inside what IP carries.
fn plain_transport(to: &mut Assembler, known: Known, other: Label) {
    let at = known.transport();
    if known.protocol == TCP {
        to.op(LENGTH, 0);
        to.need(AT_LEAST, at + 20, other);
        // The header's length in bytes: the words are the upper half of the byte.
        to.op(BYTE, at + 12);
        to.op(AND, 0xf0);
        to.op(SHIFT_RIGHT, 2);
        to.need(AT_LEAST, 20, other);
    } else {
        for port in [at, at + 2] {
            to.op(HALF, port);
            for tunnel in tunnel::PORTS {
                to.unless(EQUAL, u32::from(tunnel), other);
            }
        }
        to.op(HALF, at + 4);
        to.need(AT_LEAST, 8, other);
    }
    to.op(PUT_ASIDE, 0);
    if known.v6 {
        to.op(HALF, IP + 4);
    } else {
        to.op(HALF, IP + 2);
        to.op(SUBTRACT, 20);
    }
    to.need(AT_LEAST_ASIDE, 0, other);
}

/// Goes to one of two places, as the expression says.
fn judge(to: &mut Assembler, expr: &Expr, known: Known, yes: Label, no: Label) {
    match expr {
        Expr::And(a, b) => {
            let both = to.label();
            judge(to, a, known, both, no);
            to.put(both);
            judge(to, b, known, yes, no);
        }
        Expr::Or(a, b) => {
            let other = to.label();
            judge(to, a, known, yes, other);
            to.put(other);
            judge(to, b, known, yes, no);
        }
        Expr::Not(expr) => judge(to, expr, known, no, yes),
        Expr::Proto(proto) => {
            let is = match proto {
                Proto::Ip(number) => u32::from(*number) == known.protocol,
                Proto::Ipv4 => !known.v6,
                Proto::Ipv6 => known.v6,
                Proto::Arp | Proto::Vlan => false,
            };
            to.jump(if is { yes } else { no });
        }
        Expr::Net(side, net) => {
            let (v6, bits, mask) = net.parts();
            if v6 != known.v6 {
                return to.jump(no);
            }
            let words: &[u32] = if v6 { &[0, 1, 2, 3] } else { &[3] };
            either(to, *side, known.addresses(), yes, no, |to, at, yes, no| {
                for (place, word) in words.iter().enumerate() {
                    let [bits, mask] = [bits, mask].map(|number| (number >> (96 - 32 * word)) as u32);
                    if mask != 0 {
                        to.op(WORD, at + 4 * place as u32);
                        to.op(AND, mask);
                        to.need(EQUAL, bits, no);
                    }
                }
                to.jump(yes);
            });
        }
        Expr::Mac(side, [a, b, c, d, e, f]) => either(to, *side, [6, 0], yes, no, |to, at, yes, no| {
            to.op(WORD, at);
            to.need(EQUAL, u32::from_be_bytes([*a, *b, *c, *d]), no);
            to.op(HALF, at + 4);
            to.branch(EQUAL, u32::from(u16::from_be_bytes([*e, *f])), yes, no);
        }),
        Expr::Port(side, range) => {
            let at = known.transport();
            either(to, *side, [at, at + 2], yes, no, |to, at, yes, no| {
                to.op(HALF, at);
                to.need(AT_LEAST, u32::from(*range.start()), no);
                to.branch(ABOVE, u32::from(*range.end()), no, yes);
            });
        }
        Expr::AtMost(bytes) => {
            to.op(LENGTH, 0);
            to.branch(ABOVE, *bytes, no, yes);
        }
        Expr::AtLeast(bytes) => {
            to.op(LENGTH, 0);
            to.branch(AT_LEAST, *bytes, yes, no);
        }
    }
}

/// Asks of what lies at one end, or at either; the source's place comes first.
fn either(
    to: &mut Assembler,
    side: Side,
    [src, dst]: [u32; 2],
    yes: Label,
    no: Label,
    ask: impl Fn(&mut Assembler, u32, Label, Label),
) {
    match side {
        Side::Src => ask(to, src, yes, no),
        Side::Dst => ask(to, dst, yes, no),
        Side::Either => {
            let other = to.label();
            ask(to, src, yes, other);
            to.put(other);
            ask(to, dst, yes, no);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::plain::tests::plain as frame;
    use super::super::super::{Packet, Tunnels, plain};
    use super::super::Filter;
    use super::*;
    use crate::capture::{Frame, Link};

    /// What the kernel does with the program.
    fn runs(Program(code): &Program, frame: &[u8]) -> bool {
        let load = |at: u32, size: usize| -> Option<u32> {
            let bytes = frame.get(at as usize..)?.get(..size)?;
            Some(bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
        };
        let (mut a, mut x, mut at) = (0_u32, 0_u32, 0);
        loop {
            let Instruction { code, jt, jf, k } = code[at];
            at += 1;
            let jump = |holds: bool| usize::from(if holds { jt } else { jf });
            match code {
                BYTE if k == TAGGED => a = 0,
                WORD | HALF | BYTE => match load(k, [4, 2, 1][usize::from(code - WORD) / 8]) {
                    Some(number) => a = number,
                    None => panic!("reads beyond a frame of {} bytes at {k}", frame.len()),
                },
                LENGTH => a = frame.len() as u32,
                AND => a &= k,
                SHIFT_RIGHT => a >>= k,
                SUBTRACT => a = a.wrapping_sub(k),
                PUT_ASIDE => x = a,
                EQUAL => at += jump(a == k),
                ABOVE => at += jump(a > k),
                AT_LEAST => at += jump(a >= k),
                ANY_BIT => at += jump(a & k != 0),
                ABOVE_ASIDE => at += jump(a > x),
                AT_LEAST_ASIDE => at += jump(a >= x),
                JUMP => at += k as usize,
                RETURN => return k > 0,
                other => panic!("no operation {other:#x}"),
            }
        }
    }

    /// The kernel judges a plain frame as the filter does, and lets every other in.
    fn agrees(filter: &Filter, bytes: &[u8]) {
        let accepted = runs(&filter.program().unwrap(), bytes);
        let frame = Frame { number: 1, time_ns: 0, link: Link::Ethernet, wire_len: bytes.len() as u32, bytes };
        match plain::decode(&frame) {
            // What could be a tunnel's or a group's by its address may be let in too.
            Some(packet) if !accepted => assert!(!filter.matches(&packet), "{filter:?} {bytes:02x?}"),
            Some(_) => {}
            None => assert!(accepted, "not plain: {filter:?} {bytes:02x?}"),
        }
        for tunnels in [Tunnels::Inner, Tunnels::Outer] {
            if let Ok(packet) = Packet::decode(&frame, tunnels) {
                assert!(accepted || !filter.matches(&packet), "lost: {filter:?} {bytes:02x?}");
            }
        }
    }

    const CONDITIONS: [&str; 20] = [
        "host 10.0.0.1",
        "src host 10.0.0.2",
        "dst net 10.0.0.0/30",
        "net 11",
        "src net fe00::/8",
        "dst host fdfd::1",
        "port 53",
        "src port 443",
        "dst portrange 400-500",
        "tcp port 53",
        "udp",
        "tcp",
        "icmp",
        "ip",
        "ip6",
        "arp",
        "vlan",
        "ether src 02:00:00:00:00:01",
        "less 60",
        "greater 70",
    ];

    #[test]
    fn plain_frames_are_judged_in_the_kernel() {
        let judged = |filter: &str, frame: &[u8]| runs(&Filter::parse(filter).unwrap().program().unwrap(), frame);
        for v6 in [false, true] {
            let (udp, tcp) = (frame(v6, false, [40_000, 53], &[0; 30]), frame(v6, true, [443, 40_000], &[0; 30]));
            for (filter, of_udp, of_tcp) in [
                ("udp", true, false),
                ("not udp", false, true),
                ("port 53 or port 80", true, false),
                ("src port 443 and greater 60", false, true),
                ("dst port 443", false, false),
                ("tcp portrange 400-500", false, true),
                ("ether dst 02:00:00:00:00:02 and not (port 53)", false, true),
                ("net 10.0.0.0/24 or net fdfd::/16", true, true),
                ("src net fdfd::/16 or src host 10.0.0.2", false, false),
            ] {
                assert_eq!((judged(filter, &udp), judged(filter, &tcp)), (of_udp, of_tcp), "{filter}, v6: {v6}");
            }
            assert!(!judged(if v6 { "ip" } else { "ip6" }, &tcp) && judged("ip or ip6", &tcp));
        }
    }

    #[test]
    fn a_filter_that_is_too_long_for_the_kernel_has_no_program() {
        let long = vec!["host 10.0.0.1"; 300].join(" or ");
        assert_eq!(Filter::parse(&long).unwrap().program(), None);
    }

    proptest! {
        #[test]
        fn the_kernel_never_leaves_out_what_the_filter_wants(
            (v6, tcp) in any::<(bool, bool)>(),
            ports in prop::array::uniform2(prop::sample::select(vec![53_u16, 80, 443, 500, 1701, 4789, 2152, 40_000])),
            payload in prop::collection::vec(any::<u8>(), 0..60),
            changes in prop::collection::vec((0..80_usize, any::<u8>()), 0..4),
            cut in 0..400_usize,
            words in prop::collection::vec((prop::sample::select(CONDITIONS.to_vec()), any::<[bool; 2]>()), 1..5),
        ) {
            let mut bytes = frame(v6, tcp, ports, &payload);
            let len = bytes.len();
            changes.into_iter().for_each(|(at, byte)| bytes[at % len] = byte);
            bytes.truncate(len.saturating_sub(cut.saturating_sub(300)).max(1));
            let mut filter = String::new();
            for (place, (condition, [not, and])) in words.into_iter().enumerate() {
                filter += match (place, and) { (0, _) => "", (_, true) => " and ", _ => " or " };
                filter += if not { "not " } else { "" };
                filter += condition;
            }
            agrees(&Filter::parse(&filter).unwrap(), &bytes);
        }
    }
}

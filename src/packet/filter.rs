//! Which packets the user wants: an expression in the words of pcap-filter(7), evaluated on decoded packets.
//!
//! `host A`, `net N`, `port P`, `portrange A-B`, each with `src` or `dst` before it and a protocol before that;
//! `ether host M`; the protocols `tcp udp icmp icmp6 sctp arp ip ip6 vlan` and `proto N`; `less N` and `greater N` bytes;
//! `and`, `or`, `not`, parentheses. As there, `and` and `or` bind alike, from left to right, and `port 80 or 443` repeats
//! the words before the number. Unlike there, what counts is the packet that is decoded: in a tunnel the inner one, behind
//! any VLAN tags, and a later fragment has the ports of its first.

mod kernel;

use std::ops::RangeInclusive;

use super::subnet::{self, Subnet};
use super::{Mac, Network, Packet, Transport};
use crate::capture::Program;
use crate::error::{Error, Result};

/// A checked expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Expr);

#[derive(Clone, Debug, PartialEq)]
enum Expr {
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Proto(Proto),
    Net(Side, Subnet),
    Mac(Side, Mac),
    Port(Side, RangeInclusive<u16>),
    AtMost(u32),
    AtLeast(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proto {
    Ip(u8),
    Ipv4,
    Ipv6,
    Arp,
    Vlan,
}

/// Which end of a packet a condition looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Src,
    Dst,
    Either,
}

impl Side {
    /// Whether the value of that end holds; of either, whether one of them does.
    pub(crate) fn any<T>(self, src: T, dst: T, holds: impl Fn(T) -> bool) -> bool {
        match self {
            Side::Src => holds(src),
            Side::Dst => holds(dst),
            Side::Either => holds(src) || holds(dst),
        }
    }
}

impl Filter {
    /// The filter that `text` writes.
    ///
    /// # Errors
    /// A parameter error that points at the word that is wrong.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser { text, words: words(text), at: 0, depth: 0, before: None };
        let expr = parser.expression()?;
        match parser.peek() {
            None => Ok(Self(expr)),
            Some(")") => Err(parser.wrong("a parenthesis is closed that was not opened")),
            Some(word) => Err(parser.wrong(&format!("'and' or 'or' is missing before '{word}'"))),
        }
    }

    /// What the kernel can run on frames of Ethernet so that only those come in that may be wanted; none if that would be too long.
    pub fn program(&self) -> Option<Program> {
        kernel::program(&self.0)
    }

    /// Whether the packet is wanted.
    pub fn matches(&self, packet: &Packet<'_>) -> bool {
        self.0.holds(packet)
    }
}

impl Expr {
    fn holds(&self, packet: &Packet<'_>) -> bool {
        match self {
            Expr::And(a, b) => a.holds(packet) && b.holds(packet),
            Expr::Or(a, b) => a.holds(packet) || b.holds(packet),
            Expr::Not(expr) => !expr.holds(packet),
            Expr::Proto(proto) => proto.is_of(packet),
            Expr::Net(side, net) => side.any(packet.src, packet.dst, |host| net.contains(host)),
            Expr::Mac(side, mac) => side.any(packet.src_mac, packet.dst_mac, |theirs| theirs == Some(*mac)),
            Expr::Port(side, range) => {
                ports(packet).is_some_and(|(src, dst)| side.any(src, dst, |port| range.contains(&port)))
            }
            Expr::AtMost(bytes) => packet.wire_len <= *bytes,
            Expr::AtLeast(bytes) => packet.wire_len >= *bytes,
        }
    }
}

fn ports(packet: &Packet<'_>) -> Option<(u16, u16)> {
    match packet.transport {
        Transport::Tcp(tcp) => Some((tcp.src_port, tcp.dst_port)),
        Transport::Udp { src_port, dst_port } | Transport::Ports { src_port, dst_port, .. } => {
            Some((src_port, dst_port))
        }
        _ => None,
    }
}

impl Proto {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "tcp" => Proto::Ip(6),
            "udp" => Proto::Ip(17),
            "icmp" => Proto::Ip(1),
            "icmp6" => Proto::Ip(58),
            "sctp" => Proto::Ip(132),
            "ip" => Proto::Ipv4,
            "ip6" => Proto::Ipv6,
            "arp" => Proto::Arp,
            "vlan" => Proto::Vlan,
            _ => return None,
        })
    }

    fn is_of(self, packet: &Packet<'_>) -> bool {
        match self {
            Proto::Ipv4 => packet.network == Network::Ipv4,
            Proto::Ipv6 => packet.network == Network::Ipv6,
            Proto::Arp => packet.network == Network::Arp,
            Proto::Vlan => packet.vlan,
            Proto::Ip(number) => match packet.transport {
                Transport::Tcp(_) => number == 6,
                Transport::Udp { .. } => number == 17,
                Transport::Icmp { v6, .. } => number == if v6 { 58 } else { 1 },
                Transport::Ports { protocol, .. } | Transport::Other(protocol) => number == protocol,
                Transport::None => packet.fragment.is_some_and(|part| part.protocol == number),
                Transport::Arp(_) => false,
            },
        }
    }
}

/// A word of the expression, and the byte at which it begins.
type Word<'a> = (usize, &'a str);

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        let alone = matches!(c, '(' | ')' | '!');
        if (alone || c.is_whitespace())
            && let Some(start) = start.take()
        {
            words.extend(text.get(start..at).map(|word| (start, word)));
        }
        if alone {
            words.extend(text.get(at..at + 1).map(|word| (at, word)));
        } else if !c.is_whitespace() {
            start.get_or_insert(at);
        }
    }
    words.extend(start.and_then(|start| Some((start, text.get(start..)?))));
    words
}

/// What a number or an address after it means.
#[derive(Clone, Copy)]
enum Kind {
    Host,
    Net,
    Port,
    PortRange,
}

/// The words before a value, which the next value may leave out.
#[derive(Clone, Copy)]
struct Before {
    proto: Option<Proto>,
    ether: bool,
    side: Side,
    kind: Kind,
}

struct Parser<'a> {
    text: &'a str,
    words: Vec<Word<'a>>,
    at: usize,
    depth: usize,
    before: Option<Before>,
}

impl<'a> Parser<'a> {
    /// Parentheses and negations inside each other; no sane expression has more, and the stack is not endless.
    const DEEPEST: usize = 64;
    /// Words of one expression; its tree is as deep as it is long.
    const LONGEST: usize = 1000;

    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).map(|&(_, word)| word)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        self.at += usize::from(found);
        found
    }

    /// An error that points at the current word.
    fn wrong(&self, what: &str) -> Error {
        let place = self.words.get(self.at).map_or(self.text.len(), |&(at, _)| at);
        let column = self.text.get(..place).map_or(0, |before| before.chars().count()) + 1;
        let end = if self.at < self.words.len() { "" } else { ", where it ends" };
        Error::parameter(
            "--filter",
            format!("{what} (at character {column} of '{}'{end})", self.text),
            "write it as in 'host 10.0.0.1 and (tcp port 80 or not udp)'",
        )
    }

    fn expression(&mut self) -> Result<Expr> {
        if self.words.len() > Self::LONGEST {
            return Err(self.wrong(&format!("there are more than {} words", Self::LONGEST)));
        }
        let mut left = self.negation()?;
        loop {
            if self.take("and") || self.take("&&") {
                left = Expr::And(Box::new(left), Box::new(self.negation()?));
            } else if self.take("or") || self.take("||") {
                left = Expr::Or(Box::new(left), Box::new(self.negation()?));
            } else {
                return Ok(left);
            }
        }
    }

    fn negation(&mut self) -> Result<Expr> {
        self.depth += 1;
        if self.depth > Self::DEEPEST {
            return Err(self.wrong("parentheses and negations are too deep"));
        }
        let expr = if self.take("not") || self.take("!") {
            Expr::Not(Box::new(self.negation()?))
        } else if self.take("(") {
            let inside = self.expression()?;
            if !self.take(")") {
                return Err(self.wrong("a parenthesis is not closed"));
            }
            inside
        } else {
            self.primitive()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn primitive(&mut self) -> Result<Expr> {
        if self.take("less") {
            return self.value("a number of bytes", |text| text.parse().ok()).map(Expr::AtMost);
        }
        if self.take("greater") {
            return self.value("a number of bytes", |text| text.parse().ok()).map(Expr::AtLeast);
        }
        let ether = self.take("ether");
        let proto = self.peek().filter(|_| !ether).and_then(Proto::named);
        self.at += usize::from(proto.is_some());
        if !ether && self.take("proto") {
            let number = self.value("a protocol's number", |text| text.parse().ok())?;
            return Ok(and(proto, Expr::Proto(Proto::Ip(number))));
        }
        let side = match self.peek() {
            Some("src") => Some(Side::Src),
            Some("dst") => Some(Side::Dst),
            _ => None,
        };
        self.at += usize::from(side.is_some());
        let kind = match self.peek() {
            Some("host") => Some(Kind::Host),
            Some("net") => Some(Kind::Net),
            Some("port") => Some(Kind::Port),
            Some("portrange") => Some(Kind::PortRange),
            _ => None,
        };
        self.at += usize::from(kind.is_some());
        let before = match (kind, side, proto, self.before) {
            (Some(kind), ..) => Before { proto, ether, side: side.unwrap_or(Side::Either), kind },
            (None, Some(side), ..) => Before { proto, ether, side, kind: Kind::Host },
            (None, None, Some(proto), _) => return Ok(Expr::Proto(proto)),
            (None, None, None, Some(before)) if !ether && self.is_value() => before,
            _ => return Err(self.unknown(ether)),
        };
        self.before = Some(before);
        self.qualified(before)
    }

    /// What is wrong where a condition should begin.
    fn unknown(&self, ether: bool) -> Error {
        match self.peek() {
            _ if ether => self.wrong("after 'ether' comes 'host', 'src' or 'dst' and a MAC address"),
            None => self.wrong("a condition is missing"),
            Some(word @ ("and" | "or" | "&&" | "||" | ")")) => {
                self.wrong(&format!("a condition is missing before '{word}'"))
            }
            Some(word) => self.wrong(&format!("'{word}' is no condition")),
        }
    }

    /// Whether the next word can be an address or a number.
    fn is_value(&self) -> bool {
        self.peek().is_some_and(|word| {
            word.starts_with(|c: char| c.is_ascii_hexdigit() || c == ':')
                && word.contains(|c: char| c.is_ascii_digit() || c == ':')
                && !word.contains(|c: char| c.is_alphabetic() && !c.is_ascii_hexdigit())
        })
    }

    /// A value with the words that stand, or are thought, before it.
    fn qualified(&mut self, before: Before) -> Result<Expr> {
        let Before { proto, ether, side, kind } = before;
        let expr = match kind {
            Kind::Host if ether => Expr::Mac(side, self.value("a MAC address, as in 02:00:00:00:00:01", subnet::mac)?),
            _ if ether => return Err(self.unknown(true)),
            Kind::Host => {
                let whole = |text: &str| Subnet::parse(text).filter(|_| !text.contains('/'));
                Expr::Net(side, self.value("an IP address (names are not looked up)", whole)?)
            }
            Kind::Net => Expr::Net(side, self.value("a network, as in 10.0.0.0/8", net)?),
            Kind::Port => {
                let port = |text: &str| text.parse().ok().map(|port| port..=port);
                Expr::Port(side, self.value("a port's number, 0 to 65535", port)?)
            }
            Kind::PortRange => Expr::Port(side, self.value("a range of ports, as in 6000-6008", range)?),
        };
        Ok(and(proto, expr))
    }

    fn value<T>(&mut self, what: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        match self.peek() {
            Some(word) => match parse(word) {
                Some(value) => {
                    self.at += 1;
                    Ok(value)
                }
                None => Err(self.wrong(&format!("'{word}' is not {what}"))),
            },
            None => Err(self.wrong(&format!("{what} is missing"))),
        }
    }
}

fn and(proto: Option<Proto>, expr: Expr) -> Expr {
    match proto {
        Some(proto) => Expr::And(Box::new(Expr::Proto(proto)), Box::new(expr)),
        None => expr,
    }
}

/// A network, also with its last octets left out: `net 10` is `net 10.0.0.0/8`.
fn net(text: &str) -> Option<Subnet> {
    let octets = text.split('.').count();
    let short = octets < 4 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if short {
        Subnet::parse(&format!("{text}{}/{}", ".0".repeat(4 - octets), 8 * octets))
    } else {
        Subnet::parse(text)
    }
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some(first..=last)
}

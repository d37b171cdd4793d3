//! A TCP conversation (RFC 9293), as both ends of it pass by on the wire.

use etherparse::{TcpHeader, TcpOptionElement};

use super::dice::Dice;
use super::messages;
use super::wire::{Station, Wire};

/// The payload of a full segment.
const SEGMENT: usize = 1460;

/// An end of a conversation, an index into its fields.
pub(super) const CLIENT: usize = 0;
pub(super) const SERVICE: usize = 1;

/// A connection that is open; time goes on with everything that is said.
pub(super) struct Conversation<'a> {
    wire: &'a mut Wire,
    pub dice: &'a mut Dice,
    ends: [Station; 2],
    ports: [u16; 2],
    /// The next sequence number of each end.
    seq: [u32; 2],
    pub now_ns: i64,
    /// How long an answer takes to come.
    round_trip_ns: i64,
}

impl<'a> Conversation<'a> {
    /// The handshake, from a port of the client's choice.
    pub fn open(
        wire: &'a mut Wire,
        dice: &'a mut Dice,
        now_ns: i64,
        client: Station,
        server: Station,
        port: u16,
    ) -> Self {
        let far = [client, server].into_iter().find(Station::is_outside);
        let round_trip_ns = match far {
            Some(far) => 8_000_000 + 150_000 * i64::from(far.ip[3]) + dice.between(0, 2_000_000),
            None => dice.between(150_000, 600_000),
        };
        let ports = [dice.port(), port];
        let seq = [dice.number(), dice.number()];
        let mut this = Self { wire, dice, ends: [client, server], ports, seq, now_ns, round_trip_ns };
        this.segment(CLIENT, |header| (header.syn, header.ack) = (true, false), &[]);
        this.seq[CLIENT] = this.seq[CLIENT].wrapping_add(1);
        this.answer();
        this.segment(SERVICE, |header| header.syn = true, &[]);
        this.seq[SERVICE] = this.seq[SERVICE].wrapping_add(1);
        this.pause(20_000);
        this.segment(CLIENT, |_| {}, &[]);
        this.pause(30_000);
        this
    }

    /// A connection that is refused: a SYN and a reset.
    pub fn refused(wire: &mut Wire, dice: &mut Dice, now_ns: i64, client: Station, server: Station, port: u16) {
        let (ports, seq) = ([dice.port(), port], dice.number());
        probe(wire, now_ns, &client, &server, ports, seq);
        verdict(wire, now_ns + dice.between(150_000, 900_000), &server, &client, ports, seq, false);
    }

    /// Time passes: about `mean_ns`.
    pub fn pause(&mut self, mean_ns: i64) {
        self.now_ns += self.dice.between(mean_ns / 2, mean_ns * 3 / 2);
    }

    /// One end sends a message and the other acknowledges every second segment of it; the last one is left to the
    /// answer if the client sent it (RFC 9293, 3.8.6.3).
    pub fn say(&mut self, from: usize, message: &[u8]) {
        self.say_slowly(from, message, 40_000);
    }

    /// The same, with `gap_ns` from one segment to the next.
    pub fn say_slowly(&mut self, from: usize, message: &[u8], gap_ns: i64) {
        let segments = message.len().div_ceil(SEGMENT);
        for (place, payload) in message.chunks(SEGMENT).enumerate() {
            let last = place + 1 == segments;
            self.segment(from, |header| header.psh = last, payload);
            if self.dice.below(400) == 0 {
                // Lost behind this wire, and sent again.
                self.pause(2 * self.round_trip_ns + 1_000_000);
                self.segment(from, |header| header.psh = last, payload);
            }
            self.seq[from] = self.seq[from].wrapping_add(payload.len() as u32);
            if place % 2 == 1 || (last && from == SERVICE) {
                self.pause(15_000);
                self.segment(1 - from, |_| {}, &[]);
            }
            self.pause(gap_ns);
        }
    }

    /// One end sends `length` bytes that look encrypted.
    pub fn stream(&mut self, from: usize, length: usize, gap_ns: i64) {
        let record = messages::encrypted(self.dice, length);
        self.say_slowly(from, &record, gap_ns);
    }

    /// A request of the client and the server's answer, after the server has thought for about `thought_ns`.
    pub fn ask(&mut self, request: &[u8], thought_ns: i64, response: &[u8]) {
        self.say(CLIENT, request);
        self.answer();
        self.pause(thought_ns);
        self.say(SERVICE, response);
    }

    /// The handshake of TLS 1.3 (RFC 8446, 2), by its sizes.
    pub fn encrypt(&mut self) {
        let hello = messages::tls_hello(self.dice, 0x01, 517);
        let certificate_len = 1200 + self.dice.heavy(400, 2);
        let certificate = messages::tls_hello(self.dice, 0x02, certificate_len);
        self.ask(&hello, 3_000_000, &certificate);
        self.stream(CLIENT, 74, 40_000);
    }

    /// A request and an answer of these sizes, in TLS.
    pub fn ask_in_tls(&mut self, request_len: usize, thought_ns: i64, response_len: usize) {
        let request = messages::encrypted(self.dice, request_len);
        let response = messages::encrypted(self.dice, response_len);
        self.ask(&request, thought_ns, &response);
    }

    /// The same in SSH.
    pub fn ask_in_ssh(&mut self, request_len: usize, thought_ns: i64, response_len: usize) {
        let request = messages::ssh(self.dice, request_len);
        let response = messages::ssh(self.dice, response_len);
        self.ask(&request, thought_ns, &response);
    }

    /// Both ends close, the client first. When that was.
    pub fn close(mut self) -> i64 {
        for end in [CLIENT, SERVICE] {
            self.segment(end, |header| header.fin = true, &[]);
            self.seq[end] = self.seq[end].wrapping_add(1);
            self.answer();
        }
        self.segment(CLIENT, |_| {}, &[]);
        self.now_ns
    }

    fn answer(&mut self) {
        self.now_ns += self.round_trip_ns;
        self.pause(self.round_trip_ns / 16 + 10_000);
    }

    /// Puts a segment on the wire: an acknowledgement, unless `change` makes more of it.
    fn segment(&mut self, from: usize, change: impl FnOnce(&mut TcpHeader), payload: &[u8]) {
        let to = 1 - from;
        let mut header = TcpHeader::new(self.ports[from], self.ports[to], self.seq[from], 64_240 - 1_040 * from as u16);
        header.ack = true;
        change(&mut header);
        if header.ack {
            header.acknowledgment_number = self.seq[to];
        }
        if header.syn {
            offer(&mut header);
        }
        self.wire.tcp(self.now_ns, &self.ends[from], &self.ends[to], header, payload);
    }
}

/// A lone SYN from the first to the second port.
pub(super) fn probe(wire: &mut Wire, now_ns: i64, from: &Station, to: &Station, ports: [u16; 2], seq: u32) {
    let mut header = TcpHeader::new(ports[0], ports[1], seq, 64_240);
    header.syn = true;
    offer(&mut header);
    wire.tcp(now_ns, from, to, header, &[]);
}

/// What `to` answers to such a SYN: it accepts, or it refuses with a reset.
pub(super) fn verdict(
    wire: &mut Wire,
    now_ns: i64,
    to: &Station,
    from: &Station,
    ports: [u16; 2],
    seq: u32,
    accepts: bool,
) {
    let own_seq = if accepts { seq.rotate_left(13) } else { 0 };
    let mut header = TcpHeader::new(ports[1], ports[0], own_seq, if accepts { 65_160 } else { 0 });
    (header.ack, header.acknowledgment_number) = (true, seq.wrapping_add(1));
    (header.syn, header.rst) = (accepts, !accepts);
    if accepts {
        offer(&mut header);
    }
    wire.tcp(now_ns, to, from, header, &[]);
}

/// The options of every SYN; the choice of an ordinary host.
fn offer(header: &mut TcpHeader) {
    use TcpOptionElement::{MaximumSegmentSize, Noop, SelectiveAcknowledgementPermitted, WindowScale};
    let options =
        [MaximumSegmentSize(SEGMENT as u16), Noop, WindowScale(8), Noop, Noop, SelectiveAcknowledgementPermitted];
    let set = header.set_options(&options);
    debug_assert!(set.is_ok(), "{set:?}");
}

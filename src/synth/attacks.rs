//! The attacks of an attack day, and the rules that tell their packets from all others.
//!
//! Every attack has ends or ports that daily life never has together, so that its rules label it exactly, whatever else
//! happens at that time. Outside attackers have addresses of 203.0.113.0/24 (RFC 5737), spoofed senders those of
//! 198.18.0.0/15 (RFC 2544), neither of which is anyone's.

use etherparse::{IcmpEchoHeader, Icmpv4Type, icmpv4::DestUnreachableHeader};

use super::conversation::{CLIENT, Conversation, probe, verdict};
use super::dice::Dice;
use super::messages::{self, Question, TXT};
use super::wire::{
    BROADCAST, CONTROLLERS, EVERYONE, FILES, GATEWAY, MONITOR, SERVER, Station, VISITOR, WORKSTATIONS, Wire,
};
use super::{HOUR_NS, MILLISECOND_NS, SECOND_NS};

/// Makes an attack's packets from the first moment on, none after the second, and returns the conditions of its rules.
type Attack = fn(&mut Wire, &mut Dice, i64, i64) -> Vec<String>;

const ATTACKS: [(&str, Attack); 11] = [
    ("port-scan", port_scan),
    ("slow-scan", slow_scan),
    ("icmp-sweep", icmp_sweep),
    ("syn-flood", syn_flood),
    ("udp-flood", udp_flood),
    ("ssh-bruteforce", ssh_bruteforce),
    ("dns-tunnel", dns_tunnel),
    ("arp-spoofing", arp_spoofing),
    ("exfiltration", exfiltration),
    ("c2-beacon", c2_beacon),
    ("modbus-write", modbus_write),
];

/// One attack, once.
pub(super) struct Episode {
    pub attack: &'static str,
    /// The conditions of its rules, apart from the time.
    pub rules: Vec<String>,
}

/// Plays every attack in every third of the day (once if there is less than half a day), each in its own part of the time.
pub(super) fn play(wire: &mut Wire, dice: &mut Dice) -> Vec<Episode> {
    let (start_ns, end_ns) = wire.span;
    let rounds = if end_ns - start_ns < 12 * HOUR_NS { 1 } else { 3 };
    let mut order = ATTACKS.repeat(rounds);
    order.chunks_mut(ATTACKS.len()).for_each(|round| dice.shuffle(round));
    let part_ns = (end_ns - start_ns) / order.len() as i64;
    let mut episodes = Vec::new();
    for (part, (attack, play)) in order.into_iter().enumerate() {
        let from = start_ns + part as i64 * part_ns;
        wire.attack = Some(part);
        let rules = play(wire, &mut dice.split(), from + dice.between(0, part_ns / 8), from + part_ns * 15 / 16);
        episodes.push(Episode { attack, rules });
    }
    wire.attack = None;
    episodes
}

/// The visitor tries the ports of one host, one by one, with lone SYNs.
fn port_scan(wire: &mut Wire, dice: &mut Dice, mut now: i64, end: i64) -> Vec<String> {
    let mut ports: Vec<u16> = (1..=1024).chain([1433, 3306, 3389, 5432, 5900, 8080, 8443, 9100]).collect();
    dice.shuffle(&mut ports);
    ports.truncate(dice.between(400, 1032) as usize);
    let gap = dice.pick(&[5, 12, 40]) * MILLISECOND_NS;
    let own_port = dice.port();
    for port in ports {
        if now >= end {
            break;
        }
        let (pair, seq) = ([own_port, port], dice.number());
        probe(wire, now, &VISITOR, &FILES, pair, seq);
        verdict(wire, now + 300_000, &FILES, &VISITOR, pair, seq, matches!(port, 139 | 445 | 873));
        now += dice.between(gap / 2, gap * 3 / 2);
    }
    vec![between(VISITOR, FILES)]
}

/// The visitor asks the lower half of the network for one service, a few packets a second.
fn slow_scan(wire: &mut Wire, dice: &mut Dice, now: i64, end: i64) -> Vec<String> {
    let (port, own_port) = (dice.pick(&[22, 445, 3389]), dice.port());
    let gap = dice.between(400, 1500) * MILLISECOND_NS;
    sweep(wire, dice, (now, end), gap, |wire, dice, now, target| {
        let (pair, seq) = ([own_port, port], dice.number());
        probe(wire, now, &VISITOR, &target, pair, seq);
        verdict(wire, now + 400_000, &target, &VISITOR, pair, seq, port == 22 && target.ttl == 64);
    })
}

/// The visitor pings every address of the lower half of the network.
fn icmp_sweep(wire: &mut Wire, dice: &mut Dice, now: i64, end: i64) -> Vec<String> {
    let gap = dice.between(20, 200) * MILLISECOND_NS;
    let id = dice.number() as u16;
    sweep(wire, dice, (now, end), gap, |wire, _, now, target| {
        let echo = IcmpEchoHeader { id, seq: u16::from(target.ip[3]) };
        wire.icmp(now, &VISITOR, &target, Icmpv4Type::EchoRequest(echo), &[0; 8]);
        wire.icmp(now + 500_000, &target, &VISITOR, Icmpv4Type::EchoReply(echo), &[0; 8]);
    })
}

/// One address after the other is resolved, three times if nobody answers, and `touch`ed if somebody does.
fn sweep(
    wire: &mut Wire,
    dice: &mut Dice,
    (mut now, end): (i64, i64),
    gap: i64,
    mut touch: impl FnMut(&mut Wire, &mut Dice, i64, Station),
) -> Vec<String> {
    for last in 1..=127 {
        if now >= end {
            break;
        }
        let ip = [192, 168, 10, last];
        let asked = Station { ip, ..BROADCAST };
        wire.arp_request(now, &VISITOR, &asked);
        if let Some(host) = EVERYONE.into_iter().find(|host| host.ip == ip) {
            wire.arp_reply(now + 300_000, &host, &VISITOR);
            touch(wire, dice, now + MILLISECOND_NS, host);
        } else {
            for waited_s in [1, 2] {
                wire.arp_request(now + waited_s * SECOND_NS, &VISITOR, &asked);
            }
        }
        now += dice.between(gap / 2, gap * 3 / 2);
    }
    let visitor = address(VISITOR);
    vec![
        format!("src_ip = [{visitor}]\ndst_ip = [\"192.168.10.0/25\"]"),
        format!("src_ip = [\"192.168.10.0/25\"]\ndst_ip = [{visitor}]"),
    ]
}

/// SYNs from senders that do not exist reach the mail server, which answers some of them.
fn syn_flood(wire: &mut Wire, dice: &mut Dice, mut now: i64, end: i64) -> Vec<String> {
    let gap = SECOND_NS / dice.between(60, 300);
    for _ in 0..dice.between(2500, 5000) {
        if now >= end {
            break;
        }
        let [_, half, c, d] = dice.number().to_be_bytes();
        let sender = Station::outside([198, 18 + half % 2, c, d]);
        let (ports, seq) = ([dice.between(1024, 65_535) as u16, 25], dice.number());
        probe(wire, now, &sender, &SERVER, ports, seq);
        if dice.percent(30) {
            verdict(wire, now + 200_000, &SERVER, &sender, ports, seq, true);
        }
        now += dice.between(gap / 2, gap * 3 / 2);
    }
    vec!["ip = [\"198.18.0.0/15\"]".to_owned()]
}

/// Datagrams to any port of the server; it says once a second that nobody listens.
fn udp_flood(wire: &mut Wire, dice: &mut Dice, mut now: i64, end: i64) -> Vec<String> {
    let sender = outsider(wire);
    let (gap, own_port, length) = (SECOND_NS / dice.between(80, 400), dice.port(), dice.heavy(64, 4));
    let mut complaint_due = now;
    for _ in 0..dice.between(2500, 5000) {
        if now >= end {
            break;
        }
        let payload = messages::filled(dice, &[], length);
        let port = dice.between(1024, 65_535) as u16;
        wire.udp(now, &sender, &SERVER, (own_port, port), &payload);
        if now >= complaint_due {
            let refused = Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::Port);
            let quoted = messages::filled(dice, &[0x45, 0], 28);
            wire.icmp(now + 100_000, &SERVER, &sender, refused, &quoted);
            complaint_due = now + SECOND_NS;
        }
        now += dice.between(gap / 2, gap * 3 / 2);
    }
    vec![format!("ip = [{}]", address(sender))]
}

/// Password after password is tried at the monitor's SSH, which may be reached from outside.
fn ssh_bruteforce(wire: &mut Wire, dice: &mut Dice, mut now: i64, end: i64) -> Vec<String> {
    let attacker = outsider(wire);
    let pause_ms = dice.pick(&[300, 1000, 3000]);
    for _ in 0..dice.between(50, 140) {
        if now >= end {
            break;
        }
        let mut attempt = Conversation::open(wire, dice, now, attacker, MONITOR, 22);
        attempt.ask(b"SSH-2.0-libssh_0.9.6\r\n", MILLISECOND_NS, b"SSH-2.0-OpenSSH_9.2\r\n");
        for (request_len, response_len) in [(824, 1080), (48, 560), (64, 52), (84, 52), (84, 52)] {
            attempt.ask_in_ssh(request_len, 20 * MILLISECOND_NS, response_len);
        }
        now = attempt.close() + dice.between(pause_ms / 2, pause_ms * 3 / 2) * MILLISECOND_NS;
    }
    vec![format!("ip = [{}]", address(attacker))]
}

/// A workstation carries data out in names that it looks up, all from one socket, as tunnelling programs do; the server
/// asks the domain's own server for every one of them.
fn dns_tunnel(wire: &mut Wire, dice: &mut Dice, mut now: i64, end: i64) -> Vec<String> {
    let (host, outside) = (dice.pick(&WORKSTATIONS), outsider(wire));
    // Below the ports that programs are given, and so nobody else's.
    let own_port = dice.between(40_000, 47_999) as u16;
    let gap = dice.between(300, 1500);
    for _ in 0..dice.between(250, 600) {
        if now >= end {
            break;
        }
        let (first_len, second_len) = (dice.between(30, 60) as usize, dice.between(20, 60) as usize);
        let (first, second) = (messages::letters(dice, first_len), messages::letters(dice, second_len));
        let name = format!("{first}.{second}.telemetry.example");
        let mut record = messages::filled(dice, &[], 121);
        record[0] = 120; // the length of the text that follows
        let query = Question { id: dice.number() as u16, name: &name, kind: TXT };
        let forwarded = Question { id: dice.number() as u16, ..query };
        let port = dice.port();
        wire.udp(now, &host, &SERVER, (own_port, 53), &query.query());
        wire.udp(now + 300_000, &SERVER, &outside, (port, 53), &forwarded.query());
        let answered = now + dice.between(25, 60) * MILLISECOND_NS;
        wire.udp(answered, &outside, &SERVER, (53, port), &forwarded.answer(0, &[record.clone()]));
        wire.udp(answered + 200_000, &SERVER, &host, (53, own_port), &query.answer(0, &[record]));
        now += dice.between(gap / 2, gap * 3 / 2) * MILLISECOND_NS;
    }
    vec![
        format!("ip = [{}]\nport = [{own_port}]\nproto = \"udp\"", address(host)),
        format!("ip = [{}]", address(outside)),
    ]
}

/// The visitor tells a workstation that it were the gateway, and the gateway that it were the workstation: replies
/// that nobody asked for, once a second. What it would then overhear is left out.
fn arp_spoofing(wire: &mut Wire, dice: &mut Dice, mut now: i64, end: i64) -> Vec<String> {
    let victim = dice.pick(&WORKSTATIONS);
    for _ in 0..dice.between(120, 500) {
        if now >= end {
            break;
        }
        for (claimed, deceived) in [(GATEWAY, victim), (victim, GATEWAY)] {
            wire.arp_reply(now, &Station { ip: claimed.ip, ..VISITOR }, &deceived);
            now += MILLISECOND_NS;
        }
        now += SECOND_NS + dice.between(-5 * MILLISECOND_NS, 5 * MILLISECOND_NS);
    }
    let [a, b, c, d, e, f] = VISITOR.mac;
    let mac = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
    vec![format!("src_mac = [\"{mac}\"]\nsrc_ip = [{}, {}]\nproto = \"arp\"", address(GATEWAY), address(victim))]
}

/// A workstation sends megabytes to an address that nobody spoke to before, steadily for minutes.
fn exfiltration(wire: &mut Wire, dice: &mut Dice, now: i64, end: i64) -> Vec<String> {
    let (host, outside) = (dice.pick(&WORKSTATIONS), outsider(wire));
    let gap = SECOND_NS / dice.between(5, 20);
    let pieces = dice.between(40, 80);
    let mut upload = Conversation::open(wire, dice, now, host, outside, 443);
    upload.encrypt();
    for _ in 0..pieces {
        if upload.now_ns >= end {
            break;
        }
        upload.stream(CLIENT, 60 * 1460, gap);
    }
    upload.close();
    vec![format!("ip = [{}]", address(outside))]
}

/// A program on a workstation reports to its master once a minute: the same few bytes, encrypted.
fn c2_beacon(wire: &mut Wire, dice: &mut Dice, mut now: i64, end: i64) -> Vec<String> {
    let (host, outside) = (dice.pick(&WORKSTATIONS), outsider(wire));
    let period = dice.pick(&[30, 60, 90]) * SECOND_NS;
    while now < end {
        let mut report = Conversation::open(wire, dice, now, host, outside, 443);
        report.encrypt();
        report.ask_in_tls(212, 5 * MILLISECOND_NS, 148);
        report.close();
        now += period + dice.between(-300 * MILLISECOND_NS, 300 * MILLISECOND_NS);
    }
    vec![format!("ip = [{}]", address(outside))]
}

/// A workstation that never spoke Modbus switches coils and sets registers of a controller.
fn modbus_write(wire: &mut Wire, dice: &mut Dice, now: i64, end: i64) -> Vec<String> {
    let (host, controller) = (dice.pick(&WORKSTATIONS), dice.pick(&CONTROLLERS));
    let mut line = Conversation::open(wire, dice, now, host, controller, 502);
    for transaction in 1..=line.dice.between(40, 120) as u16 {
        if line.now_ns >= end {
            break;
        }
        let [_, value, _, register] = line.dice.number().to_be_bytes();
        let (function, rest) =
            if line.dice.percent(50) { (5, [0, register % 32, 0xff, 0]) } else { (6, [0, register % 64, value, 0]) };
        let write = messages::modbus(transaction, 1, function, &rest);
        line.ask(&write, 4 * MILLISECOND_NS, &write);
        line.pause(2 * SECOND_NS);
    }
    line.close();
    vec![format!("{}\nport = [502]", between(host, controller))]
}

/// An address outside that only the present attacker has.
fn outsider(wire: &Wire) -> Station {
    Station::outside([203, 0, 113, 10 + wire.attack.unwrap_or_default() as u8])
}

fn address(station: Station) -> String {
    let [a, b, c, d] = station.ip;
    format!("\"{a}.{b}.{c}.{d}\"")
}

/// The conditions of what two hosts say to each other.
fn between(one: Station, other: Station) -> String {
    let pair = format!("[{}, {}]", address(one), address(other));
    format!("src_ip = {pair}\ndst_ip = {pair}")
}

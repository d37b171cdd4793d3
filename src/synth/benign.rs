//! Daily life: what the hosts do when nobody attacks them, small mishaps included.

use etherparse::{IcmpEchoHeader, Icmpv4Type};

use super::conversation::{CLIENT, Conversation, SERVICE, probe};
use super::dice::Dice;
use super::messages::{self, A, AAAA, PTR, Question};
use super::wire::{
    BROADCAST, CAMERA, CONTROLLERS, EVERYONE, FILES, GATEWAY, MASTER, MDNS, MONITOR, PRINTER, SERVER, SSDP, Station,
    VISITOR, WORKSTATIONS, Wire,
};
use super::{HOUR_NS, MILLISECOND_NS, SECOND_NS};

/// How busy people are, in per cent, by the hour of the day.
const OFFICE: [u64; 24] = [4, 3, 3, 3, 4, 8, 20, 55, 85, 100, 100, 95, 70, 85, 100, 100, 95, 80, 50, 35, 30, 22, 14, 8];
const ALWAYS: [u64; 24] = [100; 24];

/// The resolver that the network's own one asks.
const RESOLVER: Station = Station::outside([192, 0, 2, 53]);
const CLOCK: Station = Station::outside([192, 0, 2, 123]);
const MAILERS: [Station; 3] =
    [Station::outside([192, 0, 2, 25]), Station::outside([192, 0, 2, 26]), Station::outside([192, 0, 2, 27])];
const UPDATES: Station = Station::outside([198, 51, 100, 240]);
const CLOUD: Station = Station::outside([198, 51, 100, 200]);
/// A server that was taken away, and that a workstation still looks for.
const GONE: Station = Station::outside([192, 168, 20, 9]);
/// An address of this network that nobody has.
const NOBODY: Station = Station { ip: [192, 168, 10, 99], ..BROADCAST };

type Actor = fn(&mut Wire, &mut Dice);

/// Everyone who acts, each with dice of their own.
const ACTORS: [Actor; 21] = [
    browsing,
    mail,
    mail_from_outside,
    file_shares,
    cloud_storage,
    printing,
    administration,
    control,
    camera,
    clocks,
    pings,
    polled_devices,
    address_resolution,
    leases,
    service_discovery,
    router,
    stale_configuration,
    refused_connections,
    unknown_names,
    backup,
    software_update,
];

/// Lets the network live for as long as `wire` records.
pub(super) fn live(wire: &mut Wire, dice: &mut Dice) {
    for actor in ACTORS {
        actor(wire, &mut dice.split());
    }
}

/// Workstations and the visitor read the web, a handful of pages at a time.
fn browsing(wire: &mut Wire, dice: &mut Dice) {
    for person in [&WORKSTATIONS[..], &[VISITOR]].concat() {
        // Some days are busier than others.
        let mean_s = dice.between(30 * 60, 50 * 60);
        for mut now in dice.moments(wire.span, mean_s, &OFFICE) {
            for _ in 0..dice.between(2, 9) {
                now = page(wire, dice, now, person);
                now += dice.between(4, 60) * SECOND_NS;
            }
        }
    }
}

/// A page: its names are looked up, its parts are fetched. When that is done.
fn page(wire: &mut Wire, dice: &mut Dice, mut now: i64, person: Station) -> i64 {
    for _ in 0..dice.between(1, 3) {
        // A few sites are everyone's favourites.
        let popularity = dice.below(6);
        let number = dice.below(1 << popularity) as u8;
        let site = Station::outside([198, 51, 100, 10 + number]);
        let name = format!("{}.site{number}.example", dice.pick(&["www", "static", "img", "api"]));
        now = lookup(wire, dice, now, person, &name);
        let plain = dice.percent(8);
        let mut web = Conversation::open(wire, dice, now, person, site, if plain { 80 } else { 443 });
        if !plain {
            web.encrypt();
        }
        for _ in 0..web.dice.between(1, 5) {
            let (request_len, response_len) = (web.dice.between(250, 1100) as usize, web.dice.heavy(400, 5));
            if plain {
                let request = format!("GET /{request_len} HTTP/1.1\r\nHost: {name}\r\nAccept: */*\r\n\r\n");
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {response_len}\r\n\r\n");
                let response = messages::filled(web.dice, head.as_bytes(), response_len);
                web.ask(request.as_bytes(), 20 * MILLISECOND_NS, &response);
            } else {
                web.ask_in_tls(request_len, 20 * MILLISECOND_NS, response_len);
            }
            web.pause(300 * MILLISECOND_NS);
        }
        now = web.close();
    }
    now
}

/// A name is looked up at the server, which asks outside for what it has not yet heard. When the answer is there.
fn lookup(wire: &mut Wire, dice: &mut Dice, now: i64, client: Station, name: &str) -> i64 {
    let kinds: &[u16] = if dice.percent(40) { &[A, AAAA] } else { &[A] };
    let mut done = now;
    for &kind in kinds {
        let record = messages::filled(dice, &[198, 51, 100], if kind == A { 4 } else { 16 });
        done = resolve(wire, dice, now, client, (name, kind), 0, &[record]).max(done);
    }
    done + dice.between(1, 4) * MILLISECOND_NS
}

fn resolve(
    wire: &mut Wire,
    dice: &mut Dice,
    now: i64,
    client: Station,
    (name, kind): (&str, u16),
    code: u16,
    records: &[Vec<u8>],
) -> i64 {
    let question = Question { id: dice.number() as u16, name, kind };
    let (port, mut answered) = (dice.port(), now + dice.between(200_000, 700_000));
    wire.udp(now, &client, &SERVER, (port, 53), &question.query());
    if dice.percent(35) {
        let (own_port, own) = (dice.port(), Question { id: dice.number() as u16, ..question });
        wire.udp(answered, &SERVER, &RESOLVER, (own_port, 53), &own.query());
        answered += dice.between(9, 40) * MILLISECOND_NS;
        wire.udp(answered, &RESOLVER, &SERVER, (53, own_port), &own.answer(code, records));
        answered += dice.between(100_000, 300_000);
    }
    wire.udp(answered, &SERVER, &client, (53, port), &question.answer(code, records));
    answered
}

/// Mail programs look for new mail every ten minutes, and sometimes find some.
fn mail(wire: &mut Wire, dice: &mut Dice) {
    for person in WORKSTATIONS {
        let mut now = wire.span.0 + dice.between(0, 600) * SECOND_NS;
        while now < wire.span.1 {
            let mut mailbox = Conversation::open(wire, dice, now, person, SERVER, 993);
            mailbox.encrypt();
            mailbox.ask_in_tls(90, 2 * MILLISECOND_NS, 180);
            if mailbox.dice.percent(15) {
                let length = mailbox.dice.heavy(3_000, 5);
                mailbox.ask_in_tls(120, 5 * MILLISECOND_NS, length);
            }
            mailbox.close();
            now += 600 * SECOND_NS + dice.between(-3 * SECOND_NS, 3 * SECOND_NS);
        }
    }
}

/// Mail comes in from other servers and goes out to them.
fn mail_from_outside(wire: &mut Wire, dice: &mut Dice) {
    for now in dice.moments(wire.span, 700, &OFFICE) {
        let mailer = dice.pick(&MAILERS);
        let ends = if dice.percent(60) { (mailer, SERVER) } else { (SERVER, mailer) };
        let mut letter = Conversation::open(wire, dice, now, ends.0, ends.1, 25);
        letter.say(SERVICE, b"220 mail.plant.example ESMTP\r\n");
        letter.ask(b"EHLO mail.example\r\n", MILLISECOND_NS, b"250-mail.plant.example\r\n250 STARTTLS\r\n");
        letter.ask(b"STARTTLS\r\n", MILLISECOND_NS, b"220 2.0.0 ready\r\n");
        letter.encrypt();
        let length = letter.dice.heavy(2_000, 6);
        letter.ask_in_tls(length, 30 * MILLISECOND_NS, 60);
        letter.close();
    }
}

/// Files are read from the server and written to it, in bursts.
fn file_shares(wire: &mut Wire, dice: &mut Dice) {
    for person in WORKSTATIONS {
        for now in dice.moments(wire.span, 50 * 60, &OFFICE) {
            let mut share = Conversation::open(wire, dice, now, person, FILES, 445);
            for (command, length) in [(0, 240), (1, 320), (3, 180), (5, 260)] {
                let (request, response) =
                    (messages::smb(share.dice, command, length), messages::smb(share.dice, command, 300));
                share.ask(&request, MILLISECOND_NS, &response);
            }
            for _ in 0..share.dice.between(1, 6) {
                let length = share.dice.heavy(2_000, 5);
                let (command, request_len, response_len) =
                    if share.dice.percent(70) { (8, 117, length) } else { (9, length, 84) };
                let request = messages::smb(share.dice, command, request_len);
                let response = messages::smb(share.dice, command, response_len);
                share.ask(&request, 2 * MILLISECOND_NS, &response);
                share.pause(800 * MILLISECOND_NS);
            }
            share.close();
        }
    }
}

/// Documents are kept in a cloud: uploads that are nothing bad.
fn cloud_storage(wire: &mut Wire, dice: &mut Dice) {
    for person in WORKSTATIONS {
        for now in dice.moments(wire.span, 4 * 3600, &OFFICE) {
            let now = lookup(wire, dice, now, person, "files.cloud.example");
            let mut upload = Conversation::open(wire, dice, now, person, CLOUD, 443);
            upload.encrypt();
            let length = upload.dice.heavy(50_000, 4);
            upload.stream(CLIENT, length, MILLISECOND_NS);
            upload.ask_in_tls(300, 50 * MILLISECOND_NS, 400);
            upload.close();
        }
    }
}

fn printing(wire: &mut Wire, dice: &mut Dice) {
    for now in dice.moments(wire.span, 40 * 60, &OFFICE) {
        let person = dice.pick(&WORKSTATIONS);
        let mut job = Conversation::open(wire, dice, now, person, PRINTER, 9100);
        let length = job.dice.heavy(20_000, 3);
        job.say_slowly(CLIENT, &vec![0x1b; length], 2 * MILLISECOND_NS);
        job.close();
    }
}

/// The administrator logs in to the monitor and types.
fn administration(wire: &mut Wire, dice: &mut Dice) {
    for now in dice.moments(wire.span, 2 * 3600, &OFFICE) {
        let mut shell = Conversation::open(wire, dice, now, WORKSTATIONS[0], MONITOR, 22);
        shell.ask(b"SSH-2.0-OpenSSH_9.9\r\n", MILLISECOND_NS, b"SSH-2.0-OpenSSH_9.2\r\n");
        for (request_len, response_len) in [(1536, 1080), (48, 560), (100, 52), (148, 52)] {
            shell.ask_in_ssh(request_len, 3 * MILLISECOND_NS, response_len);
        }
        for _ in 0..shell.dice.between(10, 60) {
            let response_len = shell.dice.heavy(36, 4);
            shell.ask_in_ssh(36, MILLISECOND_NS, response_len);
            shell.pause(2 * SECOND_NS);
        }
        shell.close();
    }
}

/// The master reads its controllers' registers every few seconds, over one connection each, and writes one now and then.
fn control(wire: &mut Wire, dice: &mut Dice) {
    for (controller, period_ns, registers) in
        [(CONTROLLERS[0], 6 * SECOND_NS, 24u8), (CONTROLLERS[1], 15 * SECOND_NS, 60)]
    {
        let end_ns = wire.span.1;
        let mut due = wire.span.0 + dice.between(0, period_ns);
        let mut line = Conversation::open(wire, dice, due, MASTER, controller, 502);
        let mut transaction: u16 = 0;
        while due < end_ns {
            line.now_ns = line.now_ns.max(due + line.dice.between(0, 15 * MILLISECOND_NS));
            transaction = transaction.wrapping_add(1);
            let request = messages::modbus(transaction, 1, 3, &[0, 0, 0, registers]);
            let mut values = vec![2 * registers];
            values.resize(1 + 2 * registers as usize, 0);
            line.dice.fill(&mut values[1..9]);
            line.ask(&request, 4 * MILLISECOND_NS, &messages::modbus(transaction, 1, 3, &values));
            if line.dice.below(900) == 0 {
                // An operator changes a set point: the answer repeats the request.
                transaction = transaction.wrapping_add(1);
                let write = messages::modbus(transaction, 1, 6, &[0, 40, 2, line.dice.below(200) as u8]);
                line.ask(&write, 4 * MILLISECOND_NS, &write);
            }
            due += period_ns;
        }
    }
}

/// The camera sends a still picture every three seconds, and now and then a report on them.
fn camera(wire: &mut Wire, dice: &mut Dice) {
    let mut now = wire.span.0;
    let mut sequence: u16 = dice.number() as u16;
    while now < wire.span.1 {
        let length = dice.between(850, 1150) as usize;
        wire.udp(now, &CAMERA, &FILES, (5004, 5004), &messages::rtp(dice, sequence, length));
        if sequence.is_multiple_of(15) {
            wire.udp(now + 300_000, &CAMERA, &FILES, (5005, 5005), &messages::filled(dice, &[0x80, 200, 0, 6], 28));
        }
        sequence = sequence.wrapping_add(1);
        now += 3 * SECOND_NS + dice.between(-3 * MILLISECOND_NS, 3 * MILLISECOND_NS);
    }
}

fn clocks(wire: &mut Wire, dice: &mut Dice) {
    let askers = EVERYONE.into_iter().filter(|host| *host != SERVER).map(|host| (host, SERVER));
    for (host, clock) in askers.chain([(SERVER, CLOCK)]) {
        let period = dice.pick(&[256, 512, 1024]) * SECOND_NS;
        let mut now = wire.span.0 + dice.between(0, period);
        while now < wire.span.1 {
            wire.udp(now, &host, &clock, (123, 123), &messages::ntp(dice, 3));
            let answered = now + if clock == CLOCK { 14 * MILLISECOND_NS } else { 300_000 } + dice.between(0, 400_000);
            wire.udp(answered, &clock, &host, (123, 123), &messages::ntp(dice, 4));
            now += period + dice.between(-SECOND_NS, SECOND_NS);
        }
    }
}

/// The monitor asks the hosts that matter whether they are there.
fn pings(wire: &mut Wire, dice: &mut Dice) {
    for (id, host) in [GATEWAY, FILES, SERVER, MASTER, CONTROLLERS[0], CONTROLLERS[1]].into_iter().enumerate() {
        let mut now = wire.span.0 + dice.between(0, 60 * SECOND_NS);
        let mut echo = IcmpEchoHeader { id: id as u16, seq: 0 };
        while now < wire.span.1 {
            wire.icmp(now, &MONITOR, &host, Icmpv4Type::EchoRequest(echo), &[0x2e; 56]);
            wire.icmp(now + dice.between(100_000, 900_000), &host, &MONITOR, Icmpv4Type::EchoReply(echo), &[0x2e; 56]);
            echo.seq = echo.seq.wrapping_add(1);
            now += 60 * SECOND_NS + dice.between(-200 * MILLISECOND_NS, 200 * MILLISECOND_NS);
        }
    }
}

/// The monitor polls the printer and the gateway over SNMP.
fn polled_devices(wire: &mut Wire, dice: &mut Dice) {
    for (device, period_s) in [(PRINTER, 60), (GATEWAY, 120)] {
        let mut now = wire.span.0 + dice.between(0, period_s * SECOND_NS);
        while now < wire.span.1 {
            let (port, id) = (dice.port(), dice.number() >> 1);
            wire.udp(now, &MONITOR, &device, (port, 161), &messages::snmp(id, None));
            let answer = messages::snmp(id, Some((now / (10 * MILLISECOND_NS)) as u32));
            wire.udp(now + dice.between(2, 9) * MILLISECOND_NS, &device, &MONITOR, (161, port), &answer);
            now += period_s * SECOND_NS + dice.between(-20 * MILLISECOND_NS, 20 * MILLISECOND_NS);
        }
    }
}

/// Every host makes sure of the gateway's and the server's MAC address; mostly by asking the one that it knows
/// (RFC 1122, 2.3.2.1).
fn address_resolution(wire: &mut Wire, dice: &mut Dice) {
    for host in EVERYONE {
        for neighbour in [GATEWAY, SERVER].into_iter().filter(|neighbour| *neighbour != host) {
            for now in dice.moments(wire.span, 600, &ALWAYS) {
                let mac = if dice.percent(25) { BROADCAST.mac } else { neighbour.mac };
                wire.arp_request(now, &host, &Station { mac, ..neighbour });
                wire.arp_reply(now + dice.between(80_000, 400_000), &neighbour, &host);
            }
        }
    }
}

/// Leases are renewed every few hours; the visitor comes and asks for one.
fn leases(wire: &mut Wire, dice: &mut Dice) {
    for host in WORKSTATIONS {
        for now in dice.moments(wire.span, 5 * 3600, &ALWAYS) {
            let transaction = dice.number();
            wire.udp(now, &host, &GATEWAY, (68, 67), &messages::dhcp(3, transaction, host.mac, host.ip));
            let answer = messages::dhcp(5, transaction, host.mac, host.ip);
            wire.udp(now + 2 * MILLISECOND_NS, &GATEWAY, &host, (67, 68), &answer);
        }
    }
    for now in dice.moments(wire.span, 4 * 3600, &OFFICE) {
        let transaction = dice.number();
        let nameless = Station { ip: [0; 4], ..VISITOR };
        for (step, kind) in [1, 2, 3, 5].into_iter().enumerate() {
            let time_ns = now + step as i64 * 3 * MILLISECOND_NS;
            let message = messages::dhcp(kind, transaction, VISITOR.mac, VISITOR.ip);
            if kind % 2 == 1 && kind < 5 {
                wire.udp(time_ns, &nameless, &BROADCAST, (68, 67), &message);
            } else {
                wire.udp(time_ns, &GATEWAY, &VISITOR, (67, 68), &message);
            }
        }
    }
}

/// Hosts look for printers and players by multicast (RFC 6762; UPnP), and those present themselves.
fn service_discovery(wire: &mut Wire, dice: &mut Dice) {
    for host in [&WORKSTATIONS[..], &[PRINTER, VISITOR]].concat() {
        let from = Station { ttl: 255, ..host };
        for now in dice.moments(wire.span, 500, &OFFICE) {
            let name = dice.pick(&["_ipp._tcp.local", "_googlecast._tcp.local", "_smb._tcp.local"]);
            let question = Question { id: 0, name, kind: PTR }.query();
            wire.udp(now, &from, &MDNS, (5353, 5353), &question);
            wire.udp6_group(now + 120_000, &from, 0xfb, 5353, &question);
        }
        let text = if host == PRINTER {
            "NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nNTS: ssdp:alive\r\nNT: urn:schemas-upnp-org:device:Printer:1\r\n\r\n"
        } else {
            "M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n"
        };
        for now in dice.moments(wire.span, 1800, &OFFICE) {
            let port = dice.port();
            for time in 0..4 {
                wire.udp(now + time * SECOND_NS, &from, &SSDP, (port, 1900), text.as_bytes());
            }
        }
    }
}

fn router(wire: &mut Wire, dice: &mut Dice) {
    for now in dice.moments(wire.span, 400, &ALWAYS) {
        wire.router_advertisement(now, &GATEWAY);
    }
}

/// A workstation looks for a server that is gone, the monitor for a host that is.
fn stale_configuration(wire: &mut Wire, dice: &mut Dice) {
    for now in dice.moments(wire.span, 45 * 60, &OFFICE) {
        let (ports, seq) = ([dice.port(), 445], dice.number());
        for waited_s in [0, 1, 3, 7] {
            probe(wire, now + waited_s * SECOND_NS, &WORKSTATIONS[1], &GONE, ports, seq);
        }
    }
    for now in dice.moments(wire.span, 15 * 60, &ALWAYS) {
        for waited_s in 0..3 {
            wire.arp_request(now + waited_s * SECOND_NS, &MONITOR, &NOBODY);
        }
    }
}

fn refused_connections(wire: &mut Wire, dice: &mut Dice) {
    for now in dice.moments(wire.span, 3600, &OFFICE) {
        let (person, port) = (dice.pick(&WORKSTATIONS), dice.pick(&[8080, 631, 5000]));
        Conversation::refused(wire, dice, now, person, FILES, port);
    }
}

/// Names that do not exist: a proxy that is searched for, and what people mistype.
fn unknown_names(wire: &mut Wire, dice: &mut Dice) {
    for person in WORKSTATIONS {
        for now in dice.moments(wire.span, 40 * 60, &OFFICE) {
            let mistyped = format!("www.{}.example", messages::letters(dice, 7));
            let name = if dice.percent(70) { "wpad.plant.example" } else { &mistyped };
            resolve(wire, dice, now, person, (name, A), 3, &[]);
        }
    }
}

/// At two at night the server's data goes to the file server.
fn backup(wire: &mut Wire, dice: &mut Dice) {
    let day_ns = 24 * HOUR_NS;
    let mut midnight = wire.span.0.div_euclid(day_ns) * day_ns;
    while midnight < wire.span.1 {
        let now = midnight + 2 * HOUR_NS + dice.between(0, 300) * SECOND_NS;
        let mut copy = Conversation::open(wire, dice, now, SERVER, FILES, 873);
        copy.ask(b"@RSYNCD: 31.0\n", MILLISECOND_NS, b"@RSYNCD: 31.0\n");
        for _ in 0..copy.dice.between(40, 70) {
            let length = copy.dice.between(100_000, 180_000) as usize;
            copy.stream(CLIENT, length, MILLISECOND_NS);
            copy.pause(2 * SECOND_NS);
        }
        copy.close();
        midnight += day_ns;
    }
}

/// Once in office hours a workstation fetches a new version of its software.
fn software_update(wire: &mut Wire, dice: &mut Dice) {
    let day_ns = 24 * HOUR_NS;
    let mut midnight = wire.span.0.div_euclid(day_ns) * day_ns;
    while midnight < wire.span.1 {
        let now = midnight + dice.between(9 * HOUR_NS, 16 * HOUR_NS);
        let person = dice.pick(&WORKSTATIONS);
        let now = lookup(wire, dice, now, person, "updates.vendor.example");
        let mut download = Conversation::open(wire, dice, now, person, UPDATES, 80);
        let request = b"GET /stable/update.bin HTTP/1.1\r\nHost: updates.vendor.example\r\n\r\n";
        let length = download.dice.between(4_000_000, 7_000_000) as usize;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        let response = messages::filled(download.dice, head.as_bytes(), length);
        download.ask(request, 15 * MILLISECOND_NS, &response);
        download.close();
        midnight += day_ns;
    }
}

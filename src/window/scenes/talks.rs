//! Scenes of what is said in application protocols.

use super::*;
use crate::packet::app::{Class, Function, Hello, Http, Ics, Industrial, Method, Named, Request, Tls};

const CLIENT: Address = [10, 0, 0, 1];
const SERVER: Address = [10, 0, 0, 80];
const RESOLVER: End = ([10, 0, 0, 53], 53);
const MASTER: End = ([10, 0, 0, 5], 1025);
const OUTSTATION: End = ([10, 0, 0, 20], 20_000);

pub fn scenes() -> Vec<Scene> {
    vec![troubled_lookups(), encrypted(), web_scan(), control(), intruder(), first_words()]
}

/// A packet that says this.
fn saying(packet: Packet<'static>, app: App) -> Packet<'static> {
    Packet { app: Some(app), ..packet }
}

fn hello(version: u16, server: Named, fingerprint: u32) -> App {
    App::Tls(Tls::Hello(Hello { version, server_name: server, name_len: 9, fingerprint: Some(fingerprint) }))
}

fn request(method: Method, target: (u16, u32), host: Named, agent: Named) -> App {
    let (target_len, target) = (target.0, Named::Hash(target.1));
    App::Http(Http::Request(Request { method, target_len, target, host, agent }))
}

fn response(status: u16) -> App {
    App::Http(Http::Response { status })
}

fn messages(protocol: Industrial, functions: &[(u8, Class)]) -> App {
    App::Ics(Ics::of(protocol, functions.iter().map(|&(code, class)| Function { code, class })).unwrap())
}

fn troubled_lookups() -> Scene {
    let (one, two) = ((CLIENT, 50_000), (CLIENT, 50_001));
    let answer = |at, to, answers, rcode| {
        reworded(dns(at, RESOLVER, to, "abab", 1.0), |dns| (dns.answers, dns.rcode) = (answers, rcode))
    };
    let group = Packet { cast: Cast::Multicast, ..dns(2.0, (CLIENT, 5353), ([224, 0, 0, 251], 5353), "ab", 1.0) };
    Scene {
        story: "of five queries two are answered, one finds the server failing, and one asks a group",
        packets: vec![
            dns(0.0, one, RESOLVER, "abab", 1.0),
            answer(0.1, one, 3, 0),
            dns(0.2, one, RESOLVER, "abab", 1.0),
            answer(0.3, one, 2, 0),
            dns(0.4, two, RESOLVER, "abab", 1.0),
            answer(0.5, two, 0, 2),
            dns(1.0, two, RESOLVER, "abab", 1.0),
            group,
        ],
        rows: &[
            (
                "10.0.0.1",
                "dns_queries 5  dns_queries_in 0  dns_responses_in 3  dns_unanswered 1  dns_answers 5/3  dns_nxdomain_share 0
                 dns_error_share 1/3  dns_names 2",
            ),
            (
                "10.0.0.53",
                "dns_queries 0  dns_queries_in 4  dns_responses_out 3  dns_unanswered 0  dns_answers 5/3  dns_names 0",
            ),
            ("network", "dns_queries 5  dns_responses_out 3  dns_unanswered 1  dns_answers 5/3  dns_error_share 1/3"),
        ],
    }
}

fn encrypted() -> Scene {
    let from = |at, port, app| saying(tcp(at, (CLIENT, port), (SERVER, 443), "PA", 200), app);
    let (one, other) = (Named::Hash(1), Named::Hash(2));
    Scene {
        story: "a client begins TLS five times: two servers, one twice, one by no name with old software; one is cut",
        packets: vec![
            from(0.0, 50_001, hello(0x0304, one, 7)),
            from(0.1, 50_002, hello(0x0303, one, 7)),
            from(0.2, 50_003, hello(0x0304, other, 7)),
            from(0.3, 50_004, hello(0x0302, Named::Nothing, 8)),
            saying(tcp(0.4, (SERVER, 443), (CLIENT, 50_004), "PA", 7), App::Tls(Tls::Alert)),
            from(0.5, 50_005, hello(0x0303, Named::Cut, 9)),
        ],
        rows: &[
            (
                "10.0.0.1",
                "tls_hellos_out 5  tls_hellos_in 0  tls_server_names 2  tls_unnamed_hellos 1  tls_fingerprints 3
                 tls_outdated_hellos 1  tls_alerts 1",
            ),
            (
                "10.0.0.80",
                "tls_hellos_out 0  tls_hellos_in 5  tls_server_names 0  tls_unnamed_hellos 1  tls_fingerprints 0
                 tls_alerts 1  flows_in 5",
            ),
            (
                "network",
                "tls_hellos_out 5  tls_server_names 2  tls_unnamed_hellos 1  tls_fingerprints 3  tls_outdated_hellos 1
                 tls_alerts 1",
            ),
        ],
    }
}

fn web_scan() -> Scene {
    let (client, server) = ((CLIENT, 50_000), (SERVER, 80));
    let ask = |at, app| saying(tcp(at, client, server, "PA", 200), app);
    let answer = |at, status| saying(tcp(at, server, client, "PA", 200), response(status));
    let (host, agent) = (Named::Hash(1), Named::Hash(2));
    Scene {
        story: "a scanner tries four targets of a server by four methods, in two disguises and in none",
        packets: vec![
            ask(0.0, request(Method::Get, (1, 1), host, agent)),
            answer(0.1, 200),
            ask(0.2, request(Method::Get, (9, 2), host, agent)),
            answer(0.3, 404),
            ask(0.4, request(Method::Post, (9, 2), Named::Hash(3), Named::Hash(4))),
            answer(0.5, 500),
            ask(0.6, request(Method::Other, (21, 3), Named::Nothing, Named::Nothing)),
            answer(0.7, 405),
            ask(0.8, request(Method::Delete, (10, 4), host, Named::Cut)),
        ],
        rows: &[
            (
                "10.0.0.1",
                "http_requests_out 5  http_requests_in 0  http_changing_requests 2  http_unusual_requests 1  http_hosts 2
                 http_targets 4  http_targets_in 0  http_agents 2  http_agentless_requests 1  http_target_length 10
                 http_target_length_max 21  http_client_errors 2  http_server_errors 1",
            ),
            (
                "10.0.0.80",
                "http_requests_out 0  http_requests_in 5  http_changing_requests 2  http_hosts 0  http_targets 0
                 http_targets_in 4  http_agents 0  http_target_length 10  http_client_errors 2  http_server_errors 1",
            ),
            (
                "network",
                "http_requests_out 5  http_changing_requests 2  http_unusual_requests 1  http_hosts 2  http_targets 4
                 http_agents 2  http_agentless_requests 1  http_target_length 10  http_target_length_max 21
                 http_client_errors 2  http_server_errors 1",
            ),
        ],
    }
}

fn control() -> Scene {
    let ask =
        |at, functions: &[_]| saying(tcp(at, MASTER, OUTSTATION, "PA", 20), messages(Industrial::Dnp3, functions));
    let tell =
        |at, functions: &[_]| saying(tcp(at, OUTSTATION, MASTER, "PA", 20), messages(Industrial::Dnp3, functions));
    let (read, response) = ((1, Class::Read), (129, Class::Response));
    Scene {
        story: "a master polls twice and operates an output; the outstation, which has the higher port, reports an event",
        packets: vec![
            ask(0.0, &[read]),
            tell(0.1, &[response]),
            ask(1.0, &[read]),
            tell(1.1, &[response]),
            ask(1.5, &[(3, Class::Control), (4, Class::Control)]),
            tell(1.6, &[response, (130, Class::Unsolicited)]),
            ask(1.7, &[(0, Class::Response)]),
        ],
        rows: &[
            // Functions: 1 twice, 3, 4 and 0 once each; in all five messages.
            (
                "10.0.0.5",
                "ics_messages_out 5  ics_messages_in 4  ics_reads 2  ics_writes 0  ics_controls 2  ics_controls_in 0
                 ics_responses 1  ics_unsolicited 0  ics_functions 4  ics_function_entropy 1.921928  flows_out 1",
            ),
            (
                "10.0.0.20",
                "ics_messages_out 4  ics_messages_in 5  ics_reads 0  ics_controls 0  ics_controls_in 2  ics_responses 3
                 ics_unsolicited 1  ics_functions 2  ics_function_entropy 0.811278  flows_in 1",
            ),
            // 1 twice, 129 three times, four others once.
            (
                "network",
                "ics_messages_out 5  ics_messages_in 4  ics_reads 2  ics_controls 2  ics_responses 4  ics_unsolicited 1
                 ics_functions 6  ics_function_entropy 2.419382",
            ),
        ],
    }
}

fn intruder() -> Scene {
    let plc: End = ([10, 0, 0, 30], 502);
    let (intruder, logic) = (([10, 0, 0, 66], 50_000), ([10, 0, 0, 30], 102));
    let ask =
        |at, to, protocol, functions: &[_]| saying(tcp(at, intruder, to, "PA", 20), messages(protocol, functions));
    Scene {
        story: "an intruder writes to a controller, asks who it is, tries a function that it has not, loads a program, stops it",
        packets: vec![
            ask(0.0, plc, Industrial::Modbus, &[(16, Class::Write), (5, Class::Write)]),
            ask(0.1, plc, Industrial::Modbus, &[(43, Class::Configuration)]),
            ask(0.2, plc, Industrial::Modbus, &[(100, Class::Unknown)]),
            saying(tcp(0.3, plc, intruder, "PA", 9), messages(Industrial::Modbus, &[(0x80 | 100, Class::Error)])),
            ask(1.0, logic, Industrial::S7, &[(0x1a, Class::Program), (0x1b, Class::Program), (0x1b, Class::Program)]),
            ask(1.1, logic, Industrial::S7, &[(0x29, Class::Restart)]),
        ],
        rows: &[
            (
                "10.0.0.66",
                "ics_messages_out 8  ics_messages_in 1  ics_writes 2  ics_configurations 1  ics_unknown 1  ics_programs 3
                 ics_restarts 1  ics_errors 0  ics_errors_in 1  ics_functions 7",
            ),
            (
                "10.0.0.30",
                "ics_messages_in 8  ics_writes 0  ics_writes_in 2  ics_programs_in 3  ics_restarts_in 1  ics_errors 1
                 ics_functions 1  ics_function_entropy 0",
            ),
            (
                "network",
                "ics_messages_out 8  ics_messages_in 1  ics_writes 2  ics_configurations 1  ics_unknown 1  ics_programs 3
                 ics_restarts 1  ics_errors 1  ics_functions 8",
            ),
        ],
    }
}

fn first_words() -> Scene {
    let with = |packet: Packet<'static>, payload: &'static [u8]| Packet { payload, ..packet };
    Scene {
        story: "of each end of a flow the first payload counts: text that repeats, all different bytes, nothing",
        packets: vec![
            tcp(0.0, (CLIENT, 50_000), (SERVER, 80), "A", 0),
            // Two symbols, half each; half of them printable.
            with(tcp(0.1, (CLIENT, 50_000), (SERVER, 80), "PA", 4), b"a\0\0a"),
            with(tcp(0.2, (CLIENT, 50_000), (SERVER, 80), "PA", 4), b"\0\x01\x02\x03"),
            with(tcp(0.3, (SERVER, 80), (CLIENT, 50_000), "PA", 8), b"abababab"),
            with(udp(0.4, (CLIENT, 50_001), (SERVER, 9), 8), b"\0\x01\x02\x03\x04\x05\x06\x07"),
            with(icmp(0.5, CLIENT, SERVER, 8), b"pingping"),
        ],
        rows: &[
            (
                "10.0.0.1",
                "payload_entropy_out 2  payload_entropy_in 1  payload_printable_out 0.25  payload_printable_in 1",
            ),
            (
                "10.0.0.80",
                "payload_entropy_out 1  payload_entropy_in 2  payload_printable_out 1  payload_printable_in 0.25",
            ),
            (
                "network",
                "payload_entropy_out 2  payload_entropy_in 1  payload_printable_out 0.25  payload_printable_in 1",
            ),
        ],
    }
}

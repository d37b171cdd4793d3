//! Filters on packets.

use super::super::Filter;
use super::*;

#[track_caller]
fn wants(expr: &str, packet: &Packet<'_>) -> bool {
    Filter::parse(expr).unwrap().matches(packet)
}

#[test]
fn conditions_hold_as_pcap_filter_says() {
    let bytes = tcp_frame(b"hello"); // 192.168.1.10:40000 -> 10.0.0.1:443, 63 bytes
    let packet = decode(Link::Ethernet, &bytes);
    for yes in [
        "host 192.168.1.10",
        "src host 192.168.1.10 and dst 10.0.0.1",
        "net 10",
        "dst net 10.0.0.0/8",
        "ip net 192.168.1",
        "port 443",
        "tcp dst port 443",
        "src portrange 39999-40000",
        "tcp and ip and not arp",
        "proto 6",
        "ip proto 6",
        "ether host 02:00:00:00:00:0a",
        "ether dst 02:00:00:00:00:0b",
        "less 63 and greater 63",
        "(udp or tcp) and !(port 22||port 80)&& ip".replace("||", " || ").replace("&&", " && ").as_str(),
        "port 80 or 443",
        "udp port 53 or tcp port 22 or 443",
        "host 1.2.3.4 or 10.0.0.1",
        // From left to right, not `and` before `or`.
        "not (tcp or udp and udp)  or  tcp",
    ] {
        assert!(wants(yes, &packet), "{yes}");
    }
    for no in [
        "dst host 192.168.1.10",
        "src net 10.0.0.0/8",
        "net ::/0",
        "udp",
        "ip6",
        "vlan",
        "icmp or icmp6 or sctp or arp",
        "udp port 443",
        "dst port 40000",
        "portrange 1-442",
        "ether src 02:00:00:00:00:0b",
        "less 62",
        "greater 64",
        "not tcp",
        "tcp or udp and udp",
    ] {
        assert!(!wants(no, &packet), "{no}");
    }
}

#[test]
fn each_protocol_is_told_from_the_others() {
    let six = ipv6(17, &UDP_10);
    let sctp = ipv6(132, &[0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
    let ping = built!(PacketBuilder::ipv4(SRC, DST, 9).icmpv4_echo_request(1, 2), b"x");
    let mut later = built!(PacketBuilder::ipv4(SRC, DST, 64).udp(1000, 2000), &[1; 64]);
    later[7] = 9;
    for (bytes, yes, no) in [
        (&six, "ip6 and udp and port 1000 and net fe80::/10 and src fe80::1", "icmp6"),
        (&sctp, "sctp and port 2 and proto 132", "tcp port 2"),
        (&ping, "icmp", "icmp6 or port 0"),
        (&later, "udp and host 10.0.0.1", "tcp or port 1000"),
    ] {
        let packet = decode(Link::RawIp, bytes);
        assert!(wants(yes, &packet), "{yes}");
        assert!(!wants(no, &packet), "{no}");
    }
    let request = ether(ALL, 0x0806, &arp(1, SRC, DST));
    let packet = decode(Link::Ethernet, &request);
    assert!(wants("arp and host 10.0.0.1 and ether host ff:ff:ff:ff:ff:ff", &packet));
    assert!(!wants("ip or tcp", &packet));
}

#[test]
fn errors_point_at_the_place() {
    for (expr, told) in [
        ("", "a condition is missing (at character 1 of '', where it ends)"),
        ("tcp and", "a condition is missing (at character 8 of 'tcp and', where it ends)"),
        ("tcp udp", "'and' or 'or' is missing before 'udp' (at character 5 of 'tcp udp')"),
        ("(tcp", "a parenthesis is not closed (at character 5 of '(tcp', where it ends)"),
        ("tcp)", "a parenthesis is closed that was not opened (at character 4 of 'tcp)')"),
        ("or tcp", "a condition is missing before 'or' (at character 1"),
        ("tpc port 80", "'tpc' is no condition (at character 1"),
        ("host www.example.org", "'www.example.org' is not an IP address (names are not looked up) (at character 6"),
        ("host 10.0.0.0/8", "'10.0.0.0/8' is not an IP address"),
        ("net 10.0.0.0/33", "'10.0.0.0/33' is not a network, as in 10.0.0.0/8 (at character 5"),
        ("port http", "'http' is not a port's number"),
        ("port 65536", "'65536' is not a port's number"),
        ("portrange 9-1", "'9-1' is not a range of ports"),
        ("ether port 80", "after 'ether' comes"),
        ("ether host 10.0.0.1", "'10.0.0.1' is not a MAC address"),
        ("ä and b", "'ä' is no condition (at character 1"),
        ("tcp and ö", "'ö' is no condition (at character 9"),
        ("less", "a number of bytes is missing (at character 5"),
        ("443", "'443' is no condition"),
    ] {
        let error = Filter::parse(expr).unwrap_err();
        assert!(error.what.starts_with(told), "{expr}: {error}");
    }
    assert!(Filter::parse(&"(".repeat(900)).unwrap_err().what.contains("too deep"));
    assert!(Filter::parse(&"!".repeat(900)).unwrap_err().what.contains("too deep"));
    assert!(Filter::parse(&"tcp and ".repeat(900)).unwrap_err().what.contains("more than 1000 words"));
}

proptest! {
    #[test]
    fn no_text_makes_parsing_panic(text in "(tcp|port|host|net|src|ether|not|and|or|\\(|\\)|10\\.0\\.0\\.1|80| |ß|!){0,20}") {
        let bytes = tcp_frame(b"hello");
        if let Ok(filter) = Filter::parse(&text) {
            filter.matches(&decode(Link::Ethernet, &bytes));
        }
    }
}

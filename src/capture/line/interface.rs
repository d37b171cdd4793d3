//! Which interfaces there are, and what each lacks to be listened to, as the kernel tells in `/sys/class/net`.

use std::fs;
use std::path::Path;

use super::super::Link;
use super::ring::{self, Ring};
use super::{Interface, undecoded};
use crate::error::Result;

const FOLDER: &str = "/sys/class/net";

/// Kinds of hardware (`linux/if_arp.h`): Ethernet, tunnels that carry IP alone, the loopback.
const ETHERNET: u32 = 1;
const LOOPBACK: u32 = 772;
const RAW_IP: [u32; 2] = [65_534, 519];
/// Flags of an interface (`linux/if.h`).
const UP: u32 = 1;
const RUNNING: [&str; 2] = ["up", "unknown"];

/// What the frames of an interface begin with.
///
/// # Errors
/// That is not decoded.
pub fn link(name: &str) -> Result<Link> {
    let kind = number(name, "type").unwrap_or(ETHERNET);
    link_of(kind).ok_or_else(|| undecoded(name, kind))
}

fn link_of(kind: u32) -> Option<Link> {
    match kind {
        ETHERNET | LOOPBACK => Some(Link::Ethernet),
        kind if RAW_IP.contains(&kind) => Some(Link::RawIp),
        _ => None,
    }
}

/// What a file about an interface holds.
fn text(name: &str, file: &str) -> Option<String> {
    let text = fs::read_to_string(Path::new(FOLDER).join(name).join(file)).ok()?;
    Some(text.trim().to_owned())
}

fn number(name: &str, file: &str) -> Option<u32> {
    let text = text(name, file)?;
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// All interfaces, by name.
pub fn interfaces() -> Vec<Interface> {
    // Whether this process may have a packet socket does not depend on the interface.
    let allowed = Ring::new(4).is_ok();
    let mut names: Vec<String> = fs::read_dir(FOLDER)
        .map(|folder| folder.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
        .unwrap_or_default();
    names.retain(|name| Path::new(FOLDER).join(name).is_dir());
    names.sort();
    names.into_iter().map(|name| describe(name, allowed)).collect()
}

fn describe(name: String, allowed: bool) -> Interface {
    let kind = number(&name, "type");
    let mut missing = Vec::new();
    if number(&name, "flags").is_none_or(|flags| flags & UP == 0) {
        missing.push(format!("it is down: ip link set {name} up"));
    } else if !text(&name, "operstate").is_some_and(|state| RUNNING.contains(&state.as_str())) {
        missing.push("it has no carrier: check the cable".to_owned());
    }
    if kind.and_then(link_of).is_none() {
        missing.push("frames of its kind are not decoded".to_owned());
    }
    if !allowed {
        missing.push("the capability: run as root, or setcap cap_net_raw=ep tidewatch".to_owned());
    }
    let kind = match kind {
        Some(ETHERNET) => "ethernet".to_owned(),
        Some(LOOPBACK) => "loopback".to_owned(),
        Some(kind) if RAW_IP.contains(&kind) => "ip".to_owned(),
        Some(kind) => format!("kind {kind}"),
        None => "unknown".to_owned(),
    };
    Interface { hardware_times: ring::has_hardware_times(&name), name, kind, missing }
}

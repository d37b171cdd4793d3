//! One rule: conditions on a packet, and the attack that it belongs to if they all hold.

use std::ops::RangeInclusive;

use crate::packet::{Mac, Packet, Side, Subnet, Transport};

use super::AttackId;
use super::flows::Flows;
use super::proto::Proto;
use super::steps::{NO_ATTACK, RULE_ATTACK, Steps};

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rule {
    /// The rule's own attack; the tables may name others.
    pub attack: Option<AttackId>,
    pub conditions: Vec<Condition>,
    /// Attacks by time, slack included.
    pub intervals: Option<Steps>,
    /// Attacks by packet number.
    pub packets: Option<Steps>,
    /// Attacks by ends and time.
    pub flows: Option<Flows>,
}

impl Rule {
    /// The attack that this rule says the packet belongs to.
    pub fn label(&self, packet: &Packet<'_>, number: u64) -> Option<AttackId> {
        if !self.conditions.iter().all(|condition| condition.holds(packet)) {
            return None;
        }
        let mut attack = self.attack;
        if let Some(intervals) = &self.intervals {
            attack = refine(attack, intervals.at(packet.time_ns))?;
        }
        if let Some(packets) = &self.packets {
            attack = refine(attack, packets.at(i64::try_from(number).ok()?))?;
        }
        if let Some(flows) = &self.flows {
            attack = refine(attack, flows.at(packet))?;
        }
        attack
    }
}

/// What a table's value makes of the attack that is known so far; none if the table says that there is no attack.
fn refine(attack: Option<AttackId>, value: AttackId) -> Option<Option<AttackId>> {
    match value {
        NO_ATTACK => None,
        RULE_ATTACK => Some(attack),
        named => Some(Some(named)),
    }
}

/// What must be so of a packet; a list holds if any of its members does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    Time(RangeInclusive<i64>),
    Ip(Side, Vec<Subnet>),
    Mac(Side, Vec<Mac>),
    Port(Side, Vec<RangeInclusive<u16>>),
    Proto(Vec<Proto>),
}

impl Condition {
    fn holds(&self, packet: &Packet<'_>) -> bool {
        match self {
            Condition::Time(range) => range.contains(&packet.time_ns),
            Condition::Ip(side, networks) => {
                side.any(packet.src, packet.dst, |host| networks.iter().any(|network| network.contains(host)))
            }
            Condition::Mac(side, macs) => {
                side.any(packet.src_mac, packet.dst_mac, |mac| mac.is_some_and(|mac| macs.contains(&mac)))
            }
            Condition::Port(side, ranges) => {
                let (src, dst) = match packet.transport {
                    Transport::Tcp(tcp) => (tcp.src_port, tcp.dst_port),
                    Transport::Udp { src_port, dst_port } | Transport::Ports { src_port, dst_port, .. } => {
                        (src_port, dst_port)
                    }
                    _ => return false,
                };
                side.any(src, dst, |port| ranges.iter().any(|range| range.contains(&port)))
            }
            Condition::Proto(protos) => Proto::of(packet.transport).is_some_and(|proto| protos.contains(&proto)),
        }
    }
}

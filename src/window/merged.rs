//! How many flows, hosts and ports one flow stands for that found no room.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::distinct::Distinct;
use super::key::FlowKey;
use crate::packet::Host;

/// What is known of flows that are counted together.
#[derive(Clone, Debug, Default)]
pub struct Merged {
    flows: Distinct,
    /// Hosts that are not told apart.
    hosts: Distinct,
    /// The lower port of each, which is the service's.
    ports: Distinct,
}

/// The same in every run: estimates are values of rows.
const HASHES: FixedState = FixedState::with_seed(0x7469_6465);

impl Merged {
    /// Takes in the flow that a packet belongs to.
    pub fn insert(&mut self, one: &FlowKey, ends: [Host; 2]) {
        self.flows.insert(HASHES.hash_one(one));
        for host in one.ends.into_iter().filter(|host| !ends.contains(host)) {
            self.hosts.insert(HASHES.hash_one(host));
        }
        self.ports.insert(HASHES.hash_one(one.ports.iter().min()));
    }

    /// About how many flows.
    pub fn flows(&self) -> u64 {
        self.flows.count()
    }

    /// About how many hosts that are not told apart.
    pub fn hosts(&self) -> u64 {
        self.hosts.count()
    }

    /// About how many service ports.
    pub fn ports(&self) -> u64 {
        self.ports.count()
    }
}

//! What a frame begins with.

/// The link-layer header of a frame, by the numbers of the
/// [registry of link-layer types](https://www.tcpdump.org/linktypes.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Ethernet,
    /// No link-layer header: IPv4 or IPv6.
    RawIp,
    /// The pseudo-header of Linux's `any` interface.
    LinuxSll,
    /// The second version of that.
    LinuxSll2,
    /// Four bytes that name the address family.
    BsdLoopback,
    /// PPP, with or without the address and control fields of HDLC.
    Ppp,
    /// Cisco's framing of HDLC.
    CiscoHdlc,
    /// What Linux's packet filter has logged.
    Nflog,
    /// One that tidewatch does not decode.
    Other(u32),
}

impl Link {
    /// Its number in the registry.
    pub fn number(self) -> u32 {
        match self {
            Link::Ethernet => 1,
            Link::RawIp => 101,
            Link::LinuxSll => 113,
            Link::LinuxSll2 => 276,
            Link::BsdLoopback => 108,
            Link::Ppp => 9,
            Link::CiscoHdlc => 104,
            Link::Nflog => 239,
            Link::Other(number) => number,
        }
    }
}

impl From<u32> for Link {
    fn from(number: u32) -> Self {
        match number {
            1 => Link::Ethernet,
            // LINKTYPE_RAW is 101; 12 and 14 are what some systems called it; 228 and 229 are IPv4 or IPv6 alone.
            12 | 14 | 101 | 228 | 229 => Link::RawIp,
            9 | 50 => Link::Ppp,
            104 => Link::CiscoHdlc,
            239 => Link::Nflog,
            113 => Link::LinuxSll,
            276 => Link::LinuxSll2,
            0 | 108 => Link::BsdLoopback,
            other => Link::Other(other),
        }
    }
}

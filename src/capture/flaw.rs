//! What is wrong with the headers of a packet that is used.

/// Why a packet could not be decoded to its end; it is used as far as it goes. The first of several reasons counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Flaw {
    /// The capture holds fewer bytes than were on the wire, and a header is cut: no fault of the packet's.
    Cut,
    /// The frame ends inside a tag, a label or another header in front of the network layer's.
    ShortLinkHeader,
    /// The frame ends inside an ARP message.
    ShortArp,
    /// The packet ends inside its IP header, the options of that, or an extension header.
    ShortIpHeader,
    /// The IP header claims more bytes than the frame has.
    IpTooLong,
    /// The packet ends inside its transport header.
    ShortTransportHeader,
    /// The options of TCP reach beyond the packet's end.
    TcpOptions,
    /// The UDP header claims more bytes than the packet has.
    UdpTooLong,
    /// The IP header is not of the version that was announced, or of none that there is.
    IpVersion,
    /// The IPv4 header claims to be shorter than one can be.
    IpHeaderLength,
    /// The IPv4 header claims that the packet ends inside of it.
    IpTooShort,
    /// The TCP or DCCP header claims to be shorter than one can be.
    DataOffset,
    /// The UDP header claims that the datagram ends inside of it.
    UdpTooShort,
}

impl Flaw {
    /// Every one, in the order of the ledger.
    pub const ALL: [Flaw; 13] = [
        Flaw::Cut,
        Flaw::ShortLinkHeader,
        Flaw::ShortArp,
        Flaw::ShortIpHeader,
        Flaw::IpTooLong,
        Flaw::ShortTransportHeader,
        Flaw::TcpOptions,
        Flaw::UdpTooLong,
        Flaw::IpVersion,
        Flaw::IpHeaderLength,
        Flaw::IpTooShort,
        Flaw::DataOffset,
        Flaw::UdpTooShort,
    ];

    /// The reason's name in JSON and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Flaw::Cut => "cut",
            Flaw::ShortLinkHeader => "short_link_header",
            Flaw::ShortArp => "short_arp",
            Flaw::ShortIpHeader => "short_ip_header",
            Flaw::IpTooLong => "ip_too_long",
            Flaw::ShortTransportHeader => "short_transport_header",
            Flaw::TcpOptions => "tcp_options",
            Flaw::UdpTooLong => "udp_too_long",
            Flaw::IpVersion => "ip_version",
            Flaw::IpHeaderLength => "ip_header_length",
            Flaw::IpTooShort => "ip_too_short",
            Flaw::DataOffset => "data_offset",
            Flaw::UdpTooShort => "udp_too_short",
        }
    }

    /// Whether a header claims a length that the frame does not have.
    pub fn is_length(self) -> bool {
        match self {
            Flaw::ShortLinkHeader
            | Flaw::ShortArp
            | Flaw::ShortIpHeader
            | Flaw::IpTooLong
            | Flaw::ShortTransportHeader
            | Flaw::TcpOptions
            | Flaw::UdpTooLong => true,
            Flaw::Cut
            | Flaw::IpVersion
            | Flaw::IpHeaderLength
            | Flaw::IpTooShort
            | Flaw::DataOffset
            | Flaw::UdpTooShort => false,
        }
    }
}

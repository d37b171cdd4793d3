//! What one end of a flow said in application protocols within one window, and the sums of that over flows.

use super::distinct::Distinct;
use crate::packet::app::{App, Class, Dns, Hello, Http, Ics, Industrial, Method, Named, Request, Tls};
use crate::packet::{Packet, Transport, entropy};

/// What one end of a flow said. Nearly every flow is of one protocol.
#[derive(Clone, Debug)]
pub enum Talk {
    Dns(Box<DnsTalk>),
    Tls(Box<TlsTalk>),
    Http(Box<HttpTalk>),
    Ics(Box<IcsTalk>),
    Several(Box<Said>),
}

impl Talk {
    /// What begins with this, before it is counted.
    pub fn like(app: &App) -> Self {
        match app {
            App::Dns(_) => Self::Dns(Box::default()),
            App::Tls(_) => Self::Tls(Box::default()),
            App::Http(_) => Self::Http(Box::default()),
            App::Ics(_) => Self::Ics(Box::default()),
        }
    }

    /// Counts what a packet says.
    pub fn count(&mut self, app: &App) {
        match (&mut *self, app) {
            (Self::Dns(talk), App::Dns(dns)) => talk.count(dns),
            (Self::Tls(talk), App::Tls(tls)) => talk.count(tls),
            (Self::Http(talk), App::Http(http)) => talk.count(http),
            (Self::Ics(talk), App::Ics(ics)) => talk.count(ics),
            (Self::Several(said), app) => said.count(app),
            (one, app) => {
                let mut said = Box::<Said>::default();
                said.add(one);
                said.count(app);
                *self = Self::Several(said);
            }
        }
    }

    /// Questions asked less answers given: who asks has more of it than who answers.
    pub fn initiative(&self) -> i64 {
        match self {
            Self::Dns(talk) => talk.initiative(),
            Self::Tls(talk) => talk.hellos as i64,
            Self::Http(talk) => talk.initiative(),
            Self::Ics(talk) => talk.initiative,
            Self::Several(said) => {
                said.dns.initiative() + said.tls.hellos as i64 + said.http.initiative() + said.ics.initiative
            }
        }
    }

    /// The hashes of names that it asked for; not all of very many.
    pub fn names(&self) -> impl Iterator<Item = u64> {
        let sets = match self {
            Self::Dns(dns) => [Some(&dns.names), None, None],
            Self::Tls(tls) => [Some(&tls.names), None, None],
            Self::Http(http) => [Some(&http.hosts), None, None],
            Self::Ics(_) => [None; 3],
            Self::Several(said) => [Some(&said.dns.names), Some(&said.tls.names), Some(&said.http.hosts)],
        };
        sets.into_iter().flatten().flat_map(|names| names.smallest().iter().copied())
    }

    /// DNS queries, and DNS responses.
    pub fn lookups(&self) -> (u64, u64) {
        match self {
            Self::Dns(dns) => (dns.queries, dns.responses),
            Self::Several(said) => (said.dns.queries, said.dns.responses),
            _ => (0, 0),
        }
    }
}

/// What was said in all protocols: by one end of a flow that speaks several, and the sum of what ends of flows said.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub dns: DnsTalk,
    pub tls: TlsTalk,
    pub http: HttpTalk,
    pub ics: IcsTalk,
}

impl Said {
    fn count(&mut self, app: &App) {
        match app {
            App::Dns(dns) => self.dns.count(dns),
            App::Tls(tls) => self.tls.count(tls),
            App::Http(http) => self.http.count(http),
            App::Ics(ics) => self.ics.count(ics),
        }
    }

    /// Adds what an end of a flow said.
    pub fn add(&mut self, talk: &Talk) {
        match talk {
            Talk::Dns(dns) => self.dns.add(dns),
            Talk::Tls(tls) => self.tls.add(tls),
            Talk::Http(http) => self.http.add(http),
            Talk::Ics(ics) => self.ics.add(ics),
            Talk::Several(said) => {
                self.dns.add(&said.dns);
                self.tls.add(&said.tls);
                self.http.add(&said.http);
                self.ics.add(&said.ics);
            }
        }
    }
}

/// DNS messages.
#[derive(Clone, Debug, Default)]
pub struct DnsTalk {
    pub queries: u64,
    pub responses: u64,
    /// Answers that the responses claim to hold.
    pub answers: u64,
    /// Responses that say that the name does not exist.
    pub nxdomain: u64,
    /// Responses that tell of another error.
    pub errors: u64,
    /// Queries for TXT, NULL or ANY: the types that carry the most bytes.
    pub bulky: u64,
    pub name_len_sum: u64,
    pub name_len_max: u64,
    pub name_entropy_sum: f64,
    /// Names asked for.
    pub names: Distinct,
}

impl DnsTalk {
    fn initiative(&self) -> i64 {
        self.queries as i64 - self.responses as i64
    }

    fn count(&mut self, dns: &Dns) {
        if dns.response {
            self.responses += 1;
            self.answers += u64::from(dns.answers);
            self.nxdomain += u64::from(dns.rcode == 3);
            self.errors += u64::from(!matches!(dns.rcode, 0 | 3));
        } else {
            self.queries += 1;
            self.bulky += u64::from(matches!(dns.qtype, 10 | 16 | 255));
            self.name_len_sum += u64::from(dns.name_len);
            self.name_len_max = self.name_len_max.max(u64::from(dns.name_len));
            self.name_entropy_sum += f64::from(dns.name_entropy);
            self.names.insert(dns.name_hash);
        }
    }

    fn add(&mut self, other: &Self) {
        self.queries += other.queries;
        self.responses += other.responses;
        self.answers += other.answers;
        self.nxdomain += other.nxdomain;
        self.errors += other.errors;
        self.bulky += other.bulky;
        self.name_len_sum += other.name_len_sum;
        self.name_len_max = self.name_len_max.max(other.name_len_max);
        self.name_entropy_sum += other.name_entropy_sum;
        self.names.merge(&other.names);
    }
}

/// TLS messages that are sent in the clear.
#[derive(Clone, Debug, Default)]
pub struct TlsTalk {
    pub hellos: u64,
    /// Hellos that name no server.
    pub unnamed: u64,
    /// Hellos whose best version is older than TLS 1.2, which RFC 8996 forbids.
    pub outdated: u64,
    pub alerts: u64,
    /// Servers that were asked for.
    pub names: Distinct,
    pub fingerprints: Distinct,
}

impl TlsTalk {
    fn count(&mut self, tls: &Tls) {
        const TLS_1_2: u16 = 0x0303;
        let Hello { version, server_name, fingerprint, .. } = match tls {
            Tls::Hello(hello) => hello,
            Tls::Alert => return self.alerts += 1,
        };
        self.hellos += 1;
        self.unnamed += u64::from(*server_name == Named::Nothing);
        self.outdated += u64::from(*version < TLS_1_2);
        note(&mut self.names, server_name.hash());
        note(&mut self.fingerprints, *fingerprint);
    }

    fn add(&mut self, other: &Self) {
        self.hellos += other.hellos;
        self.unnamed += other.unnamed;
        self.outdated += other.outdated;
        self.alerts += other.alerts;
        self.names.merge(&other.names);
        self.fingerprints.merge(&other.fingerprints);
    }
}

/// HTTP/1 messages.
#[derive(Clone, Debug, Default)]
pub struct HttpTalk {
    pub requests: u64,
    /// Requests that change something: POST, PUT, PATCH, DELETE.
    pub changing: u64,
    /// Requests by other methods than those and GET, HEAD, OPTIONS.
    pub unusual: u64,
    /// Requests that do not say who asks.
    pub agentless: u64,
    pub target_len_sum: u64,
    pub target_len_max: u64,
    pub hosts: Distinct,
    pub targets: Distinct,
    pub agents: Distinct,
    pub responses: u64,
    /// Responses that say that the request was wrong (4xx), and that the server failed (5xx).
    pub client_errors: u64,
    pub server_errors: u64,
}

impl HttpTalk {
    fn initiative(&self) -> i64 {
        self.requests as i64 - self.responses as i64
    }

    fn count(&mut self, http: &Http) {
        match http {
            Http::Request(request) => self.count_request(request),
            Http::Response { status } => {
                self.responses += 1;
                self.client_errors += u64::from(status / 100 == 4);
                self.server_errors += u64::from(status / 100 == 5);
            }
        }
    }

    fn count_request(&mut self, request: &Request) {
        let len = u64::from(request.target_len);
        self.requests += 1;
        match request.method {
            Method::Get | Method::Head | Method::Options => {}
            Method::Post | Method::Put | Method::Patch | Method::Delete => self.changing += 1,
            Method::Other => self.unusual += 1,
        }
        self.agentless += u64::from(request.agent == Named::Nothing);
        self.target_len_sum += len;
        self.target_len_max = self.target_len_max.max(len);
        note(&mut self.hosts, request.host.hash());
        note(&mut self.targets, request.target.hash());
        note(&mut self.agents, request.agent.hash());
    }

    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.changing += other.changing;
        self.unusual += other.unusual;
        self.agentless += other.agentless;
        self.target_len_sum += other.target_len_sum;
        self.target_len_max = self.target_len_max.max(other.target_len_max);
        self.hosts.merge(&other.hosts);
        self.targets.merge(&other.targets);
        self.agents.merge(&other.agents);
        self.responses += other.responses;
        self.client_errors += other.client_errors;
        self.server_errors += other.server_errors;
    }
}

/// Messages of industrial protocols.
#[derive(Clone, Debug, Default)]
pub struct IcsTalk {
    classes: [u64; Class::COUNT],
    /// How often each function was named, in the order of protocols and codes, of which there are at most 256 in each.
    functions: Vec<((Industrial, u8), u64)>,
    /// Commands less answers.
    initiative: i64,
}

impl IcsTalk {
    fn count(&mut self, ics: &Ics) {
        for &(function, times) in ics.functions() {
            self.classes[function.class as usize] += u64::from(times);
            self.called((ics.protocol, function.code), times.into());
            self.initiative += function.initiative(ics.protocol) * i64::from(times);
        }
    }

    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.classes.iter_mut().zip(other.classes) {
            *sum += count;
        }
        for &(function, times) in &other.functions {
            self.called(function, times);
        }
        self.initiative += other.initiative;
    }

    fn called(&mut self, function: (Industrial, u8), times: u64) {
        match self.functions.binary_search_by_key(&function, |&(known, _)| known) {
            Ok(place) => self.functions[place].1 += times,
            Err(place) => self.functions.insert(place, (function, times)),
        }
    }

    /// How many messages were of this class.
    pub fn of(&self, class: Class) -> u64 {
        self.classes[class as usize]
    }

    /// How many messages there were.
    pub fn messages(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// How often each function was named.
    pub fn functions(&self) -> Vec<u64> {
        self.functions.iter().map(|&(_, times)| times).collect()
    }
}

fn note(set: &mut Distinct, hash: Option<u32>) {
    if let Some(hash) = hash {
        set.insert(hash.into());
    }
}

/// How the first bytes of payload look that an end of a flow sent in a window, whatever the protocol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Opening {
    /// Shannon entropy of the bytes, in bits a byte.
    entropy: f32,
    /// The share of them that is printable ASCII or white space.
    printable: f32,
}

impl Opening {
    /// Bytes that are looked at.
    const MOST: usize = 64;

    /// Of a packet; none of one without payload, and of other protocols than TCP and UDP.
    #[inline]
    pub fn of(packet: &Packet) -> Option<Self> {
        let may = !packet.payload.is_empty() && matches!(packet.transport, Transport::Tcp(_) | Transport::Udp { .. });
        may.then(|| Self::look(packet.payload))
    }

    /// Of what begins with these bytes.
    #[inline(never)]
    fn look(payload: &[u8]) -> Self {
        let bytes = payload.get(..Self::MOST).unwrap_or(payload);
        // Of as many bytes at once as a register holds: as a sum of bytes, without a branch.
        let is_printable =
            |byte: u8| (b' '..=b'~').contains(&byte) | (byte == b'\t') | (byte == b'\n') | (byte == b'\r');
        let printable: u8 = bytes.iter().map(|&byte| u8::from(is_printable(byte))).sum();
        Self { entropy: entropy::of(bytes) as f32, printable: f32::from(printable) / bytes.len() as f32 }
    }
}

/// Openings of several ends of flows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Openings {
    pub count: u64,
    pub entropy_sum: f64,
    pub printable_sum: f64,
}

impl Openings {
    /// Adds one.
    pub fn add(&mut self, opening: Opening) {
        self.count += 1;
        self.entropy_sum += f64::from(opening.entropy);
        self.printable_sum += f64::from(opening.printable);
    }
}

//! Who may ask: whoever names the token; of a watch without one, programs and browsers of this machine.

use std::io::Read;
use std::net::IpAddr;

use rand::RngCore;
use rand::rngs::OsRng;
use sha2::{Digest, Sha256};
use tiny_http::Request;

/// Lets in, or not.
pub struct Guard {
    /// A hash of the token, compared in its place, so that how long that takes tells nothing of it.
    token: Option<[u8; 32]>,
    /// What a browser that has named the token shows from then on, until the watch ends.
    session: String,
    cookie: String,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Who may.
    Known,
    /// Who has not named the token.
    Stranger,
    /// A page of somewhere else, in a browser of this machine.
    Misled,
}

/// The longest token that is read out of a form.
const LONGEST: u64 = 4096;

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// So many bytes that nobody can guess, in hexadecimal digits.
pub fn unguessable<const N: usize>() -> String {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A header of a request.
pub fn header<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    request.headers().iter().find(|header| header.field.equiv(name)).map(|header| header.value.as_str())
}

/// Whether a `Host` of HTTP names the loopback itself.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Guard {
    /// One that knows this token; cookies are told from those of other watches on the same machine by the port.
    pub fn new(token: Option<&str>, port: u16) -> Self {
        Self { token: token.map(digest), session: unguessable::<32>(), cookie: format!("tidewatch-{port}") }
    }

    /// Who it is that asks.
    pub fn asker(&self, request: &Request) -> Asker {
        let Some(token) = &self.token else {
            // A name of somebody else's that leads here (DNS rebinding) would let their page read ours.
            let here = header(request, "Host").is_some_and(is_loopback);
            return if here { Asker::Known } else { Asker::Misled };
        };
        let bearer = header(request, "Authorization").and_then(|value| value.strip_prefix("Bearer "));
        let cookies = header(request, "Cookie").unwrap_or_default().split(';');
        let mut shown = cookies.filter_map(|cookie| cookie.trim().split_once('='));
        let session = digest(&self.session);
        let known = bearer.is_some_and(|given| digest(given) == *token)
            || shown.any(|(name, value)| name == self.cookie && digest(value) == session);
        if known { Asker::Known } else { Asker::Stranger }
    }

    /// The cookie for who has sent the token in a form of plain text, `token=…`.
    pub fn admit(&self, request: &mut Request) -> Option<String> {
        let mut form = String::new();
        request.as_reader().take(LONGEST).read_to_string(&mut form).ok()?;
        let given = form.trim_end_matches(['\r', '\n']).strip_prefix("token=")?;
        let right = self.token.is_some_and(|token| digest(given.trim()) == token);
        right.then(|| format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie, self.session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_has_few_names() {
        for host in ["localhost", "LOCALHOST:9464", "127.0.0.1:80", "127.3.2.1", "[::1]:9464", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:9464", "10.0.0.1", "[::2]"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn no_two_sessions_are_alike() {
        let (one, other) = (Guard::new(Some("a"), 1).session, Guard::new(Some("a"), 1).session);
        assert!(one != other && one.len() == 64);
    }
}

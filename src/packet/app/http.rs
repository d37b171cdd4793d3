//! The head of an HTTP/1 request or the status of a response (RFC 9112), on any port.

use memchr::{memchr, memrchr};

use super::{Named, hash};

/// What is read of a packet, and header fields in it, at most; servers take no larger heads (RFC 9110, 4.1).
const MOST_BYTES: usize = 8192;
const MOST_FIELDS: usize = 100;
/// The longest method; registered ones have up to 17 letters.
const LONGEST_METHOD: usize = 24;

/// An HTTP/1 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http {
    Request(Request),
    Response {
        /// 200 done, 404 not found, …
        status: u16,
    },
}

/// The head of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    /// The length of what it is about, with the query; of what was captured of that.
    pub target_len: u16,
    /// What it is about, with the query.
    pub target: Named,
    /// The host that it asks (the field `Host`).
    pub host: Named,
    /// Who asks (the field `User-Agent`).
    pub agent: Named,
}

/// What a request wants to be done (RFC 9110, 9; RFC 5789).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Options,
    Post,
    Put,
    Patch,
    Delete,
    /// Proxies, diagnostics, WebDAV, inventions.
    Other,
}

/// The message that `payload` begins with.
pub(super) fn read(payload: &[u8]) -> Option<Http> {
    match payload.strip_prefix(b"HTTP/1.") {
        Some(rest) => status(rest).map(|status| Http::Response { status }),
        None => request(payload).map(Http::Request),
    }
}

fn status(line: &[u8]) -> Option<u16> {
    let &[b'0'..=b'9', b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = line.first_chunk()? else {
        return None;
    };
    let [a, b, c] = [a, b, c].map(|digit| u16::from(digit - b'0'));
    Some(100 * a + 10 * b + c)
}

fn request(payload: &[u8]) -> Option<Request> {
    let (method, rest) = method(payload)?;
    let rest = rest.get(..MOST_BYTES).unwrap_or(rest);
    let (target, fields) = match line(rest) {
        Some((line, fields)) => {
            let target = match split_last(line) {
                Some((target, version)) if version.starts_with(b"HTTP/1.") => target,
                // As it was before there were versions (RFC 1945, 4.1), and as worms say it today.
                None if method == Method::Get && line.starts_with(b"/") => line,
                _ => return None,
            };
            (!target.is_empty()).then_some((target, Some(fields)))?
        }
        // Unknown words are the beginning of anything.
        None if method == Method::Other => return None,
        None => match split_last(rest) {
            Some((target, version)) if version.starts_with(b"HTTP/1.") => (target, Some(&[][..])),
            Some((target, _)) => (target, None),
            None => (rest, None),
        },
    };
    if target.iter().any(u8::is_ascii_control) {
        return None;
    }
    let mut request =
        Request { method, target_len: target.len() as u16, target: Named::Cut, host: Named::Cut, agent: Named::Cut };
    if let Some(fields) = fields {
        request.target = Named::Hash(hash::short(target));
        read_fields(&mut request, fields);
    }
    Some(request)
}

/// The method, and what lies behind the space after it.
fn method(payload: &[u8]) -> Option<(Method, &[u8])> {
    let end = payload.iter().take(LONGEST_METHOD + 1).position(|&byte| byte == b' ')?;
    let (name, rest) = (payload.get(..end)?, payload.get(end + 1..)?);
    let method = match name {
        b"GET" => Method::Get,
        b"HEAD" => Method::Head,
        b"OPTIONS" => Method::Options,
        b"POST" => Method::Post,
        b"PUT" => Method::Put,
        b"PATCH" => Method::Patch,
        b"DELETE" => Method::Delete,
        _ => name.iter().all(|&byte| matches!(byte, b'A'..=b'Z' | b'-' | b'_')).then_some(Method::Other)?,
    };
    Some((method, rest))
}

/// Notes the fields of a head, as far as it reaches; the first of a name counts.
fn read_fields(request: &mut Request, mut rest: &[u8]) {
    for _ in 0..MOST_FIELDS {
        let Some((field, behind)) = line(rest) else { return };
        if field.is_empty() {
            for named in [&mut request.host, &mut request.agent] {
                if *named == Named::Cut {
                    *named = Named::Nothing;
                }
            }
            return;
        }
        if request.host == Named::Cut
            && let Some(host) = value(field, b"host:")
        {
            request.host = Named::Hash(hash::caseless(host));
        } else if request.agent == Named::Cut
            && let Some(agent) = value(field, b"user-agent:")
        {
            request.agent = Named::Hash(hash::short(agent));
        }
        rest = behind;
    }
}

/// What a field of this name says.
fn value<'a>(field: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = field.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then_some(value.trim_ascii())
}

/// The first line without its end, and what follows.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr(b'\n', bytes)?;
    let (line, rest) = (bytes.get(..end)?, bytes.get(end + 1..)?);
    Some((line.strip_suffix(b"\r").unwrap_or(line), rest))
}

/// What lies before and behind the last space.
fn split_last(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memrchr(b' ', line)?;
    Some((line.get(..at)?, line.get(at + 1..)?))
}

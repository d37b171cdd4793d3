//! A small server for who keeps an eye on a watch: a page, what it shows as JSON, the packets behind episodes, what people say of
//! these, and `/metrics`, `/health`, `/ready` for programs.

use std::fs::File;
use std::io::{Read, Result as Io};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use tiny_http::{Header, Method, Request, Response, Server};

use super::guard::{self, Asker, Guard, unguessable};
use super::page;
use super::status::Status;
use super::verdicts::{Unsaid, Verdict};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::slice_path;

/// Threads that answer.
const THREADS: usize = 4;
/// Files that are sent at once at most: who takes long over one shall not keep programs from the metrics.
const DOWNLOADS: usize = THREADS - 2;

/// The longest form that is read.
const LONGEST: u64 = 4096;

/// The text format of Prometheus, version 0.0.4; it is plain text to anybody else.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const PCAPNG: &str = "application/x-pcapng";

/// A server that is running, until it is dropped.
pub struct Service {
    server: Arc<Server>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads share.
struct Reception {
    guard: Guard,
    status: Arc<Status>,
    downloads: AtomicUsize,
}

impl Service {
    /// Serves at `address`. Beyond the loopback nobody is answered without the token.
    ///
    /// # Errors
    /// The address cannot be had, or there is no token where one is needed.
    pub fn new(address: SocketAddr, token: Option<&str>, status: Arc<Status>) -> Result<Self> {
        if token.is_none() && !address.ip().is_loopback() {
            return Err(Error::parameter(
                "--listen",
                format!("{address} can be reached by others, who would need no token"),
                "name a file that holds one with --token-file, or listen at 127.0.0.1",
            ));
        }
        let server = Server::http(address)
            .map_err(|error| Error::new(ErrorKind::Io, address, error).hint("choose another port with --listen"))?;
        let port = server.server_addr().to_ip().map_or(0, |address| address.port());
        let (server, guard) = (Arc::new(server), Guard::new(token, port));
        let reception = Arc::new(Reception { guard, status, downloads: AtomicUsize::new(0) });
        let thread = |_| {
            let (requests, reception) = (Arc::clone(&server), Arc::clone(&reception));
            thread::spawn(move || {
                while let Ok(request) = requests.recv() {
                    // Whoever has gone does not hear the answer.
                    let _ = reception.answer(request);
                }
            })
        };
        let threads = (0..THREADS).map(thread).collect();
        Ok(Self { server, threads })
    }

    /// Where it serves.
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.server_addr().to_ip()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.threads.iter().for_each(|_| self.server.unblock());
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Reception {
    fn answer(&self, mut request: Request) -> Io<()> {
        let asker = self.guard.asker(&request);
        if asker == Asker::Misled {
            let told = "call this machine by its own name, such as localhost, or set a token with --token-file\n";
            return send(request, 403, TEXT, told.to_owned(), &[]);
        }
        let path = request.url().split('?').next().unwrap_or_default().to_owned();
        let reads = matches!(request.method(), Method::Get | Method::Head);
        match (asker, path.as_str()) {
            (_, "/login") if *request.method() == Method::Post => match self.guard.admit(&mut request) {
                Some(cookie) => send(request, 303, TEXT, String::new(), &[("Location", "/"), ("Set-Cookie", &cookie)]),
                None => send_page(request, 401, |nonce| page::door(nonce, true)),
            },
            (Asker::Known, "/verdict") if *request.method() == Method::Post => self.verdict(request),
            (Asker::Known, _) if !reads => send(request, 405, TEXT, "only GET is answered\n".to_owned(), &[]),
            (Asker::Known, "/") => send_page(request, 200, page::page),
            (Asker::Known, "/login") => send(request, 303, TEXT, String::new(), &[("Location", "/")]),
            (Asker::Known, "/state.json") => {
                // It holds nothing that JSON cannot: numbers that are none are written as null.
                let state = serde_json::to_string(&self.status.state()).unwrap_or_default();
                send(request, 200, JSON, state, &[])
            }
            (Asker::Known, "/metrics") => send(request, 200, TEXT, self.status.metrics(), &[]),
            (Asker::Known, "/health") => alive(request, self.status.pulse.is_alive()),
            (Asker::Known, "/ready") => alive(request, self.status.pulse.is_ready()),
            (Asker::Known, path) => match path.strip_prefix("/evidence/") {
                Some(name) => self.evidence(request, name),
                None => {
                    let told = "there are /, /state.json, /evidence/…, /metrics, /health and /ready\n";
                    send(request, 404, TEXT, told.to_owned(), &[])
                }
            },
            (_, "/" | "/login") if reads => send_page(request, 401, |nonce| page::door(nonce, false)),
            _ => send(request, 401, TEXT, "the token is missing or wrong\n".to_owned(), &[]),
        }
    }

    /// Remembers what somebody says of an episode: `episode=…&verdict=benign`, or `unusual`. The header is one that a page of
    /// somewhere else cannot set without being asked whether it may (the Fetch standard's "CORS-preflight request").
    fn verdict(&self, mut request: Request) -> Io<()> {
        if guard::header(&request, "X-Tidewatch").is_none() {
            return send(request, 403, TEXT, "a verdict needs the header X-Tidewatch\n".to_owned(), &[]);
        }
        let mut form = String::new();
        request.as_reader().take(LONGEST).read_to_string(&mut form)?;
        let field = |name: &str| form.trim().split('&').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        let verdict = match field("verdict") {
            Some("benign") => Verdict::Benign,
            Some("unusual") => Verdict::Unusual,
            _ => return send(request, 400, TEXT, "verdict=benign or verdict=unusual\n".to_owned(), &[]),
        };
        match self.status.say(field("episode").unwrap_or_default(), verdict) {
            Ok(()) => send(request, 200, TEXT, "remembered\n".to_owned(), &[]),
            Err(unsaid) => {
                let code = if matches!(unsaid, Unsaid::Failed(_)) { 507 } else { 404 };
                send(request, code, TEXT, format!("{unsaid}\n"), &[])
            }
        }
    }

    /// Sends the packets behind an episode.
    fn evidence(&self, request: Request, name: &str) -> Io<()> {
        let path = self.status.slices.as_deref().and_then(|folder| slice_path(folder, name));
        let Some(file) = path.and_then(|path| File::open(path).ok()) else {
            let told = "there are no such packets: not yet, or not any more\n";
            return send(request, 404, TEXT, told.to_owned(), &[]);
        };
        let sent = if self.downloads.fetch_add(1, Ordering::AcqRel) < DOWNLOADS {
            let disposition = format!("attachment; filename=\"{name}\"");
            respond(request, Response::from_file(file), PCAPNG, &[("Content-Disposition", &disposition)])
        } else {
            send(request, 503, TEXT, "too many packets are being sent: try again\n".to_owned(), &[("Retry-After", "5")])
        };
        self.downloads.fetch_sub(1, Ordering::AcqRel);
        sent
    }
}

fn alive(request: Request, yes: bool) -> Io<()> {
    let (code, text) = if yes { (200, "yes\n") } else { (503, "no\n") };
    send(request, code, TEXT, text.to_owned(), &[])
}

fn send_page(request: Request, code: u16, page: impl Fn(&str) -> String) -> Io<()> {
    let nonce = unguessable::<16>();
    send(request, code, HTML, page(&nonce), &[("Content-Security-Policy", &page::policy(&nonce))])
}

fn send(request: Request, code: u16, kind: &str, text: String, headers: &[(&str, &str)]) -> Io<()> {
    respond(request, Response::from_string(text).with_status_code(code), kind, headers)
}

fn respond<R: Read>(request: Request, mut response: Response<R>, kind: &str, headers: &[(&str, &str)]) -> Io<()> {
    let always = [
        ("Content-Type", kind),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ];
    for (name, value) in always.iter().chain(headers) {
        if let Ok(header) = Header::from_bytes(*name, *value) {
            response.add_header(header);
        }
    }
    request.respond(response)
}

//! A small server for who keeps an eye on a watch: `/metrics`, `/health`, `/ready`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use sha2::{Digest, Sha256};
use tiny_http::{Header, Method, Request, Response, Server};

use super::status::Status;
use crate::error::{Error, ErrorKind, Result};

/// A server that is running, until it is dropped.
pub struct Service {
    server: Arc<Server>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Serves at `address`. Beyond the loopback nobody is answered without the token.
    ///
    /// # Errors
    /// The address cannot be had, or there is no token where one is needed.
    pub fn new(address: SocketAddr, token: Option<&str>, status: Status) -> Result<Self> {
        if token.is_none() && !address.ip().is_loopback() {
            return Err(Error::parameter(
                "--listen",
                format!("{address} can be reached by others, who would need no token"),
                "name a file that holds one with --token-file, or listen at 127.0.0.1",
            ));
        }
        let server = Server::http(address)
            .map_err(|error| Error::new(ErrorKind::Io, address, error).hint("choose another port with --listen"))?;
        let server = Arc::new(server);
        let (requests, token) = (Arc::clone(&server), token.map(digest));
        let thread = thread::spawn(move || {
            while let Ok(request) = requests.recv() {
                // Whoever has gone does not hear the answer.
                let _ = answer(request, token.as_ref(), &status);
            }
        });
        Ok(Self { server, thread: Some(thread) })
    }

    /// Where it serves.
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.server_addr().to_ip()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Compared in place of the token, so that how long that takes tells nothing of it.
fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn answer(request: Request, token: Option<&[u8; 32]>, status: &Status) -> std::io::Result<()> {
    let known = token.is_none_or(|token| {
        let given = request.headers().iter().find(|header| header.field.equiv("Authorization"));
        given
            .and_then(|header| header.value.as_str().strip_prefix("Bearer "))
            .is_some_and(|given| digest(given) == *token)
    });
    let (code, text) = match (request.method(), request.url()) {
        _ if !known => (401, "the token is missing or wrong\n".to_owned()),
        (Method::Get | Method::Head, "/metrics") => (200, status.metrics()),
        (Method::Get | Method::Head, "/health") => alive(status.pulse.is_alive()),
        (Method::Get | Method::Head, "/ready") => alive(status.pulse.is_ready()),
        (Method::Get | Method::Head, _) => (404, "there are /metrics, /health and /ready\n".to_owned()),
        _ => (405, "only GET is answered\n".to_owned()),
    };
    let mut response = Response::from_string(text).with_status_code(code);
    // The text format of Prometheus, version 0.0.4; it is plain text to anybody else.
    if let Ok(header) = Header::from_bytes("Content-Type", "text/plain; version=0.0.4; charset=utf-8") {
        response.add_header(header);
    }
    request.respond(response)
}

fn alive(yes: bool) -> (u16, String) {
    if yes { (200, "yes\n".to_owned()) } else { (503, "no\n".to_owned()) }
}

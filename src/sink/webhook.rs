//! Messages to whoever takes them over HTTP.

use std::io;
use std::time::Duration;

use ureq::Agent;

use super::Carrier;

/// An address that takes a message as the body of a POST.
pub struct Webhook {
    url: String,
    agent: Agent,
}

/// How long all of a delivery may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl Webhook {
    /// To this URL.
    pub fn new(url: String) -> Self {
        Self { url, agent: Agent::config_builder().timeout_global(Some(PATIENCE)).build().into() }
    }
}

impl Carrier for Webhook {
    fn deliver(&mut self, message: &[u8]) -> io::Result<()> {
        match self.agent.post(&self.url).header("content-type", "application/json").send(message) {
            Ok(_) => Ok(()),
            // What they do not want they will not want later, unless it only was too much or took too long (RFC 9110, 15.5).
            Err(ureq::Error::StatusCode(code @ 400..500)) if !matches!(code, 408 | 425 | 429) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, format!("answered {code}")))
            }
            // What names the URL would tell who reads it the secret in it.
            Err(ureq::Error::BadUri(_)) => Err(io::Error::other("the URL cannot be used")),
            // Of another kind than it is: a connection that breaks is worth another try.
            Err(ureq::Error::Io(error)) => Err(io::Error::other(error)),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

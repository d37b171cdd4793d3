//! Outlets as an operator writes them down.
//!
//! ```toml
//! [[sink]]
//! to = "/var/log/tidewatch/notices.jsonl" # a file; "stdout"; "syslog+udp://10.0.0.5:514", "syslog+tcp://…",
//!                                         # "syslog+tls://logs.example.org" (port 6514 unless another is named); "https://…";
//!                                         # "nats://user:password@10.0.0.5:4222/subject"; "sqlite://history.db"
//! form = "json"                           # json, eve (Suricata's), slack; syslog has its own
//! queue = 10000                           # notices that may wait
//! rotate_mib = 100                        # of a file: when it is put aside, and how many older ones are kept
//! keep = 7                                # of a database: how many episodes
//! ca = "ca.pem"                           # of syslog+tls: who vouches for the receiver, unless the web's authorities do
//! certificate = "own.pem"                 # of syslog+tls: who we are, if the receiver wants to know, and the key to that
//! key = "own.key"
//! ```

use std::path::PathBuf;

use serde::Deserialize;

use super::form::Form;
use super::history::History;
use super::journal::Journal;
use super::json::StandardOutput;
use super::nats::Nats;
use super::syslog::{Datagrams, Stream, Trust};
use super::webhook::Webhook;
use super::{Carrier, Outlet};

/// An outlet as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawOutlet {
    to: String,
    form: Option<String>,
    #[serde(default = "RawOutlet::queue")]
    queue: usize,
    rotate_mib: Option<u64>,
    keep: Option<usize>,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// Standard output, for who names nothing else.
impl Default for RawOutlet {
    fn default() -> Self {
        Self {
            to: "stdout".to_owned(),
            form: None,
            queue: Self::queue(),
            rotate_mib: None,
            keep: None,
            ca: None,
            certificate: None,
            key: None,
        }
    }
}

impl RawOutlet {
    fn queue() -> usize {
        10_000
    }

    /// The outlet, if there can be one.
    ///
    /// # Errors
    /// Why there cannot, in words.
    pub fn check(self) -> Result<Outlet, String> {
        let Self { to, form, queue, rotate_mib, keep, ca, certificate, key } = self;
        let (scheme, rest) = to.split_once("://").unwrap_or(("", &to));
        let is_file = scheme.is_empty() && to != "stdout";
        if !is_file && (rotate_mib.is_some() || keep.is_some() && scheme != "sqlite") {
            return Err(format!("'{to}' is no file: rotate_mib is for files, keep for them and for sqlite"));
        }
        if scheme != "syslog+tls" && (ca.is_some() || certificate.is_some() || key.is_some()) {
            return Err(format!("'{to}' shows no certificates: ca, certificate and key are for syslog+tls"));
        }
        let form = match (form.as_deref(), scheme) {
            (None, "syslog+udp" | "syslog+tcp" | "syslog+tls") => Form::Syslog,
            (Some(form), "syslog+udp" | "syslog+tcp" | "syslog+tls") => {
                return Err(format!("'{to}' has a form of its own, not '{form}': leave it out"));
            }
            (Some(form), "sqlite") => return Err(format!("'{to}' has no form, as '{form}': leave it out")),
            (None | Some("json"), _) => Form::Json,
            (Some("eve"), _) => Form::Eve,
            (Some("slack"), "http" | "https") => Form::Slack,
            (Some(form), _) => {
                return Err(format!("there is no form '{form}' for '{to}': use json, eve, or slack for a webhook"));
            }
        };
        let (address, url) = (rest.to_owned(), to.clone());
        let has_port =
            rest.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        // A secret may be a part of a webhook's path.
        let nats = || Nats::new(rest);
        let name = match scheme {
            "nats" => nats()?.name(),
            "http" | "https" => format!("{scheme}://{}", rest.split('/').next().unwrap_or_default()),
            _ => to.clone(),
        };
        let carrier: Box<dyn Carrier> = match scheme {
            "" if is_file => {
                let (mib, keep) = (rotate_mib.unwrap_or(100).max(1), keep.unwrap_or(7));
                Box::new(Journal::new(to.clone().into(), mib << 20, keep))
            }
            "" => Box::new(StandardOutput),
            "sqlite" if rest.is_empty() => {
                return Err("'sqlite://' names no file, as in sqlite://history.db".to_owned());
            }
            "sqlite" => Box::new(History::new(rest.into(), keep.unwrap_or(100_000).max(1))),
            "syslog+udp" | "syslog+tcp" if !has_port => {
                return Err(format!("'{to}' has no port, as in {scheme}://10.0.0.5:514"));
            }
            "syslog+udp" => Box::new(Datagrams::new(address)),
            "syslog+tcp" => Box::new(Stream::new(address, None)),
            "https" | "syslog+tls" if cfg!(not(feature = "tls")) => {
                return Err(format!(
                    "'{name}' wants TLS, which this program was built without: build it with --features tls"
                ));
            }
            "syslog+tls" => {
                let own = match (certificate, key) {
                    (None, None) => None,
                    (Some(certificate), Some(key)) => Some((certificate, key)),
                    _ => return Err(format!("'{to}' has one of certificate and key: name both or neither")),
                };
                let (host, address) = over_tls(rest, has_port);
                Box::new(Stream::new(address, trust(host, ca, own).map_err(|what| format!("'{to}': {what}"))?))
            }
            "http" | "https" => Box::new(Webhook::new(url)),
            "nats" => Box::new(nats()?),
            _ => {
                return Err(format!(
                    "'{scheme}' is no way to deliver: use a path, stdout, sqlite, syslog+udp, syslog+tcp, syslog+tls, nats, http or https"
                ));
            }
        };
        Ok(Outlet { name, form, carrier, queue })
    }
}

/// The host of a receiver over TLS, and its address: at port 6514 (RFC 5425, 4.1), unless another is named.
fn over_tls(text: &str, has_port: bool) -> (&str, String) {
    let (host, address) = match text.rsplit_once(':') {
        // An address of IPv6 without brackets has colons of its own.
        Some((host, _)) if has_port && (!host.contains(':') || host.ends_with(']')) => (host, text.to_owned()),
        _ if text.contains(':') && !text.starts_with('[') => (text, format!("[{text}]:6514")),
        _ => (text, format!("{text}:6514")),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), address)
}

#[cfg(feature = "tls")]
fn trust(host: &str, ca: Option<PathBuf>, own: Option<(PathBuf, PathBuf)>) -> Result<Option<Trust>, String> {
    let own = own.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()));
    Trust::new(host, super::tls::Papers { ca: ca.as_deref(), own }).map(Some)
}

/// It is not asked for without the feature.
#[cfg(not(feature = "tls"))]
fn trust(_: &str, _: Option<PathBuf>, _: Option<(PathBuf, PathBuf)>) -> Result<Option<Trust>, String> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlet(text: &str) -> Result<Outlet, String> {
        toml::from_str::<RawOutlet>(text).map_err(|error| error.message().to_owned())?.check()
    }

    #[test]
    fn outlets_are_known_by_where_they_go() {
        for (text, name, form) in [
            ("to = 'stdout'", "stdout", Form::Json),
            ("to = 'a/b.jsonl'\nform = 'eve'\nrotate_mib = 1\nkeep = 0", "a/b.jsonl", Form::Eve),
            ("to = 'syslog+udp://10.0.0.5:514'", "syslog+udp://10.0.0.5:514", Form::Syslog),
            ("to = 'sqlite://a/history.db'\nkeep = 5", "sqlite://a/history.db", Form::Json),
            ("to = 'nats://me:secret@10.0.0.5:4222'", "nats://10.0.0.5:4222/tidewatch.notices", Form::Json),
            ("to = 'http://hooks.example.org/secret'\nform = 'slack'", "http://hooks.example.org", Form::Slack),
        ] {
            let outlet = outlet(text).map_err(|error| format!("{text}: {error}")).unwrap();
            assert_eq!((outlet.name.as_str(), outlet.form, outlet.queue), (name, form, 10_000));
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (text, told) in [
            ("form = 'json'", "missing field `to`"),
            ("to = 'ftp://a'", "no way to deliver"),
            ("to = 'stdout'\nform = 'slack'", "there is no form 'slack'"),
            ("to = 'stdout'\nkeep = 3", "is no file"),
            ("to = 'sqlite://a.db'\nform = 'eve'", "has no form"),
            ("to = 'sqlite://'", "names no file"),
            ("to = 'nats://10.0.0.5:4222/a.*'", "no subject to publish to"),
            ("to = 'syslog+tcp://10.0.0.5'", "has no port"),
            ("to = 'syslog+tcp://10.0.0.5:514'\nform = 'eve'", "a form of its own"),
            ("to = 'syslog+tls://10.0.0.5'\nform = 'eve'", "a form of its own"),
            ("to = 'syslog+tcp://10.0.0.5:514'\nca = 'ca.pem'", "are for syslog+tls"),
            #[cfg(not(feature = "tls"))]
            ("to = 'syslog+tls://10.0.0.5'", "build it with --features tls"),
            #[cfg(feature = "tls")]
            ("to = 'syslog+tls://10.0.0.5'\nca = 'gone.pem'", "'syslog+tls://10.0.0.5': gone.pem: "),
            #[cfg(feature = "tls")]
            ("to = 'syslog+tls://10.0.0.5'\nkey = 'own.key'", "name both or neither"),
        ] {
            let error = outlet(text).err().unwrap();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn over_tls_a_port_goes_without_saying() {
        for (text, has_port, host, address) in [
            ("logs.example.org", false, "logs.example.org", "logs.example.org:6514"),
            ("logs.example.org:514", true, "logs.example.org", "logs.example.org:514"),
            ("[::1]:514", true, "::1", "[::1]:514"),
            ("[::1]", false, "::1", "[::1]:6514"),
            ("fe80::1", true, "fe80::1", "[fe80::1]:6514"),
        ] {
            assert_eq!(over_tls(text, has_port), (host, address.to_owned()));
        }
    }
}

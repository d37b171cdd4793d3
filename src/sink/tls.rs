//! TLS for what is sent as a stream: by the library that webhooks have, and, unless an authority is named, by their certificates.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Whom a receiver has to be, and who we are to it.
pub struct Trust {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// Files in PEM.
#[derive(Clone, Copy, Default)]
pub struct Papers<'a> {
    /// Certificates of who may vouch for the receiver; those of the web's authorities, if it is not named.
    pub ca: Option<&'a Path>,
    /// Our own certificate, with those that lead to one that the receiver knows, and its key.
    pub own: Option<(&'a Path, &'a Path)>,
}

impl Trust {
    /// In a receiver of this name, or address.
    ///
    /// # Errors
    /// Why its papers cannot be checked, in words.
    pub fn new(host: &str, papers: Papers<'_>) -> Result<Self, String> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("'{host}' is no name of a host"))?;
        let mut roots = RootCertStore::empty();
        match papers.ca {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
                }
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| error.to_string())?.with_root_certificates(roots);
        let config = match papers.own {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let about = |error: &dyn std::fmt::Display| format!("{}: {error}", key.display());
                let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| about(&error))?;
                builder.with_client_auth_cert(certificates(chain)?, secret).map_err(|error| about(&error))?
            }
        };
        Ok(Self { config: Arc::new(config), name })
    }

    /// Speaks TLS over a connection, once the receiver has shown who it is, which may take this long.
    ///
    /// # Errors
    /// It is somebody else, or does not speak TLS.
    pub fn secure(&self, mut stream: TcpStream, patience: Duration) -> io::Result<Secured> {
        let mut session =
            ClientConnection::new(Arc::clone(&self.config), self.name.clone()).map_err(io::Error::other)?;
        let begun = Instant::now();
        stream.set_read_timeout(Some(patience))?;
        while session.is_handshaking() {
            if begun.elapsed() > patience {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if session.wants_write() {
                session.write_tls(&mut stream)?;
            } else if session.read_tls(&mut stream)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            } else if let Err(error) = session.process_new_packets() {
                // It hears why.
                let _ = session.write_tls(&mut stream);
                return Err(io::Error::other(error));
            }
        }
        Ok(Secured(StreamOwned::new(session, stream)))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let about = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let read = CertificateDer::pem_file_iter(path).map_err(|error| about(&error))?;
    let read = read.collect::<Result<Vec<_>, _>>().map_err(|error| about(&error))?;
    if read.is_empty() { Err(about(&"there is no certificate in it")) } else { Ok(read) }
}

/// A connection over TLS, whose end is told to the receiver (RFC 5425, 4.4).
pub struct Secured(StreamOwned<ClientConnection, TcpStream>);

impl Secured {
    /// What it goes over.
    pub fn stream(&self) -> &TcpStream {
        &self.0.sock
    }
}

impl Read for Secured {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl Write for Secured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        self.0.conn.send_close_notify();
        // Who has gone does not hear it.
        let _ = self.0.conn.write_tls(&mut self.0.sock);
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::path::PathBuf;
    use std::thread::{self, JoinHandle};

    use rustls::server::WebPkiClientVerifier;
    use rustls::{ServerConfig, ServerConnection};

    use super::super::Carrier;
    use super::super::syslog::Stream;
    use super::*;

    fn paper(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tls").join(name)
    }

    /// A receiver that takes in what comes over so many connections, each until it has said enough; with what it was told of each, or why
    /// there was nothing to hear.
    fn receiver(
        enough: &'static [&'static str],
        wants_papers: bool,
    ) -> (String, JoinHandle<Vec<Result<String, String>>>) {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = if wants_papers {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates(&paper("ca.pem")).unwrap());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::from_pem_file(paper("server.key")).unwrap();
        let config = Arc::new(builder.with_single_cert(certificates(&paper("server.pem")).unwrap(), key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let hear = move |enough: &&str| {
            let (stream, _) = listener.accept().unwrap();
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            let mut heard = vec![0; enough.len()];
            stream.read_exact(&mut heard).map_err(|error| error.to_string())?;
            Ok(String::from_utf8(heard).unwrap())
        };
        (address, thread::spawn(move || enough.iter().map(hear).collect()))
    }

    fn trust(host: &str, own: bool) -> Trust {
        let [ca, chain, key] = ["ca.pem", "client.pem", "client.key"].map(paper);
        Trust::new(host, Papers { ca: Some(&ca), own: own.then_some((&chain, &key)) }).unwrap()
    }

    #[test]
    fn messages_arrive_framed_and_it_connects_again() {
        let (address, heard) = receiver(&["3 one3 two", "5 three"], false);
        let mut syslog = Stream::new(address, Some(trust("localhost", false)));
        syslog.deliver(b"one").unwrap();
        syslog.deliver(b"two").unwrap();
        // The end of the connection may take a moment to be heard of.
        while syslog.deliver(b"three").is_ok() {
            thread::yield_now();
        }
        syslog.deliver(b"three").unwrap();
        assert_eq!(heard.join().unwrap(), [Ok("3 one3 two".to_owned()), Ok("5 three".to_owned())]);
    }

    #[test]
    fn nobody_is_told_who_is_somebody_else() {
        let elsewhere = Trust::new("localhost", Papers::default()).unwrap();
        for trust in [trust("elsewhere.example", false), elsewhere] {
            let (address, heard) = receiver(&["3 one"], false);
            let error = Stream::new(address, Some(trust)).deliver(b"one").unwrap_err();
            assert!(error.to_string().contains("certificate"), "{error}");
            assert!(heard.join().unwrap()[0].is_err());
        }
    }

    #[test]
    fn a_receiver_that_wants_to_know_us_does() {
        let (address, heard) = receiver(&["3 one", "3 one"], true);
        // With TLS 1.3 we hear of it when we have spoken already.
        let mut stranger = Stream::new(address.clone(), Some(trust("127.0.0.1", false)));
        while stranger.deliver(b"one").is_ok() {
            thread::yield_now();
        }
        drop(stranger);
        Stream::new(address, Some(trust("127.0.0.1", true))).deliver(b"one").unwrap();
        let heard = heard.join().unwrap();
        assert!(heard[0].is_err() && heard[1] == Ok("3 one".to_owned()), "{heard:?}");
    }

    #[test]
    fn papers_that_are_none_are_told() {
        let of = |ca: &Path| Trust::new("localhost", Papers { ca: Some(ca), own: None }).err().unwrap();
        assert!(of(Path::new("gone.pem")).starts_with("gone.pem: "));
        assert!(of(&paper("server.key")).contains("there is no certificate in it"));
        assert!(Trust::new("no name", Papers::default()).err().unwrap().contains("no name of a host"));
    }
}

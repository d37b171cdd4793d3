//! Messages to a NATS server (<https://docs.nats.io/reference/reference-protocols/nats-protocol>). A publisher needs five words of
//! its protocol; the clients that there are bring a runtime with them.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::Carrier;
use super::syslog::resolve;

/// Where a server listens whose address names no port.
const PORT: u16 = 4222;
/// How long the server may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest line that a server may send.
const LONGEST: u64 = 1 << 16;

/// A subject on a server.
pub struct Nats {
    address: String,
    subject: String,
    /// A user and a password, or a token.
    user: Option<(String, Option<String>)>,
    connection: Option<BufReader<TcpStream>>,
}

impl Nats {
    /// As in `user:password@10.0.0.5:4222/subject`, of which only the address has to be there; what stands alone before the `@` is
    /// a token.
    ///
    /// # Errors
    /// Why there can be no such place, in words.
    pub fn new(rest: &str) -> Result<Self, String> {
        let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
        let (address, subject) = place.split_once('/').unwrap_or((place, ""));
        let subject = if subject.is_empty() { "tidewatch.notices" } else { subject };
        // Whoever publishes to a wildcard publishes to nobody.
        let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "*>".contains(c));
        if !subject.split('.').all(plain) {
            return Err(format!("'{subject}' is no subject to publish to, as in tidewatch.notices"));
        }
        let user = user.map(|user| match user.split_once(':') {
            Some((name, password)) => (name.to_owned(), Some(password.to_owned())),
            None => (user.to_owned(), None),
        });
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        let address = if port.is_some() { address.to_owned() } else { format!("{address}:{PORT}") };
        Ok(Self { address, subject: subject.to_owned(), user, connection: None })
    }

    /// What it is called where others can read it.
    pub fn name(&self) -> String {
        format!("nats://{}/{}", self.address, self.subject)
    }

    fn connect(&self) -> io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect_timeout(&resolve(&self.address)?, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut connection = BufReader::new(stream);
        let greeting = line(&mut connection)?;
        if !greeting.starts_with("INFO ") {
            return Err(io::Error::other(format!("no NATS server answers: {greeting}")));
        }
        let mut about = json!({
            "verbose": false, "pedantic": false, "tls_required": false, "lang": "rust", "name": "tidewatch",
            "version": env!("CARGO_PKG_VERSION"),
        });
        match &self.user {
            Some((name, Some(password))) => (about["user"], about["pass"]) = (json!(name), json!(password)),
            Some((token, None)) => about["auth_token"] = json!(token),
            None => {}
        }
        say(&mut connection, format!("CONNECT {about}\r\nPING\r\n").as_bytes())?;
        await_pong(&mut connection)?;
        Ok(connection)
    }

    fn publish(&mut self, message: &[u8]) -> io::Result<()> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        // A ping behind it: once that is answered, the server has the message.
        let head = format!("PUB {} {}\r\n", self.subject, message.len());
        say(&mut connection, &[head.as_bytes(), message, b"\r\nPING\r\n"].concat())?;
        await_pong(&mut connection)?;
        self.connection = Some(connection);
        Ok(())
    }
}

impl Carrier for Nats {
    fn deliver(&mut self, message: &[u8]) -> io::Result<()> {
        let message = message.strip_suffix(b"\n").unwrap_or(message);
        self.publish(message).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => error,
            // A broken pipe is this connection's end, not the server's.
            _ => io::Error::other(error),
        })
    }
}

fn say(connection: &mut BufReader<TcpStream>, words: &[u8]) -> io::Result<()> {
    connection.get_mut().write_all(words)
}

/// The next line that the server sends, without its end.
fn line(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    connection.by_ref().take(LONGEST).read_line(&mut line)?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

/// Reads on until the server has answered a ping.
fn await_pong(connection: &mut BufReader<TcpStream>) -> io::Result<()> {
    loop {
        let line = line(connection)?;
        match line.split_whitespace().next() {
            Some("PONG") => return Ok(()),
            Some("PING") => say(connection, b"PONG\r\n")?,
            // A message that is too long will not become shorter.
            Some("-ERR") if line.to_lowercase().contains("maximum payload") => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, line));
            }
            Some("-ERR") => return Err(io::Error::other(line)),
            // INFO, when the cluster has changed; +OK.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Takes connections, answers as a server, and gives what was published over each.
    fn server(connections: usize) -> (String, thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serve = move || {
            let mut heard = Vec::new();
            for _ in 0..connections {
                let mut connection = BufReader::new(listener.accept().unwrap().0);
                say(&mut connection, b"INFO {\"max_payload\":20}\r\n").unwrap();
                while let Ok(words) = line(&mut connection) {
                    if words == "PING" {
                        say(&mut connection, b"PING\r\nPONG\r\n").unwrap();
                        assert_eq!(line(&mut connection).unwrap(), "PONG");
                    } else if let Some(size) = words.strip_prefix("PUB a.b ") {
                        let mut message = vec![0; size.parse::<usize>().unwrap() + 2];
                        connection.read_exact(&mut message).unwrap();
                        heard.push(String::from_utf8(message).unwrap().trim_end().to_owned());
                        if message_is_long(&heard) {
                            say(&mut connection, b"-ERR 'Maximum Payload Violation'\r\n").unwrap();
                            break;
                        }
                    } else {
                        heard.push(words);
                    }
                }
            }
            heard
        };
        (address, thread::spawn(serve))
    }

    fn message_is_long(heard: &[String]) -> bool {
        heard.last().is_some_and(|message| message.len() > 20)
    }

    #[test]
    fn what_the_server_has_is_delivered_and_what_it_refuses_is_not_tried_again() {
        let (address, heard) = server(2);
        let mut nats = Nats::new(&format!("me:secret@{address}/a.b")).unwrap();
        nats.deliver(b"{\"one\":1}\n").unwrap();
        nats.deliver(b"{\"two\":2}\n").unwrap();
        let refused = nats.deliver(b"{\"a message that is far too long\":3}\n").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{refused}");
        nats.deliver(b"{\"four\":4}\n").unwrap();
        drop(nats);
        let heard = heard.join().unwrap();
        assert!(heard[0].contains("\"user\":\"me\"") && heard[0].contains("\"pass\":\"secret\""), "{heard:?}");
        assert_eq!((heard[1].as_str(), heard[2].as_str()), ("{\"one\":1}", "{\"two\":2}"));
        assert_eq!(heard.last().unwrap(), "{\"four\":4}");
    }

    #[test]
    fn who_is_no_server_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut nats = Nats::new(&listener.local_addr().unwrap().to_string()).unwrap();
        let other = thread::spawn(move || listener.accept().unwrap().0.write_all(b"220 mail here\r\n").unwrap());
        assert!(nats.deliver(b"{}").unwrap_err().to_string().contains("no NATS server answers: 220 mail here"));
        other.join().unwrap();
        let name = Nats::new("token@10.0.0.5:4222").unwrap().name();
        assert_eq!(name, "nats://10.0.0.5:4222/tidewatch.notices");
        assert_eq!(Nats::new("10.0.0.5").unwrap().name(), name);
        assert!(Nats::new("10.0.0.5:4222/a.>").is_err() && Nats::new("10.0.0.5:4222/a..b").is_err());
    }
}

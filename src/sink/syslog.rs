//! Syslog messages over UDP (RFC 5426), TCP (RFC 6587, with the length before each) and TLS (RFC 5425, which frames them alike).

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use super::Carrier;
#[cfg(feature = "tls")]
use super::tls::Secured;
#[cfg(feature = "tls")]
pub use super::tls::Trust;

/// How long a receiver may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// A receiver of syslog over UDP: whether a message arrives nobody can tell.
pub struct Datagrams {
    address: String,
    socket: Option<UdpSocket>,
}

impl Datagrams {
    /// To `address`, a host and a port.
    pub fn new(address: String) -> Self {
        Self { address, socket: None }
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let socket = match &self.socket {
            Some(socket) => socket,
            None => {
                let to = resolve(&self.address)?;
                let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(from)?;
                socket.connect(to)?;
                self.socket.insert(socket)
            }
        };
        socket.send(message).map(drop)
    }
}

impl Carrier for Datagrams {
    fn deliver(&mut self, message: &[u8]) -> io::Result<()> {
        let sent = self.send(message);
        if sent.is_err() {
            self.socket = None;
        }
        sent
    }
}

/// A receiver of syslog over TCP, or TLS.
pub struct Stream {
    address: String,
    trust: Option<Trust>,
    connection: Option<Connection>,
}

/// Without the feature nobody is trusted.
#[cfg(not(feature = "tls"))]
pub enum Trust {}

enum Connection {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Secured(Box<Secured>),
}

impl Connection {
    fn new(address: &str, trust: Option<&Trust>) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&resolve(address)?, PATIENCE)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        match trust {
            None => Ok(Self::Plain(stream)),
            #[cfg(feature = "tls")]
            Some(trust) => Ok(Self::Secured(Box::new(trust.secure(stream, PATIENCE)?))),
            #[cfg(not(feature = "tls"))]
            Some(trust) => match *trust {},
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(bytes),
            #[cfg(feature = "tls")]
            Self::Secured(stream) => stream.read(bytes),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes),
            #[cfg(feature = "tls")]
            Self::Secured(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    fn stream(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            Self::Secured(stream) => stream.stream(),
        }
    }

    /// Whether the receiver has closed the connection: it has nothing to say but that.
    fn is_closed(&mut self) -> io::Result<bool> {
        self.stream().set_nonblocking(true)?;
        let read = self.read(&mut [0; 64]);
        self.stream().set_nonblocking(false)?;
        match read {
            Ok(read) => Ok(read == 0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Stream {
    /// To `address`, a host and a port; over TLS, if only whom we trust may hear it.
    pub fn new(address: String, trust: Option<Trust>) -> Self {
        Self { address, trust, connection: None }
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self.connection.insert(Connection::new(&self.address, self.trust.as_ref())?),
        };
        if connection.is_closed()? {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let framed = [format!("{} ", message.len()).as_bytes(), message].concat();
        connection.send(&framed)
    }
}

impl Carrier for Stream {
    fn deliver(&mut self, message: &[u8]) -> io::Result<()> {
        let sent = self.send(message);
        if let Err(error) = sent {
            self.connection = None;
            // A broken pipe is this connection's end, not the receiver's.
            return Err(io::Error::other(error));
        }
        Ok(())
    }
}

pub(super) fn resolve(address: &str) -> io::Result<std::net::SocketAddr> {
    address.to_socket_addrs()?.next().ok_or_else(|| io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn datagrams_arrive_one_by_one() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut syslog = Datagrams::new(receiver.local_addr().unwrap().to_string());
        let mut buffer = [0; 100];
        for message in [&b"one"[..], b"two"] {
            syslog.deliver(message).unwrap();
            let received = receiver.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..received], message);
        }
    }

    #[test]
    fn a_stream_says_how_long_each_message_is_and_connects_again() {
        let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut syslog = Stream::new(receiver.local_addr().unwrap().to_string(), None);
        syslog.deliver(b"one").unwrap();
        let (mut first, _) = receiver.accept().unwrap();
        let mut buffer = [0; 5];
        first.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"3 one");
        drop(first);
        // The end of the connection may take a moment to be heard of.
        while syslog.connection.is_some() {
            let _ = syslog.deliver(b"lost");
        }
        syslog.deliver(b"three").unwrap();
        let (mut second, _) = receiver.accept().unwrap();
        let mut buffer = [0; 7];
        second.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"5 three");
    }
}

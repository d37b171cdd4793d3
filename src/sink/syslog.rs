//! Syslog messages over UDP (RFC 5426) and TCP (RFC 6587, with the length before each).

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use super::Carrier;

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

/// A receiver of syslog over TCP.
pub struct Stream {
    address: String,
    stream: Option<TcpStream>,
}

impl Stream {
    /// To `address`, a host and a port.
    pub fn new(address: String) -> Self {
        Self { address, stream: None }
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect_timeout(&resolve(&self.address)?, PATIENCE)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                self.stream.insert(stream)
            }
        };
        if closed(stream)? {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let framed = [format!("{} ", message.len()).as_bytes(), message].concat();
        stream.write_all(&framed)
    }
}

/// Whether the receiver has closed the connection: it has nothing to say but that.
fn closed(stream: &mut TcpStream) -> io::Result<bool> {
    stream.set_nonblocking(true)?;
    let read = stream.read(&mut [0; 64]);
    stream.set_nonblocking(false)?;
    match read {
        Ok(read) => Ok(read == 0),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

impl Carrier for Stream {
    fn deliver(&mut self, message: &[u8]) -> io::Result<()> {
        let sent = self.send(message);
        if let Err(error) = sent {
            self.stream = None;
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
        let mut syslog = Stream::new(receiver.local_addr().unwrap().to_string());
        syslog.deliver(b"one").unwrap();
        let (mut first, _) = receiver.accept().unwrap();
        let mut buffer = [0; 5];
        first.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"3 one");
        drop(first);
        // The end of the connection may take a moment to be heard of.
        while syslog.stream.is_some() {
            let _ = syslog.deliver(b"lost");
        }
        syslog.deliver(b"three").unwrap();
        let (mut second, _) = receiver.accept().unwrap();
        let mut buffer = [0; 7];
        second.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"5 three");
    }
}

//! A TCP proxy that hangs up on certain bytes: a message that breaks the connection each time.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Forwards to its target and closes the connection on which the client says the marker. Its
/// threads end with the connections; the last one with the test program.
pub struct Poison {
    address: SocketAddr,
}

impl Poison {
    /// Starts in front of `target`, a `host:port`.
    pub fn start(target: &str, marker: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let target = target.to_owned();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&target) else { continue };
                let back = (handle(&server), handle(&client));
                thread::spawn(move || forward(client, server, Some(marker)));
                thread::spawn(move || forward(back.0, back.1, None));
            }
        });
        Self { address }
    }

    /// `host:port` to connect to instead of the target.
    pub fn address(&self) -> String {
        self.address.to_string()
    }
}

fn handle(socket: &TcpStream) -> TcpStream {
    socket.try_clone().expect("a second handle")
}

fn forward(mut from: TcpStream, mut to: TcpStream, marker: Option<&str>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut seen = Vec::new();
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let bytes = &buffer[..count];
        if let Some(marker) = marker {
            // The end of the last piece stays: the marker may lie across two.
            seen.extend_from_slice(bytes);
            if seen.windows(marker.len()).any(|window| window == marker.as_bytes()) {
                break;
            }
            seen.drain(..seen.len().saturating_sub(marker.len()));
        }
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    for socket in [from, to] {
        let _ = socket.shutdown(Shutdown::Both);
    }
}

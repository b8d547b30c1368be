//! A client that takes as little of the processor as can be: a server is to be measured.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One connection, kept alive.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await;
        let stream = stream.unwrap_or_else(|cause| panic!("{address}: {cause}"));
        stream.set_nodelay(true).expect("a socket");
        Self { stream, buffer: Vec::new() }
    }

    /// Sends a request, and gives the body of its answer, which must say that it was done.
    pub async fn ask(&mut self, head: &str, body: &[u8]) -> Vec<u8> {
        let head = format!("{head}Host: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        let request = [head.as_bytes(), body].concat();
        self.stream.write_all(&request).await.expect("it is read");
        self.buffer.clear();
        let (start, end) = loop {
            let count = self.stream.read_buf(&mut self.buffer).await.expect("an answer");
            assert!(count > 0, "the server has ended the connection");
            if let Some(bounds) = body_bounds(&self.buffer)
                && self.buffer.len() >= bounds.1
            {
                break bounds;
            }
        };
        self.buffer[start..end].to_vec()
    }
}

/// Where the body of an answer begins and ends, once its head is whole.
fn body_bounds(answer: &[u8]) -> Option<(usize, usize)> {
    let start = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&answer[..start]).expect("a head");
    assert!(head.starts_with("HTTP/1.1 20"), "{}", String::from_utf8_lossy(answer));
    let lengths = head.lines().filter_map(|line| line.split_once(": "));
    let length = lengths
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map(|(_, value)| value.parse::<usize>().expect("a number"))
        .next();
    Some((start, start + length.unwrap_or(0)))
}

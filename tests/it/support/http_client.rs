//! An HTTP client that can do what clients should not: stop in the middle, dawdle, lie.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What has not been answered by then never will be.
const PATIENCE: Duration = crate::support::services::EMULATOR_PATIENCE;

/// One connection to a server.
pub struct HttpClient {
    stream: BufReader<TcpStream>,
}

/// An answer as it came.
#[derive(Debug)]
pub struct HttpAnswer {
    pub status: u16,
    /// Status line and headers, in small letters.
    pub head: String,
    pub body: String,
}

impl HttpClient {
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("somebody listens")
    }

    /// Connects, where somebody listens.
    pub fn try_connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends bytes as they are; a server may have stopped reading.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())
    }

    /// Sends a whole request with these headers, and reads its answer.
    #[track_caller]
    pub fn ask(&mut self, request: &str, headers: &[&str], body: impl AsRef<[u8]>) -> HttpAnswer {
        self.try_ask(request, headers, body).expect("an answer")
    }

    /// Sends a whole request with these headers, and reads its answer, where there is one.
    pub fn try_ask(
        &mut self,
        request: &str,
        headers: &[&str],
        body: impl AsRef<[u8]>,
    ) -> std::io::Result<HttpAnswer> {
        let body = body.as_ref();
        let mut head = format!("{request} HTTP/1.1\r\n");
        if !headers.iter().any(|header| header.to_ascii_lowercase().starts_with("host:")) {
            head += "Host: localhost\r\n";
        }
        for header in headers {
            head += &format!("{header}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        // The answer tells whether it was read.
        let _ = self.send(head).and_then(|()| self.send(body));
        self.try_answer()
    }

    /// Reads one answer with its body.
    #[track_caller]
    pub fn answer(&mut self) -> HttpAnswer {
        self.try_answer().expect("an answer")
    }

    fn try_answer(&mut self) -> std::io::Result<HttpAnswer> {
        let mut head = String::new();
        while self.stream.read_line(&mut head)? > b"\r\n".len() {}
        let head = head.to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let body = match head.contains("transfer-encoding: chunked") {
            true => self.chunks()?,
            false => {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                self.bytes(length.and_then(|length| length.parse().ok()).unwrap_or(0))?
            }
        };
        let body = String::from_utf8(body).expect("UTF-8");
        Ok(HttpAnswer { status, head, body })
    }

    fn bytes(&mut self, length: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// A body that comes in chunks, each behind a line with its length.
    fn chunks(&mut self) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let length = usize::from_str_radix(line.trim(), 16);
            let length = length.map_err(|_| std::io::ErrorKind::InvalidData)?;
            body.extend(self.bytes(length)?);
            self.bytes(b"\r\n".len())?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    /// Whether something of an answer, or an end, has come.
    pub fn has_answer(&self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).expect("a socket");
        let came = !stream.peek(&mut [0]).is_err_and(|cause| would_wait(&cause));
        stream.set_nonblocking(false).expect("a socket");
        came
    }

    /// Whether the server ends the connection, politely or not, and sends nothing more.
    pub fn ends(&mut self) -> bool {
        match self.stream.read(&mut [0]) {
            Ok(count) => count == 0,
            Err(cause) => !would_wait(&cause),
        }
    }
}

fn would_wait(cause: &std::io::Error) -> bool {
    matches!(cause.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

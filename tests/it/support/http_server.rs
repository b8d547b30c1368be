//! A real HTTP server on a free port of 127.0.0.1 that answers from a script.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// What the server does with one request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// Nothing, until the client gives up.
    Silence,
    /// The head of an answer, then blanks without end.
    Endless,
}

impl Answer {
    /// A whole answer with its length.
    pub fn http(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut bytes = format!("HTTP/1.1 {status}\r\nConnection: close\r\n").into_bytes();
        for header in headers {
            bytes.extend_from_slice(format!("{header}\r\n").as_bytes());
        }
        bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        bytes.extend_from_slice(body);
        Self::Bytes(bytes)
    }

    pub fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::http("200 OK", &["Content-Type: application/json"], body)
    }

    /// An answer that breaks off so many bytes before its end.
    pub fn cut(self, bytes: usize) -> Self {
        match self {
            Self::Bytes(mut all) => {
                all.truncate(all.len() - bytes);
                Self::Bytes(all)
            }
            other => other,
        }
    }
}

/// The server; stops when it goes out of scope.
pub struct Server {
    address: std::net::SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// What answers: it is given the head and the body of a request.
type Respond = Box<dyn Fn(&str, &[u8]) -> Answer + Send + Sync>;

struct Shared {
    respond: Respond,
    requests: Mutex<Vec<String>>,
    bodies: Mutex<Vec<String>>,
    stopping: AtomicBool,
}

impl Server {
    /// Gives these answers in this order, and the last one again and again.
    pub fn new(script: impl IntoIterator<Item = Answer>) -> Self {
        let mut script: Vec<Answer> = script.into_iter().collect();
        script.reverse();
        assert!(!script.is_empty(), "a script has an answer");
        let script = Mutex::new(script);
        Self::answering(move |_, _| {
            let mut script = script.lock().unwrap();
            let answer = if script.len() > 1 { script.pop() } else { script.last().cloned() };
            answer.expect("the last answer stays")
        })
    }

    /// Answers by what is asked: the head and the body of a request.
    pub fn answering(respond: impl Fn(&str, &[u8]) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            respond: Box::new(respond),
            requests: Mutex::new(Vec::new()),
            bodies: Mutex::new(Vec::new()),
            stopping: AtomicBool::new(false),
        });
        let acceptor = thread::spawn({
            let shared = shared.clone();
            move || accept(&listener, &shared)
        });
        Self { address, shared, acceptor: Some(acceptor) }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The heads of the requests so far: request line and headers.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The bodies of the requests so far.
    pub fn bodies(&self) -> Vec<String> {
        self.shared.bodies.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the acceptor; when it is gone already there is nobody to wake.
        let _ = TcpStream::connect(self.address);
        let ended = self.acceptor.take().expect("dropped once").join();
        if !thread::panicking() {
            ended.expect("the server does not panic");
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut connections = Vec::new();
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        let shared = shared.clone();
        let stream = stream.expect("a connection");
        let handle = stream.try_clone().expect("a second handle");
        let serving = thread::spawn(move || {
            // A client may go away at any time.
            let _ = serve(&stream, &shared);
            let _ = stream.shutdown(Shutdown::Both);
        });
        connections.push((handle, serving));
    }
    for (handle, serving) in connections {
        // Ends also those that wait for a client whose runtime does not run any more.
        let _ = handle.shutdown(Shutdown::Both);
        serving.join().expect("a connection does not panic");
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let mut head = String::new();
    while reader.read_line(&mut head)? > b"\r\n".len() {}
    if head.is_empty() {
        return Ok(()); // somebody looks whether we are there
    }
    let length = head.lines().filter_map(|line| line.split_once(": "));
    let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map(|(_, text)| text.parse().unwrap_or(0)).next().unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let answer = (shared.respond)(&head, &body);
    shared.requests.lock().unwrap().push(head);
    shared.bodies.lock().unwrap().push(String::from_utf8_lossy(&body).into_owned());
    match answer {
        Answer::Bytes(bytes) => writer.write_all(&bytes),
        Answer::Silence => reader.read_to_end(&mut Vec::new()).map(drop),
        Answer::Endless => {
            writer.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                writer.write_all(&[b' '; 64 << 10])?;
            }
        }
    }
}

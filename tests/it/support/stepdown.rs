//! A proxy before MongoDB that speaks enough of its protocol to refuse writes: a replica set whose
//! primary has stepped down.

use mongodb::bson::{Document, doc};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// `NotWritablePrimary` of MongoDB's `error_codes.yml`.
const NOT_WRITABLE_PRIMARY: i32 = 10107;

/// The opcode of `OP_MSG`, the only one that a driver sends after its first greeting.
const OP_MSG: i32 = 2013;

/// The bytes before a message's sections: length, id, id of what it answers, opcode, flags.
const HEAD: usize = 20;

/// Forwards to its target, and answers inserts itself while it is down. Its threads end with the
/// connections; the last one with the test program.
pub struct Stepdown {
    address: SocketAddr,
    facts: Arc<Facts>,
}

#[derive(Default)]
struct Facts {
    down: AtomicBool,
    refused: AtomicUsize,
}

impl Stepdown {
    /// Starts in front of `target`, a `host:port`.
    pub fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let facts = Arc::new(Facts::default());
        let (target, shared) = (target.to_owned(), facts.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&target) else { continue };
                let handle = |socket: &TcpStream| socket.try_clone().expect("a second handle");
                let (mut from, mut to) = (handle(&server), handle(&client));
                thread::spawn(move || std::io::copy(&mut from, &mut to));
                let facts = shared.clone();
                thread::spawn(move || forward(client, server, &facts));
            }
        });
        Self { address, facts }
    }

    /// `host:port` to connect to instead of the target.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Whether inserts are refused from now on.
    pub fn set_down(&self, down: bool) {
        self.facts.down.store(down, Ordering::SeqCst);
    }

    /// How many inserts were refused.
    pub fn refused(&self) -> usize {
        self.facts.refused.load(Ordering::SeqCst)
    }
}

/// Message by message: a driver asks on one connection only after it was answered.
fn forward(mut client: TcpStream, mut server: TcpStream, facts: &Facts) {
    while let Ok(message) = read(&mut client) {
        let refuse = facts.down.load(Ordering::SeqCst) && is_insert(&message);
        let passed = if refuse {
            facts.refused.fetch_add(1, Ordering::SeqCst);
            client.write_all(&refusal(&message))
        } else {
            server.write_all(&message)
        };
        if passed.is_err() {
            break;
        }
    }
    for socket in [client, server] {
        let _ = socket.shutdown(Shutdown::Both);
    }
}

fn read(from: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut message = vec![0; 4];
    from.read_exact(&mut message)?;
    let length = usize::try_from(number(&message, 0)).expect("a length");
    message.resize(length, 0);
    from.read_exact(&mut message[4..]).map(|()| message)
}

fn number(message: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(message[at..at + 4].try_into().expect("four bytes"))
}

/// The command stands in the first section of kind 0; its name is its first key.
fn is_insert(message: &[u8]) -> bool {
    if number(message, 12) != OP_MSG || message.get(HEAD) != Some(&0) {
        return false;
    }
    let length = usize::try_from(number(message, HEAD + 1)).expect("a length");
    let command = Document::from_reader(&message[HEAD + 1..HEAD + 1 + length]).expect("BSON");
    command.keys().next().is_some_and(|name| name == "insert")
}

fn refusal(question: &[u8]) -> Vec<u8> {
    let answer = doc! {
        "ok": 0.0,
        "code": NOT_WRITABLE_PRIMARY,
        "codeName": "NotWritablePrimary",
        "errmsg": "not primary",
    };
    let mut section = vec![0];
    answer.to_writer(&mut section).expect("BSON in memory");
    let length = i32::try_from(HEAD + section.len()).expect("a small answer");
    let head = [length, 1, number(question, 4), OP_MSG, 0];
    head.into_iter().flat_map(i32::to_le_bytes).chain(section).collect()
}

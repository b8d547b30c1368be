//! A TCP proxy that breaks on command: between a program and a real server, it plays the outage.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Forwards `address()` to the target until it is told otherwise. Runs on threads of its own, so
/// that tests of both kinds, blocking and async, can use it. Ends when it goes out of scope.
pub struct Proxy {
    address: SocketAddr,
    switch: Arc<Switch>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Pass,
    Cut,
    Stall,
    /// What the client says goes through, what the server answers does not.
    Mute,
    End,
}

/// What the client says, or what the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Request,
    Answer,
}

struct Switch {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    mode: Mode,
    /// So long takes every piece, each way.
    delay: Duration,
    /// After so many more bytes this way comes a cut.
    budget: Option<(Way, usize)>,
    /// How often it was cut: a connection from before a cut is over, whatever is still in it.
    cuts: usize,
    /// How many connections it did not take.
    refused: usize,
    /// Both ends of every connection, to be shut at a cut: the client's, the server's.
    sockets: Vec<[TcpStream; 2]>,
}

impl Proxy {
    /// Starts in front of `target`, a `host:port`.
    pub fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = State {
            mode: Mode::Pass,
            delay: Duration::ZERO,
            budget: None,
            cuts: 0,
            refused: 0,
            sockets: Vec::new(),
        };
        let switch = Arc::new(Switch { state: Mutex::new(state), changed: Condvar::new() });
        let acceptor = thread::spawn({
            let (switch, target) = (switch.clone(), target.to_owned());
            move || accept(&listener, &target, &switch)
        });
        Self { address, switch, acceptor: Some(acceptor) }
    }

    /// `host:port` to connect to instead of the target.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Closes every connection, and each new one at once.
    pub fn cut(&self) {
        self.switch.turn(Mode::Cut);
    }

    /// Keeps connections, and takes new ones, but lets nothing through: neither side hears of it.
    pub fn stall(&self) {
        self.switch.turn(Mode::Stall);
    }

    /// Lets requests through and holds their answers back: the server does what it is told, and
    /// nobody learns of it. A `cut` after it loses the answers for good.
    pub fn mute(&self) {
        self.switch.turn(Mode::Mute);
    }

    /// Lets so many more bytes through this way, over all connections, and then cuts.
    pub fn cut_after(&self, way: Way, bytes: usize) {
        self.switch.state().budget = Some((way, bytes));
    }

    /// Tells every client that the server says nothing more, and goes on listening to it.
    pub fn half_close(&self) {
        for [client, _] in &self.switch.state().sockets {
            let _ = client.shutdown(Shutdown::Write);
        }
    }

    /// Lets everything through, so much later each way.
    pub fn delay(&self, delay: Duration) {
        self.switch.state().delay = delay;
    }

    /// Whether it is cut, by us or by a number of bytes.
    pub fn is_cut(&self) -> bool {
        self.switch.state().mode == Mode::Cut
    }

    /// How many connections it has refused: somebody has noticed that it is cut.
    pub fn refused(&self) -> usize {
        self.switch.state().refused
    }

    /// Lets everything through again, at once and without end; what was held back, too.
    pub fn restore(&self) {
        let mut state = self.switch.state();
        (state.delay, state.budget) = (Duration::ZERO, None);
        drop(state);
        self.switch.turn(Mode::Pass);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.switch.turn(Mode::End);
        // Wakes the acceptor, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Switch {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the switch panics")
    }

    fn turn(&self, mode: Mode) {
        self.turn_held(self.state(), mode);
    }

    /// Cuts, unless it was done since a connection was made after so many cuts.
    fn cut_once(&self, cuts: usize) {
        let state = self.state();
        if state.cuts == cuts {
            self.turn_held(state, Mode::Cut);
        }
    }

    fn turn_held(&self, mut state: MutexGuard<'_, State>, mode: Mode) {
        state.mode = mode;
        if matches!(mode, Mode::Cut | Mode::End) {
            state.cuts += 1;
            for socket in state.sockets.drain(..).flatten() {
                let _ = socket.shutdown(Shutdown::Both);
            }
        }
        self.changed.notify_all();
    }

    /// Waits until bytes may go this way; tells how many of them may, of a connection that was made
    /// after so many cuts.
    fn admit(&self, way: Way, bytes: usize, cuts: usize) -> usize {
        let closed = |mode| match mode {
            Mode::Stall => true,
            Mode::Mute => way == Way::Answer,
            Mode::Pass | Mode::Cut | Mode::End => false,
        };
        let held = self.changed.wait_while(self.state(), |state| closed(state.mode));
        let mut state = held.expect("no holder of the switch panics");
        if state.cuts != cuts {
            return 0;
        }
        let delay = state.delay;
        let admitted = match &mut state.budget {
            Some((limited, left)) if *limited == way => {
                let admitted = bytes.min(*left);
                *left -= admitted;
                admitted
            }
            _ => bytes,
        };
        drop(state);
        thread::sleep(delay);
        admitted
    }
}

fn accept(listener: &TcpListener, target: &str, switch: &Arc<Switch>) {
    let mut pumps = Vec::new();
    for client in listener.incoming() {
        let mut state = switch.state();
        match state.mode {
            Mode::End => break,
            Mode::Cut => {
                state.refused += 1;
                continue;
            }
            Mode::Pass | Mode::Stall | Mode::Mute => drop(state),
        }
        let (Ok(client), Ok(server)) = (client, TcpStream::connect(target)) else { continue };
        if let Ok(both) = join(&client, &server, switch) {
            pumps.extend(both);
        }
    }
    for pump in pumps {
        let _ = pump.join();
    }
}

fn join(
    client: &TcpStream,
    server: &TcpStream,
    switch: &Arc<Switch>,
) -> std::io::Result<[JoinHandle<()>; 2]> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let both = [client.try_clone()?, server.try_clone()?];
    let mut state = switch.state();
    // A cut between the accept and this line would otherwise miss this connection.
    if matches!(state.mode, Mode::Cut | Mode::End) {
        return Err(std::io::ErrorKind::ConnectionAborted.into());
    }
    state.sockets.push(both);
    let cuts = state.cuts;
    drop(state);
    let pump = |from: &TcpStream, to: &TcpStream, way| {
        let (from, to, switch) = (from.try_clone()?, to.try_clone()?, switch.clone());
        std::io::Result::Ok(thread::spawn(move || pump(from, to, &switch, way, cuts)))
    };
    Ok([pump(client, server, Way::Request)?, pump(server, client, Way::Answer)?])
}

fn pump(mut from: TcpStream, mut to: TcpStream, switch: &Switch, way: Way, cuts: usize) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let admitted = switch.admit(way, count, cuts);
        let passed = to.write_all(&buffer[..admitted]);
        if admitted < count {
            switch.cut_once(cuts);
            break;
        }
        if passed.is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// A server that sends back what it gets, until it goes out of scope with its last connection.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address").to_string();
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut back = socket.try_clone().expect("a second handle");
                std::io::copy(&mut socket, &mut back)
            });
        }
    });
    address
}

const BRIEF: Duration = Duration::from_millis(300);

/// Waits as long as a busy machine may need.
fn ask(socket: &mut TcpStream) -> std::io::Result<[u8; 4]> {
    ask_for(socket, Duration::from_secs(30))
}

fn ask_for(socket: &mut TcpStream, patience: Duration) -> std::io::Result<[u8; 4]> {
    socket.set_read_timeout(Some(patience))?;
    socket.write_all(b"ping")?;
    let mut answer = [0; 4];
    socket.read_exact(&mut answer).map(|()| answer)
}

#[test]
fn a_proxy_passes_cuts_stalls_and_recovers() {
    let proxy = Proxy::start(&echo());
    let connect = || TcpStream::connect(proxy.address()).unwrap();
    let mut socket = connect();
    assert_eq!(&ask(&mut socket).unwrap(), b"ping");
    for hold in [Proxy::stall, Proxy::mute] {
        hold(&proxy);
        assert!(ask_for(&mut socket, BRIEF).is_err(), "nothing comes back");
        proxy.restore();
        assert_eq!(&ask(&mut socket).unwrap(), b"ping", "and what was held back comes through");
        socket = connect();
    }
    proxy.cut();
    assert!(ask(&mut socket).is_err());
    assert!(ask(&mut connect()).is_err());
    proxy.restore();
    assert_eq!(&ask(&mut connect()).unwrap(), b"ping");
}

#[test]
fn a_proxy_cuts_after_some_bytes_closes_by_half_and_takes_its_time() {
    let proxy = Proxy::start(&echo());
    let connect = || TcpStream::connect(proxy.address()).unwrap();
    for (way, bytes, survive) in [(Way::Request, 7, 1), (Way::Answer, 8, 2)] {
        proxy.cut_after(way, bytes);
        let mut socket = connect();
        for _ in 0..survive {
            assert_eq!(&ask(&mut socket).unwrap(), b"ping");
        }
        assert!(!proxy.is_cut() && ask(&mut socket).is_err() && proxy.is_cut(), "{way:?}");
        proxy.restore();
    }
    let mut socket = connect();
    assert_eq!(&ask(&mut socket).unwrap(), b"ping");
    proxy.half_close();
    assert_eq!(ask(&mut socket).unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    socket.write_all(b"it still listens").unwrap();
    proxy.delay(BRIEF);
    assert!(ask_for(&mut connect(), BRIEF).is_err(), "there and back takes longer than it waits");
    proxy.restore();
    assert_eq!(&ask(&mut connect()).unwrap(), b"ping");
}

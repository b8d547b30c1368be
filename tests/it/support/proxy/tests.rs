//! A proxy does what it is told.

use super::{Proxy, Way};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

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

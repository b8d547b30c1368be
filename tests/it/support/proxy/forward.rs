//! The lines of a proxy: who connects, and what goes to and fro.

use super::interceptor::{Action, Interceptor};
use super::switch::{Mode, Switch};
use super::{Intercept, Way};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// Takes connections and forwards each to the target, until the end.
pub fn accept(listener: &TcpListener, target: &str, switch: &Arc<Switch>, intercept: &Intercept) {
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
        if let Ok(both) = join(&client, &server, switch, intercept()) {
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
    interceptor: Box<dyn Interceptor>,
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
    let line = |from: &TcpStream, to: &TcpStream, way| {
        let (from, to, switch) = (from.try_clone()?, to.try_clone()?, switch.clone());
        std::io::Result::Ok(Line { from, to, switch, way, cuts })
    };
    let requests = line(client, server, Way::Request)?;
    let answers = line(server, client, Way::Answer)?;
    Ok([
        thread::spawn(move || requests.pump(interceptor)),
        thread::spawn(move || answers.pump(Box::new(super::interceptor::Pass))),
    ])
}

/// One way of a connection.
struct Line {
    from: TcpStream,
    to: TcpStream,
    switch: Arc<Switch>,
    way: Way,
    /// How often the proxy had been cut when the connection was made.
    cuts: usize,
}

impl Line {
    /// Moves what is said until either side, or the switch, ends it.
    fn pump(mut self, mut interceptor: Box<dyn Interceptor>) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = self.from.read(&mut buffer) {
            let admitted = self.switch.admit(self.way, count, self.cuts);
            let actions = interceptor.hear(&buffer[..admitted]);
            let passed = actions.into_iter().try_for_each(|action| self.act(action));
            if admitted < count {
                self.switch.cut_once(self.cuts);
                break;
            }
            if passed.is_err() {
                break;
            }
        }
        let _ = self.to.shutdown(Shutdown::Write);
    }

    fn act(&mut self, action: Action) -> std::io::Result<()> {
        match action {
            Action::Pass(bytes) => self.to.write_all(&bytes),
            Action::Answer(bytes) => self.from.write_all(&bytes),
            Action::HangUp => {
                self.from.shutdown(Shutdown::Both)?;
                self.to.shutdown(Shutdown::Both)?;
                Err(std::io::ErrorKind::ConnectionAborted.into())
            }
        }
    }
}

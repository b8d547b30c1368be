//! The switch of a proxy: what goes through at this moment.

use super::Way;
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// What the proxy does with what comes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Pass,
    Cut,
    Stall,
    /// What the client says goes through, what the server answers does not.
    Mute,
    End,
}

/// What all connections of a proxy share.
#[derive(Default)]
pub struct Switch {
    state: Mutex<State>,
    changed: Condvar,
}

/// What is so at this moment.
#[derive(Default)]
pub struct State {
    pub mode: Mode,
    /// How long every piece takes, each way.
    pub delay: Duration,
    /// After so many more bytes this way comes a cut.
    pub budget: Option<(Way, usize)>,
    /// How often it was cut: a connection from before a cut is over, whatever is still in it.
    pub cuts: usize,
    /// How many connections it did not take.
    pub refused: usize,
    /// Both ends of every connection, to be shut at a cut: the client's, the server's.
    pub sockets: Vec<[TcpStream; 2]>,
}

impl Switch {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the switch panics")
    }

    pub fn turn(&self, mode: Mode) {
        self.turn_locked(self.state(), mode);
    }

    /// Cuts, unless it was done since a connection was made after so many cuts.
    pub fn cut_once(&self, cuts: usize) {
        let state = self.state();
        if state.cuts == cuts {
            self.turn_locked(state, Mode::Cut);
        }
    }

    fn turn_locked(&self, mut state: MutexGuard<'_, State>, mode: Mode) {
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
    pub fn admit(&self, way: Way, bytes: usize, cuts: usize) -> usize {
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

//! Ctrl-C, SIGTERM and SIGHUP: the first asks for a shutdown, a second one ends the program.

use crate::error::{Error, Kind, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// The signals that ask for a shutdown, and the kind that the exit code says.
const HEARD: [(i32, Kind); 3] =
    [(SIGHUP, Kind::HungUp), (SIGINT, Kind::Interrupted), (SIGTERM, Kind::Terminated)];

/// The signals that this process has received.
#[derive(Clone)]
pub struct Signals {
    seen: watch::Receiver<Seen>,
    /// Set by the system's own handler, before any listener hears of it.
    flags: Arc<Vec<(Kind, Arc<AtomicBool>)>>,
    _listeners: Arc<Vec<AbortOnDropHandle<()>>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    first: Option<Kind>,
    second: bool,
}

impl Seen {
    /// A terminal that is closed may hang up twice, by the system and by its shell, and a service
    /// manager may hang up behind its SIGTERM: nobody is in a hurry then.
    fn note(&mut self, kind: Kind) {
        match self.first {
            None => self.first = Some(kind),
            Some(_) => self.second |= kind != Kind::HungUp,
        }
    }
}

impl Signals {
    /// Listens from now on. A SIGHUP that was ignored when the program began, as `nohup` does, stays
    /// ignored.
    pub fn listen() -> Result<Self> {
        let failed = |cause: std::io::Error| {
            Error::new(Kind::Failed, "cannot listen for signals").because(cause)
        };
        let heard =
            HEARD.into_iter().filter(|(signal, _)| *signal != SIGHUP || !is_ignored(SIGHUP));
        // What comes between the handler's installation and the first listener is heard by nobody
        // but these flags.
        let early: Vec<_> =
            heard.map(|(signal, kind)| (signal, kind, Arc::new(AtomicBool::new(false)))).collect();
        for (signal, _, flag) in &early {
            signal_hook::flag::register(*signal, flag.clone()).map_err(failed)?;
        }
        // A file that would grow beyond the limit of this process is a failure to tell: caught, the
        // signal lets the write fail.
        signal_hook::flag::register(SIGXFSZ, Arc::default()).map_err(failed)?;
        let streams = early.iter().map(|(number, kind, _)| {
            signal(SignalKind::from_raw(*number)).map(|stream| (stream, *kind))
        });
        let streams = streams.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let flags: Vec<_> = early.into_iter().map(|(_, kind, flag)| (kind, flag)).collect();
        let first = raised(&flags);
        let (sender, seen) = watch::channel(Seen { first, second: false });
        let sender = Arc::new(sender);
        let listeners = streams.into_iter().map(|(stream, kind)| {
            AbortOnDropHandle::new(tokio::spawn(tell(stream, kind, sender.clone())))
        });
        let listeners = Arc::new(listeners.collect());
        Ok(Self { seen, flags: Arc::new(flags), _listeners: listeners })
    }

    /// Resolves at the first signal.
    pub async fn shutdown(&self) {
        self.wait_for(|seen| seen.first.is_some()).await;
    }

    /// Resolves at the second signal.
    pub async fn second(&self) {
        self.wait_for(|seen| seen.second).await;
    }

    /// The first signal, where there was one, also where nobody had the time yet to hear of it.
    pub fn received(&self) -> Option<Kind> {
        let first = self.seen.borrow().first;
        first.or_else(|| raised(&self.flags))
    }

    async fn wait_for(&self, happened: impl FnMut(&Seen) -> bool) {
        let mut seen = self.seen.clone();
        if seen.wait_for(happened).await.is_err() {
            // The listeners have ended with the runtime: no signal will come any more.
            std::future::pending::<()>().await;
        }
    }
}

/// The first kind whose flag is set.
fn raised(flags: &[(Kind, Arc<AtomicBool>)]) -> Option<Kind> {
    flags.iter().find(|(_, flag)| flag.load(Ordering::SeqCst)).map(|(kind, _)| *kind)
}

/// Tells of each signal of one kind.
async fn tell(mut stream: Signal, kind: Kind, seen: Arc<watch::Sender<Seen>>) {
    while stream.recv().await.is_some() {
        seen.send_modify(|seen| seen.note(kind));
    }
}

/// Whether the system was told to ignore this signal for us; where it does not say, it was not.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_signal_is_a_hurry_but_for_one_that_hangs_up() {
        for (first, second, hurry) in [
            (Kind::Terminated, Kind::Interrupted, true),
            (Kind::HungUp, Kind::Terminated, true),
            (Kind::HungUp, Kind::HungUp, false),
            (Kind::Terminated, Kind::HungUp, false),
        ] {
            let mut seen = Seen::default();
            seen.note(first);
            seen.note(second);
            assert_eq!((seen.first, seen.second), (Some(first), hurry), "{first:?} {second:?}");
        }
    }
}

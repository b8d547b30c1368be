//! Ctrl-C and SIGTERM: the first asks for a shutdown, the second ends the program.

use crate::error::{Error, Kind, Result};
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// The signals that this process has received.
#[derive(Clone)]
pub struct Signals {
    seen: watch::Receiver<Seen>,
    _listener: Arc<AbortOnDropHandle<()>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    first: Option<Kind>,
    second: bool,
}

impl Signals {
    /// Listens from now on.
    pub fn listen() -> Result<Self> {
        let failed = |cause: std::io::Error| {
            Error::new(Kind::Failed, "cannot listen for signals").because(cause)
        };
        // What comes between the handler's installation and the first listener is heard by nobody
        // but these flags.
        let early = [(SIGINT, Kind::Interrupted), (SIGTERM, Kind::Terminated)]
            .map(|(signal, kind)| (signal, kind, Arc::new(AtomicBool::new(false))));
        for (signal, _, flag) in &early {
            signal_hook::flag::register(*signal, flag.clone()).map_err(failed)?;
        }
        // A file that would grow beyond the limit of this process is a failure to tell: caught, the
        // signal lets the write fail.
        signal_hook::flag::register(SIGXFSZ, Arc::default()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let missed = early.into_iter().find(|(_, _, flag)| flag.load(Ordering::SeqCst));
        let first = missed.map(|(_, kind, _)| kind);
        let (sender, seen) = watch::channel(Seen { first, second: false });
        let listener = tokio::spawn(async move {
            loop {
                let kind = tokio::select! {
                    _ = interrupt.recv() => Kind::Interrupted,
                    _ = terminate.recv() => Kind::Terminated,
                };
                sender.send_modify(|seen| match seen.first {
                    None => seen.first = Some(kind),
                    Some(_) => seen.second = true,
                });
            }
        });
        Ok(Self { seen, _listener: Arc::new(AbortOnDropHandle::new(listener)) })
    }

    /// Resolves at the first signal.
    pub async fn shutdown(&self) {
        self.wait_for(|seen| seen.first.is_some()).await;
    }

    /// Resolves at the second signal.
    pub async fn second(&self) {
        self.wait_for(|seen| seen.second).await;
    }

    /// The first signal, where there was one.
    pub fn received(&self) -> Option<Kind> {
        self.seen.borrow().first
    }

    async fn wait_for(&self, happened: impl FnMut(&Seen) -> bool) {
        let mut seen = self.seen.clone();
        if seen.wait_for(happened).await.is_err() {
            // The listener has ended with the runtime: no signal will come any more.
            std::future::pending::<()>().await;
        }
    }
}

//! Calls off a read that waits.

use crate::sources::Stop;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What is pulled once and stays so; whoever waits for it with `poll` is woken.
struct Lever {
    pulled: AtomicBool,
    event: OwnedFd,
}

impl Lever {
    fn new() -> io::Result<Self> {
        let event = eventfd(0, EventfdFlags::CLOEXEC)?;
        Ok(Self { pulled: AtomicBool::new(false), event })
    }

    fn pull(&self) {
        self.pulled.store(true, Ordering::SeqCst);
        // It fails only where it was pulled more often than it can count.
        let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
    }
}

/// What ends the reading: first where it may begin something, then also where it would finish it.
pub(in crate::sources) struct Brake {
    finish: Lever,
    now: Lever,
}

/// What a wait came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sources) enum Woken {
    /// There is something to read, or the end of the input; whether nothing more is written.
    Input { hung_up: bool },
    /// The time is over.
    Late,
    /// The reading was called off.
    Stopped,
}

impl Brake {
    pub(in crate::sources) fn new() -> io::Result<Self> {
        Ok(Self { finish: Lever::new()?, now: Lever::new()? })
    }

    /// Calls off the reading.
    pub(in crate::sources) fn pull(&self, how: Stop) {
        self.finish.pull();
        if how == Stop::Now {
            self.now.pull();
        }
    }

    /// Whether a read is called off that finishes what was begun, or one that begins something.
    pub(in crate::sources) fn is_pulled(&self, finishing: bool) -> bool {
        self.lever(finishing).pulled.load(Ordering::SeqCst)
    }

    fn lever(&self, finishing: bool) -> &Lever {
        if finishing { &self.now } else { &self.finish }
    }

    /// Waits for input; without one, for the time to be over.
    pub(in crate::sources) fn wait(
        &self,
        input: Option<BorrowedFd<'_>>,
        finishing: bool,
        time: Option<Duration>,
    ) -> io::Result<Woken> {
        let time = time.and_then(|time| Timespec::try_from(time).ok());
        let awaited = PollFlags::IN | PollFlags::RDHUP;
        let mut all =
            vec![PollFd::from_borrowed_fd(self.lever(finishing).event.as_fd(), PollFlags::IN)];
        all.extend(input.map(|input| PollFd::from_borrowed_fd(input, awaited)));
        loop {
            match poll(&mut all, time.as_ref()) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(0) => return Ok(Woken::Late),
                Ok(_) => break,
            }
        }
        let told: Vec<_> = all.iter().map(PollFd::revents).collect();
        if !told[0].is_empty() {
            return Ok(Woken::Stopped);
        }
        let hung_up = PollFlags::HUP | PollFlags::RDHUP | PollFlags::ERR;
        Ok(Woken::Input { hung_up: told[1].intersects(hung_up) })
    }
}

//! Standard input, output and error, and which of them were open when the process began.
//!
//! Before `main` the standard library opens /dev/null in the place of one that is closed, and it
//! takes a descriptor that cannot be read for an empty one, and one that cannot be written for one
//! that took all: what is written there is gone without a word. So it is noted before that which
//! are open, and what is read and written goes past the standard library's own handles.

use crate::error::{Error, Kind, Result};
use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU8, Ordering};

/// The standard descriptors that were closed when the process began, a bit each.
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// One of the three standard descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standard {
    /// Standard input, descriptor 0.
    Input,
    /// Standard output, descriptor 1.
    Output,
    /// Standard error, descriptor 2.
    Error,
}

#[ctor::ctor]
fn look() {
    let all = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()];
    let closed = |fd: &BorrowedFd<'_>| u8::from(fcntl_getfd(fd).is_err());
    let bits = all.iter().enumerate().map(|(at, fd)| closed(fd) << at).sum();
    CLOSED.store(bits, Ordering::Relaxed);
}

/// Has the program that this process is about to become find closed what was closed when the process
/// began: what the standard library opened in its place is not passed on.
///
/// # Errors
/// The system's, where it cannot be told so.
pub fn stay_closed() -> io::Result<()> {
    for (standard, descriptor) in [
        (Standard::Input, rustix::stdio::stdin()),
        (Standard::Output, rustix::stdio::stdout()),
        (Standard::Error, rustix::stdio::stderr()),
    ] {
        if standard.was_closed() {
            fcntl_setfd(descriptor, FdFlags::CLOEXEC)?;
        }
    }
    Ok(())
}

impl Standard {
    /// Whether this descriptor was closed when the process began.
    pub fn was_closed(self) -> bool {
        CLOSED.load(Ordering::Relaxed) & 1 << self as u8 != 0
    }

    /// Fails where this descriptor was closed when the process began.
    pub fn expect_open(self) -> Result<()> {
        if !self.was_closed() {
            return Ok(());
        }
        let (name, hint) = match self {
            Self::Input => ("input", "give it something to read: `< FILE`, or a pipe"),
            Self::Output => ("output", "let it go somewhere: `> FILE`, a pipe, or `> /dev/null`"),
            Self::Error => ("error", "let it go somewhere: `2> FILE`, or `2> /dev/null`"),
        };
        Err(Error::new(Kind::Configuration, format!("standard {name} is closed"))
            .because_of("whoever started this program has closed it, as by `>&-`")
            .hint(hint))
    }

    /// The descriptor without anybody's buffer. Every failure of it is told.
    pub fn open(self) -> Result<File> {
        self.expect_open()?;
        let file = match self {
            Self::Input => io::stdin().as_fd().try_clone_to_owned(),
            Self::Output => io::stdout().as_fd().try_clone_to_owned(),
            Self::Error => io::stderr().as_fd().try_clone_to_owned(),
        };
        file.map(File::from).map_err(|cause| {
            Error::new(Kind::Failed, "cannot open a standard descriptor").because(cause)
        })
    }
}

//! Bytes from outside. As few as possible are in hand when the reading is called off, since what
//! was taken out of a pipe cannot be put back.
//!
//! What a pipe or a socket holds is looked at before it is taken, and a file is wound back: of these
//! only whole lines are taken, as far as they fit into the buffer. So whoever reads on behind us
//! begins with a whole line.

use super::brake::{Brake, Woken};
use memchr::{memchr, memrchr};
use rustix::fs::{FileType, OFlags, SeekFrom};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustix::pipe::{PipeFlags, SpliceFlags};
use std::io::{self, Read};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often half a line is looked at again, at first and at last.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(200));
/// Half a line that does not grow is taken after this time, where its writer may be waiting for room.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sources) enum Amount {
    /// As many lines as there are.
    Lines,
    /// Nothing behind the next line feed.
    RestOfLine,
}

impl Amount {
    /// Where the last byte of it stands.
    fn end(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Lines => memrchr(b'\n', bytes),
            Self::RestOfLine => memchr(b'\n', bytes),
        }
    }

    fn finishes(self) -> bool {
        self == Self::RestOfLine
    }
}

/// Something that lines are read from.
pub(in crate::sources) trait Input: Send {
    /// Reads into the buffer and gives how much, 0 at the end; `None` where the reading was called
    /// off.
    fn take(&mut self, buffer: &mut [u8], amount: Amount) -> io::Result<Option<usize>>;
}

/// Any reader. One that waits is not woken.
pub(in crate::sources) struct Plain {
    pub(in crate::sources) input: Box<dyn Read + Send>,
    pub(in crate::sources) brake: Arc<Brake>,
}

impl Input for Plain {
    fn take(&mut self, buffer: &mut [u8], amount: Amount) -> io::Result<Option<usize>> {
        if self.brake.is_pulled(amount.finishes()) {
            return Ok(None);
        }
        let room = if amount.finishes() { 1 } else { buffer.len() };
        loop {
            match self.input.read(&mut buffer[..room]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other.map(Some),
            }
        }
    }
}

/// A descriptor of the system.
pub(in crate::sources) struct Descriptor {
    input: OwnedFd,
    kind: Kind,
    brake: Arc<Brake>,
}

/// How to take no more than whole lines.
enum Kind {
    /// A pipe: a copy of what is in it comes out of a pipe of ours.
    Pipe { from: OwnedFd, into: OwnedFd },
    /// A socket: what is in it is looked at.
    Socket,
    /// A file, which is wound back.
    File,
    /// An input of which that cannot be told.
    Other,
}

/// What is there to be taken.
struct Seen {
    bytes: usize,
    /// More cannot be seen before some is taken.
    is_all_that_fits: bool,
}

impl Descriptor {
    pub(in crate::sources) fn new(input: OwnedFd, brake: Arc<Brake>) -> io::Result<Self> {
        let kind = match FileType::from_raw_mode(rustix::fs::fstat(&input)?.st_mode) {
            FileType::Fifo => Kind::pipe(),
            FileType::Socket => Kind::Socket,
            FileType::RegularFile => Kind::File,
            _ => Kind::Other,
        };
        Ok(Self { input, kind, brake })
    }

    /// Looks at what is there; `None` where that is not possible.
    fn look(&self, buffer: &mut [u8]) -> io::Result<Option<Seen>> {
        let size = buffer.len();
        let seen = match &self.kind {
            Kind::Pipe { from, into } => look_into_pipe(&self.input, (from, into), buffer),
            Kind::Socket => {
                let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
                rustix::net::recv(&self.input, buffer, flags)
                    .map(|(_, bytes)| Seen { bytes, is_all_that_fits: bytes == size })
            }
            Kind::File | Kind::Other => return Ok(None),
        };
        match seen {
            Ok(seen) => Ok(Some(seen)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(Some(Seen { bytes: 0, is_all_that_fits: false })),
            Err(error) => Err(error.into()),
        }
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::read(&self.input, &mut *buffer) {
                Err(Errno::INTR) => {}
                other => return Ok(other?),
            }
        }
    }

    /// Reads, and winds back to behind what is wanted.
    fn read_file(&self, buffer: &mut [u8], amount: Amount) -> io::Result<usize> {
        let bytes = self.read(buffer)?;
        let is_end = bytes < buffer.len() && !amount.finishes();
        let wanted = match amount.end(&buffer[..bytes]) {
            Some(at) if !is_end => at + 1,
            _ => bytes,
        };
        let back = i64::try_from(bytes - wanted).unwrap_or_default();
        if back > 0 {
            rustix::fs::seek(&self.input, SeekFrom::Current(-back))?;
        }
        Ok(wanted)
    }

    /// Whether whoever writes into the pipe has room to go on: if not, it waits for us.
    fn has_room(&self) -> bool {
        if !matches!(self.kind, Kind::Pipe { .. }) {
            return false;
        }
        let path = format!("/proc/self/fd/{}", self.input.as_raw_fd());
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::open(path, flags, rustix::fs::Mode::empty()).is_ok_and(|end| is_writable(&end))
    }
}

impl Input for Descriptor {
    fn take(&mut self, buffer: &mut [u8], amount: Amount) -> io::Result<Option<usize>> {
        let mut half = Half::default();
        loop {
            let input = Some(self.input.as_fd());
            let Woken::Input { hung_up } = self.brake.wait(input, amount.finishes(), None)? else {
                return Ok(None);
            };
            let Some(seen) = self.look(buffer)? else {
                let room = if amount.finishes() { 1 } else { buffer.len() };
                let taken = match self.kind {
                    Kind::File => self.read_file(buffer, amount),
                    _ => self.read(&mut buffer[..room]),
                };
                return taken.map(Some);
            };
            let is_last = hung_up || seen.is_all_that_fits;
            let wanted = match amount.end(&buffer[..seen.bytes]) {
                Some(at) => at + 1,
                None if is_last || half.is_stuck(seen.bytes, || self.has_room()) => seen.bytes,
                None => {
                    if self.brake.wait(None, amount.finishes(), Some(half.pause()))? != Woken::Late
                    {
                        return Ok(None);
                    }
                    continue;
                }
            };
            return self.read(&mut buffer[..wanted]).map(Some);
        }
    }
}

/// Half a line that waits in a pipe for its other half.
struct Half {
    bytes: usize,
    since: Instant,
    pause: Duration,
}

impl Default for Half {
    fn default() -> Self {
        Self { bytes: 0, since: Instant::now(), pause: LOOK_AGAIN.0 }
    }
}

impl Half {
    /// Whether it must be taken as it is, since otherwise no more of it might come.
    fn is_stuck(&mut self, bytes: usize, has_room: impl FnOnce() -> bool) -> bool {
        if bytes != self.bytes {
            *self = Self { bytes, ..Self::default() };
        }
        bytes > 0 && self.since.elapsed() > PATIENCE && !has_room()
    }

    fn pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LOOK_AGAIN.1);
        pause
    }
}

impl Kind {
    /// A pipe, where we get one of our own to look through.
    fn pipe() -> Self {
        match rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK) {
            Ok((from, into)) => Self::Pipe { from, into },
            Err(_) => Self::Other,
        }
    }
}

/// Copies what is in the pipe through one of ours, which is empty again then.
fn look_into_pipe(
    input: &OwnedFd,
    (from, into): (&OwnedFd, &OwnedFd),
    buffer: &mut [u8],
) -> Result<Seen, Errno> {
    let bytes = rustix::pipe::tee(input, into, buffer.len(), SpliceFlags::NONBLOCK)?;
    let is_all_that_fits = bytes == buffer.len() || !is_writable(into);
    let mut copied = 0;
    while copied < bytes {
        copied += rustix::io::read(from, &mut buffer[copied..bytes])?;
    }
    Ok(Seen { bytes, is_all_that_fits })
}

/// Whether a pipe has room for more.
fn is_writable(pipe: &OwnedFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut one = [PollFd::new(pipe, PollFlags::OUT)];
    poll(&mut one, Some(&now)).is_ok() && one[0].revents().contains(PollFlags::OUT)
}

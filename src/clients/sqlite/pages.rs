//! The pages of a file that SQLite itself may refuse to open, as its last whole commit left them:
//! what its log holds is laid over what the file holds.
//!
//! After <https://www.sqlite.org/fileformat2.html>. Nothing in the file is believed: whatever does
//! not fit is `None`, never a panic.

use super::identity::Identity;
use crate::error::{Error, Kind, Result};
use rustix::fs::{FlockOperation, fcntl_lock};
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// The page size of every file that we make, in bytes.
const OUR_SIZE: usize = 4096;

/// How a database begins.
const MAGIC: &[u8] = b"SQLite format 3\0";

const LOG_HEAD: usize = 32;
const FRAME_HEAD: usize = 24;

/// A file's pages. Nobody else can open the file with SQLite while this is there.
pub struct Pages {
    file: File,
    identity: Identity,
    log: Option<File>,
    size: usize,
    count: u32,
    /// The page's place in the log.
    frames: HashMap<u32, u64>,
    /// Committed frames of the log that are behind one that is not whole.
    cut_off: bool,
}

/// What follows a file's name, such as its log's.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

impl Pages {
    /// Opens a file and its log, and writes to neither. Refused as [`Kind::Unreachable`] while
    /// another process has it open.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |cause: std::io::Error| {
            Error::new(Kind::Configuration, format!("cannot open `{}`", path.display()))
                .because_of_file(cause, path)
                .hint("name the file of an embedded queue that this user may write")
        };
        // A lock that keeps others out needs the right to write; nothing is written.
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
        // Every connection of SQLite holds a lock like this on a part of the file.
        fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            Error::new(Kind::Unreachable, format!("cannot repair `{}`", path.display()))
                .because_of("another program has it open")
                .hint("end that one, then run this again")
        })?;
        let identity = Identity::in_facts(&file.metadata().map_err(failed)?);
        if Identity::of(path).map_err(failed)? != identity {
            return Err(Error::new(
                Kind::Unreachable,
                format!("cannot repair `{}`", path.display()),
            )
            .because_of("another file has taken its place in this moment")
            .hint("run this again"));
        }
        let log = match File::open(beside(path, "-wal")) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => None,
            opened => Some(opened.map_err(failed)?),
        };
        let (size, count, frames, cut_off) = (OUR_SIZE, 0, HashMap::new(), false);
        let mut pages = Self { file, identity, log, size, count, frames, cut_off };
        pages.size = pages.page_size().unwrap_or(OUR_SIZE);
        let length = pages.file.metadata().map_err(failed)?.len();
        pages.count = u32::try_from(length.div_ceil(pages.size as u64)).unwrap_or(u32::MAX);
        pages.read_log();
        Ok(pages)
    }

    /// Which file it is.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The size of a page, in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many pages there are; they are numbered from 1.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether commits are lost with a part of the log.
    pub fn cut_off(&self) -> bool {
        self.cut_off
    }

    /// The number that says what the file is for, and its version, where its head can be read.
    pub fn purpose(&self) -> Option<(i32, i32)> {
        let head = self.page(1).filter(|page| page.starts_with(MAGIC))?;
        Some((u32_at(&head, 68).cast_signed(), u32_at(&head, 60).cast_signed()))
    }

    /// A page; what is missing at its end is zeros. `None`: nothing of it is there.
    pub fn page(&self, number: u32) -> Option<Vec<u8>> {
        if let (Some(at), Some(log)) = (self.frames.get(&number), &self.log) {
            let mut page = vec![0; self.size];
            log.read_exact_at(&mut page, *at).ok()?;
            return Some(page);
        }
        let start = u64::from(number.checked_sub(1)?) * self.size as u64;
        read(&self.file, start, self.size)
    }

    /// From the head of the file, or of its log where that one is damaged.
    fn page_size(&self) -> Option<usize> {
        let head = read(&self.file, 0, 100)?;
        let from_file = head.starts_with(MAGIC).then(|| match u16_at(&head, 16) {
            1 => 65_536,
            size => usize::from(size),
        });
        let from_log = || Some(u32_at(&read(self.log.as_ref()?, 0, LOG_HEAD)?, 8) as usize);
        let fits = |size: &usize| size.is_power_of_two() && (512..=65_536).contains(size);
        from_file.filter(fits).or_else(|| from_log().filter(fits))
    }

    /// Takes the log's frames up to the last commit before the first one that is not whole.
    fn read_log(&mut self) {
        let Some(log) = &self.log else { return };
        let Some(head) = read(log, 0, LOG_HEAD) else { return };
        let Some(mut sum) = Sum::of_head(&head, self.size) else { return };
        let length = (FRAME_HEAD + self.size) as u64;
        let mut at = LOG_HEAD as u64;
        let mut uncommitted = HashMap::new();
        let mut whole = true;
        let mut frame = vec![0; FRAME_HEAD + self.size];
        while log.read_exact_at(&mut frame, at).is_ok() && frame[8..16] == head[16..24] {
            let commit = u32_at(&frame, 4);
            whole = whole && sum.fits(&frame);
            if whole {
                uncommitted.insert(u32_at(&frame, 0), at + FRAME_HEAD as u64);
            }
            if whole && commit > 0 {
                self.frames.extend(uncommitted.drain());
                self.count = self.count.max(commit);
            }
            self.cut_off |= !whole && commit > 0;
            at += length;
        }
    }
}

/// The running checksum of a log.
struct Sum {
    big_endian: bool,
    sums: (u32, u32),
}

impl Sum {
    /// `None` where this is not the head of a log with pages of this size.
    fn of_head(head: &[u8], size: usize) -> Option<Self> {
        let magic = u32_at(head, 0);
        let known = magic & !1 == 0x377f_0682 && u32_at(head, 8) as usize == size;
        let mut sum = Self { big_endian: magic & 1 == 1, sums: (0, 0) };
        sum.add(&head[..24]);
        (known && sum.sums == (u32_at(head, 24), u32_at(head, 28))).then_some(sum)
    }

    /// Whether a frame is whole and follows the ones before it.
    fn fits(&mut self, frame: &[u8]) -> bool {
        self.add(&frame[..8]);
        self.add(&frame[FRAME_HEAD..]);
        self.sums == (u32_at(frame, 16), u32_at(frame, 20))
    }

    fn add(&mut self, bytes: &[u8]) {
        let (mut a, mut b) = self.sums;
        for pair in bytes.chunks_exact(8) {
            let word = |at: usize| {
                let bytes = [pair[at], pair[at + 1], pair[at + 2], pair[at + 3]];
                if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
            };
            a = a.wrapping_add(word(0)).wrapping_add(b);
            b = b.wrapping_add(word(4)).wrapping_add(a);
        }
        self.sums = (a, b);
    }
}

/// Reads this many bytes; what is missing at the end is zeros. `None` where there are none.
fn read(file: &File, start: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut bytes[filled..], start + filled as u64) {
            Ok(0) | Err(_) => break,
            Ok(more) => filled += more,
        }
    }
    (filled > 0).then_some(bytes)
}

/// The number in two bytes; the caller knows that they are there.
pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// The number in four bytes; the caller knows that they are there.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

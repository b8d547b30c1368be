//! One file: read whole, put into the store, and made a message.

use super::SOURCE;
use super::state::{Refused, Seen, Stamp};
use crate::clients::object_store::{Failure, Store};
use crate::clock::Clock;
use crate::message::Message;
use crate::permissions;
use crate::sources::{content_type, object};
use crate::text;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// A file that was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) key: String,
    pub(super) stamp: Stamp,
    /// The digest of what was published of it before.
    pub(super) known: Option<String>,
}

/// What became of a file.
#[derive(Debug)]
pub(super) enum Taken {
    /// The file is in the store; what is to be published, and what to be remembered then.
    Put(Box<Message>, Seen),
    /// The file has the content that was published before.
    Same(Seen),
    /// The file changed while it was read.
    Changing,
    /// The file went away meanwhile, or is none.
    Gone,
    /// The file will not be taken as it is, nor later before it changes; why.
    Refused(String, Refused),
    /// The file cannot be read now; why.
    Unreadable(String),
    /// The store is not there for any.
    Failed(Failure),
}

/// How files are taken.
#[derive(Debug)]
pub(super) struct Taker {
    pub(super) store: Store,
    /// What stands before every key.
    pub(super) prefix: String,
    pub(super) max_size: u64,
    /// Read, and put nothing.
    pub(super) dry_run: bool,
    pub(super) clock: Clock,
}

impl Taker {
    /// Takes a file. It is in the store, durably, before this returns its message.
    pub(super) async fn take(&self, file: &Found) -> Taken {
        let refused = Refused { stamp: file.stamp, max_size: None };
        let (path, max, clock) = (file.path.clone(), self.max_size, self.clock.clone());
        let read = tokio::task::spawn_blocking(move || read(&path, max, &clock)).await;
        let read = match read.map_err(io::Error::other) {
            Ok(Ok(read)) => read,
            Ok(Err(Unread::Changing)) => return Taken::Changing,
            Ok(Err(Unread::Gone)) => return Taken::Gone,
            Ok(Err(Unread::TooLarge(size))) => {
                let reason = format!("it has {size} bytes, and `max-size` is {max}");
                return Taken::Refused(reason, Refused { max_size: Some(max), ..refused });
            }
            Ok(Err(Unread::Failed(cause))) | Err(cause) => {
                let why = permissions::explained(&cause, &file.path);
                return Taken::Unreadable(format!("it cannot be read: {why}"));
            }
        };
        if let Err(failure) = self.store.accepts(&file.key) {
            return Taken::Refused(failure.to_string(), refused);
        }
        let seen = Seen { stamp: read.stamp, digest: text::digest(&read.bytes) };
        if file.known.as_ref() == Some(&seen.digest) {
            return Taken::Same(seen);
        }
        let content_type = content_type::of(&file.key, &read.bytes);
        let message = self.message(&file.key, content_type, read.bytes.len(), &seen.digest);
        if self.dry_run {
            return Taken::Put(Box::new(message), seen);
        }
        match self.store.put(&file.key, read.bytes, Some(content_type)).await {
            Ok(()) => Taken::Put(Box::new(message), seen),
            Err(failure) if failure.is_the_objects() => {
                Taken::Refused(failure.to_string(), refused)
            }
            Err(failure) => Taken::Failed(failure),
        }
    }

    fn message(&self, key: &str, content_type: &str, size: usize, digest: &str) -> Message {
        let bucket = self.store.bucket();
        let body = object::body(&self.store, key, content_type, size);
        // No part holds a line feed, so that no two files have the same parts.
        let place = format!("{}\n{}", bucket.unwrap_or_default(), self.store.prefix());
        let id = text::digest(format!("{place}\n{key}\n{digest}"));
        let mut message = Message::new(id, body);
        message.attributes = BTreeMap::from([
            ("source".to_owned(), SOURCE.to_owned()),
            ("schema".to_owned(), "files.object.1".to_owned()),
        ]);
        message
    }
}

struct Whole {
    bytes: Bytes,
    stamp: Option<Stamp>,
}

enum Unread {
    Changing,
    Gone,
    TooLarge(u64),
    Failed(io::Error),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Self::Gone,
            _ => Self::Failed(error),
        }
    }
}

/// The whole content, where nothing about the file changed meanwhile.
fn read(path: &Path, max: u64, clock: &Clock) -> Result<Whole, Unread> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Unread::Gone);
    }
    let before = Stamp::of(&metadata);
    if before.size > max {
        return Err(Unread::TooLarge(before.size));
    }
    // Taken before the reading: what changes later must show in the stamp.
    let settled = before.is_settled(clock.millis());
    let mut bytes = Vec::with_capacity(usize::try_from(before.size).unwrap_or_default() + 1);
    (&file).take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    let after = Stamp::of(&file.metadata()?);
    if before != after || bytes.len() as u64 != before.size {
        return Err(Unread::Changing);
    }
    Ok(Whole { bytes: bytes.into(), stamp: settled.then_some(before) })
}

/// A pipe that has taken the place of the file does not keep us waiting for its writer.
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = rustix::fs::OFlags::NONBLOCK.bits();
    File::options().read(true).custom_flags(flags.cast_signed()).open(path)
}

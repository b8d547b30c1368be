//! `stdout:`: one line of JSON per message.
//!
//! A body that is JSON goes out as it was written, on one line; other text as a JSON string; bytes
//! that are not UTF-8 as `{"body_base64":"..."}`. `?envelope` writes the whole message instead, as
//! [`Envelope`] does. What a pipe or a file has taken counts as stored: whether its reader reads
//! it is not ours to know.

use super::{Backend, Defaults, Options, Outcome, Sink};
use crate::descriptors::Standard;
use crate::envelope::{Envelope, one_line_json};
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::message::Delivery;
use crate::preflight::Finding;
use async_trait::async_trait;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex, MutexGuard};

/// The parameters of a URL.
const PARAMETERS: &[&str] = &["envelope"];

/// The least that a file system gives at once, in bytes.
const BLOCK: u64 = 4096;

/// The kind of sink that is our standard output.
pub struct StdoutBackend;

#[async_trait]
impl Backend for StdoutBackend {
    fn parameters(&self) -> Vec<&'static str> {
        PARAMETERS.to_vec()
    }

    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Sink>> {
        open(url, options)
    }

    async fn preflight(&self, url: Location, options: &Options) -> Result<Vec<Finding>> {
        open(url, options).map(|_| vec![Finding::ok("stdout: is there")])
    }

    fn defaults(&self) -> Defaults {
        Defaults { shows: true, ..Defaults::default() }
    }
}

/// Opens the sink by its URL: `stdout:`, or `stdout:?envelope`.
pub fn open(mut url: Location, _options: &Options) -> Result<Box<dyn Sink>> {
    let envelope = url.flag("envelope")?;
    url.finish(PARAMETERS)?;
    if !url.rest().is_empty() {
        return Err(Error::new(Kind::Usage, format!("`{url}` names a file"))
            .because_of("`stdout:` has no path")
            .hint("write `stdout:` and redirect it: `> FILE`"));
    }
    // Without anybody's buffer: only so is every byte that was counted really with the reader when
    // the pipe breaks.
    let file = Standard::Output.open()?;
    let look = Standard::Output.open()?;
    Ok(Box::new(Stdout { look: Some(Arc::new(look)), ..Stdout::new(Box::new(file), envelope) }))
}

/// Whether a file that lines go to has room for more: asks for a block behind its end, which does
/// not become part of it. Of a pipe, a terminal or a file system that cannot say, nothing is known.
fn prove_room(file: &File) -> io::Result<()> {
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Ok(());
    }
    match fallocate(file, FallocateFlags::KEEP_SIZE, facts.len(), BLOCK) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::SPIPE | Errno::NODEV) => Ok(()),
        asked => Ok(asked?),
    }
}

/// Whether whoever read our standard output, a pipe, has gone: then nobody reads what a command
/// writes there either.
pub(super) fn reader_is_gone() -> bool {
    let stdout = io::stdout();
    let mut look = [PollFd::new(&stdout, PollFlags::empty())];
    let looked = poll(&mut look, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    looked.is_ok() && look[0].revents().contains(PollFlags::ERR)
}

/// A sink that writes lines to a writer.
pub struct Stdout {
    output: Arc<Mutex<Output>>,
    envelope: bool,
    /// Where the lines go, to look at; `None` where that is no file of ours.
    look: Option<Arc<File>>,
}

impl Stdout {
    /// A sink that writes lines to any writer. One that buffers makes the count of what a broken pipe
    /// took wrong.
    pub fn new(writer: Box<dyn Write + Send>, envelope: bool) -> Self {
        let output = Output { writer, closed: false, torn: false };
        Self { output: Arc::new(Mutex::new(output)), envelope, look: None }
    }

    /// Works on the writer where blocking harms nobody.
    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(MutexGuard<'_, Output>) -> T + Send + 'static,
    ) -> T {
        let output = self.output.clone();
        let work = move || work(output.lock().expect("no writer panics while it holds the output"));
        tokio::task::spawn_blocking(work).await.expect("the writing thread does not panic")
    }
}

#[async_trait]
impl Sink for Stdout {
    /// Fails where there is no room for more lines, as far as that can be known without one.
    async fn ping(&self) -> Result<()> {
        let Some(file) = self.look.clone() else { return Ok(()) };
        self.off_thread(move |_| prove_room(&file)).await.map_err(|cause| {
            Error::new(Kind::Unreachable, "cannot write to standard output")
                .because(cause)
                .hint("make room where it goes; what was not written stays in the queue")
        })
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let lines = Lines::of(batch, self.envelope);
        self.off_thread(move |mut output| output.write(&lines)).await
    }

    fn ordered(&self) -> bool {
        true
    }

    /// One write at a time: lines come out one after the other, those without a group too.
    fn at_once(&self) -> usize {
        1
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.off_thread(|_| ()).await;
        Ok(())
    }
}

/// A batch as text: all lines in one buffer, and where each one ends.
struct Lines {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Lines {
    fn of(batch: &[Delivery], envelope: bool) -> Self {
        let size: usize = batch.iter().map(|delivery| delivery.message.size() + 1).sum();
        let mut lines = Self { text: Vec::with_capacity(size), ends: Vec::new() };
        for delivery in batch {
            let written = match envelope {
                true => serde_json::to_writer(&mut lines.text, &Envelope::of(delivery)),
                false => write_body(&mut lines.text, &delivery.message.body),
            };
            written.expect("strings and a vector cannot fail to be written");
            lines.text.push(b'\n');
            lines.ends.push(lines.text.len());
        }
        lines
    }

    /// How many lines lie wholly in the first `bytes`.
    fn whole(&self, bytes: usize) -> usize {
        self.ends.partition_point(|end| *end <= bytes)
    }
}

fn write_body(line: &mut Vec<u8>, body: &[u8]) -> serde_json::Result<()> {
    if let Some(json) = one_line_json(body) {
        line.extend_from_slice(json.get().as_bytes());
        return Ok(());
    }
    match std::str::from_utf8(body) {
        Ok(text) => serde_json::to_writer(line, text),
        Err(_) => {
            line.extend_from_slice(b"{\"body_base64\":\"");
            line.extend_from_slice(BASE64_STANDARD.encode(body).as_bytes());
            line.extend_from_slice(b"\"}");
            Ok(())
        }
    }
}

/// The writer and what has become of it.
struct Output {
    writer: Box<dyn Write + Send>,
    /// The reader has gone.
    closed: bool,
    /// The last byte written is in the middle of a line.
    torn: bool,
}

impl Output {
    /// One outcome a line: those wholly written are stored, all after them share one fate.
    fn write(&mut self, lines: &Lines) -> Vec<Outcome> {
        if self.closed {
            return vec![Outcome::Closed; lines.ends.len()];
        }
        let (taken, failed) = self.take(&lines.text);
        let whole = lines.whole(taken);
        let mut outcomes = vec![Outcome::Stored; whole];
        if let Some(cause) = failed {
            self.torn |= taken > 0 && lines.text[taken - 1] != b'\n';
            outcomes.resize(lines.ends.len(), self.fate(&cause));
        }
        outcomes
    }

    /// Writes until all is taken or one write fails; tells how many bytes of the text were taken.
    fn take(&mut self, text: &[u8]) -> (usize, Option<io::Error>) {
        if self.torn {
            // What is left of a torn line must not run into the next one.
            if let Err(cause) = self.writer.write_all(b"\n") {
                return (0, Some(cause));
            }
            self.torn = false;
        }
        let mut taken = 0;
        while taken < text.len() {
            match self.writer.write(&text[taken..]) {
                Ok(0) => return (taken, Some(ErrorKind::WriteZero.into())),
                Ok(count) => taken += count,
                Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
                Err(cause) => return (taken, Some(cause)),
            }
        }
        // A writer that cannot flush may hold any of it back: then none of it counts.
        self.writer.flush().map_or_else(|cause| (0, Some(cause)), |()| (taken, None))
    }

    /// What a failure makes of the lines that were not wholly written.
    fn fate(&mut self, cause: &io::Error) -> Outcome {
        if cause.kind() == ErrorKind::BrokenPipe {
            self.closed = true;
            return Outcome::Closed;
        }
        Outcome::Unavailable(format!("cannot write to standard output: {cause}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(body: &[u8]) -> String {
        let mut line = Vec::new();
        write_body(&mut line, body).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn a_body_that_is_json_goes_out_as_it_was_written() {
        assert_eq!(line(br#"{"b":1.0,"a":12345678901234567890123}"#), {
            r#"{"b":1.0,"a":12345678901234567890123}"#
        });
        assert_eq!(line(b" [1,\r\n 2]\n"), "[1,   2]");
        assert_eq!(line(b"null"), "null");
    }

    #[test]
    fn any_other_body_goes_out_as_json_too() {
        assert_eq!(line(b"Tom's \"room\"\n"), r#""Tom's \"room\"\n""#);
        assert_eq!(line(b""), r#""""#);
        assert_eq!(line(b"{\"a\":"), r#""{\"a\":""#);
        assert_eq!(line(b"\xff\x00"), r#"{"body_base64":"/wA="}"#);
    }
}

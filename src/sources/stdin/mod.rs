//! `stdin:`: lines of JSON, published while they come.
//!
//! One thread reads, since a read of standard input can neither be awaited nor be called off. It
//! hands over what it has before every read that may block, so that `tail -f | publish` is prompt
//! without a timer, and waits when the other side is slower, so that the input is never in memory
//! as a whole.
//!
//! The thread starts with the first `read` and ends with the input, or at its next line once the
//! source is dropped. A thread that waits for input is the one thing here that is not awaited at
//! the end: the end of the process ends it. What it has read ahead by then, at most two batches, is
//! gone from the pipe and was never published: a pipe has no acknowledgements.

mod fields;
mod lines;
mod slot;

use super::{Batch, Options, Refusal, Source};
use crate::descriptors::Standard;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use async_trait::async_trait;
use fields::{Form, Parser};
use lines::Lines;
use slot::{Limits, Part, Slot};
use std::io::{self, IsTerminal as _, Read};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// The longest line, in bytes, unless `?max-line` says otherwise: the largest message that Cloud
/// Pub/Sub takes.
const MAX_LINE: usize = 10_000_000;
/// The same for `?envelope`, where base64 makes a body longer by a third.
const MAX_ENVELOPE: usize = 15_000_000;

/// Opens standard input.
///
/// `?id=FIELD` and `?group=FIELD` take the id and the group from a field of each line,
/// `?envelope` takes whole messages, `?max-line=BYTES` refuses longer lines.
///
/// # Errors
/// `Usage` where standard input is a terminal, or for a parameter that cannot be; `Configuration`
/// where it is closed: that is no empty input.
pub fn open(url: Location, options: &Options) -> Result<Box<dyn Source>> {
    let input = io::stdin();
    if input.is_terminal() {
        return Err(Error::new(Kind::Usage, "`stdin:` is a terminal")
            .because_of("messages are expected there, one line of JSON each")
            .hint("pipe them in, for instance `cat readings.jsonl | publish stdin:`"));
    }
    from_reader(url, options, Box::new(Standard::Input.open()?))
}

/// The same source on any bytes.
pub fn from_reader(
    mut url: Location,
    options: &Options,
    input: Box<dyn Read + Send>,
) -> Result<Box<dyn Source>> {
    if !url.rest().is_empty() {
        return Err(Error::new(Kind::Usage, format!("`{url}` names something after `stdin:`"))
            .hint("write `stdin:`, and redirect the file: `publish stdin: < FILE`"));
    }
    let form = form(&mut url)?;
    let max_line = max_line(&mut url, &form)?;
    url.finish(&["id", "group", "envelope", "max-line"])?;
    let limits = Limits { messages: options.batch.max(1), bytes: options.batch_bytes };
    let slot = Arc::new(Slot::new(limits));
    let reader = Reader {
        lines: Lines::new(input, max_line),
        parser: Parser::new(form, options.clock.clone()),
        limits,
        slot: slot.clone(),
    };
    Ok(Box::new(Stdin { slot, idle: Some(Box::new(reader)), thread: None }))
}

fn form(url: &mut Location) -> Result<Form> {
    let (id, group) = (url.take("id")?, url.take("group")?);
    match (url.flag("envelope")?, id, group) {
        (true, None, None) => Ok(Form::Envelope),
        (true, ..) => Err(Error::new(Kind::Usage, "`envelope` and a field are both asked for")
            .because_of("an envelope has its own id and group")
            .hint("leave `id` and `group` out, or `envelope`")),
        (false, id, group) => Ok(Form::Body { id, group }),
    }
}

fn max_line(url: &mut Location, form: &Form) -> Result<usize> {
    let default = if matches!(form, Form::Envelope) { MAX_ENVELOPE } else { MAX_LINE };
    let Some(text) = url.take("max-line")? else { return Ok(default) };
    text.parse().ok().filter(|bytes| *bytes > 0).ok_or_else(|| {
        Error::new(Kind::Usage, format!("`max-line={text}` is not a number of bytes"))
            .hint(format!("write it in digits, for instance `max-line={default}`"))
    })
}

struct Stdin {
    slot: Arc<Slot>,
    /// The reader until its thread starts.
    idle: Option<Box<Reader>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

#[async_trait]
impl Source for Stdin {
    /// What has come, as soon as anything has; to a stream the ticks are all one.
    async fn read(&mut self, _tick: u64) -> Result<Option<Batch>> {
        if let Some(reader) = self.idle.take() {
            self.thread = Some(start(reader)?);
        }
        match self.slot.take().await {
            Some(part) => Ok(Some(part.batch)),
            None => self.finish().map(|()| None),
        }
    }

    /// Nothing to do: what was read from a pipe cannot be read again.
    async fn commit(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Stdin {
    /// How the reading ended. The thread has ended or is about to, so joining it does not wait.
    fn finish(&mut self) -> Result<()> {
        match self.thread.take().map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(cause))) => Err(failed().because(cause)),
            Some(Err(_)) => Err(Error::new(Kind::Bug, "the thread that reads `stdin:` panicked")),
        }
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        self.slot.close();
    }
}

fn start(reader: Box<Reader>) -> Result<JoinHandle<io::Result<()>>> {
    thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || reader.run())
        .map_err(|cause| failed().because(cause))
}

fn failed() -> Error {
    Error::new(Kind::Failed, "cannot read `stdin:`")
}

/// The thread's own: bytes in, parts out.
struct Reader {
    lines: Lines<Box<dyn Read + Send>>,
    parser: Parser,
    limits: Limits,
    slot: Arc<Slot>,
}

impl Reader {
    /// Reads to the end of the input, or until nobody takes the parts any more.
    fn run(mut self) -> io::Result<()> {
        let mut part = Part::default();
        loop {
            let may_wait = part.len() > 0 && !self.lines.is_ready();
            if (may_wait || part.is_full(self.limits)) && !self.slot.put(std::mem::take(&mut part))
            {
                return Ok(());
            }
            if !self.read_line(&mut part)? {
                return Ok(());
            }
        }
    }

    /// Adds the next line to the part; false at the end of the input.
    fn read_line(&mut self, part: &mut Part) -> io::Result<bool> {
        let Some(line) = self.lines.next()? else { return Ok(false) };
        let parsed = match line.content {
            Ok(content) if content.trim_ascii().is_empty() => return Ok(true),
            Ok(content) => self.parser.parse(content),
            Err(reason) => Err(reason),
        };
        match parsed {
            Ok(message) => {
                part.bytes += message.size();
                part.batch.messages.push(message);
            }
            Err(reason) => {
                let place = format!("line {}", line.number);
                part.batch.refused.push(Refusal { place, reason });
            }
        }
        Ok(true)
    }
}

/// However the thread ends, also by a panic, the other side hears of it.
impl Drop for Reader {
    fn drop(&mut self) {
        self.slot.end();
    }
}

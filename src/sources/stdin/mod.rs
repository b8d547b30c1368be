//! `stdin:`: lines of JSON, published while they come.
//!
//! One thread reads, since a read of standard input can neither be awaited nor be called off. It
//! hands over what it has before every read that may block, so that `tail -f | publish` is prompt
//! without a timer, and waits when the other side is slower, so that the input is never in memory
//! as a whole.
//!
//! The thread starts with the first `read` and ends with the input, when the reading is called off,
//! or at its next line once the source is dropped. What it has read ahead by then, at most two
//! batches and a buffer, is gone from the pipe, which has no acknowledgements: `read` still gives
//! it. What it has not read stays there for the next reader, from a whole line on.

mod brake;
mod fields;
mod input;
mod lines;
mod slot;

use super::{Backend, Batch, Options, Raw, Refusal, Source, Stop};
use crate::batch::BatchLimits;
use crate::descriptors::Standard;
use crate::error::{Error, Kind, Result};
use crate::identity::Identity;
use crate::location::Location;
use async_trait::async_trait;
use brake::Brake;
use bytes::Bytes;
use fields::{Form, Names, Parser};
use input::{Descriptor, Input, Plain};
use lines::Lines;
use slot::{Part, Slot};
use std::io::{self, IsTerminal as _, Read};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// The longest line, in bytes, unless `?max-line` says otherwise: the largest message that Cloud
/// Pub/Sub takes.
const MAX_LINE: usize = 10_000_000;
/// The longest line of `?envelope`, in bytes, unless `?max-line` says otherwise: base64 makes a body
/// longer by a third.
const MAX_ENVELOPE: usize = 15_000_000;

/// The kind of source that is our standard input.
pub struct StdinBackend;

#[async_trait]
impl Backend for StdinBackend {
    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Source>> {
        open(url, options)
    }

    fn identity(&self, _url: &Location, _options: &Options) -> Result<Identity> {
        Ok(Identity::named("stdin"))
    }

    fn repeats(&self) -> bool {
        false
    }
}

/// Opens standard input.
///
/// `?id=FIELD`, `?group=FIELD` and `?tag=FIELD` take the id, the group and the tag from a field of
/// each line, `?delay=FIELD` the time for which it waits, in seconds or with a unit; `?envelope` takes whole messages, `?max-line=BYTES` refuses longer lines.
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
    let brake = brake()?;
    let input = Descriptor::new(Standard::Input.open()?.into(), brake.clone());
    let input = Box::new(input.map_err(|cause| failed().because(cause))?);
    Ok(Box::new(Stdin::new(url, options, input, brake)?))
}

/// Opens any bytes as if they were standard input. A read of theirs that waits cannot be called off:
/// what it gives after `stop` with [`Stop::Now`] is lost.
///
/// # Errors
/// `Usage` for a parameter that cannot be.
pub fn from_reader(
    url: Location,
    options: &Options,
    input: Box<dyn Read + Send>,
) -> Result<Box<dyn Source>> {
    let brake = brake()?;
    let input = Box::new(Plain { input, brake: brake.clone() });
    let mut stdin = Stdin::new(url, options, input, brake)?;
    stdin.is_woken = false;
    Ok(Box::new(stdin))
}

fn brake() -> Result<Arc<Brake>> {
    Brake::new().map(Arc::new).map_err(|cause| failed().because(cause))
}

fn reader(mut url: Location, options: &Options, input: Box<dyn Input>) -> Result<Reader> {
    if !url.rest().is_empty() {
        return Err(Error::new(Kind::Usage, format!("`{url}` names something after `stdin:`"))
            .hint("write `stdin:`, and redirect the file: `publish stdin: < FILE`"));
    }
    let form = form(&mut url)?;
    let max_line = max_line(&mut url, &form)?;
    url.finish(&["id", "group", "tag", "delay", "envelope", "max-line"])?;
    let limits = options.limits();
    Ok(Reader {
        lines: Lines::new(input, max_line),
        parser: Parser::new(form, options.ids, options.clock.clone()),
        limits,
        slot: Arc::new(Slot::new(limits)),
    })
}

fn form(url: &mut Location) -> Result<Form> {
    let names = Names {
        id: url.take("id")?,
        group: url.take("group")?,
        tag: url.take("tag")?,
        delay: url.take("delay")?,
    };
    match (url.flag("envelope")?, names.is_empty()) {
        (true, true) => Ok(Form::Envelope),
        (true, false) => Err(Error::new(Kind::Usage, "`envelope` and a field are both asked for")
            .because_of("an envelope has its own id, group, tag and `not_before`")
            .hint("leave `id`, `group`, `tag` and `delay` out, or `envelope`")),
        (false, _) => Ok(Form::Body(names)),
    }
}

fn max_line(url: &mut Location, form: &Form) -> Result<usize> {
    let default = if matches!(form, Form::Envelope) { MAX_ENVELOPE } else { MAX_LINE };
    Ok(url.bytes("max-line", 1..=usize::MAX)?.unwrap_or(default))
}

struct Stdin {
    slot: Arc<Slot>,
    /// The reader until its thread starts.
    idle: Option<Box<Reader>>,
    thread: Option<JoinHandle<io::Result<()>>>,
    brake: Arc<Brake>,
    /// A read that waits ends when it is called off.
    is_woken: bool,
}

#[async_trait]
impl Source for Stdin {
    /// What has come, as soon as anything has; to a stream the ticks are all one.
    async fn read(&mut self, _tick: u64) -> Result<Option<Batch>> {
        if let Some(reader) = self.idle.take() {
            self.thread = Some(start(reader)?);
        }
        match self.slot.take().await {
            Some(batch) => Ok(Some(batch)),
            None => self.finish().map(|()| None),
        }
    }

    /// Nothing to do: what was read from a pipe cannot be read again.
    async fn commit(&mut self, _batch: u64) -> Result<()> {
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn stop(&mut self, how: Stop) {
        self.brake.pull(how);
        // Where nothing was read yet, nothing will be.
        self.idle = None;
        if how == Stop::Now && !self.is_woken {
            self.thread = None;
            self.slot.end();
        }
    }

    /// An empty input is one that ends.
    fn nothing(&self) -> Option<String> {
        None
    }
}

impl Stdin {
    fn new(
        url: Location,
        options: &Options,
        input: Box<dyn Input>,
        brake: Arc<Brake>,
    ) -> Result<Self> {
        let reader = reader(url, options, input)?;
        let (slot, thread) = (reader.slot.clone(), None);
        Ok(Self { slot, idle: Some(Box::new(reader)), thread, brake, is_woken: true })
    }

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
    lines: Lines,
    parser: Parser,
    limits: BatchLimits,
    slot: Arc<Slot>,
}

impl Reader {
    /// Reads to the end of the input, or until nobody takes the parts any more.
    fn run(mut self) -> io::Result<()> {
        let mut part = Part::new(self.limits);
        loop {
            let may_wait = !part.is_empty() && !self.lines.is_ready();
            if (may_wait || part.is_full())
                && !self.slot.put(std::mem::replace(&mut part, Part::new(self.limits)))
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
                let batch = part.add(message.size());
                batch.messages.push(message);
                batch.lines.push(line.number);
            }
            Err(reason) => {
                let position = format!("line {}", line.number);
                let bytes = Bytes::copy_from_slice(line.raw);
                let batch = part.add(bytes.len());
                let raw = Some(Raw { bytes, length: line.length, cut: line.cut });
                batch.refused.push(Refusal { position, reason, raw });
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

//! Lines of JSON from a descriptor, as messages, while they come.
//!
//! One thread reads, since a read of a pipe can neither be awaited nor be called off. It hands over
//! what it has before every read that may block, so that a slow writer's lines are published without
//! a timer, and waits when the other side is slower, so that the input is never in memory as a whole.
//!
//! The thread starts with the first `read` and ends with the input, when the reading is called off,
//! or at its next line once the stream is dropped. What it has read ahead by then, at most two
//! batches and a buffer, is gone from the pipe, which has no acknowledgements: `read` still gives
//! it. What it has not read stays there for the next reader, from a whole line on.

mod brake;
pub(super) mod input;
mod slot;
mod splitter;

pub(super) use brake::Brake;

use super::fields::{Form, Names, Parser};
use super::{Batch, Options, Raw, Refusal, Stop};
use crate::batch::BatchLimits;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use bytes::Bytes;
use input::Input;
use slot::{Part, Slot};
use splitter::Splitter;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// The longest line, in bytes, unless `?max-line` says otherwise: the largest message that Cloud
/// Pub/Sub takes.
const MAX_LINE: usize = 10_000_000;
/// The longest line of `?envelope`, in bytes, unless `?max-line` says otherwise: base64 makes a body
/// longer by a third.
const MAX_ENVELOPE: usize = 15_000_000;

/// The parameters that [`LineForm::take`] takes out of a URL.
pub(super) const PARAMETERS: &[&str] = &["id", "group", "tag", "delay", "envelope", "max-line"];

/// What each line is, and how long it may be.
pub(super) struct LineForm {
    form: Form,
    max_line: usize,
}

impl LineForm {
    /// Reads `id=FIELD`, `group=FIELD`, `tag=FIELD`, `delay=FIELD`, `envelope` and `max-line=BYTES`.
    ///
    /// # Errors
    /// `Usage` for a parameter that cannot be.
    pub(super) fn take(url: &mut Location) -> Result<Self> {
        let form = form(url)?;
        let default = if matches!(form, Form::Envelope) { MAX_ENVELOPE } else { MAX_LINE };
        let max_line = url.bytes("max-line", 1..=usize::MAX)?.unwrap_or(default);
        Ok(Self { form, max_line })
    }

    /// Bodies without a field that means anything to us.
    pub(super) fn plain() -> Self {
        Self { form: Form::Body(Names::default()), max_line: MAX_LINE }
    }

    /// What makes messages of such lines.
    pub(super) fn parser(&self, options: &Options) -> Parser {
        Parser::new(self.form.clone(), options.ids, options.clock.clone())
    }
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

/// Lines on their way from an input.
pub(super) struct LineStream {
    /// What the user calls the input.
    name: String,
    slot: Arc<Slot>,
    /// The reader until its thread starts.
    idle: Option<Box<Reader>>,
    thread: Option<JoinHandle<io::Result<()>>>,
    brake: Arc<Brake>,
    /// A read that waits ends when it is called off.
    is_woken: bool,
}

impl LineStream {
    /// Lines of an input of this name, which the brake calls off: at once, where it `is_woken`.
    pub(super) fn new(
        name: impl Into<String>,
        form: &LineForm,
        options: &Options,
        (input, brake): (Box<dyn Input>, Arc<Brake>),
        is_woken: bool,
    ) -> Self {
        let limits = options.limits();
        let slot = Arc::new(Slot::new(limits));
        let lines = Splitter::new(input, form.max_line);
        let reader = Reader { lines, parser: form.parser(options), limits, slot: slot.clone() };
        let idle = Some(Box::new(reader));
        Self { name: name.into(), slot, idle, thread: None, brake, is_woken }
    }

    /// What has come, as soon as anything has; `None` at the end. Cancel-safe.
    pub(super) async fn read(&mut self) -> Result<Option<Batch>> {
        if let Some(reader) = self.idle.take() {
            self.thread = Some(start(reader).map_err(|cause| self.failed().because(cause))?);
        }
        match self.slot.take().await {
            Some(batch) => Ok(Some(batch)),
            None => self.finish().map(|()| None),
        }
    }

    /// Calls off the reading.
    pub(super) fn stop(&mut self, how: Stop) {
        self.brake.pull(how);
        // Where nothing was read yet, nothing will be.
        self.idle = None;
        if how == Stop::Now && !self.is_woken {
            self.thread = None;
            self.slot.end();
        }
    }

    /// How the reading ended. The thread has ended or is about to, so joining it does not wait.
    fn finish(&mut self) -> Result<()> {
        match self.thread.take().map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(cause))) => Err(self.failed().because(cause)),
            Some(Err(_)) => {
                Err(Error::new(Kind::Bug, format!("the thread that reads {} panicked", self.name)))
            }
        }
    }

    fn failed(&self) -> Error {
        Error::new(Kind::Failed, format!("cannot read {}", self.name))
    }
}

impl Drop for LineStream {
    fn drop(&mut self) {
        self.slot.close();
    }
}

fn start(reader: Box<Reader>) -> io::Result<JoinHandle<io::Result<()>>> {
    thread::Builder::new().name("lines".to_owned()).spawn(move || reader.run())
}

/// The thread's own: bytes in, parts out.
struct Reader {
    lines: Splitter,
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

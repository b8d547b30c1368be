//! `nature-remo:`: readings of the sensors in Nature's Remo, from Nature's cloud.
//!
//! One `GET /1/devices` a tick: it gives every device of the account with the newest event of each
//! of its sensors. `?mode=snapshot` makes a message of each device, `?mode=changes` of each event
//! that was not published before. `?meter` asks for the appliances, too, and makes a message of each
//! smart meter.
//!
//! Attributes of a message: `source` (`nature-remo`), `schema` (`nature-remo.snapshot.1`,
//! `nature-remo.change.1` or `nature-remo.meter.1`), `device_id`, and for a change `kind` and the
//! device's `name`.

mod api;
mod backend;
mod changes;
mod device;
mod meter;
mod options;
mod quantity;
mod snapshot;
mod state;

pub use crate::clients::http::Limits;
pub use backend::NatureRemoBackend;

use super::polling::Uncommitted;
use super::{Batch, Options, Refusal, Source, Stop, state_file};
use crate::batch::{BatchBuilder, BatchLimits};
use crate::clients::http;
use crate::clock::Clock;
use crate::error::Result;
use crate::identity;
use crate::location::Location;
use crate::message::Message;
use crate::text;
use api::Api;
use async_trait::async_trait;
use changes::Fault;
use chrono::DateTime;
use chrono_tz::Tz;
use device::Device;
use meter::Meter;
use options::NatureRemoOptions;
use secrecy::{ExposeSecret as _, SecretString};
use state::{Memory, Seen};
use std::collections::VecDeque;
use std::path::PathBuf;

/// Nature's own address.
const ENDPOINT: &str = "https://api.nature.global";
const SOURCE: &str = "nature-remo";

/// Opens the API with the token of `NATURE_REMO_TOKEN` or `NATURE_REMO_TOKEN_FILE`.
///
/// `?mode=snapshot|changes`, `?group=device` orders by device, `?meter` reads smart meters, too, `?endpoint=URL` (or
/// `NATURE_REMO_ENDPOINT`) asks another server, `?state=FILE` is where `changes` remembers.
///
/// # Errors
/// `Usage` for an unknown parameter or value; `Configuration` for a token that is missing or
/// cannot be one, an endpoint that would show it, or a state file that is not ours.
pub fn open(url: Location, options: &Options) -> Result<Box<dyn Source>> {
    open_with(url, options, Limits::default())
}

/// Opens the API as [`open`] does, with other limits.
pub fn open_with(url: Location, options: &Options, limits: Limits) -> Result<Box<dyn Source>> {
    Ok(Box::new(prepare(url, options, limits)?))
}

fn prepare(url: Location, options: &Options, limits: Limits) -> Result<NatureRemo> {
    let parsed = NatureRemoOptions::of(url)?;
    let NatureRemoOptions { wants_changes, grouped, meter, endpoint, state } = parsed;
    let endpoint = match (&endpoint, options.environment.get("NATURE_REMO_ENDPOINT")?) {
        (Some(text), _) => http::parse_endpoint("`endpoint` of `nature-remo:`", text)?,
        (None, Some(text)) => http::parse_endpoint("`NATURE_REMO_ENDPOINT`", text)?,
        (None, None) => http::parse_endpoint("the endpoint", ENDPOINT)?,
    };
    let token = api::needed_token(&options.environment)?;
    let mode = if wants_changes {
        let path = state.unwrap_or_else(|| default_state(options, &endpoint, &token));
        Mode::Changes(Memory::open(path)?)
    } else {
        Mode::Snapshot
    };
    Ok(NatureRemo {
        api: Api::new(&endpoint, &token, limits, options)?,
        mode,
        grouped,
        meter,
        timezone: options.timezone,
        clock: options.clock.clone(),
        limits: options.limits(),
        ready: VecDeque::new(),
        uncommitted: Uncommitted::new(),
        due: VecDeque::new(),
        nothing: None,
        stopped: false,
    })
}

/// What an answer of `GET /1/devices` is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A message per device.
    Snapshot,
    /// A message per event.
    Changes,
}

/// The messages of an answer that came at this time, in one batch; nothing is asked, and nothing
/// remembered.
///
/// # Errors
/// An answer that is not a list of devices.
pub fn parse(answer: &str, form: Form, request_at: DateTime<Tz>) -> Result<Batch> {
    let mut pieces = Pieces::new(BatchLimits { count: usize::MAX, bytes: usize::MAX });
    pieces.fill(answer, form, request_at, |_| false)?;
    Ok(pieces.finish().pop_front().unwrap_or_default().batch)
}

/// The default state file: one for each account and server, and its name tells neither.
fn default_state(options: &Options, endpoint: &url::Url, token: &SecretString) -> PathBuf {
    let file = |endpoint: &str| {
        let name = text::short_name(format!("{endpoint}\n{}", token.expose_secret()));
        options.data_dir.join(format!("nature-remo-{name}.json"))
    };
    // Older versions knew the endpoint as it was spelled.
    let older = identity::spellings(endpoint.as_str());
    let slashed = older.iter().map(|it| format!("{}/", it.trim_end_matches('/')));
    let older: Vec<_> = older.iter().cloned().chain(slashed).map(|it| file(&it)).collect();
    state_file::renamed(file(&identity::endpoint(endpoint.as_str())), older.into_iter())
}

/// What Nature's API is asked.
#[derive(Debug, Clone, Copy)]
enum Question {
    Devices,
    Meters,
}

enum Mode {
    Snapshot,
    Changes(Memory),
}

struct NatureRemo {
    api: Api,
    mode: Mode,
    grouped: bool,
    /// Smart meters are read, too.
    meter: bool,
    timezone: Tz,
    clock: Clock,
    limits: BatchLimits,
    /// Batches of the last poll that were not read yet.
    ready: VecDeque<Piece>,
    uncommitted: Uncommitted<Vec<Seen>>,
    /// What is still to be asked in this tick.
    due: VecDeque<Question>,
    /// Why the last poll gave nothing.
    nothing: Option<String>,
    /// Nothing is asked any more.
    stopped: bool,
}

/// A batch, and what its commit is to remember.
#[derive(Default)]
struct Piece {
    batch: Batch,
    seen: Vec<Seen>,
}

impl Piece {
    fn is_empty(&self) -> bool {
        self.batch.messages.is_empty() && self.batch.refused.is_empty()
    }
}

#[async_trait]
impl Source for NatureRemo {
    async fn read(&mut self, tick: u64) -> Result<Option<Batch>> {
        if self.uncommitted.begins(tick) {
            self.due = VecDeque::from([Question::Devices]);
            self.due.extend(self.meter.then_some(Question::Meters));
        }
        while self.ready.is_empty()
            && !self.stopped
            && let Some(question) = self.due.front().copied()
        {
            let answer = self.poll(question).await;
            // A question that failed is not asked again in this tick, nor is one behind it.
            self.due.pop_front();
            self.ready = answer?;
        }
        let piece = self.ready.pop_front();
        Ok(piece.map(|piece| self.uncommitted.hand_over(piece.batch, piece.seen)))
    }

    async fn commit(&mut self, batch: u64) -> Result<()> {
        if let (Some(seen), Mode::Changes(memory)) = (self.uncommitted.known(batch), &mut self.mode)
        {
            memory.remember(seen).await?;
        }
        self.uncommitted.take(batch);
        Ok(())
    }

    /// A commit is on disk when it returns.
    async fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn stop(&mut self, _how: Stop) {
        self.stopped = true;
    }

    fn nothing(&self) -> Option<String> {
        self.nothing.clone()
    }
}

impl NatureRemo {
    async fn poll(&mut self, question: Question) -> Result<VecDeque<Piece>> {
        match question {
            Question::Devices => self.poll_devices().await,
            Question::Meters => self.poll_meters().await,
        }
    }

    async fn poll_meters(&mut self) -> Result<VecDeque<Piece>> {
        let request_at = self.clock.now().with_timezone(&self.timezone);
        let answer = self.api.appliances().await?;
        let mut pieces = Pieces::new(self.limits);
        pieces.grouped = self.grouped;
        match &self.mode {
            Mode::Snapshot => {
                pieces.fill_meters(&answer, |meter| Some((meter.snapshot(request_at), None)))?
            }
            Mode::Changes(memory) => pieces.fill_meters(&answer, |meter| {
                let (message, seen) = meter.change()?;
                (!memory.knows(&seen)).then_some((message, Some(seen)))
            })?,
        }
        Ok(pieces.finish())
    }

    async fn poll_devices(&mut self) -> Result<VecDeque<Piece>> {
        let request_at = self.clock.now().with_timezone(&self.timezone);
        let answer = self.api.devices().await?;
        let mut pieces = Pieces::new(self.limits);
        pieces.grouped = self.grouped;
        match &self.mode {
            Mode::Snapshot => pieces.fill(&answer, Form::Snapshot, request_at, |_| false)?,
            Mode::Changes(memory) => {
                pieces.fill(&answer, Form::Changes, request_at, |seen| memory.knows(seen))?;
            }
        }
        self.nothing = pieces.nothing();
        Ok(pieces.finish())
    }
}

/// Fills batches to their bounds.
struct Pieces {
    /// Each message is in the group of its device.
    grouped: bool,
    full: VecDeque<Piece>,
    last: BatchBuilder<Piece>,
    /// Devices in the answer.
    devices: usize,
    /// Events of these, known ones included.
    events: usize,
}

impl Pieces {
    fn new(limits: BatchLimits) -> Self {
        let (full, last) = (VecDeque::new(), BatchBuilder::new(limits));
        Self { grouped: false, full, last, devices: 0, events: 0 }
    }

    /// All that an answer holds, but for the events that are known.
    fn fill(
        &mut self,
        answer: &str,
        form: Form,
        request_at: DateTime<Tz>,
        knows: impl Fn(&Seen) -> bool,
    ) -> Result<()> {
        let devices = device::list(answer, "devices")?;
        let count = devices.len();
        self.devices = count;
        for (at, device) in devices.into_iter().enumerate() {
            let position = format!("device {} of {count}", at + 1);
            match (device::parse(device), form) {
                (Err(reason), _) => self.refuse(Refusal { position, reason, raw: None }),
                (Ok(device), Form::Snapshot) => {
                    self.add(snapshot::message(&device, request_at), &device.id, None);
                }
                (Ok(device), Form::Changes) => self.add_events(&device, &position, &knows),
            }
        }
        Ok(())
    }

    fn add_events(&mut self, device: &Device<'_>, position: &str, knows: impl Fn(&Seen) -> bool) {
        for change in changes::of(device) {
            self.events += 1;
            match change.map(|change| (change.seen(), change)) {
                Ok((seen, _)) if knows(&seen) => {}
                Ok((seen, change)) => self.add(change.message(), &device.id, Some(seen)),
                Err((event, Fault::NotYet(what))) => {
                    let device_id = &device.id;
                    tracing::warn!(device_id, "event `{event}` has {what} yet, and is skipped");
                }
                Err((event, Fault::Unusable(reason))) => {
                    let position = format!("{position}, event `{event}`");
                    self.refuse(Refusal { position, reason: reason.to_owned(), raw: None });
                }
            }
        }
    }

    /// All smart meters that an answer holds, but for those of which nothing new is known.
    fn fill_meters(
        &mut self,
        answer: &str,
        message: impl Fn(&Meter) -> Option<(Message, Option<Seen>)>,
    ) -> Result<()> {
        let appliances = device::list(answer, "appliances")?;
        let count = appliances.len();
        for (at, appliance) in appliances.into_iter().enumerate() {
            match meter::parse(appliance) {
                Ok(Some(meter)) if !meter.is_silent() => {
                    if let Some((message, seen)) = message(&meter) {
                        self.add(message, meter.group(), seen);
                    }
                }
                Ok(_) => {}
                Err(reason) => {
                    let position = format!("appliance {} of {count}", at + 1);
                    self.refuse(Refusal { position, reason, raw: None });
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, mut message: Message, group: &str, seen: Option<Seen>) {
        message.group = self.grouped.then(|| group.to_owned());
        if self.last.is_full() {
            self.full.push_back(self.last.take());
        }
        let piece = self.last.add(message.size());
        piece.batch.messages.push(message);
        piece.seen.extend(seen);
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.last.content_mut().batch.refused.push(refusal);
    }

    /// Why there is nothing at all, if so. Of a snapshot each device is something.
    fn nothing(&self) -> Option<String> {
        let no_events = self.full.is_empty() && self.last.content().is_empty() && self.events == 0;
        match self.devices {
            0 => Some("the account has no devices".to_owned()),
            devices if no_events => Some(format!("none of {devices} devices has any event")),
            _ => None,
        }
    }

    fn finish(mut self) -> VecDeque<Piece> {
        let last = self.last.into_content();
        if !last.is_empty() {
            self.full.push_back(last);
        }
        self.full
    }
}

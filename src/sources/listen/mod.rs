//! `listen:ADDRESS:PORT/PATH`: an HTTP server, and a message of each request.
//!
//! A POST brings JSON, one value or lines of it; with `?store=URL` a file, which is put into an object
//! store, and the message tells of it. A request is answered once its messages are safe: 201 when the
//! queue has them, 202 when the spool does, 503 where neither took them. `Idempotency-Key` becomes
//! the id, so that a client which has not heard the answer may ask again.

mod answer;
mod backend;
mod json_body;
mod key;
mod options;
mod requests;
mod upload;

pub use backend::ListenBackend;
pub use upload::{Part, parts};

use super::{Batch, Fate, Options, Source, Stop};
use crate::batch::{BatchBuilder, BatchLimits};
use crate::error::{Error, Kind, Result};
use crate::http_server::Server;
use crate::location::Location;
use crate::message::Message;
use async_trait::async_trait;
use options::ListenOptions;
use requests::Requests;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

const SOURCE: &str = "listen";
/// How many requests may wait to be read.
const WAITING: usize = 1024;
/// How long the last answers may take to go out, once all of them are known.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// The messages of one request, and who waits to hear what becomes of them.
struct Letter {
    messages: Vec<Message>,
    reply: oneshot::Sender<Vec<Fate>>,
}

/// Who waits to hear what becomes of so many messages of a batch.
type Sender = (usize, oneshot::Sender<Vec<Fate>>);

/// Takes the address, and opens the store where there is one; clients that connect wait until the
/// first read.
async fn open(url: Location, options: &Options) -> Result<Listen> {
    let parsed = ListenOptions::of(url, options)?;
    let (inbox, letters) = mpsc::channel(WAITING);
    let server = Server::bind(parsed.server()).await?;
    let address = format!("http://{}{}", server.address(), parsed.path);
    let requests = Requests::new(parsed, options, inbox).await?;
    let stop = CancellationToken::new();
    Ok(Listen {
        idle: Some((server, Arc::new(requests))),
        address,
        letters,
        serving: None,
        _drop: stop.clone().drop_guard(),
        stop,
        cut: CancellationToken::new(),
        waiting: BTreeMap::new(),
        read: 0,
        limits: options.limits(),
        dry_run: options.dry_run,
    })
}

/// A server as a source.
struct Listen {
    /// The server before the first read.
    idle: Option<(Server, Arc<Requests>)>,
    address: String,
    letters: mpsc::Receiver<Letter>,
    serving: Option<JoinHandle<()>>,
    /// No further connection is taken.
    stop: CancellationToken,
    /// What is being served is cut off.
    cut: CancellationToken,
    _drop: DropGuard,
    /// Who waits for what becomes of a batch, by its number.
    waiting: BTreeMap<u64, Vec<Sender>>,
    /// How many batches were read so far: the number of the next one.
    read: u64,
    limits: BatchLimits,
    dry_run: bool,
}

impl Listen {
    /// Begins to serve.
    fn begin(&mut self) {
        let Some((server, requests)) = self.idle.take() else { return };
        if self.stop.is_cancelled() {
            return;
        }
        tracing::info!("listening on {}", self.address);
        let router = requests::router(requests, &server.guard());
        let (stop, cut) = (self.stop.clone(), self.cut.clone());
        self.serving = Some(tokio::spawn(async move {
            let (stop, cut) = (stop.cancelled_owned(), cut.cancelled_owned());
            server.serve_until(router, stop, cut).await;
        }));
    }

    /// Makes a batch of a letter and of what else is there.
    fn batch(&mut self, first: Letter) -> Batch {
        let mut batch = BatchBuilder::<Batch>::new(self.limits);
        let mut senders = Vec::new();
        let mut next = Some(first);
        while let Some(Letter { messages, reply }) = next {
            let bytes = messages.iter().map(Message::size).sum();
            senders.push((messages.len(), reply));
            batch.add_all(messages.len(), bytes).messages.extend(messages);
            next = if batch.is_full() { None } else { self.letters.try_recv().ok() };
        }
        let number = self.read;
        self.read += 1;
        // Of a dry run nobody tells what became of it.
        if !self.dry_run {
            self.waiting.insert(number, senders);
        }
        Batch { number, ..batch.into_content() }
    }
}

#[async_trait]
impl Source for Listen {
    /// What has come, as soon as anything has; `None` once the server has stopped.
    async fn read(&mut self, _tick: u64) -> Result<Option<Batch>> {
        self.begin();
        let letter = self.letters.recv().await;
        if let Some(serving) = self.serving.as_mut().filter(|_| letter.is_none()) {
            let served = serving.await;
            self.serving = None;
            served.map_err(|cause| Error::new(Kind::Bug, "the server broke").because(cause))?;
        }
        Ok(letter.map(|letter| self.batch(letter)))
    }

    fn told(&mut self, batch: u64, fates: Vec<Fate>) {
        let mut fates = fates.into_iter();
        for (count, reply) in self.waiting.remove(&batch).unwrap_or_default() {
            // A client that has gone hears nothing, and may ask again.
            let _ = reply.send(fates.by_ref().take(count).collect());
        }
    }

    fn answers(&self) -> bool {
        true
    }

    /// Nothing to do: whoever sent it was told.
    async fn commit(&mut self, _batch: u64) -> Result<()> {
        Ok(())
    }

    /// Ends the server: there is one tick. Who was told nothing by now hears that nothing was taken.
    async fn flush(&mut self) -> Result<()> {
        self.stop(Stop::Now);
        self.waiting.clear();
        let Some(mut serving) = self.serving.take() else { return Ok(()) };
        if tokio::time::timeout(LAST_ANSWERS, &mut serving).await.is_err() {
            self.cut.cancel();
            let ended = serving.await;
            tracing::debug!(?ended, "the server was cut off");
        }
        Ok(())
    }

    /// The requests that are being served are finished, or hear that nothing was taken.
    fn stop(&mut self, how: Stop) {
        self.stop.cancel();
        self.idle = None;
        if how == Stop::Now {
            self.letters.close();
        }
    }

    fn nothing(&self) -> Option<String> {
        None
    }
}

//! The command line of `publish`.

mod when;

use super::bodies::Bodies;
use super::names::QueueName;
use super::watched::Watched;
use super::{
    Basics, CLOSING, Common, Context, OnFailure, Program, SummaryForm, positive, show, timezone,
    urls,
};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::identity::FileIdentity;
use crate::location::Location;
use crate::publish::{LazyQueue, Plan, Reshaped};
use crate::queues::{Publisher as _, Side};
use crate::sources::Source;
use crate::spool::{self, Spool};
use crate::transform::{MOST_VALUES, Transform};
use crate::{queues, report, sources, units};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a queue may take to close after a failure, which is the thing to tell, where nobody is in
/// a hurry.
const CLOSE: Duration = Duration::from_secs(1);

const EXAMPLES: &str = "\
Examples:
  A sensor's readings, as lines of JSON, into the embedded queue:
    echo '{\"te\":21.5}' | publish --to sqlite:queue.db
  With an id of its own a line is stored once, however often it is published:
    echo '{\"id\":\"a\",\"te\":21.5}' | publish 'stdin:?id=id' --to sqlite:queue.db
  Nature Remo's readings to Cloud Pub/Sub, every five minutes:
    NATURE_REMO_TOKEN_FILE=token publish nature-remo: \\
      --to pubsub://my-project/readings --every '0 */5 * * * *'
  What a JSON API says, and what a command prints, every five minutes:
    publish 'https://api.example/air?items=/data&id=/id' --every '*/5 * * * *'
    publish --every '*/5 * * * *' -- cat /sys/class/thermal/thermal_zone0/temp
  Uploads, answered once the store and the queue have them:
    publish 'listen:127.0.0.1:8080/upload?store=file:photos'";

/// The arguments of `publish`.
#[derive(Debug, Args)]
pub struct Publish {
    /// `stdin:`, `nature-remo:`, `files:GLOB`, `sql:URL`, `https://...`, `listen:...`
    ///
    /// Where to read: `stdin:`, the default (lines of JSON; `?id=FIELD`, `?group=FIELD`,
    /// `?tag=FIELD`, `?delay=FIELD`, `?envelope`),
    /// `nature-remo:` (`?mode=changes`, `?group=device`, `?meter`), `files:GLOB?store=URL` (each
    /// file into `file:FOLDER`, `s3://BUCKET`, `gs://BUCKET` or `az://CONTAINER`; `?watch`),
    /// `https://HOST/PATH` or `http://HOST/PATH` (a JSON API; `?items=`, `?id=`, `?group=`, `?at=`,
    /// each a pointer such as `/data`), `exec:PROGRAM` (what it prints, as `stdin:` takes it; `?timeout=TIME`),
    /// `sql:postgres://HOST/DB?query=SQL`, `sql:mysql://HOST/DB`, `sql:sqlite:PATH` (a message per
    /// row; `?query-file=FILE`, `?id=COLUMNS`, `?at=COLUMN`, `?ahead=TIME`, `?overlap=TIME`,
    /// `?zones=SQL`, `?state=FILE`) or `listen:ADDRESS:PORT/PATH` (requests, answered once the queue
    /// has them; `?store=URL` for files)
    #[arg(value_name = "SOURCE")]
    source: Option<String>,

    /// A command as the source, run once a tick: it prints lines of JSON
    ///
    /// Its parameters stand before it: `publish 'exec:?id=id' -- COMMAND`. What was read is published
    /// however it ends; where that is not with 0, the run ends with 69.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,

    /// The queue. Default: `$KAKEHI_QUEUE`, else `sqlite:`
    ///
    /// `sqlite:PATH?queue=NAME`, `pubsub://PROJECT/TOPIC`, `sqs:NAME` or
    /// `redis://HOST/DB?namespace=NAME&job=NAME`, by TLS `rediss:`, by sentinels
    /// `redis+sentinel://HOST,HOST/MASTER/DB` or `rediss+sentinel:`. Where it is `sqlite:`, the file
    /// is in the user's data folder.
    #[arg(long, value_name = "QUEUE")]
    to: Option<String>,

    #[command(flatten)]
    name: QueueName,

    #[command(flatten)]
    bodies: Bodies,

    /// Stay, and read the source at these times
    ///
    /// A cron expression of five fields, or of six with the seconds first, in `--timezone`; `@hourly`,
    /// `@daily`, `@weekly`, `@monthly` or `@yearly`; or `@every 90m`: each time that 90 minutes are
    /// over since 1970, whenever the program was started.
    #[arg(long, value_name = "CRON")]
    every: Option<String>,

    /// Make one pass as if it were this time, RFC 3339
    ///
    /// For a source that reads by the time of day, `sql:`: `--at 2026-11-26T17:53:00+09:00` reads
    /// what a tick at that time would.
    #[arg(long, value_name = "TIME", value_parser = when::time, conflicts_with = "every")]
    #[arg(hide_short_help = true)]
    at: Option<DateTime<Utc>>,

    /// Make the topic where it is missing
    ///
    /// Where it has no subscription, one of its name is made as well.
    #[arg(long)]
    create: bool,

    /// Read the source, show its messages and publish nothing
    ///
    /// A line of JSON for each message on stdout, as `stdin:?envelope` reads it.
    #[arg(long)]
    dry_run: bool,

    /// At most this many messages in a batch
    #[arg(long, value_name = "N", default_value = "1000", value_parser = positive)]
    batch: usize,

    /// The time zone of readings and of `--every`, an IANA name. Default: Asia/Tokyo, in whose time
    /// `request_at` of Nature Remo is
    #[arg(long, value_name = "ZONE", hide_short_help = true, value_parser = timezone::parse)]
    timezone: Option<Tz>,

    /// How long the queue may take for a message before it counts as not published
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::duration)]
    #[arg(hide_short_help = true)]
    publish_timeout: Duration,

    /// Keep what the queue cannot take in this file
    ///
    /// What was kept is sent before anything else when the queue is back. Default: `spool.db` in the
    /// user's data folder.
    #[arg(long, value_name = "PATH")]
    spool: Option<PathBuf>,

    /// Keep nothing: fail where the queue cannot take it
    #[arg(long, conflicts_with = "spool")]
    no_spool: bool,

    #[command(flatten)]
    common: Common,
}

impl Program for Publish {
    const PROGRAM: Option<report::Program> = Some(report::Program::Publish);
    const NAME: &'static str = "publish";
    const ABOUT: &'static str = "publish pours a source into a queue";
    const EXAMPLES: &'static str = EXAMPLES;

    fn basics(&self) -> &Basics {
        &self.common.basics
    }

    fn summary(&self) -> SummaryForm {
        self.common.summary
    }

    fn shows_data(&self, _environment: &Environment) -> bool {
        self.dry_run
    }

    fn metrics(&self) -> Option<&Path> {
        self.common.metrics.metrics.as_deref()
    }

    fn grace(&self) -> Duration {
        self.common.grace
    }

    fn last_moment(&self) -> Duration {
        CLOSING
    }

    async fn run(self, context: &Context) -> Result<()> {
        let environment = &context.environment;
        let source_url = self.source_url()?;
        let queue_url = super::url_or(self.to.as_deref(), "KAKEHI_QUEUE", environment)?;
        let queue_url = self.name.add(queue_url)?;
        let schedule = self.schedule(&source_url, environment)?;
        self.refuse_idle_time(&source_url)?;
        let time = ("--publish-timeout", self.publish_timeout);
        let transform = self.bodies.transform(MOST_VALUES, time)?;
        let ends = [&source_url, &queue_url];
        let data_dir = super::data_dir(environment, &ends)?;
        let options = self.queue_options(context, data_dir.clone());
        context.say_ends(source_url.describe(), queues::describe(&queue_url, Side::Into, &options));
        let wait = !sources::repeats(&source_url);
        let reading = self.source_options(context, data_dir, &queue_url);
        let identities = async {
            let from = sources::identity(&source_url, &reading)?;
            Ok([from, queues::identity(&queue_url, Side::Into, &options).await?])
        };
        let lock = super::lock::hold(&self.common, Self::NAME, identities, wait, context).await?;
        let super::lock::Locked::Yes(_lock) = lock else { return Ok(()) };
        if self.common.tells_first(self.stays(&source_url) || self.dry_run) {
            let from = sources::identity(&source_url, &reading)?;
            let into = queues::key(&queue_url, &options)?;
            context.tell_first_failures(Self::NAME, [from.name(), into.name()])?;
        }

        let mut source = sources::open(source_url, &reading).await?;
        if let Some(transform) = transform.clone() {
            source = Box::new(Reshaped::new(source, transform));
        }
        let plan = Plan {
            every: schedule,
            first_failures: self.common.on_failure == OnFailure::First,
            dry_run: self.dry_run,
            show: self.dry_run.then(show::on_stdout),
            grace: self.common.grace,
            spool: self.spool(&queue_url, &options)?,
            ..Plan::default()
        };
        let name = queues::describe(&queue_url, Side::Into, &options);
        context.watch(Watched::new(&queue_url, name, &options, plan.spool.clone()));
        let queue = self.open(queue_url, options, plan.spool.is_some()).await?;
        let poured = self.pour_or_hurry(&mut *source, &queue, &plan, context).await;
        transform.inspect(Transform::close);
        close(queue, poured, plan.now.is_cancelled()).await
    }
}

/// Closes the queue after a run; a failure of the run is what is told.
async fn close(queue: LazyQueue, poured: Result<()>, hurried: bool) -> Result<()> {
    let closing = Box::new(queue).close();
    match poured {
        Ok(()) => closing.await,
        Err(error) => {
            let time = if hurried { Duration::ZERO } else { CLOSE };
            let _ = tokio::time::timeout(time, closing).await; // the first failure is told
            Err(error)
        }
    }
}

impl Publish {
    /// Pours, and ends the grace at the second signal.
    async fn pour_or_hurry(
        &self,
        source: &mut dyn Source,
        queue: &LazyQueue,
        plan: &Plan,
        context: &Context,
    ) -> Result<()> {
        let hurry = async {
            context.signals.second().await;
            plan.now.cancel();
            std::future::pending().await
        };
        tokio::select! {
            poured = self.pour(source, queue, plan, context) => poured,
            () = hurry => unreachable!("it only tells of the hurry"),
        }
    }

    async fn pour(
        &self,
        source: &mut dyn Source,
        queue: &LazyQueue,
        plan: &Plan,
        context: &Context,
    ) -> Result<()> {
        if self.dry_run {
            queue.ping().await?;
        }
        let (clock, shutdown) = (Clock::system(), context.signals.shutdown());
        crate::publish::publish(source, queue, plan, &clock, &context.counters, shutdown).await?;
        // Where nothing was read, nothing has needed the topic that `--create` is to make.
        if context.signals.received().is_none() {
            queue.open().await?;
        }
        Ok(())
    }

    /// Opens the queue, so that a wrong URL or file is told before anything is read. What needs
    /// somebody else, as making a topic does, comes after the reading: where there is a spool, a
    /// queue that cannot be opened yet is one that cannot be reached.
    async fn open(
        &self,
        url: Location,
        options: queues::Options,
        spool: bool,
    ) -> Result<LazyQueue> {
        if self.create {
            let looked = queues::Options { create: false, ..options.clone() };
            queues::open_publisher(url.clone(), &looked).await?.close().await?;
            return Ok(LazyQueue::new(url, options));
        }
        let queue = LazyQueue::new(url, options);
        match queue.open().await {
            Err(error) if !spool || never_opens(error.kind()) => return Err(error),
            _ => {}
        }
        Ok(queue)
    }

    /// Where to keep what the queue cannot take; without a data folder there is no such place, which
    /// is said.
    fn spool(&self, queue: &Location, options: &queues::Options) -> Result<Option<Spool>> {
        let path = match &self.spool {
            _ if self.no_spool => return Ok(None),
            Some(path) => {
                refuse_own_file(path, queue, options)?;
                path.clone()
            }
            None if options.data_dir.as_os_str().is_empty() => {
                self.warn_of_no_spool(options);
                return Ok(None);
            }
            None => options.data_dir.join(spool::FILE),
        };
        Ok(Some(Spool::new(path, queues::key(queue, options)?, options)))
    }

    fn warn_of_no_spool(&self, options: &queues::Options) {
        if let (Err(why), false) = (options.environment.data_dir(), self.dry_run) {
            tracing::warn!(
                "what the queue cannot take is lost, there is no spool to keep it: {}; set `HOME`, \
                 name a file with `--spool PATH`, or say that it is well with `--no-spool`",
                why.one_line()
            );
        }
    }

    /// What follows `--`, or the source's URL, or the default.
    fn source_url(&self) -> Result<Location> {
        match (self.command.first(), &self.source) {
            (Some(program), typed) => sources::exec::url(program, typed.as_deref()),
            (None, Some(typed)) => urls::source(typed),
            (None, None) => Location::parse("stdin:"),
        }
    }

    fn source_options(
        &self,
        context: &Context,
        data_dir: PathBuf,
        queue_url: &Location,
    ) -> sources::Options {
        let base = sources::Options::new(context.environment.clone(), data_dir);
        sources::Options {
            clock: self.at.map_or(base.clock.clone(), |at| Clock::manual(at).0),
            ids: queues::id_form(queue_url),
            batch: self.batch,
            timezone: self.zone(),
            dry_run: self.dry_run,
            arguments: self.command.iter().skip(1).cloned().collect(),
            ..base
        }
    }

    fn queue_options(&self, context: &Context, data_dir: PathBuf) -> queues::Options {
        queues::Options {
            publish_timeout: self.publish_timeout,
            create: self.create,
            ..queues::Options::new(context.environment.clone(), data_dir)
        }
    }
}

/// Refuses the queue's own file as its spool: where the queue cannot be written to, nor can that.
fn refuse_own_file(spool: &Path, queue: &Location, options: &queues::Options) -> Result<()> {
    let Some(own) = queues::file(queue, options)? else { return Ok(()) };
    match FileIdentity::of(spool) {
        Ok(spool) if spool.is(&own) => {
            Err(Error::new(Kind::Usage, "`--spool` is the queue's own file")
                .hint("name another file: it keeps what the queue's own cannot take"))
        }
        _ => Ok(()),
    }
}

/// Whether a queue that cannot be opened for this reason never can: the service is not the cause.
fn never_opens(kind: Kind) -> bool {
    matches!(kind, Kind::Usage | Kind::Configuration | Kind::Bug)
}

//! The command line of `subscribe`.

mod ends;
mod plan;
mod waiting;

use super::bodies::Bodies;
use super::names::{CollectionName, QueueNames};
use super::tags::Tags;
use super::{Basics, Common, Context, Program, SummaryForm, bytes, positive};
use crate::attempts::{self, Attempts};
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::sinks::{Sink, exec};
use crate::subscribe::{DeadLetters, Parts, Rate};
use crate::transform::Transform;
use crate::{queues, report, sinks, units};
use clap::Args;
use ends::{
    Destination, identities, kept_names, open_forward, refuse_one_file, replaced, say_ends, watch,
};
use plan::Bounds;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  Everything from the embedded queue into the embedded store:
    subscribe --from sqlite:queue.db --to 'sqlite:store.db?collection=readings'
  The next three messages, shown. What was written to a pipe counts as taken, so
  bound the run itself, not only the reader:
    subscribe --from sqlite:queue.db --to stdout: --max-messages 3 | head -3
  What would happen, with nothing acknowledged:
    subscribe --from sqlite:queue.db --to sqlite:store.db --dry-run -v
  A command for each message, its body on stdin, the rest in its environment:
    subscribe --from sqlite:queue.db -- sh -c 'echo \"$KAKEHI_ID $(cat)\"'
  From one queue into another, ids kept, for instance to another broker:
    subscribe --from sqlite:queue.db --to forward:sqlite:other.db
  A thumbnail of each picture in a folder, or in a bucket (`s3://photos`):
    subscribe --from sqlite:queue.db \\
      --to 'thumbnail:file:photos?size=200x200&fit=cover'
  A message to Slack for each reading that is too warm:
    WEBHOOK_URL_FILE=webhook subscribe --from sqlite:queue.db --to webhook: \\
      --where '.te > 28' --map '{text: \"\\(.name): \\(.te) degrees\"}'
  From Cloud Pub/Sub into MongoDB, until stopped:
    MONGODB_USERNAME=me MONGODB_PASSWORD_FILE=password subscribe --follow \\
      --from pubsub://my-project/readings \\
      --to 'mongodb://localhost/home?authSource=admin&collection=readings'";

/// The arguments of `subscribe`.
#[derive(Debug, Args)]
pub struct Subscribe {
    /// The queue. Default: `$KAKEHI_QUEUE`, else `sqlite:`
    ///
    /// `sqlite:PATH?queue=NAME`, `pubsub://PROJECT/SUBSCRIPTION`, `sqs:NAME` or
    /// `redis://HOST/DB?namespace=NAME&job=NAME,NAME`, by TLS `rediss:`, by sentinels
    /// `redis+sentinel://HOST,HOST/MASTER/DB` or `rediss+sentinel:`. Where it is `sqlite:`, the file
    /// is in the user's data folder.
    #[arg(long, value_name = "QUEUE")]
    from: Option<String>,

    #[command(flatten)]
    names: QueueNames,

    /// The sink. Default: `$KAKEHI_SINK`, else `sqlite:`
    ///
    /// `sqlite:PATH?collection=NAME`, `mongodb://HOST/DB?collection=NAME`, `stdout:` (what was
    /// written to a pipe counts as taken), `exec:PROGRAM`, `forward:QUEUE-URL`, another queue,
    /// `thumbnail:STORE-URL`, for each picture of an object store a small one, `speech:STORE-URL`,
    /// each message spoken, or `webhook:https://HOST/PATH`, a request for each message. Where it is
    /// `sqlite:`, the file is in the user's data folder.
    #[arg(long, value_name = "SINK")]
    to: Option<String>,

    #[command(flatten)]
    collection: CollectionName,

    /// A command as the sink, run for each message
    ///
    /// The body is on stdin; KAKEHI_ID, KAKEHI_ATTEMPT, KAKEHI_GROUP, KAKEHI_TAG and
    /// `KAKEHI_ATTRIBUTE_<NAME>` are in its environment. Exit 0: stored; 65: rejected; 69 or 75:
    /// unavailable, which spends no attempt; else: tried again.
    #[arg(last = true, value_name = "COMMAND", conflicts_with_all = ["to", "collection"])]
    command: Vec<OsString>,

    /// End after one batch
    #[arg(long, conflicts_with = "follow")]
    once: bool,

    /// Stay until a signal, not only until the queue is empty
    #[arg(long)]
    follow: bool,

    /// Write, and acknowledge nothing: every message is redelivered
    #[arg(long, conflicts_with = "dry_run", hide_short_help = true)]
    debug: bool,

    /// Neither write nor acknowledge
    ///
    /// `-v` names each message.
    #[arg(long)]
    dry_run: bool,

    /// End after this many messages
    #[arg(long, value_name = "N", value_parser = positive)]
    max_messages: Option<usize>,

    /// End after this time
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    #[arg(hide_short_help = true)]
    max_time: Option<Duration>,

    #[command(flatten)]
    tags: Tags,

    #[command(flatten)]
    bodies: Bodies,

    /// Write at most so many messages in a time: `10/s`, `90/m`, `5/h`
    ///
    /// Over all writes of the run. What waits for its turn is ours meanwhile, and is given back when
    /// the run ends.
    #[arg(long, value_name = "N/UNIT")]
    rate: Option<Rate>,

    /// How long a drain waits for more before it calls the queue empty. Default: 0s where the
    /// queue knows, 2s on Pub/Sub and SQS
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    #[arg(hide_short_help = true)]
    idle: Option<Duration>,

    /// At most this many messages in one write
    ///
    /// Default: 500, and 10 pictures; a command gets one at a time, and with N above 1 up to N at
    /// once, as lines of JSON.
    #[arg(long, value_name = "N", value_parser = positive)]
    batch: Option<usize>,

    /// How long a command may take; then it is ended, with all that it started. Default: 5m
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    #[arg(hide_short_help = true)]
    timeout: Option<Duration>,

    /// At most this many writes at once
    ///
    /// Where the sink is a command, as many of it run at once.
    #[arg(long, value_name = "N", default_value = "4", value_parser = positive)]
    concurrency: usize,

    /// How long a delivery is ours before it is redelivered; extended while a write runs. Default: 30s
    ///
    /// On Redis it is the worker pool's 10s, whatever runs.
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    #[arg(hide_short_help = true)]
    lease: Option<Duration>,

    /// How long one write may take
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = units::duration)]
    #[arg(hide_short_help = true)]
    write_timeout: Duration,

    /// Attempts until a message becomes a dead letter
    ///
    /// Failed writes and lost leases are attempts; what is only released does not count. Default: 10,
    /// 4 on Redis, or the queue's own limit where that is smaller.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_attempts: Option<u32>,

    /// Publish dead letters to this queue
    ///
    /// Default: the embedded queue keeps them itself; for Pub/Sub the topic `SUBSCRIPTION-dead`, for
    /// SQS the queue of the redrive policy, else `NAME-dead`. What that does not take is kept in the
    /// user's data folder.
    #[arg(long, value_name = "QUEUE")]
    dead: Option<String>,

    /// At most this many messages in flight. Default: batch times (concurrency + 1)
    #[arg(long, value_name = "N", value_parser = positive, hide_short_help = true)]
    max_in_flight: Option<usize>,

    /// At most this many bytes in flight
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = bytes)]
    #[arg(hide_short_help = true)]
    max_in_flight_bytes: usize,

    /// Make the queue where it is missing
    ///
    /// For Pub/Sub that is the subscription, with its dead-letter topic, which needs `?topic=NAME`.
    /// Without it a drain of a missing queue ends with 69.
    #[arg(long)]
    create: bool,

    #[command(flatten)]
    common: Common,
}

impl Program for Subscribe {
    const PROGRAM: Option<report::Program> = Some(report::Program::Subscribe);
    const NAME: &'static str = "subscribe";
    const ABOUT: &'static str = "subscribe drains a queue into a sink, and acknowledges a message \
                                 only after its write succeeded";
    const EXAMPLES: &'static str = EXAMPLES;

    fn basics(&self) -> &Basics {
        &self.common.basics
    }

    fn summary(&self) -> SummaryForm {
        self.common.summary
    }

    fn shows_data(&self, environment: &Environment) -> bool {
        self.sink_url(environment).is_ok_and(|url| sinks::defaults(&url).shows)
    }

    fn metrics(&self) -> Option<&Path> {
        self.common.metrics.metrics.as_deref()
    }

    fn grace(&self) -> Duration {
        self.common.grace
    }

    async fn run(self, context: &Context) -> Result<()> {
        let environment = &context.environment;
        let queue_url = super::url_or(self.from.as_deref(), "KAKEHI_QUEUE", environment)?;
        let queue_url = self.names.add(queue_url)?;
        let sink_url = self.sink_url(environment)?;
        let bounds = self.bounds(&sink_url)?;
        let transform = self.bodies.transform(1, ("--write-timeout", self.write_timeout))?;
        let forward = sinks::queue(&sink_url)?;
        let into = match &forward {
            Some(queue) => Destination::Queue(queue),
            None => Destination::Sink(&sink_url),
        };
        let ends = [&queue_url, into.url()];
        let data_dir = super::data_dir(environment, &ends)?;
        say_ends(context, &queue_url, into, &data_dir);
        refuse_one_file(&queue_url, &sink_url, context, &data_dir)?;
        let identities = identities(&queue_url, into, context, &data_dir);
        let lock = super::lock::hold(&self.common, Self::NAME, identities, false, context).await?;
        let super::lock::Locked::Yes(_lock) = lock else { return Ok(()) };
        watch(context, &queue_url, &data_dir);
        if self.common.tells_first(self.follow || self.debug || self.dry_run) {
            let [from, into] = kept_names(&queue_url, into, context, &data_dir)?;
            context.tell_first_failures(Self::NAME, [&from, &into])?;
        }

        let options = sinks::Options {
            command: self.exec(),
            write_timeout: self.write_timeout,
            checkins: context.checkins.clone(),
            replaced: replaced(&sink_url, environment, &data_dir),
            ..sinks::Options::new(environment.clone(), data_dir.clone())
        };
        let sink = match forward {
            Some(to) => open_forward(&queue_url, to, environment, &data_dir).await?,
            None => sinks::open(sink_url, &options).await?,
        };
        let programs = transform.as_ref();
        let result = self.drain(context, queue_url, &*sink, bounds, programs, data_dir).await;
        programs.inspect(|programs| programs.close());
        result.and(sink.close().await)
    }
}

/// Says what follows from there being no data folder, for a queue that needs one beside it.
fn warn_of_no_home(environment: &Environment) {
    if let Err(why) = environment.data_dir() {
        tracing::warn!(
            "attempts are not counted from run to run, and a dead letter that has no place at its \
             queue is not kept: {}; set `HOME`",
            why.one_line()
        );
    }
}

impl Subscribe {
    /// What follows `--`, or `--to`, or the default.
    fn sink_url(&self, environment: &Environment) -> Result<Location> {
        let Some(program) = self.command.first() else {
            let url = super::url_or(self.to.as_deref(), "KAKEHI_SINK", environment)?;
            return self.collection.add(url);
        };
        exec::url(program)
    }

    fn exec(&self) -> exec::Command {
        let default = exec::Command::default();
        exec::Command {
            arguments: self.command.iter().skip(1).cloned().collect(),
            batch: self.batch.unwrap_or(default.batch),
            concurrency: self.concurrency,
            timeout: self.timeout.unwrap_or(default.timeout),
        }
    }

    /// From the sink's check to the queue's close.
    async fn drain(
        &self,
        context: &Context,
        queue_url: Location,
        sink: &dyn Sink,
        bounds: Bounds,
        transform: Option<&Transform>,
        data_dir: PathBuf,
    ) -> Result<()> {
        // Before anything is received, so that an outage spends no delivery attempt.
        sink.ping().await?;
        let from = queue_url.to_string();
        let counted = (!data_dir.as_os_str().is_empty()).then(|| data_dir.join(attempts::FILE));
        let options = self.queue_options(context, bounds, data_dir);
        let key = queues::key(&queue_url, &options)?;
        let dead = self.dead_letters(&queue_url, &options).await?;
        let Some((queue, mut plan)) =
            self.open_queue(&queue_url, &options, bounds, context).await?
        else {
            return Ok(());
        };
        plan.transform = transform.cloned();
        if counted.is_none() && !queue.capabilities().buries {
            warn_of_no_home(&context.environment);
        }
        let attempts = Attempts::new(counted, key, options.clock.clone());
        let dead = DeadLetters::new(dead.or(queue.capabilities().dead_letters), from, options);
        let parts = Parts {
            queue: &*queue,
            sink,
            dead: &dead,
            attempts: Some(&attempts),
            plan: &plan,
            counters: &context.counters,
        };
        let result = crate::subscribe::subscribe(parts, context.signals.shutdown()).await;
        result.and(dead.close().await).and(attempts.close().await).and(queue.close().await)
    }

    /// Where dead letters go, where that was said.
    async fn dead_letters(
        &self,
        from: &Location,
        options: &queues::Options,
    ) -> Result<Option<String>> {
        let Some(dead) = &self.dead else { return Ok(None) };
        let url = Location::parse(dead)?;
        if queues::leads_back(from, &url, options).await? {
            return Err(Error::new(Kind::Usage, "`--dead` is the queue itself")
                .hint("name another queue: what is in this one comes again"));
        }
        Ok(Some(dead.clone()))
    }
}

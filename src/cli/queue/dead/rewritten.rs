//! `queue dead redrive` with other bodies: dead letters are mended where they lie.

use super::totals::{Totals, all_found, list_command};
use crate::cli::queue::context::{QueueContext, closing};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::location::Location;
use crate::message::Message;
use crate::queues::{
    DeadLetter, DeadLetterHead, DeadLetterOutcome, DeadLetterPart, DeadLetterStore, Inspect,
    RewriteDeadLetters, Which,
};
use crate::text;
use crate::transform::{Programs, ShapedBody, Transform};
use bytes::Bytes;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many dead letters are worked on in one step.
const STEP: usize = 100;
/// How long a program may take for one body.
const TIME: Duration = Duration::from_secs(10);

/// What the bodies are to be.
pub(super) enum NewBody {
    /// One for all; there is one letter to have it.
    Given(Bytes),
    /// What a program makes of each.
    Made(Transform),
}

impl NewBody {
    /// What was asked for; `None` where bodies stay as they are.
    ///
    /// # Errors
    /// `Usage` for what is no program; `Configuration` for a file that cannot be read.
    pub(super) fn of(body: Option<PathBuf>, map: Option<&str>) -> Result<Option<Self>> {
        if let Some(path) = body {
            return read(&path).map(|body| Some(Self::Given(body)));
        }
        let programs = Programs::compile(None, map, 1, Clock::system())?;
        Ok(programs.map(|programs| Self::Made(Transform::new(programs, TIME))))
    }

    /// The body of each of these, or why it has none.
    async fn of_each(&self, letters: &[DeadLetter]) -> Vec<Result<Bytes, String>> {
        match self {
            Self::Given(body) => letters.iter().map(|_| Ok(body.clone())).collect(),
            Self::Made(transform) => {
                let shaped = transform.begin(letters.iter().map(|it| &it.message)).end().await;
                letters.iter().zip(shaped).map(|(letter, it)| made(&letter.message, it)).collect()
            }
        }
    }
}

fn made(message: &Message, shaped: ShapedBody) -> Result<Bytes, String> {
    match shaped {
        ShapedBody::Made(mut bodies) if bodies.len() == 1 => Ok(bodies.remove(0)),
        ShapedBody::Made(_) => Err("`--map` gives several values".to_owned()),
        ShapedBody::Kept => Ok(message.body.clone()),
        ShapedBody::Filtered => Err("`--map` gives nothing".to_owned()),
        ShapedBody::Refused(why) => Err(why),
        ShapedBody::Overrun => Err(format!("`--map` takes longer than {TIME:?}")),
        ShapedBody::Unseen => Err("`--map` takes too long on a letter before it".to_owned()),
    }
}

fn read(path: &Path) -> Result<Bytes> {
    let mut body = Vec::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().lock().read_to_end(&mut body).map(drop),
        false => std::fs::read(path).map(|read| body = read),
    };
    let name = text::of_name(path);
    read.map(|()| body.into()).map_err(|cause| {
        Error::new(Kind::Configuration, format!("cannot read the body from `{name}`"))
            .because_of_file(cause, path)
            .hint("name a file with the whole body, or `-` for standard input")
    })
}

/// Puts the chosen dead letters back with other bodies, or shows which these are.
pub(super) async fn redrive(
    queue: &dyn Inspect,
    url: &Location,
    which: &Which,
    body: NewBody,
    meant: bool,
    context: &QueueContext<'_>,
) -> Result<()> {
    let store = queue.dead_letters();
    let Some((store, rewriting)) = store.and_then(|it| Some((it, it.rewriting()?))) else {
        return Err(cannot(url));
    };
    if matches!(body, NewBody::Given(_)) && store.heads(which, whole(), 2).await?.len() > 1 {
        return Err(Error::new(Kind::Usage, "one body is given for several dead letters")
            .hint("choose one by `--id`, drop those of its id that are older, or write `--map`"));
    }
    let mut totals = Totals::new("redrive", which, context.form);
    let worked = work(store, rewriting, which, &body, meant, &mut totals).await;
    if let NewBody::Made(transform) = &body {
        transform.close();
    }
    closing(queue, worked).await?;
    context.remind(meant)?;
    totals.refuse_kept()?;
    all_found(which, totals.seen(), &list_command(url, false))
}

fn whole() -> DeadLetterPart<'static> {
    DeadLetterPart { after: None, upto: None }
}

async fn work(
    store: &dyn DeadLetterStore,
    rewriting: &dyn RewriteDeadLetters,
    which: &Which,
    body: &NewBody,
    meant: bool,
    totals: &mut Totals,
) -> Result<()> {
    // What dies from now on is of another time.
    let Some(last) = store.last().await? else { return Ok(()) };
    let mut after = None;
    loop {
        let part = DeadLetterPart { after: after.as_ref(), upto: Some(&last) };
        let letters = store.list(which, part, STEP).await?;
        let Some(newest) = letters.last() else { return Ok(()) };
        after = Some(newest.head.name.clone());
        let told = step(rewriting, letters, body, meant).await?;
        if !totals.tell(&told)? {
            return Ok(());
        }
    }
}

async fn step(
    rewriting: &dyn RewriteDeadLetters,
    letters: Vec<DeadLetter>,
    body: &NewBody,
    meant: bool,
) -> Result<Vec<(DeadLetterHead, Option<DeadLetterOutcome>)>> {
    let bodies = body.of_each(&letters).await;
    let good = letters.iter().zip(&bodies);
    let good = good.filter_map(|(it, body)| Some((it.head.name.clone(), body.clone().ok()?)));
    let good: Vec<_> = good.collect();
    let mut outcomes = match meant && !good.is_empty() {
        true => rewriting.redrive_as(good).await?.into_iter().map(Some).collect(),
        false => vec![None; good.len()],
    }
    .into_iter();
    let told = letters.into_iter().zip(bodies).map(|(letter, body)| match body {
        Ok(_) => (letter.head, outcomes.next().flatten()),
        Err(why) => (letter.head, Some(DeadLetterOutcome::Kept(why))),
    });
    Ok(told.collect())
}

fn cannot(url: &Location) -> Error {
    let url = url.to_string();
    let list = hint::command(["queue", "dead", "list", &url, "--json"]);
    let drop = hint::command(["queue", "dead", "drop", &url, "--id", "ID"]);
    Error::new(Kind::Configuration, "this queue cannot put a dead letter back with another body")
        .because_of("its service has no one step for both")
        .hint(format!(
            "{list} gives its line: publish that with its new body by `stdin:?envelope`, then {drop}"
        ))
}

//! Makes the queues be as the file says.

use super::file::{FileQueue, QueueFile, parse};
use super::tree::Problem;
use crate::error::{Error, Kind, Result};
use crate::location::list;
use crate::queues::{TaskQueues, TaskSettings};
use crate::serve::taskqueue::{Declared, operations};
use crate::text;
use std::path::Path;
use tokio::io::AsyncReadExt as _;

/// The largest file, in bytes: far beyond the queues that anybody names by hand.
const LARGEST: u64 = 1 << 20;

/// How many problems an error tells.
const TOLD: usize = 10;

/// Reads the file; then makes the pull queues that are missing, sets the limits of those that are
/// there, and the limit of all storage. Gives what no queue keeps. A queue that the file does not
/// name stays as it is.
///
/// # Errors
/// A file that cannot be read or is wrong is of [`Kind::Configuration`], and nothing was changed.
pub async fn apply(path: &Path, queues: &dyn TaskQueues) -> Result<Declared> {
    let file = parse(&read(path).await?).map_err(|problems| wrong(path, &problems))?;
    queues.set_storage_limit(file.storage_limit).await?;
    for queue in file.queues.iter().filter(|queue| queue.is_pull) {
        apply_queue(queue, file.resumes, queues).await?;
    }
    let declared = declared(file);
    tell(path, &declared);
    Ok(declared)
}

async fn read(path: &Path) -> Result<String> {
    let failed = |cause: std::io::Error| {
        let what = format!("cannot read `{}`", text::of_name(path));
        Error::new(Kind::Configuration, what).because_of_file(cause, path)
    };
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).await.map_err(failed)?;
    let whole = |what: &str| Problem { line: None, what: what.to_owned() };
    if bytes.len() as u64 > LARGEST {
        return Err(wrong(path, &[whole("it is larger than 1 MiB")]));
    }
    String::from_utf8(bytes).map_err(|_| wrong(path, &[whole("it is not UTF-8")]))
}

fn wrong(path: &Path, problems: &[Problem]) -> Error {
    let mut told: Vec<_> = problems.iter().take(TOLD).map(ToString::to_string).collect();
    if let more @ 1.. = problems.len().saturating_sub(TOLD) {
        told.push(format!("and {more} more"));
    }
    let what = format!("`{}` is wrong, and nothing of it was applied", text::of_name(path));
    Error::new(Kind::Configuration, what).because_of(told.join("; "))
}

async fn apply_queue(queue: &FileQueue, resumes: bool, queues: &dyn TaskQueues) -> Result<()> {
    let settings = TaskSettings { limits: queue.limits, paused: false };
    if queues.create(&queue.name, settings).await? {
        tracing::info!(queue = queue.name, "made the queue");
        return Ok(());
    }
    let Some(tasks) = queues.find(&queue.name).await? else { return Err(not_served(queue)) };
    let (before, after) = operations::adjust(&*tasks, |before| {
        Ok::<_, Error>(TaskSettings { limits: queue.limits, paused: before.paused && !resumes })
    })
    .await?;
    if before != after {
        tracing::info!(queue = queue.name, "the queue is set as the file says");
    }
    Ok(())
}

fn not_served(queue: &FileQueue) -> Error {
    let what = format!("cannot set the queue `{}` as the file says", queue.name);
    Error::new(Kind::Configuration, what)
        .because_of("it is not among those that are served")
        .hint("a URL with `?queue=NAME` serves this one alone")
}

/// What the file says and no queue keeps.
fn declared(file: QueueFile) -> Declared {
    let mut declared = Declared::default();
    for queue in file.queues {
        if !queue.is_pull {
            declared.push.insert(queue.name);
        } else if let Some(acl) = queue.acl {
            declared.acl.insert(queue.name, acl);
        }
    }
    declared
}

/// Says once what is not done.
fn tell(path: &Path, declared: &Declared) {
    let path = text::of_name(path);
    if !declared.push.is_empty() {
        let names: Vec<_> = declared.push.iter().map(String::as_str).collect();
        tracing::warn!("only pull queues are served; push queues in `{path}`: {}", list(&names));
    }
    if !declared.acl.is_empty() {
        tracing::warn!("`acl` in `{path}` is shown and not enforced: whoever may call may do all");
    }
}

//! A queue in words, as its URL was understood: a shell that has cut the URL at an `&` shows there.

use super::Options;
use super::sqlite::SqliteOptions;
use crate::location::Location;

/// What a queue is to whoever opens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Messages are published to it.
    Into,
    /// Messages are received from it.
    From,
}

/// `sqlite queue.db queue readings`, `pubsub topic readings of project`, `sqs readings`. Nothing is
/// asked; no secret is in it. A URL that means nothing is told as it is: opening it says why.
pub fn describe(url: &Location, side: Side, options: &Options) -> String {
    let topic = url.get("topic").map_or_else(String::new, |topic| format!(", topic {topic}"));
    let queue = match url.scheme() {
        "sqlite" => embedded(url, options),
        "pubsub" => published(url, side),
        _ => None,
    };
    queue.unwrap_or_else(|| url.describe()) + &topic
}

fn embedded(url: &Location, options: &Options) -> Option<String> {
    let SqliteOptions { path, name, .. } = SqliteOptions::of(url.clone(), options).ok()?;
    Some(format!("sqlite {} queue {name}", crate::text::of_name(&path)))
}

fn published(url: &Location, side: Side) -> Option<String> {
    let path = url.path().ok()?;
    let (project, name) = path.strip_prefix("//")?.split_once('/')?;
    let thing = match side {
        Side::Into => "topic",
        Side::From => "subscription",
    };
    Some(format!("pubsub {thing} {name} of {project}"))
}

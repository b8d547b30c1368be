//! `queue show`: one message or dead letter, with all that is known of it.

use super::arguments::NamedQueue;
use super::context::{QueueContext, say};
use super::format;
use crate::cli::tell::{Form, say_bytes};
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::inspect::lacks;
use crate::message::Message;
use crate::queues::{DeadLetter, DeadLetterPart, Inspect, Peeked, Which};
use crate::text::visible;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;

/// How many dead letters of one id are shown.
const LETTERS: usize = 100;

/// Show one message or dead letter with all that is known of it
///
/// Whatever its state, and nothing is taken. One id may have a message and dead letters beside it: all of
/// them are shown. It ends with 1 where there is none.
#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    queue: NamedQueue,

    /// The id
    #[arg(value_name = "ID")]
    id: String,

    /// Write the body alone, byte by byte, for a file or another program
    #[arg(long, conflicts_with = "json")]
    body: bool,
}

/// What was found under an id.
enum Found {
    Message(Peeked),
    Dead(DeadLetter),
}

impl Show {
    pub(super) async fn run(self, context: &QueueContext<'_>) -> Result<()> {
        let Self { queue, id, body } = self;
        let queue = queue.into();
        let (url, _) = context.resolve(&queue)?;
        let found = all(&*context.open(&queue).await?, &id).await?;
        match found.as_slice() {
            [] => {
                let what = format!("`{}` is not there", visible(id.as_bytes()));
                let url = url.to_string();
                let [live, dead] = [&["queue", "peek", &url][..], &["queue", "dead", "list", &url]]
                    .map(|words| hint::command(words.iter().copied()));
                Err(Error::new(Kind::Failed, what).hint(format!("{live} and {dead} show what is")))
            }
            [one] if body => say_bytes(&one.message().body).map(drop),
            several if body => {
                let what = format!("`{}` has several bodies", visible(id.as_bytes()));
                Err(Error::new(Kind::Failed, what)
                    .because_of(format!("{} messages and dead letters have this id", several.len()))
                    .hint("leave `--body` out: all of them are shown"))
            }
            several => {
                let texts: Vec<_> = several.iter().map(|one| one.text(context.form)).collect();
                let between = if context.form == Form::Human { "\n" } else { "" };
                say(&texts.join(between)).map(drop)
            }
        }
    }
}

/// The message of this id, and its dead letters.
async fn all(queue: &dyn Inspect, id: &str) -> Result<Vec<Found>> {
    let (by_id, dead) = (queue.by_id(), queue.dead_letters());
    if by_id.is_none() && dead.is_none() {
        return Err(lacks("find a message by its id"));
    }
    let mut found = Vec::new();
    if let Some(by_id) = by_id {
        found.extend(by_id.get(id).await?.map(Found::Message));
    }
    if let Some(dead) = dead {
        let which = Which::Ids(vec![id.to_owned()]);
        let whole = DeadLetterPart { after: None, upto: None };
        let letters = dead.list(&which, whole, LETTERS).await?;
        found.extend(letters.into_iter().map(Found::Dead));
    }
    Ok(found)
}

impl Found {
    fn message(&self) -> &Message {
        match self {
            Self::Message(peeked) => &peeked.message,
            Self::Dead(letter) => &letter.message,
        }
    }

    fn text(&self, form: Form) -> String {
        match self {
            Self::Message(peeked) if form == Form::Json => format::peeked(peeked, form),
            Self::Dead(letter) if form == Form::Json => format::dead_letter(letter, form),
            _ => self
                .facts()
                .into_iter()
                .map(|(name, value)| format!("{name:<12}{value}\n"))
                .collect(),
        }
    }

    /// All that is known, a line each; the body comes last.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let message = self.message();
        let shown = |text: &String| visible(text.as_bytes());
        let mut facts = vec![("id", shown(&message.id))];
        match self {
            Self::Message(peeked) => {
                facts.push(("state", format::state(peeked.state).to_owned()));
                facts.extend(peeked.until.map(|until| ("until", seconds(until))));
                facts.extend(peeked.attempts.map(|attempts| ("attempts", attempts.to_string())));
                facts.extend(peeked.unreadable.as_ref().map(|why| ("unreadable", shown(why))));
            }
            Self::Dead(DeadLetter { head, unreadable, .. }) => {
                facts.push(("state", "dead".to_owned()));
                facts.push(("reason", shown(&head.reason)));
                facts.extend(head.died_at.map(|time| ("died", seconds(time))));
                facts.extend(head.first_at.map(|time| ("first tried", seconds(time))));
                facts.extend(head.attempts.map(|attempts| ("attempts", attempts.to_string())));
                facts.extend(unreadable.as_ref().map(|why| ("unreadable", shown(why))));
            }
        }
        facts.extend(message.group.as_ref().map(|group| ("group", shown(group))));
        facts.extend(message.tag.as_ref().map(|tag| ("tag", shown(tag))));
        facts.extend(message.published_at.map(|time| ("published", seconds(time))));
        facts.extend(message.not_before.map(|time| ("not before", seconds(time))));
        let attributes = message.attributes.iter();
        facts.extend(
            attributes
                .map(|(name, value)| ("attribute", format!("{} = {}", shown(name), shown(value)))),
        );
        facts.push(("body", visible(&message.body)));
        facts
    }
}

fn seconds(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

//! Carries out what the command line of `queue` asks for, and tells it on stdout.

use super::{Action, Dead, Extend, Lease, List, Mend, Peek, Settle, Sure};
use crate::cli::{self, Scene};
use crate::error::{Error, Kind, Result};
use crate::inspect::{self, Form};
use crate::location::{Location, list};
use crate::message::Receipt;
use crate::queues::{
    self, Deletion, Grave, Graves, Inspect, Mended, Options, Receipts, Settled, Verdict, Which,
};
use std::collections::HashSet;
use std::io::{self, Write as _};

/// At most this many messages are looked at, or mended in one transaction, at once.
const PAGE: usize = 200;

/// Where an action is carried out.
pub struct Desk<'s> {
    /// The environment and the signals.
    pub scene: &'s Scene,
    /// How it is told.
    pub form: Form,
}

impl Desk<'_> {
    /// Does it, from opening the queue to the last line.
    pub async fn perform(&self, action: Action) -> Result<()> {
        match action {
            Action::Stats(place) => {
                let queue = self.open(place.url.as_deref()).await?;
                say(&inspect::stats(&queue.stats().await?, self.form)).map(drop)
            }
            Action::Peek(peek) if peek.dead => {
                let queue = self.open(peek.place.url.as_deref()).await?;
                self.list(graves(&*queue)?, &Which::All, peek.max).await.map(drop)
            }
            Action::Peek(peek) => self.peek(peek).await,
            Action::Dead(Dead::List(list)) => self.dead_list(list).await,
            Action::Dead(Dead::Redrive(mend)) => self.mend(Verb::Redrive, mend).await,
            Action::Dead(Dead::Drop(mend)) => self.mend(Verb::Drop, mend).await,
            Action::Lease(lease) => self.lease(lease).await,
            Action::Ack(asked) => self.settle("ack", Verdict::Ack, asked).await,
            Action::Release(asked) => self.settle("release", Verdict::Release, asked).await,
            Action::Extend(asked) => self.extend(asked).await,
            Action::Create(place) => self.create(place.url.as_deref()).await,
            Action::Purge(sure) => self.purge(sure).await,
            Action::Delete(sure) => self.delete(sure).await,
            Action::Verify(verify) => self.verify(&verify.file).await,
            Action::Repair(repair) => self.repair(repair).await,
        }
    }

    async fn peek(&self, asked: Peek) -> Result<()> {
        let queue = self.open(asked.place.url.as_deref()).await?;
        let peek = queue.peek().ok_or_else(|| lacks("look without taking"))?;
        let (mut left, mut after) = (asked.max, 0);
        while left > 0 {
            let page = peek.peek(after, left.min(PAGE)).await?;
            let Some(last) = page.last() else { break };
            after = last.place;
            left -= page.len();
            let text: String = page.iter().map(|it| inspect::peeked(it, self.form)).collect();
            if !say(&text)? {
                break;
            }
        }
        Ok(())
    }

    async fn dead_list(&self, asked: List) -> Result<()> {
        let queue = self.open(asked.place.url.as_deref()).await?;
        let which = match asked.id.is_empty() {
            true => Which::All,
            false => Which::Ids(asked.id),
        };
        let seen = self.list(graves(&*queue)?, &which, usize::MAX).await?;
        all_found(&which, &seen)
    }

    /// Shows dead letters, and gives their ids where some were chosen by it.
    async fn list(
        &self,
        graves: &dyn Graves,
        which: &Which,
        max: usize,
    ) -> Result<HashSet<String>> {
        let (mut left, mut after) = (max, 0);
        let mut seen = HashSet::new();
        while left > 0 {
            let page = graves.list(which, after, left.min(PAGE)).await?;
            let Some(last) = page.last() else { break };
            after = last.grave.place;
            left -= page.len();
            let text: String = page.iter().map(|it| inspect::dead_letter(it, self.form)).collect();
            if matches!(which, Which::Ids(_)) {
                seen.extend(page.into_iter().map(|letter| letter.grave.id));
            }
            if !say(&text)? {
                break;
            }
        }
        Ok(seen)
    }

    /// Redrives or drops, or shows what would be done.
    async fn mend(&self, verb: Verb, asked: Mend) -> Result<()> {
        let queue = self.open(Some(&asked.url)).await?;
        let graves = graves(&*queue)?;
        let which = match asked.which.all {
            true => Which::All,
            false => Which::Ids(asked.which.id),
        };
        // By name and once: what dies again meanwhile is not taken again.
        let names = graves.names(&which).await?;
        let seen = names.iter().map(|grave| grave.id.clone()).collect();
        let mut kept = 0;
        for page in names.chunks(PAGE) {
            let outcomes = match asked.yes {
                true => {
                    verb.carry_out(graves, page.to_vec()).await?.into_iter().map(Some).collect()
                }
                false => vec![None; page.len()],
            };
            let done = |outcome: &&Option<Mended>| matches!(outcome, Some(Mended::Done) | None);
            kept += page.len() - outcomes.iter().filter(done).count();
            let pairs = page.iter().zip(&outcomes);
            let told = pairs
                .map(|(it, outcome)| inspect::mended(verb.word(), it, outcome.as_ref(), self.form));
            // What was begun is finished, though nobody reads of it any more.
            say(&told.collect::<String>())?;
        }
        self.remind(asked.yes)?;
        if kept > 0 {
            let what = format!("{kept} of {} dead letters are still there", names.len());
            return Err(Error::new(Kind::Rejected, what)
                .because_of("the queue did not take them, or somebody else was faster")
                .hint("the lines above tell why, for each of them"));
        }
        all_found(&which, &seen)
    }

    async fn lease(&self, asked: Lease) -> Result<()> {
        let queue = self.open(asked.place.url.as_deref()).await?;
        let leased = receipts(&*queue)?.lease(asked.max, asked.time.time, asked.group).await?;
        let text: String = leased.iter().map(|it| inspect::leased(it, self.form)).collect();
        // What nobody reads is offered again when its time is over.
        say(&text).map(drop)
    }

    async fn settle(&self, verb: &str, verdict: Verdict, asked: Settle) -> Result<()> {
        let queue = self.open(Some(&asked.url)).await?;
        let given: Vec<_> = asked.receipts.into_iter().map(Receipt).collect();
        let verdicts = given.iter().map(|it| (it.clone(), verdict.clone())).collect();
        let settled = receipts(&*queue)?.settle(verdicts).await?;
        self.settled(verb, &given, &settled)
    }

    async fn extend(&self, asked: Extend) -> Result<()> {
        let Extend { settle, time } = asked;
        let queue = self.open(Some(&settle.url)).await?;
        let given: Vec<_> = settle.receipts.into_iter().map(Receipt).collect();
        let settled = receipts(&*queue)?.extend(given.clone(), time.time).await?;
        self.settled("extend", &given, &settled)
    }

    /// Tells what became of each receipt; fails where one of them opened nothing.
    fn settled(&self, verb: &str, given: &[Receipt], settled: &[Settled]) -> Result<()> {
        let pairs = given.iter().zip(settled);
        let told = pairs.map(|(it, outcome)| inspect::settled(verb, it, outcome, self.form));
        say(&told.collect::<String>())?;
        match settled.iter().filter(|it| **it != Settled::Done).count() {
            0 => Ok(()),
            lost => {
                let what = format!("{lost} of {} receipts hold no lease", given.len());
                Err(Error::new(Kind::Failed, what)
                    .because_of("a lease ends with its time, or when it is settled")
                    .hint("the message was settled before, or is offered again to everybody"))
            }
        }
    }

    async fn create(&self, url: Option<&str>) -> Result<()> {
        let (url, options) = self.place(url)?;
        let name = url.to_string();
        let made = queues::create(url, &options).await?;
        let text = if made { "made" } else { "it was there already:" };
        self.tell(&format!("{text} {name}"), &serde_json::json!({"url": name, "made": made}))
    }

    async fn purge(&self, asked: Sure) -> Result<()> {
        let queue = self.open(Some(&asked.url)).await?;
        let purge = queue.purge().ok_or_else(|| lacks("be emptied"))?;
        if asked.yes {
            let removed = purge.purge().await?;
            let json = serde_json::json!({"removed": removed, "done": true});
            return self.tell(&format!("removed {}", messages(removed)), &json);
        }
        let held = queue.stats().await?.held();
        let json = serde_json::json!({"removed": held, "done": false});
        self.tell(&format!("would remove {}", messages(held)), &json)?;
        self.remind(false)
    }

    async fn delete(&self, asked: Sure) -> Result<()> {
        let (url, options) = self.place(Some(&asked.url))?;
        let deletion = queues::delete(url, &options, asked.yes).await?;
        self.tell_deletion(&deletion, asked.yes)?;
        self.remind(asked.yes)
    }

    fn tell_deletion(&self, deletion: &Deletion, done: bool) -> Result<()> {
        let Deletion { messages: held, dead, stays } = deletion;
        let json = serde_json::json!({"removed": held, "dead": dead, "stays": stays, "done": done});
        let verb = if done { "deleted" } else { "would delete" };
        let mut text = format!("{verb} the queue, {}", messages(*held));
        if let Some(dead) = dead {
            text += &format!(" and {dead} dead letters");
        }
        if let Some(stays) = stays {
            text += &format!("\n{stays}");
        }
        self.tell(&text, &json)
    }

    /// One line.
    pub fn tell(&self, text: &str, json: &serde_json::Value) -> Result<()> {
        let line = match self.form {
            Form::Human => format!("{text}\n"),
            Form::Json => format!("{json}\n"),
        };
        say(&line).map(drop)
    }

    /// One line that is for people only.
    pub fn remark(&self, text: &str) -> Result<()> {
        match self.form {
            Form::Human => say(&format!("{text}\n")).map(drop),
            Form::Json => Ok(()),
        }
    }

    /// Says that nothing was done, where it was not.
    fn remind(&self, done: bool) -> Result<()> {
        match (done, self.form) {
            (false, Form::Human) => say("nothing was changed: `--yes` does it\n").map(drop),
            _ => Ok(()),
        }
    }

    async fn open(&self, url: Option<&str>) -> Result<Box<dyn Inspect>> {
        let (url, options) = self.place(url)?;
        queues::open_inspector(url, &options).await
    }

    fn place(&self, url: Option<&str>) -> Result<(Location, Options)> {
        let environment = &self.scene.environment;
        let url = cli::url_or(url, "KAKEHI_QUEUE", environment)?;
        let data_dir = cli::data_dir(environment, &[&url])?;
        Ok((url, Options::new(environment.clone(), data_dir)))
    }
}

/// What is done with a dead letter.
#[derive(Clone, Copy)]
enum Verb {
    Redrive,
    Drop,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Self::Redrive => "redrive",
            Self::Drop => "drop",
        }
    }

    async fn carry_out(self, graves: &dyn Graves, names: Vec<Grave>) -> Result<Vec<Mended>> {
        match self {
            Self::Redrive => graves.redrive(names).await,
            Self::Drop => graves.drop(names).await,
        }
    }
}

/// So many messages, in words.
fn messages(count: Option<u64>) -> String {
    match count {
        Some(count) => format!("{count} messages"),
        None => "what it holds (nobody can tell how much)".to_owned(),
    }
}

fn receipts(queue: &dyn Inspect) -> Result<&dyn Receipts> {
    queue.receipts().ok_or_else(|| lacks("give receipts that outlive a process"))
}

fn graves(queue: &dyn Inspect) -> Result<&dyn Graves> {
    queue.graves().ok_or_else(|| lacks("keep dead letters"))
}

/// The error for what a queue cannot do.
fn lacks(what: &str) -> Error {
    Error::new(Kind::Configuration, format!("this queue cannot {what}"))
        .hint("the embedded queue can: `sqlite:PATH?queue=NAME`")
}

/// Refuses ids that were asked for and are not there.
fn all_found(which: &Which, seen: &HashSet<String>) -> Result<()> {
    let Which::Ids(ids) = which else { return Ok(()) };
    let missing: Vec<_> = ids.iter().filter(|id| !seen.contains(*id)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let shown: Vec<_> = missing.iter().take(5).map(|id| inspect::visible(id.as_bytes())).collect();
    let shown: Vec<_> = shown.iter().map(String::as_str).collect();
    let what = format!("{} of {} ids have no dead letter", missing.len(), ids.len());
    Err(Error::new(Kind::Failed, what)
        .because_of(format!("there is none of {}", list(&shown)))
        .hint("`queue dead list` shows those that are there"))
}

/// Writes to stdout; `false` where nobody reads it any more.
pub fn say(text: &str) -> Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(cause) => Err(Error::new(Kind::Failed, "cannot write to stdout").because(cause)),
    }
}

//! How `queue` shows what it found: as lines for a person, or as JSON for a program.
//!
//! What an external producer published is shown so that it cannot act on a terminal.

use crate::cli::tell::Form;
use crate::envelope::Envelope;
use crate::location::Location;
use crate::message::{Delivery, Message, Receipt};
use crate::preflight::{Finding, Standing};
use crate::queues::{
    DeadLetter, DeadLetterHead, DeadLetterOutcome, Deletion, MessageState, Peeked, RepairLoss,
    Repaired, Settled, TagCount, Verified,
};
use crate::text::{of_name, visible};
use crate::units::counted;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Duration;

/// A tag, and how many messages have it.
pub fn tag(tag: &TagCount, form: Form) -> String {
    match form {
        Form::Json => json(tag),
        Form::Human => format!("{:<10} {}\n", tag.messages, visible(tag.tag.as_bytes())),
    }
}

pub(super) fn time(length: Duration) -> String {
    humantime::format_duration(length).to_string()
}

/// A message that was looked at: the fields of an envelope, `state`, `attempts` and `until`.
pub fn peeked(peeked: &Peeked, form: Form) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        state: MessageState,
        attempts: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        unreadable: Option<&'a str>,
        #[serde(flatten)]
        message: Envelope<'a>,
    }
    let Peeked { message, attempts, state, until, .. } = peeked;
    let unreadable = peeked.unreadable.as_deref();
    if form == Form::Json {
        let bare = bare(message);
        let message = Envelope::of(&bare);
        return json(&Line {
            state: *state,
            attempts: *attempts,
            until: *until,
            unreadable,
            message,
        });
    }
    let state = self::state(*state);
    let until = until.map(|time| format!(" until {}", seconds(time))).unwrap_or_default();
    let (tries, unread) = (tries(*attempts), unread(unreadable));
    format!("{}  {state}{until}{tries}{unread}\n    {}\n", name(message), body(message))
}

/// A state in words.
pub fn state(state: MessageState) -> &'static str {
    match state {
        MessageState::Ready => "ready",
        MessageState::Waiting => "waiting",
        MessageState::Scheduled => "scheduled",
        MessageState::Leased => "leased",
        MessageState::LeaseEnded => "lease ended",
        MessageState::SetAside => "set aside",
    }
}

/// A dead letter: the fields of an envelope, `reason`, `attempts`, `first_at`, `died_at` and `from`.
pub fn dead_letter(letter: &DeadLetter, form: Form) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        reason: &'a str,
        attempts: Option<u32>,
        first_at: Option<DateTime<Utc>>,
        died_at: Option<DateTime<Utc>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        unreadable: Option<&'a str>,
        #[serde(flatten)]
        message: Envelope<'a>,
    }
    let DeadLetter { head, message, .. } = letter;
    let unreadable = letter.unreadable.as_deref();
    if form == Form::Json {
        let bare = bare(message);
        return json(&Line {
            reason: &head.reason,
            attempts: head.attempts,
            first_at: head.first_at,
            died_at: head.died_at,
            from: head.from.as_deref(),
            unreadable,
            message: Envelope::of(&bare),
        });
    }
    let unread = unread(unreadable);
    format!("{}  {}{unread}\n    {}\n", name(message), why(head), body(message))
}

/// A message that was leased: the fields of an envelope, and `receipt`.
pub fn leased(delivery: &Delivery, form: Form) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        receipt: &'a str,
        #[serde(flatten)]
        message: Envelope<'a>,
    }
    let Delivery { message, receipt, .. } = delivery;
    match form {
        Form::Json => json(&Line { receipt: &receipt.0, message: Envelope::of(delivery) }),
        Form::Human => format!("{}  {}\n    {}\n", receipt.0, name(message), body(message)),
    }
}

/// What became of a receipt: `verb` was to be done with it.
pub fn settled(verb: &str, receipt: &Receipt, outcome: &Settled, form: Form) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        receipt: &'a str,
        done: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        lost: Option<&'a str>,
    }
    let lost = match outcome {
        Settled::Done => None,
        Settled::LeaseLost => Some("there is no such lease in this queue, or not any more"),
        Settled::Unknown(why) => Some(why.as_str()),
    };
    let text = visible(receipt.0.as_bytes());
    match (form, lost) {
        (Form::Json, lost) => json(&Line { receipt: &receipt.0, done: lost.is_none(), lost }),
        (Form::Human, None) => format!("{verb} {text}: done\n"),
        (Form::Human, Some(why)) => format!("{verb} {text}: not done: {why}\n"),
    }
}

/// What is done with a dead letter: `verb` is what would be (`None`) or was tried.
pub fn dead_letter_outcome(
    verb: &str,
    head: &DeadLetterHead,
    outcome: Option<&DeadLetterOutcome>,
    form: Form,
) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        id: &'a str,
        reason: &'a str,
        attempts: Option<u32>,
        done: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        kept: Option<&'a str>,
    }
    let kept = match outcome {
        Some(DeadLetterOutcome::Kept(why)) => Some(why.as_str()),
        Some(DeadLetterOutcome::Gone) => Some("somebody else took it meanwhile"),
        Some(DeadLetterOutcome::Done) | None => None,
    };
    if form == Form::Json {
        let DeadLetterHead { id, reason, attempts, .. } = head;
        let done = outcome == Some(&DeadLetterOutcome::Done);
        return json(&Line { id, reason, attempts: *attempts, done, kept });
    }
    let id = visible(head.id.as_bytes());
    match (outcome, kept) {
        (None, _) => format!("would {verb} {id}  {}\n", why(head)),
        (Some(_), None) => format!("{verb} {id}: done\n"),
        (Some(_), Some(kept)) => format!("{verb} {id}: not done: {kept}\n"),
    }
}

/// One thing that was verified.
pub fn verified(point: &Verified, form: Form) -> String {
    let Verified { what, wrong, first } = point;
    match (form, first) {
        (Form::Json, _) => json(point),
        (Form::Human, None) => format!("ok     {what}\n"),
        (Form::Human, Some(first)) => {
            format!("wrong  {what}: {wrong} times not, first {}\n", visible(first.as_bytes()))
        }
    }
}

/// What a repair could not save as it was.
pub fn repair_loss(loss: &RepairLoss, form: Form) -> String {
    let RepairLoss { what, queue, id, why, kept } = loss;
    if form == Form::Json {
        return json(loss);
    }
    let verb = if *kept { "kept" } else { "lost" };
    let (queue, id) = (visible(queue.as_bytes()), visible(id.as_bytes()));
    format!("{verb}  {what} `{id}` of `{queue}`: {why}\n")
}

/// What a repair made, as a sentence and as fields.
pub fn repaired(repaired: &Repaired) -> (String, serde_json::Value) {
    let Repaired { file, messages, dead, lost, pages, log_cut_off } = repaired;
    let json = serde_json::json!({
        "file": of_name(file), "messages": messages, "dead": dead, "not_as_it_was": lost,
        "damaged_pages": pages, "log_cut_off": log_cut_off,
    });
    let text = format!(
        "saved {} and {} in `{}`; {}",
        counted(*messages, "message"),
        counted(*dead, "dead letter"),
        file.display(),
        counted(pages.len() as u64, "damaged page"),
    );
    (text, json)
}

/// What a deletion removed, or would, as a sentence and as fields.
pub fn deletion(deletion: &Deletion, done: bool) -> (String, serde_json::Value) {
    let Deletion { messages: removed, dead, stays } = deletion;
    let json = serde_json::json!({"removed": removed, "dead": dead, "stays": stays, "done": done});
    let verb = if done { "deleted" } else { "would delete" };
    let and = if removed.is_some() { "," } else { " and" };
    let mut text = format!("{verb} the queue{and} {}", messages(*removed));
    if let Some(dead) = dead {
        text += &format!(" and {}", counted(*dead, "dead letter"));
    }
    if let Some(stays) = stays {
        text += &format!("\n{stays}");
    }
    (text, json)
}

/// A number of messages, in words.
pub fn messages(count: Option<u64>) -> String {
    match count {
        Some(count) => counted(count, "message"),
        None => "what it holds (nobody can tell how much)".to_owned(),
    }
}

/// What a look at one end of a pipeline found.
pub fn finding(end: &str, url: &Location, finding: &Finding, form: Form) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        end: &'a str,
        url: String,
        #[serde(flatten)]
        finding: &'a Finding,
    }
    if form == Form::Json {
        return json(&Line { end, url: url.to_string(), finding });
    }
    let standing = match finding.standing {
        Standing::Ok => "ok",
        Standing::Unknown => "unknown",
        Standing::Wrong => "wrong",
    };
    let hint = finding.hint.as_ref().map(|hint| format!(" — {hint}")).unwrap_or_default();
    format!("{standing:<8} {}\n", visible(format!("{}{hint}", finding.what).as_bytes()))
}

pub fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("fields under names are JSON") + "\n"
}

/// An envelope is one of a delivery: here is none.
fn bare(message: &Message) -> Delivery {
    Delivery { message: message.clone(), attempts: None, lost: 0, receipt: Receipt("".into()) }
}

/// The id, with the group and the tag where there are any.
fn name(message: &Message) -> String {
    let mut text = visible(message.id.as_bytes());
    for (what, value) in [("group", &message.group), ("tag", &message.tag)] {
        if let Some(value) = value {
            let value = visible(value.as_bytes());
            write!(text, "  {what} {value}").expect("writing to a string does not fail");
        }
    }
    text
}

fn body(message: &Message) -> String {
    visible(&message.body)
}

fn why(head: &DeadLetterHead) -> String {
    let reason = visible(head.reason.as_bytes());
    let died = head.died_at.map(|time| format!(" {}", seconds(time))).unwrap_or_default();
    format!("died{died}{}: {reason}", tries(head.attempts))
}

fn unread(fault: Option<&str>) -> String {
    fault.map(|fault| format!(" (cannot be read: {fault})")).unwrap_or_default()
}

fn tries(attempts: Option<u32>) -> String {
    match attempts {
        None | Some(0) => String::new(),
        Some(1) => ", 1 attempt".to_owned(),
        Some(attempts) => format!(", {attempts} attempts"),
    }
}

fn seconds(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

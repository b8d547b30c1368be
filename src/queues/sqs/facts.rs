//! A queue's counts and its setup for `queue stats`.

use super::name::Name;
use super::survey::{Place, Survey};
use crate::queues::{Fact, Stats, Value};
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use std::time::Duration;

/// Why there are no others.
const UNKNOWN: &str = "SQS does not tell it; its counts are approximate";

/// Everything that the service tells without receiving.
pub(super) fn stats(name: &Name, url: &str, survey: &Survey) -> Stats {
    let setup = &survey.setup;
    let own = survey.own();
    let there = match own.place {
        Place::There(_) => Some(true),
        Place::Missing => Some(false),
        Place::Hidden => None,
    };
    let mut facts = vec![
        yes("exists", Some(true)),
        text("url", url),
        yes("fifo", Some(name.is_fifo())),
        time("visibility timeout", setup.time(Attribute::VisibilityTimeout)),
        time("retention", setup.time(Attribute::MessageRetentionPeriod)),
        time("delay", setup.time(Attribute::DelaySeconds)),
        time("receive wait", setup.time(Attribute::ReceiveMessageWaitTimeSeconds)),
        count("largest message", setup.count(Attribute::MaximumMessageSize)),
        text("dead letter queue", own.name.short()),
        yes("dead letter queue exists", there),
        yes("redrive policy", Some(survey.policy.is_some())),
    ];
    facts
        .extend(survey.policy.as_ref().map(|it| count("policy deliveries", Some(it.limit.into()))));
    Stats {
        ready: setup.count(Attribute::ApproximateNumberOfMessages),
        // Of a FIFO queue the service counts it among the ready.
        waiting: (!name.is_fifo()).then_some(0),
        scheduled: setup.count(Attribute::ApproximateNumberOfMessagesDelayed),
        leased: setup.count(Attribute::ApproximateNumberOfMessagesNotVisible),
        dead: dead(survey),
        unknown: Some(UNKNOWN),
        facts,
        ..Stats::default()
    }
}

/// How many dead letters there are; `None` where we may not look at all of their places.
fn dead(survey: &Survey) -> Option<u64> {
    let held = survey.burials.iter().map(|burial| match &burial.place {
        Place::There(setup) => setup.held(),
        Place::Missing => Some(0),
        Place::Hidden => None,
    });
    held.sum()
}

fn text(name: &'static str, text: &str) -> Fact {
    Fact { name, value: Some(Value::Text(text.to_owned())) }
}

fn yes(name: &'static str, yes: Option<bool>) -> Fact {
    Fact { name, value: yes.map(Value::Yes) }
}

/// What the service does not say is what nobody told.
fn time(name: &'static str, length: Option<Duration>) -> Fact {
    Fact { name, value: length.map(Value::Time) }
}

fn count(name: &'static str, count: Option<u64>) -> Fact {
    Fact { name, value: count.map(Value::Count) }
}

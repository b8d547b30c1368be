//! A queue's counts and its setup for `queue stats`.

use super::name::Name;
use super::survey::{Presence, Survey};
use crate::queues::{Fact, Stats};
use aws_sdk_sqs::types::QueueAttributeName as Attribute;

/// Why `queue stats` shows no other counts.
const UNKNOWN: &str = "SQS does not tell it; its counts are approximate";

/// Everything that the service tells of a queue without receiving.
pub(super) fn stats(name: &Name, url: &str, survey: &Survey) -> Stats {
    let setup = &survey.setup;
    let own = survey.own();
    let there = match own.presence {
        Presence::There(_) => Some(true),
        Presence::Missing => Some(false),
        Presence::Hidden => None,
    };
    let mut facts = vec![
        Fact::yes("exists", Some(true)),
        Fact::text("url", url),
        Fact::yes("fifo", Some(name.is_fifo())),
        Fact::time("visibility timeout", setup.time(Attribute::VisibilityTimeout)),
        Fact::time("retention", setup.time(Attribute::MessageRetentionPeriod)),
        Fact::time("delay", setup.time(Attribute::DelaySeconds)),
        Fact::time("receive wait", setup.time(Attribute::ReceiveMessageWaitTimeSeconds)),
        Fact::count("largest message", setup.count(Attribute::MaximumMessageSize)),
        Fact::text("dead letter queue", own.name.short()),
        Fact::yes("dead letter queue exists", there),
        Fact::yes("redrive policy", Some(survey.policy.is_some())),
    ];
    facts.extend(
        survey.policy.as_ref().map(|it| Fact::count("policy deliveries", Some(it.limit.into()))),
    );
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

/// How many dead letters there are; `None` where there is a queue of them that we may not look at.
fn dead(survey: &Survey) -> Option<u64> {
    let counts = survey.dead_letter_queues.iter().map(|dead| match &dead.presence {
        Presence::There(setup) => setup.messages(),
        Presence::Missing => Some(0),
        Presence::Hidden => None,
    });
    counts.sum()
}

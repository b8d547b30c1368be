//! A subscription's setup as facts for `queue stats`.

use super::survey::Survey;
use crate::queues::{Fact, Stats};
use google_cloud_pubsub::model::Subscription;
use google_cloud_pubsub::model::subscription::State;
use std::time::Duration;

/// Why `queue stats` shows no counts.
const UNKNOWN: &str = "only Cloud Monitoring counts what a subscription holds";

/// Everything that the service tells of a subscription without receiving.
pub(super) fn stats(survey: &Survey) -> Stats {
    let found = &survey.found;
    let mut facts = vec![
        Fact::yes("exists", Some(true)),
        Fact::text("subscription", &found.name),
        Fact::text("topic", &found.topic),
        Fact::yes("topic exists", survey.topic_there),
        Fact::text("state", state(&found.state)),
        Fact::yes("detached", Some(found.detached)),
        Fact::text("delivery", delivery(found)),
        Fact::time("ack deadline", seconds(found.ack_deadline_seconds)),
        Fact::time("retention", found.message_retention_duration.and_then(|it| it.try_into().ok())),
        Fact::yes("ordered", Some(found.enable_message_ordering)),
        Fact::yes("exactly once", Some(found.enable_exactly_once_delivery)),
        Fact::text("filter", &found.filter),
    ];
    // A policy without a time is one that never ends it; without a policy it is 31 days:
    // https://docs.cloud.google.com/pubsub/docs/subscription-properties
    let expires = match &found.expiration_policy {
        Some(policy) => policy.ttl.and_then(|it| it.try_into().ok()),
        None => Some(Duration::from_secs(31 * 24 * 60 * 60)),
    };
    facts.push(Fact::yes("expires", Some(expires.is_some())));
    facts.extend(expires.map(|after| Fact::time("expires after", Some(after))));
    facts.extend(dead_letters(survey));
    Stats { unknown: Some(UNKNOWN), facts, ..Stats::default() }
}

fn dead_letters(survey: &Survey) -> Vec<Fact> {
    let own = &survey.own;
    let policy = survey.policy.as_ref();
    let dead = policy.and_then(|policy| policy.dead_letter_topic.as_ref());
    let mut facts = vec![
        Fact::text("dead topic", &own.topic.path()),
        Fact::yes("dead topic exists", own.topic_there),
        Fact::yes("dead subscription exists", Some(own.subscription.is_some())),
        Fact::yes("dead letter policy", Some(policy.is_some())),
    ];
    if let Some(policy) = policy {
        let topic =
            survey.found.dead_letter_policy.as_ref().map(|it| it.dead_letter_topic.as_str());
        let reader = dead.and_then(|it| it.subscription.as_ref()).map(|it| it.path());
        facts.extend([
            Fact::count("policy attempts", Some(policy.limit.into())),
            Fact::text("policy topic", topic.unwrap_or_default()),
            Fact::yes("policy topic exists", dead.map_or(Some(false), |dead| dead.topic_there)),
            Fact::text("policy subscription", &reader.unwrap_or_default()),
        ]);
    }
    facts
}

/// How the messages leave: only one that is pulled can be subscribed to.
pub(super) fn delivery(found: &Subscription) -> &'static str {
    if found.push_config.as_ref().is_some_and(|it| !it.push_endpoint.is_empty()) {
        "push"
    } else if found.bigquery_config.is_some() {
        "bigquery"
    } else if found.cloud_storage_config.is_some() {
        "cloud storage"
    } else if found.bigtable_config.is_some() {
        "bigtable"
    } else {
        "pull"
    }
}

/// The state of a subscription in the service's own word; the emulator has none.
fn state(state: &State) -> &str {
    match state {
        State::Unspecified => "",
        State::Active => "active",
        other => other.name().unwrap_or_default(),
    }
}

fn seconds(seconds: i32) -> Option<Duration> {
    seconds.try_into().ok().map(Duration::from_secs)
}

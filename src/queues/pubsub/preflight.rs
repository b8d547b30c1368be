//! What `queue check` finds out about a topic or a subscription, without publishing or receiving.

use super::admin::{Admin, within};
use super::client::Connection;
use super::error::ErrorClass;
use super::facts::delivery;
use super::name::Name;
use super::options::{SubscriptionOptions, TopicOptions};
use super::streams::Plan;
use super::survey::{DeadLetterTopic, Survey};
use crate::error::{Kind, Result};
use crate::location::Location;
use crate::preflight::Finding;
use crate::queues::Options;
use std::time::Duration;

/// What a publisher must be allowed.
const PUBLISH: &str = "pubsub.topics.publish";
/// What a subscriber must be allowed.
const CONSUME: &str = "pubsub.subscriptions.consume";

/// Looks at a topic as `publish` will use it.
pub async fn publisher(url: Location, options: &Options) -> Result<Vec<Finding>> {
    let TopicOptions { name: topic, .. } = TopicOptions::of(url)?;
    let admin = Admin::open(&Connection::open(&options.environment)?).await?;
    let mut findings = Vec::new();
    match admin.has_topic(&topic).await? {
        Some(true) => findings.push(Finding::ok(format!("{topic} answers"))),
        Some(false) => return Ok(vec![missing(&topic)]),
        None => findings.push(may_not_look(&topic, "pubsub.topics.get")),
    }
    findings.push(match admin.subscriptions_of(&topic).await? {
        Some(names) if names.is_empty() => Finding::wrong(
            Kind::Configuration,
            format!("{topic} has no subscription, and drops what it is given"),
        )
        .hint(format!("make one: {}", topic.create_command_for(topic.short()))),
        Some(names) => {
            let names: Vec<_> = names.iter().map(Name::short).take(5).collect();
            Finding::ok(format!("it is read by {}", crate::location::list(&names)))
        }
        None => Finding::unknown("whether anybody reads it: we may not ask")
            .hint("it needs `pubsub.topics.get`; a topic without a subscription drops all"),
    });
    findings.push(admin.may(&topic, PUBLISH).await);
    Ok(findings)
}

/// Looks at a subscription as `subscribe` will use it.
pub async fn subscriber(url: Location, options: &Options) -> Result<Vec<Finding>> {
    let parsed = SubscriptionOptions::of(url)?;
    let (topic, plan) =
        (parsed.topic()?, Plan::new(parsed.streams.unwrap_or(1), options).map(drop));
    let name = parsed.name;
    let admin = Admin::open(&Connection::open(&options.environment)?).await?;
    let survey = match admin.look(&name).await {
        Ok(_) => admin.survey(&name).await?,
        Err(error) if error.class == ErrorClass::Missing => return Ok(vec![missing(&name)]),
        Err(error) if error.class == ErrorClass::Forbidden => {
            let look = may_not_look(&name, "pubsub.subscriptions.get");
            return Ok(vec![look, admin.may(&name, CONSUME).await]);
        }
        Err(error) => return Err(error.to_error("cannot reach", &name)),
    };
    let mut findings = vec![of_topic(&name, &survey, topic.as_ref())];
    findings.extend(unusable(&survey));
    findings.push(deadline(&survey, options.lease, plan));
    findings.push(expiration(&name, &survey));
    findings.extend(policy(&survey));
    findings.push(own_dead_letters(&name, &survey));
    findings.push(admin.may(&name, CONSUME).await);
    if survey.own.topic_there != Some(false) {
        findings.push(admin.may(&survey.own.topic, PUBLISH).await);
    }
    Ok(findings)
}

impl Admin {
    /// Whether we may do this there. The service's answer is meant for tools, and the emulator
    /// gives none.
    async fn may(&self, name: &Name, right: &str) -> Finding {
        let question = self.rights.test_iam_permissions().set_resource(name.path());
        match within(question.set_permissions([right]).send()).await {
            Ok(answer) if answer.permissions.iter().any(|it| it == right) => {
                Finding::ok(format!("we have the right `{right}` on `{}`", name.short()))
            }
            Ok(_) => {
                let what = format!("we lack the right `{right}` on {name}");
                Finding::wrong(Kind::Credentials, what).hint(role(right))
            }
            Err(error) => {
                let what = format!("whether we have the right `{right}` on `{}`", name.short());
                Finding::unknown(what).hint(format!("it did not say: {}", error.reason))
            }
        }
    }
}

fn role(right: &str) -> String {
    let role = if right == PUBLISH { "roles/pubsub.publisher" } else { "roles/pubsub.subscriber" };
    format!("grant `{role}`")
}

fn missing(name: &Name) -> Finding {
    Finding::wrong(Kind::Unreachable, format!("there is no {name}"))
        .hint(format!("create it: {}", name.create_command()))
}

fn may_not_look(name: &Name, right: &str) -> Finding {
    Finding::unknown(format!("{name}: we may not look at it"))
        .hint(format!("it needs `{right}`, as `roles/pubsub.viewer` has; the work itself does not"))
}

/// Whether a subscription is there, and of the topic that it should be.
fn of_topic(name: &Name, survey: &Survey, wanted: Option<&Name>) -> Finding {
    let Some(topic) = &survey.topic else {
        return Finding::wrong(Kind::Configuration, format!("the topic of {name} was deleted"))
            .hint("what it holds can be received; nothing new will come");
    };
    match wanted {
        Some(wanted) if wanted != topic => {
            let what = format!("{name} is of `{}`, not of `{}`", topic.short(), wanted.short());
            Finding::wrong(Kind::Configuration, what).hint("name its own topic, or none")
        }
        _ => Finding::ok(format!("{name} answers, of topic `{}`", topic.short())),
    }
}

/// Why nobody can receive from a subscription, if so.
fn unusable(survey: &Survey) -> Option<Finding> {
    if survey.found.detached {
        let what = "it is detached from its topic: it holds nothing and gets nothing";
        return Some(Finding::wrong(Kind::Configuration, what).hint("make another subscription"));
    }
    match delivery(&survey.found) {
        "pull" => None,
        delivery => Some(
            Finding::wrong(Kind::Configuration, format!("its messages leave by {delivery}"))
                .hint("make another subscription of the topic, one that is pulled"),
        ),
    }
}

/// Whether the lease is one that Pub/Sub has.
fn deadline(survey: &Survey, lease: Duration, plan: Result<()>) -> Finding {
    let lease = humantime::format_duration(lease);
    match plan {
        Err(error) => Finding::of(&error),
        Ok(()) => Finding::ok(format!(
            "its acknowledgement deadline of {}s: our lease of {lease} takes its place",
            survey.found.ack_deadline_seconds
        )),
    }
}

fn expiration(name: &Name, survey: &Survey) -> Finding {
    let ttl = survey.found.expiration_policy.as_ref().map(|policy| policy.ttl);
    match ttl {
        Some(None) => Finding::ok("it never expires"),
        ttl => {
            let after = ttl.flatten().and_then(|ttl| Duration::try_from(ttl).ok());
            let after = after
                .map_or("some time".to_owned(), |it| humantime::format_duration(it).to_string());
            Finding::unknown(format!("it expires after {after} in which nobody receives"))
                .hint(format!("{} ends that", name.never_expires_command()))
        }
    }
}

/// What the server's own dead-letter policy means for us.
fn policy(survey: &Survey) -> Vec<Finding> {
    let Some(policy) = &survey.policy else {
        return vec![Finding::ok("it has no dead-letter policy: `--max-attempts` alone decides")];
    };
    let limit = policy.limit;
    let counts =
        Finding::unknown(format!("the server gives a message up after {limit} deliveries"))
            .hint("what an outage of the sink gives back counts; leave `--max-attempts` below it");
    let place = match &policy.dead_letter_topic {
        Some(DeadLetterTopic { topic_there: Some(false), topic, .. }) => {
            let what = format!("the server's dead letters have no place: there is no {topic}");
            Finding::wrong(Kind::Configuration, what).hint("make it, with a subscription")
        }
        None => {
            Finding::wrong(Kind::Configuration, "the topic of its dead-letter policy was deleted")
                .hint("name another one in the policy")
        }
        Some(DeadLetterTopic { subscription: None, others, topic, .. }) if others.is_empty() => {
            let what =
                format!("nobody keeps the server's dead letters: no subscription of {topic}");
            Finding::wrong(Kind::Configuration, what)
                .hint("a topic without a subscription drops what it is given: make one")
        }
        Some(dead) => Finding::ok(format!("the server's dead letters go to {}", dead.topic)),
    };
    vec![counts, place]
}

/// Where what we give up is kept.
fn own_dead_letters(name: &Name, survey: &Survey) -> Finding {
    let own = &survey.own;
    let topic = survey.topic.as_ref().map_or("NAME", Name::short);
    let hint = format!(
        "{} makes both; until then dead letters go to the spool",
        name.create_command_for(topic)
    );
    match (own.topic_there, &own.subscription) {
        (Some(false), _) => {
            let what = format!("there is no {} for dead letters", own.topic);
            Finding::wrong(Kind::Configuration, what).hint(hint)
        }
        (_, None) => {
            let what =
                format!("{} has no subscription of its name: dead letters are lost", own.topic);
            Finding::wrong(Kind::Configuration, what).hint(hint)
        }
        (None, _) => Finding::unknown(format!("whether there is {} for dead letters", own.topic))
            .hint("we may not look at it: it needs `pubsub.topics.get`"),
        _ => Finding::ok(format!("dead letters go to {}", own.topic)),
    }
}

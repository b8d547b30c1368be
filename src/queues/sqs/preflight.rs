//! What `queue check` finds out about a queue, without publishing or receiving.

use super::admin::Setup;
use super::client::Queue;
use super::error::ErrorClass;
use super::limits::{LARGEST, validate_lease};
use super::options::SqsOptions;
use super::survey::{Presence, Survey};
use crate::error::{Kind, Result};
use crate::hint;
use crate::location::Location;
use crate::preflight::Finding;
use crate::queues::Options;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use std::time::Duration;

/// Looks at a queue as `publish` will use it.
pub async fn publisher(url: Location, options: &Options) -> Result<Vec<Finding>> {
    let (queue, setup) = match look(url, options).await? {
        Ok(found) => found,
        Err(finding) => return Ok(vec![finding]),
    };
    let mut findings = vec![Finding::ok(format!("{} answers", queue.name)), retention(&setup)];
    findings.extend(largest(&setup));
    findings.push(rights("sqs:SendMessage"));
    Ok(findings)
}

/// Looks at a queue as `subscribe` will use it.
pub async fn subscriber(url: Location, options: &Options) -> Result<Vec<Finding>> {
    let (queue, setup) = match look(url, options).await? {
        Ok(found) => found,
        Err(finding) => return Ok(vec![finding]),
    };
    let survey = queue.survey_of(setup).await?;
    Ok(vec![
        Finding::ok(format!("{} answers", queue.name)),
        visibility(&survey.setup, options.lease),
        retention(&survey.setup),
        policy(&survey),
        dead_letters(&queue, &survey),
        rights("sqs:ReceiveMessage`, `sqs:DeleteMessage`, `sqs:ChangeMessageVisibility"),
    ])
}

/// The queue and how it is set up; else what is to be told of it.
async fn look(url: Location, options: &Options) -> Result<Result<(Queue, Setup), Finding>> {
    let queue = SqsOptions::of(url)?.queue(options).await?;
    let name = &queue.name;
    match queue.look().await {
        Ok(setup) => Ok(Ok((queue, setup))),
        Err(error) if error.class == ErrorClass::Missing => {
            let what = format!("there is no {name}");
            let hint = format!(
                "look at the region and the account; or make it: {}",
                hint::command(["queue", "create", &name.url()])
            );
            Ok(Err(Finding::wrong(Kind::Unreachable, what).hint(hint)))
        }
        Err(error) if error.class == ErrorClass::Forbidden => {
            let finding = Finding::unknown(format!("{name}: we may not look at it"))
                .hint("it needs `sqs:GetQueueAttributes`; the work itself does not");
            Ok(Err(finding))
        }
        Err(error) => Err(error.to_error("cannot reach", name)),
    }
}

/// Nobody can ask the service what we may.
fn rights(rights: &str) -> Finding {
    Finding::unknown(format!("whether we have the right `{rights}`"))
        .hint("SQS does not tell: the first message will")
}

/// What is not received in time is lost.
fn retention(setup: &Setup) -> Finding {
    match setup.time(Attribute::MessageRetentionPeriod) {
        Some(time) => {
            let time = humantime::format_duration(time);
            Finding::ok(format!("it keeps a message for {time}"))
        }
        None => Finding::unknown("for how long it keeps a message"),
    }
}

/// A queue may take less than the service can.
fn largest(setup: &Setup) -> Option<Finding> {
    let largest = setup.count(Attribute::MaximumMessageSize)?;
    let less = usize::try_from(largest).is_ok_and(|it| it < LARGEST);
    less.then(|| {
        Finding::unknown(format!("it takes messages of {largest} bytes at most"))
            .hint(format!("SQS can take {LARGEST}: set its `MaximumMessageSize`"))
    })
}

/// Whether the lease is one that SQS has.
fn visibility(setup: &Setup, lease: Duration) -> Finding {
    if let Err(error) = validate_lease(lease) {
        return Finding::of(&error);
    }
    let own = setup.time(Attribute::VisibilityTimeout);
    let own =
        own.map_or("nobody knows".to_owned(), |it| humantime::format_duration(it).to_string());
    Finding::ok(format!(
        "its visibility timeout of {own}: our lease of {} takes its place",
        humantime::format_duration(lease)
    ))
}

/// What the queue's own redrive policy means for us.
fn policy(survey: &Survey) -> Finding {
    match &survey.policy {
        None => Finding::ok("it has no redrive policy: `--max-attempts` alone decides"),
        Some(policy) => Finding::unknown(format!(
            "the server gives a message up after {} deliveries",
            policy.limit
        ))
        .hint("what an outage of the sink gives back counts; leave `--max-attempts` below it"),
    }
}

/// Where what is given up is kept.
fn dead_letters(queue: &Queue, survey: &Survey) -> Finding {
    let own = survey.own();
    match (&own.presence, &survey.policy) {
        (Presence::There(_), _) => Finding::ok(format!("dead letters go to {}", own.name)),
        (Presence::Hidden, _) => Finding::unknown(format!("whether there is {}", own.name))
            .hint("we may not look at it: it needs `sqs:GetQueueAttributes`"),
        (Presence::Missing, Some(_)) => Finding::wrong(
            Kind::Configuration,
            format!("there is no {} any more, which its redrive policy names", own.name),
        )
        .hint("make it again, or name another one in the policy"),
        (Presence::Missing, None) => Finding::wrong(
            Kind::Configuration,
            format!("there is no {} for dead letters", own.name),
        )
        .hint(format!(
            "{} makes it; until then dead letters go to the spool",
            hint::command(["queue", "create", &queue.name.url()])
        )),
    }
}

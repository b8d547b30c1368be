//! Makes and deletes subscriptions for the program `queue`.

use super::admin::{Admin, within};
use super::client::Connection;
use super::create_subscription;
use super::name::Name;
use super::options::SubscriptionOptions;
use crate::error::Result;
use crate::location::Location;
use crate::queues::{Deletion, Options};

/// Makes a subscription with all that it needs: its topic, and a place for its dead letters.
/// `false`: it was there already.
pub async fn create(url: Location, options: &Options) -> Result<bool> {
    let parsed = SubscriptionOptions::of(url)?;
    let topic = parsed.topic()?.ok_or_else(|| parsed.needs_topic())?;
    let admin = Admin::open(&Connection::open(&options.environment)?).await?;
    create_subscription(&admin, &parsed.name, &topic, parsed.delivering).await
}

/// Deletes a subscription, and with it all that waits in it; unless `yes` only tells.
pub async fn delete(url: Location, options: &Options, yes: bool) -> Result<Deletion> {
    let SubscriptionOptions { name, .. } = SubscriptionOptions::of(url)?;
    let admin = Admin::open(&Connection::open(&options.environment)?).await?;
    let survey = admin.survey(&name).await?;
    if yes {
        let answer = admin.subscriptions.delete_subscription().set_subscription(name.path());
        within(answer.send()).await.map_err(|it| it.to_error("cannot delete", &name))?;
    }
    let topic = match &survey.topic {
        Some(topic) => format!("its {topic} stays"),
        None => "its topic was deleted before".to_owned(),
    };
    let dead: Vec<_> =
        survey.burials().into_iter().filter_map(|it| it.subscription.as_ref()).collect();
    let dead: Vec<_> = dead.into_iter().map(Name::short).collect();
    let stays = match dead.is_empty() {
        true => topic,
        false => format!("{topic}, and so do the dead letters in {}", crate::location::list(&dead)),
    };
    Ok(Deletion { messages: None, dead: None, stays: Some(stays) })
}

//! Makes topics and subscriptions with all that they need, so that nothing is dropped.

use super::admin::{Admin, Delivering};
use super::name::Name;
use crate::error::Result;

impl Admin {
    /// Makes a topic, and where nobody would get what it is given a subscription of its name, with all
    /// that one needs. Where there are others, their owners have seen to it.
    pub(super) async fn create_with_reader(
        &self,
        topic: &Name,
        delivering: Delivering,
    ) -> Result<()> {
        let made = self.create_topic(topic).await?;
        let subscription = topic.subscription_alike();
        let readers = self.readers(topic).await?;
        if !readers.is_empty() && !readers.contains(&subscription) {
            if made {
                tracing::info!("made {topic}");
            }
            return Ok(());
        }
        if !self.create_whole_subscription(&subscription, topic, delivering).await? {
            return Ok(());
        }
        let made = if made { "made" } else { "found" };
        tracing::warn!(
            "{made} {topic} and made {subscription}, since a topic without one drops what it is given"
        );
        Ok(())
    }

    /// Makes a subscription with all that it needs: its topic, and a place for its dead letters.
    /// `false`: it was there already.
    pub(super) async fn create_whole_subscription(
        &self,
        subscription: &Name,
        topic: &Name,
        delivering: Delivering,
    ) -> Result<bool> {
        let dead = subscription.dead_letters()?;
        let plain = Delivering::default();
        let mut last_made = false;
        for (subscription, topic, delivering) in
            [(&dead.subscription_alike(), &dead, plain), (subscription, topic, delivering)]
        {
            if self.create_topic(topic).await? {
                tracing::info!("made {topic}");
            }
            last_made = self.create_subscription(subscription, topic, delivering).await?;
            if last_made {
                tracing::info!("made {subscription} of {topic}");
            }
        }
        Ok(last_made)
    }
}

//! What a topic or a subscription is, whatever its URL is spelled like, and under which name something
//! is kept for it.

use super::admin::Admin;
use super::client::Connection;
use super::name::Name;
use super::options::id_attribute;
use crate::error::Result;
use crate::identity::{Identity, Key};
use crate::location::Location;
use crate::queues::{Options, Side};

/// Under which name something is kept for a topic: its project, where that is, and the attribute that
/// carries the ids. A subscription's is that of the topic of its name.
pub(super) fn key(url: &Location, options: &Options) -> Result<Key> {
    let (name, id_attribute) = (Name::topic(url)?.canonical(), id_attribute(&mut url.clone())?);
    let address = Connection::address(&options.environment)?;
    // Older versions knew the host as it was spelled, and made no difference between attributes.
    let older = Connection::older_addresses(&options.environment)?;
    let older = older.into_iter().map(|address| format!("{name} at {address}"));
    Ok(Key::new(format!("{name}?id-attribute={id_attribute} at {address}")).before(older))
}

/// What a topic, or a subscription, is.
pub(super) fn identity(url: &Location, side: Side, options: &Options) -> Result<Identity> {
    let name = match side {
        Side::Into => Name::topic(url)?,
        Side::From => Name::subscription(url)?,
    };
    let address = Connection::address(&options.environment)?;
    Ok(Identity::named(format!("pubsub {} at {address}", name.path())))
}

/// Whether a subscription is one of this topic: what is received from it and published there comes
/// again, for ever. Where the service does not say, their names tell.
pub(super) async fn leads_back(
    from: &Location,
    into: &Location,
    options: &Options,
) -> Result<bool> {
    let (subscription, topic) = (Name::subscription(from)?, Name::topic(into)?);
    let connection = Connection::open(&options.environment)?;
    Ok(match Admin::open(&connection).await?.look(&subscription).await {
        Ok(found) => found.topic == topic.path(),
        Err(_) => topic.subscription_alike() == subscription,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cloud_and_each_emulator_are_places_of_their_own() {
        let place = |text: &str, emulator: &[(&str, &str)]| {
            let environment = emulator.iter().copied().collect();
            let options = Options::new(environment, std::path::PathBuf::new());
            key(&Location::parse(text).unwrap(), &options).unwrap()
        };
        let cloud = "pubsub://p1/t%25-x?id-attribute=x at Google";
        let emulator = "pubsub://p1/topic?id-attribute=kakehi-id at 127.0.0.1:8085";
        assert_eq!(place("pubsub://p1/t%2525-x?id-attribute=x", &[]).name(), cloud);
        for host in [
            "127.0.0.1:8085",
            "http://127.0.0.1:8085/",
            "LocalHost:8085",
            "[::1]:8085",
            "http://me:hunter2@0.0.0.0:8085",
        ] {
            let key = place("pubsub://p1/topic", &[("PUBSUB_EMULATOR_HOST", host)]);
            assert_eq!(key.name(), emulator);
            let spelled = host.trim_start_matches("http://").trim_end_matches('/');
            for older in [spelled, "localhost:8085", "127.0.0.1:8085"] {
                let older = format!("pubsub://p1/topic at {older}");
                assert!(key.older().contains(&older), "{older}: {key:?}");
            }
        }
    }
}

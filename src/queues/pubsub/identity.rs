//! What a topic or a subscription is, whatever its URL is spelled like, and under which name something
//! is kept for it.

use super::client::Connection;
use super::name::Name;
use super::options::TopicOptions;
use crate::environment::Environment;
use crate::error::Result;
use crate::identity::{Identity, Key};

/// Under which name something is kept for a topic: its project, where that is, and the attribute that
/// carries the ids. A subscription's is that of the topic of its name.
pub(super) fn key(topic: &TopicOptions, environment: &Environment) -> Result<Key> {
    let (name, id_attribute) = (topic.name.canonical(), &topic.id_attribute);
    let address = Connection::address(environment)?;
    // Older versions knew the host as it was spelled, and made no difference between attributes.
    let older = Connection::older_addresses(environment)?;
    let older = older.into_iter().map(|address| format!("{name} at {address}"));
    Ok(Key::new(format!("{name}?id-attribute={id_attribute} at {address}")).before(older))
}

/// What a topic, or a subscription, is.
pub(super) fn identity(name: &Name, environment: &Environment) -> Result<Identity> {
    let address = Connection::address(environment)?;
    Ok(Identity::named(format!("pubsub {} at {address}", name.path())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::Location;

    #[test]
    fn the_cloud_and_each_emulator_are_places_of_their_own() {
        let place = |text: &str, emulator: &[(&str, &str)]| {
            let topic = TopicOptions::of(Location::parse(text).unwrap()).unwrap();
            key(&topic, &emulator.iter().copied().collect()).unwrap()
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

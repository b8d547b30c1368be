//! What a server says of itself.

use super::client::Redis;
use super::error::{ErrorClass, ServiceError};
use std::collections::HashMap;

/// The facts of `INFO`: <https://redis.io/docs/latest/commands/info/>.
#[derive(Debug, Clone, Default)]
pub(super) struct Info(HashMap<String, String>);

impl Info {
    /// Asks for all of them; `None` where we may not.
    pub(super) async fn ask(redis: &Redis) -> Result<Option<Self>, ServiceError> {
        match redis.query::<String>(&redis::cmd("INFO")).await {
            Ok(text) => Ok(Some(Self::of(&text))),
            Err(ServiceError { class: ErrorClass::Forbidden, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads lines of `name:value`.
    pub(super) fn of(text: &str) -> Self {
        let facts = text.lines().filter_map(|line| line.trim().split_once(':'));
        Self(facts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A fact as it is told; empty where it is not.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether a fact is told as true.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.get(name) == "1"
    }

    /// A fact that is a number; 0 where it is none.
    pub(super) fn number(&self, name: &str) -> u64 {
        self.get(name).parse().unwrap_or_default()
    }
}

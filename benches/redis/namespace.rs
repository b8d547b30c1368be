//! Where the jobs of a bench are.

use super::services;
use std::fmt;

/// A namespace that nobody else uses; the keys in it are deleted when it goes out of scope.
pub struct Namespace(String);

impl Namespace {
    pub fn new() -> Self {
        Self(format!("bench-{}", uuid::Uuid::now_v7().simple()))
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let mut connection = connection();
        let keys =
            redis::cmd("KEYS").arg(format!("{self}:*")).query::<Vec<String>>(&mut connection);
        for key in keys.unwrap_or_default() {
            let _ = redis::cmd("UNLINK").arg(key).query::<u64>(&mut connection);
        }
    }
}

/// A connection to the server of the tests.
pub fn connection() -> redis::Connection {
    let client = redis::Client::open(format!("redis://{}", services::redis())).expect("a URL");
    client.get_connection().expect("it listens")
}

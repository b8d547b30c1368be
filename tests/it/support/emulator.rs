//! Subscriptions of the Pub/Sub emulator that end with their test.

use crate::support::services;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Deref;
use std::time::Duration;

/// A name that no other run has used, for a subscription and with `-dead` behind it for that of its
/// dead letters. Both are deleted when it goes out of scope: the emulator offers what is left in a
/// subscription to streams that have ended, again and again, and is ever slower for every other test.
pub struct Name {
    project: &'static str,
    name: String,
}

impl Name {
    /// A fresh name with this beginning, for a subscription of this project.
    pub fn new(project: &'static str, beginning: &str) -> Self {
        let name = format!("{beginning}{}", uuid::Uuid::now_v7().simple());
        Self { project, name }
    }

    /// Asks by HTTP, which the emulator speaks, too; it answers, and leaves the connection open.
    fn delete(&self, name: &str) -> std::io::Result<()> {
        let host = services::pubsub_emulator();
        let mut line = TcpStream::connect(&host)?;
        line.set_read_timeout(Some(Duration::from_secs(5)))?;
        let path = format!("/v1/projects/{}/subscriptions/{name}", self.project);
        write!(line, "DELETE {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        line.read_exact(&mut [0])
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        for name in [self.name.clone(), format!("{}-dead", self.name)] {
            let _ = self.delete(&name); // it may never have been made
        }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

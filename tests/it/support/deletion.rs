//! Deletes at a server what a test has made there, once the test is over, also where it has failed.

use crate::support::services;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// How long a server may take for one deletion: longer waits nobody, and what is left does no harm
/// to a test of another name.
const PATIENCE: Duration = Duration::from_secs(5);

/// Deletions that are asked for when this goes out of scope. What was never made is none.
pub struct Deletion {
    host: String,
    requests: Vec<String>,
}

impl Deletion {
    /// Deletes a topic of the Pub/Sub emulator and the subscription of its name, and with `-dead`
    /// behind the name those of its dead letters. The emulator offers what is left in a subscription
    /// to streams that have ended, again and again, and is ever slower for every other test.
    pub fn of_subscription(project: &str, name: &str) -> Self {
        let host = services::pubsub_emulator();
        let mut requests = Vec::new();
        for kind in ["subscriptions", "topics"] {
            for ending in ["", "-dead"] {
                let path = format!("/v1/projects/{project}/{kind}/{name}{ending}");
                requests.push(format!(
                    "DELETE {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
                ));
            }
        }
        Self { host, requests }
    }

    /// Deletes a queue of SQS, and the one of its dead letters.
    pub fn of_queue(name: &str) -> Self {
        let endpoint = services::sqs();
        let host = endpoint.trim_start_matches("http://").to_owned();
        let dead = match name.strip_suffix(".fifo") {
            Some(name) => format!("{name}-dead.fifo"),
            None => format!("{name}-dead"),
        };
        let request = |name: &str| {
            let body = format!("{{\"QueueUrl\":\"{endpoint}/123456789012/{name}\"}}");
            // The server looks at the signature for the service's name only.
            format!(
                "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
                 Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, \
                 SignedHeaders=host, Signature=0\r\nX-Amz-Target: AmazonSQS.DeleteQueue\r\n\
                 Content-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        let requests = vec![request(name), request(&dead)];
        Self { host, requests }
    }

    /// Deletes all keys of a namespace of Redis.
    pub fn of_namespace(name: &str) -> Self {
        let script =
            "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end";
        let requests = vec![format!("EVAL \"{script}\" 0 {name}:*\r\n")];
        Self { host: services::redis(), requests }
    }

    /// Sends one request, and waits until its answer begins.
    fn ask(&self, request: &str) -> std::io::Result<()> {
        let mut line = TcpStream::connect(&self.host)?;
        line.set_read_timeout(Some(PATIENCE))?;
        line.set_write_timeout(Some(PATIENCE))?;
        line.write_all(request.as_bytes())?;
        line.read_exact(&mut [0])
    }
}

impl Drop for Deletion {
    fn drop(&mut self) {
        for request in &self.requests {
            let _ = self.ask(request); // it may never have been made
        }
    }
}

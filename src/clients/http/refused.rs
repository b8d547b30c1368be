//! An answer that is a refusal, or asks to come back later.

use super::rate_limit::RateLimit;
use crate::clock::Clock;
use crate::text;
use reqwest::{Response, StatusCode};
use std::fmt;
use std::time::Duration;

/// How much of a refusal's body is shown, in characters.
const EXCERPT: usize = 200;
/// How much of a refusal's body is read, in bytes.
const READ: usize = 64 << 10;

/// What a server said when it did not do what was asked.
#[derive(Debug)]
pub struct Refused {
    /// The status of the answer.
    pub status: StatusCode,
    /// What the answer's headers say of the time after which to ask again.
    pub rate_limit: RateLimit,
    /// The beginning of its body, on one line and harmless to a terminal.
    pub text: String,
}

impl Refused {
    /// Reads what is shown of an answer. Its text is for people only, so that it may be missing.
    pub async fn of(response: Response) -> Self {
        let (status, rate_limit) = (response.status(), RateLimit::of(response.headers()));
        let body = beginning(response).await;
        let text = text::one_line(&String::from_utf8_lossy(&body), EXCERPT);
        Self { status, rate_limit, text }
    }

    /// Whether the same request may succeed later: 429, and what is the server's own failure.
    pub fn may_pass(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS || self.status.is_server_error()
    }

    /// Whether the credentials were refused.
    pub fn is_about_credentials(&self) -> bool {
        matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
    }

    /// How long the server asked not to be asked, where it did and asking again may help.
    pub fn wait(&self, clock: &Clock) -> Option<Duration> {
        if self.may_pass() { self.rate_limit.wait(clock.now()) } else { None }
    }
}

/// As much of a body as is needed, and comes.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < READ
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    body
}

/// `429 Too Many Requests: limit 30, remaining 0: slow down`.
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        let said = [self.rate_limit.to_string(), self.text.clone()];
        said.iter().filter(|words| !words.is_empty()).try_for_each(|words| write!(f, ": {words}"))
    }
}

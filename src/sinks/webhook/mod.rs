//! `webhook:URL`: a POST for each message, of its body as JSON.
//!
//! `WEBHOOK_URL` or `WEBHOOK_URL_FILE` name a webhook whose address is a secret. The message's id is the
//! request's `Idempotency-Key`. With `WEBHOOK_SECRET` or `WEBHOOK_SECRET_FILE` each request is signed
//! as <https://www.standardwebhooks.com> has it.
//!
//! What an answer means: 2xx, stored. 401 and 403 end the run. 404, 410 and redirects are an outage of
//! the webhook, since one that was removed must bury nothing. 429, and 5xx with `Retry-After`, leave it
//! alone for as long as it says. Other 4xx reject the message. Other 5xx, and no answer, are the
//! message's failure or the webhook's: see `row`.

mod addresses;
mod answer;
mod backend;
mod options;
mod row;
mod signature;

pub use backend::WebhookBackend;

use super::{Outcome, Sink};
use crate::clock::Clock;
use crate::error::Result;
use crate::json;
use crate::message::{Delivery, Message};
use addresses::Addresses;
use answer::Meaning;
use async_trait::async_trait;
use bytes::Bytes;
use options::Content;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, HeaderName};
use reqwest::{Client, RequestBuilder, Response};
use row::{Fault, Row};
use signature::Signer;
use std::collections::HashSet;
use std::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// The header that a message's id travels in.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What of an id a header cannot hold as it is.
const UNFIT: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// How deep the JSON that is sent may be nested.
const DEEPEST: usize = json::SHOWN_DEPTH;

/// A webhook.
struct Webhook {
    url: Url,
    client: Client,
    addresses: Addresses,
    content: Content,
    signer: Option<Signer>,
    clock: Clock,
    row: Mutex<Row>,
}

#[async_trait]
impl Sink for Webhook {
    /// A connection is made, and nothing is asked: a webhook may take any request for a message.
    async fn ping(&self) -> Result<()> {
        self.addresses.reach(&self.url).await
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let mut stopped = HashSet::new();
        let mut down: Option<Outcome> = None;
        let mut outcomes = Vec::with_capacity(batch.len());
        for Delivery { message, .. } in batch {
            let outcome = match (&down, &message.group) {
                (Some(down), _) => down.clone(),
                (None, Some(group)) if stopped.contains(group) => Outcome::Unwritten,
                (None, _) => self.send(message).await,
            };
            match &outcome {
                Outcome::Stored => {}
                Outcome::Retry(_) | Outcome::Reject(_) | Outcome::Unwritten => {
                    stopped.extend(&message.group);
                }
                _ => down = Some(outcome.clone()),
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    fn ordered(&self) -> bool {
        true
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

impl Webhook {
    /// Sends one message, and gives what became of it.
    async fn send(&self, message: &Message) -> Outcome {
        let body = match self.content.body_of(message) {
            Ok(body) => body,
            Err(why) => return Outcome::Reject(why),
        };
        let meaning = match self.request(message, body).send().await {
            Ok(response) => self.meaning(response).await,
            Err(error) if error.is_connect() => Meaning::Gone(answer::without_address(error)),
            Err(error) => Meaning::Failed(answer::without_address(error)),
        };
        self.outcome(&message.id, meaning)
    }

    async fn meaning(&self, response: Response) -> Meaning {
        answer::meaning(response, self.clock.now()).await
    }

    fn request(&self, message: &Message, body: Bytes) -> RequestBuilder {
        let id = utf8_percent_encode(&message.id, UNFIT).to_string();
        let signed =
            self.signer.as_ref().map(|signer| signer.headers(&id, self.clock.now(), &body));
        self.client
            .post(self.url.clone())
            .header(CONTENT_TYPE, self.content.kind())
            .header(IDEMPOTENCY_KEY, id)
            .headers(signed.unwrap_or_default())
            .body(body)
    }

    /// What an answer means for the message: whether it is the message's fault shows by what becomes
    /// of others.
    fn outcome(&self, id: &str, meaning: Meaning) -> Outcome {
        let mut row = self.row.lock().expect("no holder of the lock panics");
        match meaning {
            Meaning::Stored => {
                row.answered();
                Outcome::Stored
            }
            Meaning::Refused(why) => {
                row.answered();
                Outcome::Reject(why)
            }
            Meaning::Denied(why) => Outcome::Denied(why),
            Meaning::Gone(why) => Outcome::Unavailable(why),
            Meaning::Busy(why, wait) => match row.put_off(id) {
                Fault::Message => Outcome::Retry(why),
                Fault::Sink => Outcome::Throttled { why, wait },
            },
            Meaning::Failed(why) => match row.failed(id, Instant::now()) {
                Fault::Message => Outcome::Retry(why),
                Fault::Sink => Outcome::Unavailable(why),
            },
        }
    }
}

//! What a page does behind its own back: what it complains of, and whom it asks.

use super::Browser;
use serde_json::{Value, json};
use url::Url;

/// What was seen so far: the driver tells each thing once.
#[derive(Debug, Default)]
pub(super) struct Seen {
    errors: Vec<String>,
    requests: Vec<String>,
}

impl Browser {
    /// Fails where a page has complained on the console, or has asked anybody but its own server.
    pub async fn is_quiet(&self) {
        let (errors, requests) = (self.errors().await, self.requests().await);
        assert!(errors.is_empty(), "the console says: {errors:#?}");
        let url = Url::parse(&self.url().await).expect("an address");
        let is_foreign = |it: &&String| {
            Url::parse(it).is_ok_and(|it| it.scheme() != "data" && it.origin() != url.origin())
        };
        let foreign: Vec<_> = requests.iter().filter(is_foreign).collect();
        assert!(foreign.is_empty(), "the pages have asked elsewhere: {foreign:#?}");
    }

    /// What the pages have complained of on the console, since the window was opened.
    pub async fn errors(&self) -> Vec<String> {
        let complaints = self.log("browser").await.into_iter();
        let complaints =
            complaints.filter(|it| it["level"] == "SEVERE" || it["level"] == "WARNING");
        let told = complaints.map(|it| it["message"].as_str().unwrap_or_default().to_owned());
        let mut seen = self.seen.lock().expect("no test panics here");
        seen.errors.extend(told);
        seen.errors.clone()
    }

    /// The addresses that the pages have asked for, since the window was opened.
    pub async fn requests(&self) -> Vec<String> {
        let events = self.log("performance").await;
        let asked = events.iter().filter_map(request);
        let mut seen = self.seen.lock().expect("no test panics here");
        seen.requests.extend(asked);
        seen.requests.clone()
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.post("se/log", json!({ "type": kind })).await;
        entries.as_array().cloned().unwrap_or_default()
    }
}

/// The address that is asked for, where this event is a request.
fn request(event: &Value) -> Option<String> {
    let event: Value = serde_json::from_str(event["message"].as_str()?).ok()?;
    let message = &event["message"];
    (message["method"] == "Network.requestWillBeSent")
        .then(|| message["params"]["request"]["url"].as_str().map(str::to_owned))?
}

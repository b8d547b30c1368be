//! What a browser is told and asked, in WebDriver's protocol: JSON over HTTP, a request for each command.

use crate::support::http_client::HttpClient;
use crate::support::services;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Keys without a letter, as the protocol writes them among what is typed.
pub mod key {
    pub const TAB: char = '\u{e004}';
    pub const ENTER: char = '\u{e007}';
    pub const SHIFT: char = '\u{e008}';
    pub const LEFT: char = '\u{e012}';
}

/// A window, as the driver knows it. A test that fails closes its window, too.
pub(super) struct Session {
    client: Client,
    driver: SocketAddr,
    id: String,
}

impl Drop for Session {
    fn drop(&mut self) {
        let request = format!("DELETE /session/{}", self.id);
        if let Ok(mut client) = HttpClient::try_connect(self.driver) {
            drop(client.try_ask(&request, &[], ""));
        }
    }
}

impl Session {
    /// Has the driver open a window of this kind.
    pub(super) async fn open(capabilities: Value) -> Self {
        let driver: SocketAddr = services::webdriver().parse().expect("an address");
        let client = Client::builder().no_proxy().build().expect("a client");
        let wanted = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let request = client.post(format!("http://{driver}/session")).body(wanted.to_string());
        let opened = answer(request).await.expect("a window of Chromium");
        let id = opened["sessionId"].as_str().expect("a session").to_owned();
        Self { client, driver, id }
    }

    /// Asks for something.
    pub(super) async fn get(&self, path: &str) -> Result<Value, String> {
        answer(self.client.get(self.url(path))).await
    }

    /// Has something done.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        answer(self.client.post(self.url(path)).body(body.to_string())).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/session/{}/{path}", self.driver, self.id)
    }
}

/// The value that the driver answers with, or why there is none.
async fn answer(request: RequestBuilder) -> Result<Value, String> {
    let told = |cause: reqwest::Error| format!("{cause:?}");
    let answer = request.send().await.map_err(told)?;
    let is_good = answer.status().is_success();
    let text = answer.text().await.map_err(told)?;
    let value = serde_json::from_str::<Value>(&text).map_err(|cause| format!("{cause}: {text}"))?;
    let value = value["value"].clone();
    if is_good { Ok(value) } else { Err(format!("{}: {}", value["error"], value["message"])) }
}

/// Something on a page.
pub struct Element<'s> {
    session: &'s Session,
    id: String,
}

impl<'s> Element<'s> {
    /// What a script or the driver has answered, where that is an element.
    pub(super) fn of(session: &'s Session, value: &Value) -> Option<Self> {
        let id = value.as_object()?.values().next()?.as_str()?.to_owned();
        Some(Self { session, id })
    }

    pub async fn click(&self) -> Result<(), String> {
        self.post("click", &json!({})).await
    }

    pub async fn clear(&self) -> Result<(), String> {
        self.post("clear", &json!({})).await
    }

    pub async fn send_keys(&self, keys: &str) -> Result<(), String> {
        self.post("value", &json!({ "text": keys })).await
    }

    pub async fn attr(&self, name: &str) -> Result<Option<String>, String> {
        let value = self.get(&format!("attribute/{name}")).await?;
        Ok(value.as_str().map(str::to_owned))
    }

    pub async fn is_displayed(&self) -> Result<bool, String> {
        Ok(self.get("displayed").await? == true)
    }

    /// What the browser makes of it: `computedrole`, `computedlabel`.
    pub(super) async fn computed(&self, what: &str) -> Option<String> {
        self.get(what).await.ok()?.as_str().map(str::to_owned)
    }

    async fn get(&self, what: &str) -> Result<Value, String> {
        self.session.get(&format!("element/{}/{what}", self.id)).await
    }

    async fn post(&self, what: &str, body: &Value) -> Result<(), String> {
        self.session.post(&format!("element/{}/{what}", self.id), body).await.map(drop)
    }
}

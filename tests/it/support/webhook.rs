//! What a webhook of Slack was told.

use crate::support::http_server::Server;

/// What the webhook was told, in alphabetical order.
pub fn told(server: &Server) -> Vec<String> {
    let text = |body: &String| {
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        body["text"].as_str().expect("a text").to_owned()
    };
    let mut told: Vec<_> = server.bodies().iter().map(text).collect();
    told.sort();
    told
}

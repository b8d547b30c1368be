//! Every page in light and dark colours, on a laptop and on a phone: whether everybody can use it, and a
//! picture of it for somebody to look at.

use super::{HOSTILE, bury, serve};
use crate::support::browser::{Browser, Window};
use crate::support::queue_file::{publish, publish_all};
use crate::support::redis_stage::Stage;
use crate::support::rooms::{HOME, Rooms};
use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;
use serde_json::json;

const WINDOWS: [(&str, Window); 4] = [
    ("light", Window::LAPTOP),
    ("dark", Window::LAPTOP.dark()),
    ("phone-light", Window::PHONE),
    ("phone-dark", Window::PHONE.dark()),
];

/// Looks at these pages of a server in every window.
async fn look(server: &Serving, pages: &[(&str, &str)]) {
    for (scheme, window) in WINDOWS {
        let browser = Browser::open(window).await;
        for (name, path) in pages {
            browser.go(&server.url(path)).await;
            browser.find("main", "").await;
            assert_eq!(browser.overhang().await, 0, "{path} is scrolled sideways in {scheme}");
            browser.is_accessible().await;
            browser.is_quiet().await;
            browser.screenshot(&format!("{name}-{scheme}")).await;
        }
    }
}

#[tokio::test]
async fn the_pages_of_queues_and_stores() {
    let sandbox = Sandbox::new();
    bury(&sandbox, &HOSTILE);
    bury(&sandbox, &["reading-1", "reading-2"]);
    let readings = ["te", "hu", "il"].map(|kind| {
        json!({ "id": format!("0f3a9c52@{kind}"), "group": "リビング 🏠", "tag": kind,
                "body": { "kind": kind, "val": 21.5, "name": "<b>\"寝室\"</b>" } })
    });
    publish(&sandbox, &readings);
    publish(
        &sandbox,
        &[json!({ "id": "later", "body": {}, "not_before": "2099-01-01T00:00:00Z" })],
    );
    sandbox.queue().args("create sqlite:q.db?queue=alerts&topic=default").run().expect(0);
    publish_all(&sandbox, "a b");
    Rooms::new(&sandbox).await.live(&HOME, 8, 60);
    let server = serve(&sandbox);
    look(
        &server,
        &[
            ("overview", "/"),
            ("messages", "/messages?queue=default"),
            ("dead-letters", "/dead-letters?queue=default"),
            ("readings", "/readings"),
            ("readings-7d", "/readings?range=7d"),
            ("purge", "/messages/purge?queue=default"),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_pages_of_jobs() {
    let stage = Stage::new();
    stage.ask::<i64>(&["SADD", "@known_jobs", "mail"]);
    let job = |id: &str, more: &str| {
        format!(r#"{{"name":"mail","id":"{id}","t":1500000000,"args":{{"to":"<b>寝室"}}{more}}}"#)
    };
    let failed = r#","fails":2,"err":"no <way>","failed_at":1500000001"#;
    stage.ask::<i64>(&["LPUSH", "@jobs:mail", &job("r1", "")]);
    stage.ask::<i64>(&["ZADD", "@retry", "4000000000", &job("t1", failed)]);
    stage.ask::<i64>(&["ZADD", "@scheduled", "4000000000", &job("s1", "")]);
    stage.ask::<i64>(&["ZADD", "@dead", "1600000000", &job("x1", failed)]);
    let url = stage.url("").trim_end_matches('&').to_owned();
    let server = stage.sandbox.queue().arg("serve").arg(url).args("--listen 127.0.0.1:0");
    let server = Serving::start_as(server);
    look(
        &server,
        &[
            ("jobs", "/jobs"),
            ("jobs-retries", "/jobs?view=retries"),
            ("jobs-dead", "/jobs?view=dead"),
        ],
    )
    .await;
    let browser = Browser::open(Window::LAPTOP).await;
    browser.go(&server.url("/")).await;
    browser.follow("Jobs").await;
    browser.follow("Dead").await;
    browser.shows("no <way>").await;
}

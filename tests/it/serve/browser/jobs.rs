//! Jobs as people change them; Redis and `queue stats` tell what came of it.

use crate::support::browser::{Browser, Window};
use crate::support::queue_file::publish_all;
use crate::support::redis_server::RedisServer;
use crate::support::redis_stage::Stage;
use crate::support::serving::Serving;

/// Jobs of `mail` in all states, and a server that shows them.
fn jobs() -> (Stage, Serving) {
    let stage = Stage::new();
    stage.ask::<i64>(&["SADD", "@known_jobs", "mail"]);
    let job = |id: &str, more: &str| {
        format!(r#"{{"name":"mail","id":"{id}","t":1500000000,"args":{{"to":"寝室"}}{more}}}"#)
    };
    let failed = r#","fails":2,"err":"no <way>","failed_at":1500000001"#;
    stage.ask::<i64>(&["LPUSH", "@jobs:mail", &job("r1", "")]);
    for (key, id, more) in [
        ("@retry", "t1", failed),
        ("@retry", "t2", failed),
        ("@scheduled", "s1", ""),
        ("@dead", "x1", failed),
        ("@dead", "x2", failed),
    ] {
        stage.ask::<i64>(&["ZADD", key, "4000000000", &job(id, more)]);
    }
    let url = stage.url("").trim_end_matches('&').to_owned();
    let serve = stage.sandbox.queue().arg("serve").arg(url).args("--listen 127.0.0.1:0");
    (stage, Serving::start_as(serve))
}

/// What `queue stats` counts in a state.
fn counted(stage: &Stage, state: &str) -> u64 {
    let run = stage.queue("stats", "").args("--json").run().expect(0);
    let stats: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    stats[state].as_u64().expect("a count")
}

/// Presses a button, agrees to the question that it leads to, and waits for what is said then.
async fn agree(browser: &Browser, button: &str, question: &str, said: &str) {
    browser.press(button).await;
    browser.find("heading", question).await;
    browser.is_accessible().await;
    let verb = question.split(':').next().expect("a verb");
    browser.press(verb).await;
    browser.shows(said).await;
    browser.follow("Back to the jobs").await;
}

#[tokio::test]
async fn jobs_are_run_retried_and_deleted_one_by_one_and_by_their_name() {
    let (stage, server) = jobs();
    let browser = Browser::open(Window::LAPTOP).await;
    browser.go(&server.url("/")).await;
    browser.follow("Jobs").await;
    browser.follow("Retries").await;
    let ready = "1 job ready to run.";
    agree(&browser, "Run now waiting for a retry t1", "Run now: t1?", ready).await;
    let held = |key: &str| stage.ask::<u64>(&["ZCARD", key]);
    assert_eq!((counted(&stage, "ready"), held("@retry")), (2, 1));
    browser.follow("Retries").await;
    agree(&browser, "Delete waiting for a retry t2", "Delete: t2?", "1 job deleted.").await;
    assert_eq!((counted(&stage, "ready"), held("@retry")), (2, 0));
    let scheduled = "Run now: 1 job of mail (scheduled)?";
    agree(&browser, "Run now scheduled mail", scheduled, ready).await;
    assert_eq!((counted(&stage, "ready"), held("@scheduled")), (3, 0));
    browser.follow("Dead").await;
    agree(&browser, "Delete dead x1", "Delete: x1?", "1 job deleted.").await;
    assert_eq!(counted(&stage, "dead"), 1);
    agree(&browser, "Retry dead mail", "Retry: 1 job of mail (dead)?", ready).await;
    assert_eq!((counted(&stage, "ready"), counted(&stage, "dead")), (4, 0));
    browser.is_quiet().await;
}

#[tokio::test]
async fn jobs_are_paused_and_resumed_on_a_phone() {
    let (stage, server) = jobs();
    let phone = Browser::open(Window::PHONE).await;
    phone.go(&server.url("/jobs")).await;
    let paused = || stage.ask::<i64>(&["EXISTS", "@jobs:mail:paused"]);
    agree(&phone, "Pause mail", "Pause: mail?", "job mail paused.").await;
    assert_eq!(paused(), 1);
    phone.shows("paused").await;
    assert_eq!(phone.overhang().await, 0);
    phone.is_accessible().await;
    phone.screenshot("jobs-phone-paused").await;
    agree(&phone, "Resume mail", "Resume: mail?", "job mail resumed.").await;
    assert_eq!(paused(), 0);
    phone.find("button", "Pause mail").await;
    phone.is_quiet().await;
}

#[tokio::test]
async fn what_the_clock_enqueues_is_paused_and_resumed() {
    let stage = Stage::new();
    let job = r#"{"name":"clean","id":"periodic:clean:0 * * * * *:4000000000","t":1,"args":{}}"#;
    stage.ask::<i64>(&["ZADD", "@scheduled", "4000000000", job]);
    let url = stage.url("").trim_end_matches('&').to_owned();
    let serve = stage.sandbox.queue().arg("serve").arg(url).args("--listen 127.0.0.1:0");
    let server = Serving::start_as(serve);
    let browser = Browser::open(Window::LAPTOP).await;
    browser.go(&server.url("/jobs")).await;
    browser.follow("Periodic").await;
    let entry = "clean:0 * * * * *";
    let paused = || stage.ask::<i64>(&["SISMEMBER", "@kakehi:paused_periodic", entry]);
    for (verb, done, now) in [("Pause", "paused", 1), ("Resume", "resumed", 0)] {
        let (button, question) = (format!("{verb} {entry}"), format!("{verb}: {entry}?"));
        agree(&browser, &button, &question, &format!("{entry} {done}.")).await;
        assert_eq!(paused(), now);
        browser.follow("Periodic").await;
    }
    browser.find("button", &format!("Pause {entry}")).await;
    browser.is_quiet().await;
}

#[tokio::test]
async fn what_comes_above_the_focus_leaves_it_where_it_is() {
    let server = RedisServer::start("");
    let stage = Stage::on(&server);
    stage.ask::<i64>(&["SADD", "@known_jobs", "mail"]);
    publish_all(&stage.sandbox, "a");
    let url = stage.url("").trim_end_matches('&').to_owned();
    let serve = stage.sandbox.queue().arg("serve").arg(url);
    let serving = Serving::start_as(serve.args("sqlite:q.db --listen 127.0.0.1:0"));
    let browser = Browser::open(Window::LAPTOP).await;
    browser.go(&serving.url("/")).await;
    let rows = "const links = document.querySelectorAll('table.queues tbody th a');
        links[links.length - 1].focus(); return links.length";
    assert_eq!(browser.run(rows, &[]).await, 2);
    let focused = browser.focused().await;
    assert_eq!(focused, ("link".to_owned(), "default".to_owned()));
    drop(server);
    browser.shows("The numbers are from").await;
    assert_eq!(browser.focused().await, focused);
}

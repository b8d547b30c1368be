//! What is shown of a queue that is down.

use super::*;
use crate::support::http_client::HttpClient;
use crate::support::proxy::Proxy;
use crate::support::redis_server::RedisServer;
use crate::support::redis_stage::Stage;
use crate::support::rooms::{HOME, Rooms};
use crate::support::services;

#[test]
fn a_file_that_is_none_of_ours_is_told_and_stops_no_other() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    sandbox.write("foreign.db", "this is no database, whatever its name says".repeat(200));
    let person = Person::at(&sandbox, "pubsub://nowhere/nothing?id-attribute=x");
    let page = person.see("/");
    assert!(page.contains("1 message ready"), "{page}");
    let run = sandbox.queue().args("serve sqlite:foreign.db --listen 127.0.0.1:0").run();
    assert!(run.code != 0 && run.stderr.contains("foreign.db"), "{}", run.stderr);
}

#[test]
fn a_redis_that_is_gone_is_told_with_its_last_numbers() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    let server = RedisServer::start("");
    let stage = Stage::on(&server);
    stage.ask::<i64>(&["SADD", "@known_jobs", "mail"]);
    stage.ask::<i64>(&["LPUSH", "@jobs:mail", r#"{"name":"mail","id":"5f","t":1,"args":{}}"#]);
    let url = stage.url("").trim_end_matches('&').to_owned();
    let mut person = Person {
        serving: Serving::start_as(
            sandbox.queue().args("serve sqlite:q.db").arg(url).args("--listen 127.0.0.1:0"),
        ),
    };
    assert!(person.see("/").contains("2 messages ready"));
    drop(server);
    let (address, process) = (person.serving.address, &mut person.serving.process);
    process.wait_until("it is told that it is down", |_| {
        let mut client = crate::support::http_client::HttpClient::connect(address);
        client.ask("GET /", &[], "").body.contains("1 of 2 queues cannot be reached.")
    });
    let page = person.see("/");
    assert!(page.contains("The numbers are from"), "{page}");
    assert_eq!(person.get("/messages?queue=default").status, 200, "the other one is as it was");
    assert_eq!(person.get("/jobs").status, 503);
}

/// Waits until a page has this status and holds this text.
#[track_caller]
fn wait_for_page(person: &mut Person, path: &str, status: u16, text: &str) {
    let (address, process) = (person.serving.address, &mut person.serving.process);
    process.wait_until(&format!("{path} with `{text}`"), |_| {
        let answer = HttpClient::connect(address).ask(&format!("GET {path}"), &[], "");
        answer.status == status && answer.body.contains(text)
    });
}

#[test]
fn jobs_whose_redis_was_down_at_the_start_come_when_it_is_up() {
    let mut server = RedisServer::start("");
    let stage = Stage::on(&server);
    let url = stage.url("").trim_end_matches('&').to_owned();
    server.end();
    let serve = stage.sandbox.queue().arg("serve").arg(url).args("--listen 127.0.0.1:0");
    let mut person = Person { serving: Serving::start_as(serve) };
    assert!(person.serving.process.said().contains("served once it is up"));
    let page = person.get("/jobs");
    assert_eq!(page.status, 503, "{}", page.body);
    assert!(page.body.contains("hint:"), "{}", page.body);
    assert_ne!(person.get("/queues").status, 200);
    server.start_again();
    stage.connect_again(&server);
    stage.ask::<i64>(&["SADD", "@known_jobs", "mail"]);
    stage.ask::<i64>(&["LPUSH", "@jobs:mail", r#"{"name":"mail","id":"5f","t":1,"args":{}}"#]);
    wait_for_page(&mut person, "/jobs", 200, "mail");
    wait_for_page(&mut person, "/queues", 200, "\"job_name\": \"mail\"");
}

#[tokio::test]
async fn a_frozen_store_holds_no_page_and_is_shown_as_it_was() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    Rooms::new(&sandbox).await.live(&HOME, 1, 30);
    let mongo = services::mongodb();
    let secrets = [("MONGODB_USERNAME", &mongo.username), ("MONGODB_PASSWORD", &mongo.password)];
    let with_secrets = |program: crate::support::sandbox::Program| {
        let known = secrets.iter().filter_map(|(name, word)| Some((name, word.as_deref()?)));
        known.fold(program, |program, (name, word)| program.env(name, word))
    };
    let source = if mongo.username.is_some() { "&authSource=admin" } else { "" };
    let name = format!("frozen_{}", uuid::Uuid::now_v7().simple());
    let url = |hosts: &str| {
        format!("mongodb://{hosts}/kakehi_test?collection={name}&directConnection=true{source}")
    };
    let import = sandbox.store().args("import sqlite:store.db?collection=readings --to");
    with_secrets(import.arg(url(&mongo.hosts))).run().expect(0);

    let proxy = Proxy::start(&mongo.hosts);
    let serve = sandbox.queue().args("serve sqlite:q.db --listen 127.0.0.1:0 --store");
    let serve = with_secrets(serve.arg(url(&proxy.address())));
    let mut person = Person { serving: Serving::start_as(serve) };
    wait_for_page(&mut person, "/", 200, "Bedroom");
    // A server that has much to do takes longer than a page waits.
    wait_for_page(&mut person, "/readings", 200, "Temperature");
    proxy.stall();
    for path in ["/readings", "/readings?range=7d"] {
        let page = person.get(path);
        assert_eq!(page.status, 503, "{}", page.body);
        for said in ["the store does not answer", "nothing came within 5 s", "hint:"] {
            assert!(page.body.contains(said), "{said}: {}", page.body);
        }
        for said in ["The newest values are from", "Bedroom", "data-refresh"] {
            assert!(page.body.contains(said), "{said}: {}", page.body);
        }
    }
    assert_eq!(person.get("/readings.csv").status, 503);
    wait_for_page(&mut person, "/", 200, "A store cannot be read.");
    let overview = person.see("/");
    assert!(overview.contains("1 message ready") && overview.contains("Bedroom"), "{overview}");
    let export = with_secrets(sandbox.store().arg("export").arg(url(&proxy.address())));
    let run = export.args("--csv").run().expect(69);
    assert!(run.stderr.contains("hint:"), "{}", run.stderr);
    proxy.restore();
    wait_for_page(&mut person, "/readings", 200, "Temperature");
}

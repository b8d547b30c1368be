//! What is shown of a queue that is down.

use super::*;
use crate::support::redis_server::RedisServer;
use crate::support::redis_stage::Stage;

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

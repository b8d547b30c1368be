//! Our workers, as the original's page shows them.

use super::{read, stop};
use crate::support::process::Process;
use crate::support::redis_server::wait_for;
use crate::support::redis_stage::Stage;
use crate::support::web::Web;
use serde_json::{Value, json};

/// What the page tells of all pools.
fn pools(web: &Web) -> Vec<Value> {
    web.get("/worker_pools").as_array().cloned().expect("pools")
}

#[test]
fn their_page_shows_our_pool_our_worker_and_what_it_tells() {
    let stage = Stage::new();
    let web = Web::start(&stage);
    let answers = stage.enqueue(&[json!({"job": "mail", "args": {"to": "<a>"}})]);
    let script = "echo 'checkin: half <done>' >&2; until test -e go; do sleep 0.05; done";
    let ours =
        stage.subscribe("job=mail,other").args("--follow --concurrency 2 -- sh -c").arg(script);
    let ours = Process::start(ours, String::new(), false);
    let busy = wait_for("the worker is shown with what it told", || {
        let workers = web.get("/busy_workers");
        let busy = workers.as_array()?.first()?.clone();
        (busy["checkin"] == "half <done>").then_some(busy)
    });
    assert_eq!((&busy["job_name"], &busy["job_id"]), (&json!("mail"), &answers[0]["id"]));
    assert_eq!(read(busy["args_json"].as_str().expect("JSON")), json!({"to": "<a>"}));
    let [pool] = &pools(&web)[..] else { panic!("{:?}", pools(&web)) };
    assert_eq!(pool["job_names"], json!(["mail", "other"]));
    assert_eq!(pool["concurrency"], 2);
    assert!(pool["worker_ids"].as_array().expect("ids").contains(&busy["worker_id"]));
    assert!(!pool["host"].as_str().expect("a host").is_empty() && pool["pid"].is_u64(), "{pool}");
    std::fs::write(stage.sandbox.path("go"), "").expect("a file");
    wait_for("the worker is idle", || web.get("/busy_workers").is_null().then_some(()));
    assert_eq!(stop(ours).code, 143);
    assert!(pools(&web).is_empty());
}

#[test]
fn their_page_counts_what_we_enqueue() {
    let stage = Stage::new();
    stage.publish("job=mail", "stdin:").stdin("{}\n{}\n").run().expect(0);
    stage.publish("job=mail&delay=1h", "stdin:").stdin("{\"n\":1}\n").run().expect(0);
    let web = Web::start(&stage);
    let [queue] = &web.get("/queues").as_array().cloned().expect("queues")[..] else {
        panic!("one queue is known")
    };
    assert_eq!((&queue["job_name"], &queue["count"]), (&json!("mail"), &json!(2)));
    let page = web.get("/scheduled_jobs?page=1");
    assert_eq!(page["count"], 1);
    assert_eq!(page["jobs"][0]["args"], json!({"n": 1}));
}

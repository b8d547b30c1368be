//! Each error by its number, and requests that are none.

use super::wire::{Request, Response, body, call, done, post, task};
use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;
use bytes::Bytes;
use kakehi::serve::taskqueue::rpc_http::messages::{
    AddRequest, AddResponse, BulkAddRequest, BulkAddResponse, DeleteRequest, DeleteResponse,
    LeaseRequest, LeaseResponse, ModifyLeaseRequest, PurgeRequest, RetryParameters, StatsRequest,
};
use prost::Message as _;

fn serve(sandbox: &Sandbox) -> Serving {
    sandbox.queue().args("create sqlite:q.db?queue=pull-queue").run().expect(0);
    sandbox.write("queue.yaml", "queue:\n- name: pull-queue\n  mode: pull\n- name: mail\n");
    Serving::start(sandbox, "--queues queue.yaml")
}

fn lease(queue: &'static str, max: i64, seconds: f64) -> LeaseRequest {
    LeaseRequest {
        queue: Some(queue.into()),
        max: Some(max),
        seconds: Some(seconds),
        ..LeaseRequest::default()
    }
}

/// A response that is this application error, and nothing else.
#[track_caller]
fn is_application_error(response: &Response, code: i32) {
    assert_eq!(response.codes(), (Some(code), None), "{response:?}");
    assert_eq!(response.message, None);
    let detail = response.application_error.as_ref().and_then(|it| it.detail.as_deref());
    assert!(detail.is_some_and(|detail| !detail.is_empty()), "{response:?}");
}

#[tokio::test]
async fn a_task_that_cannot_be_added_has_its_code() {
    let sandbox = Sandbox::new();
    let serving = serve(&sandbox);
    let added: AddResponse = done(&serving, "Add", &task("taken")).await;
    assert_eq!(added.name, None, "the name was given");
    done::<AddResponse>(&serving, "Add", &task("deleted")).await;
    let delete = DeleteRequest { queue: Some("pull-queue".into()), names: vec!["deleted".into()] };
    done::<DeleteResponse>(&serving, "Delete", &delete).await;
    let far = i64::MAX;
    let retry = |limit| Some(RetryParameters { limit: Some(limit), age: None });
    let to = |queue: &'static str| AddRequest { queue: Some(queue.into()), ..task("t") };
    for (request, code) in [
        (to("none"), 1),
        (AddRequest { body: Some(vec![0; (1 << 20) + 1].into()), ..task("t") }, 4),
        (task("a b"), 5),
        (to(""), 6),
        (to("a b"), 6),
        (task("taken"), 10),
        (task("deleted"), 11),
        (AddRequest { eta: Some(-1), ..task("t") }, 12),
        (AddRequest { eta: Some(far), ..task("t") }, 12),
        (AddRequest { transaction: Some("t".into()), ..task("t") }, 13),
        (AddRequest { retry: retry(-1), ..task("t") }, 20),
        (AddRequest { mode: None, ..task("t") }, 21),
        (to("mail"), 21),
        (AddRequest { tag: Some("t".repeat(501).into()), ..task("t") }, 27),
        (AddRequest { tag: Some(b"\xff"[..].into()), ..task("t") }, 27),
        (AddRequest { queue: Some(b"\xff"[..].into()), ..task("t") }, 6),
    ] {
        is_application_error(&call(&serving, "Add", &request).await, code);
    }
    let largest = AddRequest { body: Some(vec![7; 1 << 20].into()), ..task("largest") };
    done::<AddResponse>(&serving, "Add", &largest).await;
    let leased: LeaseResponse =
        done(&serving, "QueryAndOwnTasks", &lease("pull-queue", 9, 60.0)).await;
    let sizes: Vec<_> = leased.tasks.iter().map(|it| it.body.as_ref().map(Bytes::len)).collect();
    assert_eq!(sizes, [Some(5), Some(1 << 20)]);
    serving.stop();
}

#[tokio::test]
async fn each_task_of_a_call_has_a_code() {
    let sandbox = Sandbox::new();
    let serving = serve(&sandbox);
    let add = async |tasks: Vec<AddRequest>| {
        let response: BulkAddResponse = done(&serving, "BulkAdd", &BulkAddRequest { tasks }).await;
        response.results
    };
    let codes = async |tasks| add(tasks).await.iter().map(|it| it.result).collect::<Vec<_>>();
    let negative = AddRequest { eta: Some(-1), ..task("n") };
    assert!(codes(vec![]).await.is_empty());
    assert_eq!(codes(vec![task("a"), task("b"), task("a")]).await, [17, 17, 16]);
    assert_eq!(codes(vec![task("a"), negative]).await, [17, 12]);
    assert_eq!(codes(vec![task("a")]).await, [0]);
    // One that is there already keeps no other out.
    let results = add(vec![task("a"), task(""), task("b")]).await;
    let result: Vec<_> = results.iter().map(|it| (it.result, it.name.is_some())).collect();
    assert_eq!(result, [(10, false), (0, true), (0, false)]);
    let nowhere = AddRequest { queue: Some("none".into()), ..task("c") };
    assert_eq!(codes(vec![nowhere.clone(), nowhere.clone()]).await, [1, 1]);
    for (tasks, code) in [
        (vec![task("c"), nowhere], 13),
        (vec![task(""); 101], 18),
        (vec![AddRequest { queue: Some("mail".into()), ..task("c") }], 21),
    ] {
        is_application_error(&call(&serving, "BulkAdd", &BulkAddRequest { tasks }).await, code);
    }
    let all: LeaseResponse =
        done(&serving, "QueryAndOwnTasks", &lease("pull-queue", 1000, 60.0)).await;
    assert_eq!(all.tasks.len(), 3);
    serving.stop();
}

#[tokio::test]
async fn a_lease_that_cannot_be_has_its_code() {
    let sandbox = Sandbox::new();
    let serving = serve(&sandbox);
    let tagged = LeaseRequest { tag: Some("t".into()), ..lease("pull-queue", 1, 1.0) };
    let long = LeaseRequest {
        group_by_tag: Some(true),
        tag: Some("t".repeat(501).into()),
        ..lease("pull-queue", 1, 1.0)
    };
    for (request, code) in [
        (lease("none", 1, 1.0), 1),
        (lease("", 1, 1.0), 6),
        (lease("mail", 1, 1.0), 21),
        (lease("pull-queue", 0, 1.0), 13),
        (lease("pull-queue", -1, 1.0), 13),
        (lease("pull-queue", 1001, 1.0), 13),
        (lease("pull-queue", 1, -1.0), 13),
        (lease("pull-queue", 1, 604_801.0), 13),
        (lease("pull-queue", 1, f64::NAN), 13),
        (lease("pull-queue", 1, f64::INFINITY), 13),
        (tagged, 13),
        (long, 27),
    ] {
        is_application_error(&call(&serving, "QueryAndOwnTasks", &request).await, code);
    }
    serving.stop();
}

#[tokio::test]
async fn a_lease_that_cannot_be_changed_has_its_code() {
    let sandbox = Sandbox::new();
    let serving = serve(&sandbox);
    done::<AddResponse>(&serving, "Add", &task("t")).await;
    let leased: LeaseResponse =
        done(&serving, "QueryAndOwnTasks", &lease("pull-queue", 1, 60.0)).await;
    let modify = |queue: &'static str, name: &'static str, eta, seconds| ModifyLeaseRequest {
        queue: Some(queue.into()),
        name: Some(name.into()),
        eta: Some(eta),
        seconds: Some(seconds),
    };
    let eta = leased.tasks[0].eta;
    for (request, code) in [
        (modify("none", "t", eta, 1.0), 1),
        (modify("mail", "t", eta, 1.0), 21),
        (modify("pull-queue", "", eta, 1.0), 5),
        (modify("pull-queue", "t", eta, -1.0), 13),
        (modify("pull-queue", "t", eta, 604_801.0), 13),
        (modify("pull-queue", "none", eta, 1.0), 14),
        (modify("pull-queue", "t", eta + 1, 1.0), 25),
        (modify("pull-queue", "t", 0, 1.0), 25),
    ] {
        is_application_error(&call(&serving, "ModifyTaskLease", &request).await, code);
    }
    serving.stop();
}

#[tokio::test]
async fn a_paused_queue_says_so() {
    let sandbox = Sandbox::new();
    let serving = serve(&sandbox);
    done::<AddResponse>(&serving, "Add", &task("t")).await;
    let request = lease("pull-queue", 1, 60.0);
    for (action, code) in [("pause", Some(26)), ("resume", None)] {
        let path = format!("/v2beta2/projects/p/locations/l/queues/pull-queue:{action}");
        let answer = reqwest::Client::new().post(serving.url(&path)).body("{}").send().await;
        assert_eq!(answer.expect("an answer").status(), 200, "{action}");
        let response = call(&serving, "QueryAndOwnTasks", &request).await;
        assert_eq!(response.codes(), (code, None), "{response:?}");
    }
    serving.stop();
}

#[tokio::test]
async fn an_answer_stays_below_32_mb() {
    let sandbox = Sandbox::new();
    let serving = serve(&sandbox);
    let large = AddRequest { body: Some(vec![7; 1 << 20].into()), ..task("") };
    for _ in 0..11 {
        let tasks = vec![large.clone(); 3];
        done::<BulkAddResponse>(&serving, "BulkAdd", &BulkAddRequest { tasks }).await;
    }
    let request = body("QueryAndOwnTasks", &lease("pull-queue", 1000, 60.0));
    let first = post(&serving, request.clone(), "60").await;
    let first = first.message.expect("tasks");
    assert!(first.len() < 32_000_000, "{}", first.len());
    let second = post(&serving, request, "60").await.message.expect("tasks");
    let count = |bytes: &[u8]| LeaseResponse::decode(bytes).expect("tasks").tasks.len();
    assert!(count(&first) > 20, "{}", count(&first));
    assert_eq!(count(&first) + count(&second), 33);
    serving.stop();
}

#[tokio::test]
async fn what_cannot_be_deleted_or_counted_has_its_code() {
    let sandbox = Sandbox::new();
    let serving = serve(&sandbox);
    done::<AddResponse>(&serving, "Add", &task("t")).await;
    let delete =
        |queue: &'static str, names: Vec<Bytes>| DeleteRequest { queue: Some(queue.into()), names };
    let names = vec!["t".into(), "t".into(), "none".into(), "".into(), b"\xff"[..].into()];
    for (request, codes) in [
        (delete("pull-queue", names), vec![0, 11, 14, 5, 5]),
        (delete("pull-queue", vec![]), vec![]),
        (delete("none", vec!["a".into(), "b".into()]), vec![1, 1]),
    ] {
        let response: DeleteResponse = done(&serving, "Delete", &request).await;
        assert_eq!(response.results, codes);
    }
    for (request, code) in [
        (delete("pull-queue", vec!["t".into(); 1001]), 18),
        (delete("mail", vec!["t".into()]), 21),
        (delete("a b", vec!["t".into()]), 6),
    ] {
        is_application_error(&call(&serving, "Delete", &request).await, code);
    }
    for (queue, code) in [("none", 1), ("", 6), ("mail", 21)] {
        let request = PurgeRequest { queue: Some(queue.into()) };
        is_application_error(&call(&serving, "PurgeQueue", &request).await, code);
        let request = StatsRequest { queues: vec![queue.into()] };
        is_application_error(&call(&serving, "FetchQueueStats", &request).await, code);
    }
    let request = StatsRequest { queues: vec!["pull-queue".into(); 1001] };
    is_application_error(&call(&serving, "FetchQueueStats", &request).await, 13);
    serving.stop();
}

#[tokio::test]
async fn what_is_no_call_is_told_and_the_server_goes_on() {
    let sandbox = Sandbox::new();
    let serving = serve(&sandbox);
    let other = |service: &str, method: &str| {
        let request = Request {
            service: service.to_owned(),
            method: method.to_owned(),
            message: task("t").encode_to_vec(),
            ticket: None,
        };
        request.encode_to_vec()
    };
    let half = body("Add", &task("t"));
    for (body, code) in [
        (other("logservice", "Flush"), 1),
        (other("taskqueue", "UpdateQueue"), 1),
        (other("", ""), 1),
        (Vec::new(), 2),
        (b"{\"json\": true}".to_vec(), 2),
        (vec![0xff; 1000], 2),
        (half[..half.len() / 2].to_vec(), 2),
        (body("Add", &PurgeRequest::default()), 2),
        (body("Add", &AddRequest { eta: None, ..task("t") }), 2),
        // As large as may be, and larger.
        (vec![0; 4 << 20], 2),
        (vec![0; (4 << 20) + 1], 5),
    ] {
        let response = post(&serving, body, "60").await;
        assert_eq!(response.codes(), (None, Some(code)), "{response:?}");
    }
    done::<AddResponse>(&serving, "Add", &task("t")).await;
    serving.stop();
}

#[tokio::test]
async fn a_deadline_that_is_none_counts_for_nothing_and_only_posts_of_ours_are_let_in() {
    let sandbox = Sandbox::new();
    let serving = serve(&sandbox);
    for deadline in ["", "soon", "-1", "0", "1e300", "NaN"] {
        let lease = body("QueryAndOwnTasks", &lease("pull-queue", 1, 1.0));
        assert_eq!(post(&serving, lease, deadline).await.codes(), (None, None), "{deadline}");
    }
    let client = reqwest::Client::new();
    let get = client.get(serving.url("/rpc_http")).send().await.expect("an answer");
    assert_eq!(get.status(), 405);
    let foreign = client.post(serving.url("/rpc_http")).header("Origin", "https://example.com");
    let foreign = foreign.body(body("Add", &task("t"))).send().await.expect("an answer");
    assert_eq!(foreign.status(), 403);
    serving.stop();
}

#[tokio::test]
async fn these_clients_are_served_on_loopback_only() {
    const TOKEN: &str = "a-token-that-is-long-enough";
    let sandbox = Sandbox::new();
    sandbox.queue().args("create sqlite:q.db?queue=pull-queue").run().expect(0);
    sandbox.write("token", TOKEN);
    let program = sandbox.queue().args("serve sqlite:q.db --listen 0.0.0.0:0 --token-file token");
    let mut serving = Serving::start_as(program.args("--host queue.example"));
    serving.address.set_ip([127, 0, 0, 1].into());
    let post = reqwest::Client::new().post(serving.url("/rpc_http"));
    let post = post.header("Host", "queue.example").bearer_auth(TOKEN);
    let answer = post.body(body("Add", &task("t"))).send().await.expect("an answer");
    assert_eq!(answer.status(), 403);
    let told = answer.text().await.expect("a text");
    assert!(told.contains("loopback") && told.contains("taskqueue/v1beta2"), "{told}");
    serving.stop();
    // A proxy may stand before an address of loopback: where there is a token, it is to be shown.
    let serving = Serving::start(&sandbox, "--token-file token");
    for (token, status) in [(None, 401), (Some(TOKEN), 200)] {
        let post = reqwest::Client::new().post(serving.url("/rpc_http"));
        let post = token.into_iter().fold(post, |post, token| post.bearer_auth(token));
        let answer = post.body(body("Add", &task("t"))).send().await.expect("an answer");
        assert_eq!(answer.status(), status);
    }
    serving.stop();
}

#[tokio::test]
async fn a_call_ends_when_its_client_has_given_up() {
    let sandbox = Sandbox::new();
    let serving = serve(&sandbox);
    let file = rusqlite::Connection::open(sandbox.path("q.db")).expect("the file");
    // Nothing can be written meanwhile.
    file.execute_batch("BEGIN IMMEDIATE").expect("the only writer");
    let response = post(&serving, body("Add", &task("t")), "0.2").await;
    assert_eq!(response.codes(), (None, Some(12)), "{response:?}");
    file.execute_batch("ROLLBACK").expect("others write again");
    done::<AddResponse>(&serving, "Add", &task("u")).await;
    serving.stop();
}

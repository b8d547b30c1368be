//! `queue serve --queues queue.yaml`.

use super::wire::{call, done, task};
use crate::support::documents::{blocks, read};
use crate::support::sandbox::{Run, Sandbox};
use crate::support::serving::Serving;
use kakehi::serve::taskqueue::queue_yaml;
use kakehi::serve::taskqueue::rpc_http::messages::{
    AddRequest, AddResponse, DeleteRequest, DeleteResponse, LeaseRequest, LeaseResponse,
};

fn lease() -> LeaseRequest {
    LeaseRequest {
        queue: Some("pull-queue".into()),
        max: Some(10),
        seconds: Some(0.0),
        ..LeaseRequest::default()
    }
}

async fn leased(serving: &Serving) -> usize {
    done::<LeaseResponse>(serving, "QueryAndOwnTasks", &lease()).await.tasks.len()
}

fn refused(sandbox: &Sandbox, file: &str) -> Run {
    sandbox.write("queue.yaml", file);
    sandbox.queue().args("serve sqlite:q.db --listen 127.0.0.1:0 --queues queue.yaml").run()
}

#[tokio::test]
async fn missing_pull_queues_are_made_and_limits_are_set() {
    let sandbox = Sandbox::new();
    let file = |limit: u32| {
        format!(
            "queue:\n- name: pull-queue\n  mode: pull\n  retry_parameters:\n    \
             task_retry_limit: {limit}\n  acl:\n  - user_email: a@example.com\n\
             - name: mail\n  rate: 5/s\n- name: default\n  rate: 1/s\n"
        )
    };
    sandbox.write("queue.yaml", file(2));
    let serving = Serving::start(&sandbox, "--queues queue.yaml");
    done::<AddResponse>(&serving, "Add", &task("t")).await;
    let queues = serving.url("/taskqueue/v1beta2/projects/p/taskqueues/");
    let shown = reqwest::get(format!("{queues}pull-queue")).await.expect("an answer");
    let shown = shown.text().await.expect("JSON");
    assert!(shown.contains("a@example.com"), "{shown}");
    let push = reqwest::get(format!("{queues}mail/tasks")).await.expect("an answer");
    assert_eq!(push.status(), 400);
    assert!(push.text().await.expect("JSON").contains("push queue"));
    // Two leases, each over at once; then it is a dead letter.
    assert_eq!(leased(&serving).await, 1);
    assert_eq!(leased(&serving).await, 1);
    assert_eq!(leased(&serving).await, 0);
    let end = serving.stop();
    let warnings = end.stderr.lines().filter(|line| line.contains("push queues")).count();
    assert_eq!(warnings, 1, "{}", end.stderr);
    assert!(end.stderr.contains("`default`") && end.stderr.contains("`mail`"), "{}", end.stderr);
    assert!(end.stderr.contains("not enforced"), "{}", end.stderr);
    assert!(!end.stderr.contains("example.com"), "{}", end.stderr);

    sandbox.write("queue.yaml", file(1));
    let serving = Serving::start(&sandbox, "--queues queue.yaml");
    done::<AddResponse>(&serving, "Add", &task("u")).await;
    assert_eq!(leased(&serving).await, 1);
    assert_eq!(leased(&serving).await, 0);
    serving.stop();
}

#[tokio::test]
async fn storage_has_its_limit() {
    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
    let sandbox = Sandbox::new();
    let queue = "queue:\n- name: pull-queue\n  mode: pull\n";
    sandbox.write("queue.yaml", format!("total_storage_limit: 2M\n{queue}"));
    let serving = Serving::start(&sandbox, "--queues queue.yaml");
    let large = |name| AddRequest { body: Some(vec![0; 1 << 20].into()), ..task(name) };
    let mut codes = Vec::new();
    for name in NAMES {
        codes.push(call(&serving, "Add", &large(name)).await.codes());
    }
    let added = codes.iter().filter(|code| **code == (None, None)).count();
    assert!((1..=2).contains(&added), "{codes:?}");
    assert!(codes[added..].iter().all(|code| *code == (Some(2), None)), "{codes:?}");
    // What is deleted makes room.
    let names = NAMES.map(Into::into).to_vec();
    let delete = DeleteRequest { queue: Some("pull-queue".into()), names };
    done::<DeleteResponse>(&serving, "Delete", &delete).await;
    done::<AddResponse>(&serving, "Add", &large("f")).await;
    serving.stop();
    // Without the line there is no limit any more.
    sandbox.write("queue.yaml", queue);
    let serving = Serving::start(&sandbox, "--queues queue.yaml");
    for name in ["g", "h", "i"] {
        done::<AddResponse>(&serving, "Add", &large(name)).await;
    }
    serving.stop();
}

#[test]
fn the_file_of_the_page_is_good() {
    let (blocks, _) = blocks(&read("docs/pull-queues.md"));
    let block = blocks.iter().find(|lines| lines.iter().any(|line| line.starts_with("queue:")));
    let file = queue_yaml::parse(&block.expect("a `queue.yaml`").join("\n")).expect("a good file");
    assert_eq!((file.queues.len(), file.storage_limit), (1, Some(120 << 20)));
}

#[test]
fn a_bad_file_is_a_configuration_error_and_nothing_of_it_is_done() {
    let sandbox = Sandbox::new();
    let good = "queue:\n- name: good\n  mode: pull\n";
    for (bad, line, key) in [
        ("- name: pull\n  mod: pull\n", 5, "`mod`"),
        ("- name: jobs\n  mode: pull\n  rate: 5/s\n", 6, "`rate`"),
        ("- name: a_b\n  mode: pull\n", 4, "`name`"),
        ("- name: good\n", 4, "`name`"),
        ("- [\n", 5, ""),
    ] {
        let run = refused(&sandbox, &format!("{good}{bad}")).expect(78);
        assert!(run.stderr.contains("`queue.yaml`"), "{}", run.stderr);
        assert!(run.stderr.contains(key), "{}", run.stderr);
        let told = [line - 1, line].iter().any(|line| run.stderr.contains(&format!("line {line}")));
        assert!(told, "line {line}: {}", run.stderr);
        let stats = sandbox.queue().args("stats sqlite:q.db?queue=good").run();
        assert_ne!(stats.code, 0, "the good queue was made: {}", stats.stdout);
    }
    for file in ["", "\u{0}", &"# too large\n".repeat(100_000)] {
        refused(&sandbox, file).expect(78);
    }
    let run = sandbox.queue().args("serve sqlite:q.db --queues nowhere.yaml").run().expect(78);
    assert!(run.stderr.contains("`nowhere.yaml`"), "{}", run.stderr);
}

//! Where looking is receiving, pages do it behind a button that says what it costs.

use super::*;
use crate::support::process::Process;
use crate::support::pubsub_stage::Stage as PubSub;
use crate::support::sandbox::Program;
use crate::support::services;
use crate::support::sqs_queue::Stage;
use nix::sys::signal::Signal;

/// Somebody who looks at the queue of a stage.
fn person(stage: &Stage, words: &str) -> Person {
    let serve = stage.queue(&format!("serve {} --listen 127.0.0.1:0 {words}", stage.url()));
    Person { serving: Serving::start_as(serve) }
}

/// A count of `queue stats`, once it is this.
#[track_caller]
fn wait_for(stage: &Stage, name: &str, count: u64) {
    let counted = || stage.lines(&format!("stats {}", stage.url()))[0][name].as_u64();
    crate::support::redis_server::wait_for(name, || (counted() == Some(count)).then_some(()));
}

#[test]
fn messages_are_received_shown_and_given_back() {
    let stage = Stage::made("");
    stage.publish_lines("{\"id\":\"<script>alert(1)\",\"room\":\"r\"}\n");
    let person = person(&stage, "");
    let offer = person.see(&format!("/messages?queue={}", stage.name));
    assert!(offer.contains("To look is to receive here:"), "{offer}");
    assert!(!offer.contains("&lt;script&gt;"), "nothing is received by looking at the page");
    let form = forms(&offer).into_iter().find(|form| form.action == "/messages/receive");
    let shown = person.submit(&form.expect("a button"));
    assert_eq!(shown.status, 200, "{}", shown.body);
    assert_harmless(&shown.body);
    assert!(shown.body.contains("&lt;script&gt;alert(1)"), "{}", shown.body);
    wait_for(&stage, "ready", 1);
}

#[test]
fn dead_letters_are_received_redriven_and_dropped_by_their_ids() {
    let stage = Stage::made("");
    stage.publish_poison(&["p1", "p2"]);
    stage.drain("").run().expect(65);
    wait_for(&stage, "dead", 2);
    let person = person(&stage, "");
    let offer = person.see(&format!("/dead-letters?queue={}", stage.name));
    let form = forms(&offer).into_iter().find(|form| form.action == "/dead-letters/receive");
    let page = person.submit(&form.expect("a button")).body;
    let boxes = page.split("<input").filter(|it| it.contains("type=\"checkbox\""));
    let names: Vec<_> = boxes.map(|it| attribute(it, "value")).collect();
    assert_eq!(names.len(), 2, "{page}");
    let chosen = [("queue", stage.name.as_str()), ("one", &names[0])];
    let (question, done) = person.agree(&page, "/dead-letters/redrive", &chosen);
    assert!(question.contains("Redrive p"), "{question}");
    assert!(done.contains("1 dead letter redriven."), "{done}");
    let chosen = [("queue", stage.name.as_str()), ("letter", &names[1])];
    let (_, done) = person.agree(&page, "/dead-letters/drop", &chosen);
    assert!(done.contains("1 dead letter dropped."), "{done}");
    wait_for(&stage, "dead", 0);
    wait_for(&stage, "ready", 1);
}

#[test]
fn a_server_that_only_shows_receives_nothing() {
    let stage = Stage::made("");
    stage.publish_lines("{\"id\":\"a\",\"room\":\"r\"}\n");
    let person = person(&stage, "--read-only");
    let offer = person.see(&format!("/messages?queue={}", stage.name));
    assert!(offer.contains("This server only shows, so it does not."), "{offer}");
    assert!(!offer.contains("/messages/receive"), "{offer}");
}

/// How often a page tries to redrive what somebody has looked at.
const PAGE_TRIES: usize = 2;

/// A program that knows the emulator of Pub/Sub.
fn on_emulator(program: Program) -> Program {
    program.env("PUBSUB_EMULATOR_HOST", services::pubsub_emulator())
}

/// A subscription of Pub/Sub, and somebody who looks at it.
async fn person_at_pubsub() -> (PubSub, Person) {
    let stage = PubSub::new();
    stage.create().await;
    let serve = stage.sandbox.queue().arg("serve").arg(stage.queue());
    let serving = Serving::start_as(on_emulator(serve).args("--listen 127.0.0.1:0"));
    (stage, Person { serving })
}

/// Presses the button of a page that receives, until what comes holds a text: the emulator gives
/// messages to those that are gone, too.
#[track_caller]
fn receive_until(person: &Person, path: &str, text: &str) -> String {
    let offer = person.see(path);
    assert!(offer.contains("To look is to receive here:"), "{offer}");
    crate::support::redis_server::wait_for(text, || {
        let form = forms(&offer).into_iter().find(|form| form.action.ends_with("/receive"));
        let shown = person.submit(&form.expect("a button"));
        assert_eq!(shown.status, 200, "{}", shown.body);
        shown.body.contains(text).then_some(shown.body)
    })
}

#[tokio::test]
async fn messages_of_pubsub_are_received_shown_and_given_back() {
    let (stage, person) = person_at_pubsub().await;
    stage.publish_lines("{\"id\":\"<script>alert(1)\"}\n");
    let shown = receive_until(&person, "/messages", "&lt;script&gt;alert(1)");
    assert_harmless(&shown);
    let peek = stage.sandbox.queue().arg("peek").arg(stage.queue());
    let run = on_emulator(peek).args("--take --idle 400s -n 1 --json").run().expect(0);
    assert!(run.stdout.contains("<script>alert(1)"), "it was given back: {}", run.stdout);
}

#[tokio::test]
async fn a_dead_letter_of_pubsub_is_redriven_right_after_a_look() {
    let (stage, person) = person_at_pubsub().await;
    let dead = json!({
        "id": "d1", "body": "b",
        "attributes": { "kakehi-dead-reason": "a <reason>", "kakehi-dead-attempts": "3" },
    });
    let publish = stage.sandbox.publish().args("stdin:?envelope --to");
    let publish = on_emulator(publish.arg(format!("{}-dead", stage.queue())));
    publish.stdin(format!("{dead}\n")).run().expect(0);
    let page = receive_until(&person, "/dead-letters", "a &lt;reason&gt;");
    let label = forms(&page).into_iter().flat_map(|form| form.fields);
    let label = label.into_iter().find(|(name, _)| name == "queue").expect("a queue").1;
    let letter = page.split("<input").find(|it| it.contains("type=\"checkbox\"")).expect("a box");
    let letter = attribute(letter, "value");
    // The emulator goes on to give it to those that have looked, for a lease each, and each try is one
    // more of them: after some it is the command that waits for it. Another letter may have this id, too,
    // so that the command would go on.
    let is_done = (0..PAGE_TRIES).any(|_| {
        let chosen = [("queue", label.as_str()), ("one", letter.as_str())];
        let (question, done) = person.agree(&page, "/dead-letters/redrive", &chosen);
        assert!(question.contains("Redrive d1"), "{question}");
        let is_done = done.contains("1 dead letter redriven.");
        assert!(is_done || done.contains("did not come within the time of a lease"), "{done}");
        is_done
    });
    if !is_done {
        let redrive = stage.sandbox.queue().args("dead redrive").arg(stage.queue());
        let redrive = on_emulator(redrive).args("--take --idle 400s --id d1 --yes --json");
        let mut redrive = Process::start(redrive, String::new(), false);
        redrive.wait_until("it is redriven", |it| it.written().contains("\"done\":true"));
        redrive.signal(Signal::SIGTERM);
        assert_eq!(redrive.end().code, 143);
    }
    let peek = stage.sandbox.queue().arg("peek").arg(stage.queue());
    let run = on_emulator(peek).args("--take --idle 400s -n 1 --json").run().expect(0);
    assert!(run.stdout.contains("\"id\":\"d1\""), "it is ready again: {}", run.stdout);
}

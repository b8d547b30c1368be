//! Where looking is receiving, pages do it behind a button that says what it costs.

use super::*;
use crate::support::sqs_queue::Stage;

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

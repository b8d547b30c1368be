//! Messages by their tags and ids: published, selected, looked at, counted.

use super::*;

const TAGGED: &str = r#"{"id":"1","kind":"render"}
{"id":"2","kind":"mail"}
{"id":"3"}
{"id":"4","kind":"render"}
{"id":"5","kind":"render","wait":"1h"}
{"id":"6","kind":7,"wait":0}
"#;

fn publish_tagged(sandbox: &Sandbox, lines: &str) -> Run {
    let url = "stdin:?id=id&tag=kind&delay=wait";
    sandbox.publish().args("--to sqlite:q.db").arg(url).stdin(lines).run()
}

fn told(values: &[Value]) -> Vec<&str> {
    values.iter().map(|it| it["id"].as_str().unwrap()).collect()
}

#[test]
fn tags_and_delays_come_from_fields_and_select() {
    let sandbox = Sandbox::new();
    publish_tagged(&sandbox, TAGGED).expect(0);
    assert_eq!(counts(&sandbox), [5, 0, 1, 0, 0]);
    let peeked = lines(&queue(&sandbox, "peek sqlite:q.db --json --tag render").expect(0));
    assert_eq!(told(&peeked), ["1", "4", "5"]);
    assert_eq!(peeked[2]["state"], "scheduled");
    let one = lines(&queue(&sandbox, "peek sqlite:q.db --json --tag render -n 1").expect(0));
    assert_eq!(told(&one), ["1"]);
    let by_tag = queue(&sandbox, "stats sqlite:q.db --json --by-tag").expect(0);
    let tags: Vec<_> = lines(&by_tag).split_off(1);
    assert_eq!(
        tags,
        [
            json!({"tag": "render", "messages": 3}),
            json!({"tag": "7", "messages": 1}),
            json!({"tag": "mail", "messages": 1}),
        ]
    );
    let human = queue(&sandbox, "stats sqlite:q.db --by-tag").expect(0).stdout;
    assert!(human.ends_with("3          render\n1          7\n1          mail\n"), "{human}");

    assert_eq!(told(&lease(&sandbox, "-n 9 --oldest-tag")), ["1", "4"]);
    assert_eq!(told(&lease(&sandbox, "-n 9 --tag mail")), ["2"]);
    assert_eq!(told(&lease(&sandbox, "-n 9 --oldest-tag")), ["3"]);
    assert_eq!(told(&lease(&sandbox, "-n 9 --oldest-tag")), ["6"]);
    queue(&sandbox, "lease sqlite:q.db --tag a --oldest-tag").expect(2);
}

#[test]
fn a_drain_takes_only_what_was_selected() {
    let sandbox = Sandbox::new();
    publish_tagged(&sandbox, TAGGED).expect(0);
    let drain = |words: &str| {
        let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout:").args(words).run();
        let values: Vec<Value> = lines(&run.expect(0));
        told(&values).join(" ")
    };
    assert_eq!(drain("--tag mail"), "2");
    assert_eq!(drain("--oldest-tag --once"), "1 4");
    assert_eq!(drain("--tag nobody"), "");
    assert_eq!(drain(""), "3 6");
}

#[test]
fn a_delay_that_is_none_is_refused_and_its_neighbours_go() {
    let sandbox = Sandbox::new();
    let line = |wait: &str| format!("{{\"id\":\"x{}\",\"wait\":{wait}}}\n", wait.len());
    let bad = ["-1", "\"soon\"", "1e300", "[1, 2]", "{\"a\": 1}"];
    let text: String = bad.iter().map(|wait| line(wait)).collect();
    let run = publish_tagged(&sandbox, &(text + TAGGED)).expect(65);
    assert!(run.stderr.contains("its `wait` is no delay"), "{}", run.stderr);
    assert_eq!(counts(&sandbox), [5, 0, 1, 0, 0]);
    sandbox.publish().args("--to sqlite:q.db stdin:?envelope&tag=t").stdin("").run().expect(2);
}

#[test]
fn messages_are_found_by_their_ids_whatever_their_state() {
    let sandbox = Sandbox::new();
    publish_tagged(&sandbox, TAGGED).expect(0);
    lease(&sandbox, "");
    let found = lines(&queue(&sandbox, "get sqlite:q.db 5 1 --json").expect(0));
    let states: Vec<_> = found.iter().map(|it| (&it["id"], &it["state"])).collect();
    assert_eq!(states, [(&json!("5"), &json!("scheduled")), (&json!("1"), &json!("leased"))]);
    let run = queue(&sandbox, "get sqlite:q.db 9 2 8 --json").expect(1);
    assert_eq!(told(&lines(&run)), ["2"]);
    assert!(run.stderr.contains("`9`, `8` are not there"), "{}", run.stderr);
    queue(&sandbox, "get sqlite:q.db").expect(2);
}

#[test]
fn a_lease_waits_for_the_first_message() {
    let sandbox = Sandbox::new();
    queue(&sandbox, "create sqlite:q.db").expect(0);
    let words = "lease sqlite:q.db --json --wait 60s --tag render";
    let waiting = sandbox.queue().args(words).spawn();
    publish_tagged(&sandbox, TAGGED).expect(0);
    let output = waiting.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"id\":\"1\""), "{output:?}");
}

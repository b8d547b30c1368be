//! The overview: all queues at a glance.

use super::*;

#[test]
fn each_queue_has_its_counts_which_lead_to_what_they_count() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a b c");
    bury(&sandbox, &["d"]);
    let all = json!({"id": "later", "body": {}, "not_before": "2099-01-01T00:00:00Z"});
    publish(&sandbox, &[all]);
    sandbox.queue().args("create sqlite:q.db?queue=other").run().expect(0);
    publish_all(&sandbox, "x y");
    let person = Person::at(&sandbox, "--timezone Asia/Tokyo");
    let page = person.see("/");
    assert!(page.contains("1 dead letter to look at."), "{page}");
    assert!(page.contains("2 messages ready"), "{page}");
    assert!(page.contains("Asia/Tokyo"), "{page}");
    for address in [
        "/messages?queue=default&amp;state=ready",
        "/messages?queue=default&amp;state=scheduled",
        "/dead-letters?queue=default",
        "/messages?queue=other",
    ] {
        assert!(page.contains(address), "{address} in {page}");
        let answer = person.get(&address.replace("&amp;", "&"));
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[test]
fn a_queue_that_is_made_later_is_found() {
    let sandbox = Sandbox::new();
    let mut person = Person::at(&sandbox, "");
    let page = person.see("/");
    assert!(page.contains("No queue yet."), "{page}");
    publish_all(&sandbox, "a");
    let (address, process) = (person.serving.address, &mut person.serving.process);
    process.wait_until("the queue is shown", |_| {
        let mut client = crate::support::http_client::HttpClient::connect(address);
        client.ask("GET /", &[], "").body.contains("1 message ready")
    });
}

#[test]
fn several_queues_are_shown_and_programs_work_on_the_first() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    let other = sandbox.publish().args("stdin: --to sqlite:other.db").stdin("{}\n{}\n");
    other.run().expect(0);
    let person = Person::at(&sandbox, "sqlite:other.db");
    let page = person.see("/");
    assert!(page.contains("default (sqlite:q.db)"), "{page}");
    assert!(page.contains("default (sqlite:other.db)"), "{page}");
    assert!(page.contains("3 messages ready"), "{page}");
    let messages = person.see("/messages?queue=default+%28sqlite%3Aother.db%29");
    assert_eq!(messages.matches("<pre>{}</pre>").count(), 2, "{messages}");
    assert!(person.serving.process.said().contains("`sqlite:other.db` is shown to people only"));
}

#[test]
fn no_page_loads_anything_from_elsewhere() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    let person = Person::at(&sandbox, "");
    for path in ["/", "/messages", "/dead-letters", "/jobs", "/sign-in"] {
        let page = person.see(path);
        for part in page.split("src=\"").chain(page.split("href=\"")).skip(1) {
            let address = part.split('"').next().unwrap_or_default();
            let is_own = address.starts_with('/') || address.starts_with('#');
            assert!(is_own || !part.contains('"') || address.contains("<!DOCTYPE"), "{address}");
        }
        assert!(!page.contains("style=\"") && !page.contains("onclick"), "{page}");
    }
    for path in ["/assets/style.css", "/assets/script.js", "/assets/icon.svg"] {
        let asset = person.see(path);
        assert!(!asset.contains("url(") && !asset.contains("@import"), "{path}");
    }
}

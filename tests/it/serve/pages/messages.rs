//! The messages of a queue, by state, id, group and tag.

use super::*;

#[test]
fn what_somebody_else_wrote_is_text() {
    let sandbox = Sandbox::new();
    let lines: Vec<_> = HOSTILE
        .iter()
        .map(|text| json!({"id": text, "group": text, "tag": text, "attributes": {"n": text}, "body": {"n": text}}))
        .collect();
    publish(&sandbox, &lines);
    let person = Person::at(&sandbox, "");
    let page = person.see("/messages?queue=default");
    assert_harmless(&page);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    assert!(page.contains("寝室 🏠 é") && page.contains("\\u{202e}"), "{page}");
    for path in
        ["/messages?queue=<script>alert(1)</script>", "/messages?id=<img+src=x>&tag=<script>alert"]
    {
        assert_harmless(&person.get(&path.replace('<', "%3C").replace('>', "%3E")).body);
    }
}

#[test]
fn messages_are_found_by_state_id_group_and_tag() {
    let sandbox = Sandbox::new();
    publish(
        &sandbox,
        &[
            json!({"id": "one", "group": "g", "body": {"n": 1}}),
            json!({"id": "two", "group": "g", "tag": "t&t", "body": {"n": 2}}),
            json!({"id": "three", "tag": "t&t", "body": {"n": 3}}),
            json!({"id": "later", "body": {"n": 4}, "not_before": "2099-01-01T00:00:00Z"}),
        ],
    );
    sandbox.queue().args("lease sqlite:q.db").run().expect(0);
    let person = Person::at(&sandbox, "");
    let shown = |query: &str| {
        let page = person.see(&format!("/messages?queue=default&{query}"));
        let ids = ["one", "two", "three", "later"].into_iter();
        ids.filter(|id| page.contains(&format!("<code>{id}</code>"))).collect::<Vec<_>>()
    };
    for (query, ids) in [
        ("", &["one", "two", "three", "later"][..]),
        ("state=ready", &["three"]),
        ("state=waiting", &["two"]),
        ("state=scheduled", &["later"]),
        ("state=leased", &["one"]),
        ("group=g", &["one", "two"]),
        ("tag=t%26t", &["two", "three"]),
        ("tag=t%26t&state=ready", &["three"]),
        ("id=three", &["three"]),
        ("id=nobody", &[]),
    ] {
        assert_eq!(shown(query), ids, "{query}");
    }
}

#[test]
fn a_page_has_fifty_and_leads_to_the_next() {
    let sandbox = Sandbox::new();
    let ids: Vec<_> = (0..120).map(|n| format!("id{n:03}")).collect();
    publish_all(&sandbox, &ids.join(" "));
    let person = Person::at(&sandbox, "");
    let (mut path, mut seen) = ("/messages?queue=default&state=ready".to_owned(), Vec::new());
    loop {
        let page = person.see(&path);
        let found = page.split("<code>id").skip(1).map(|it| format!("id{}", &it[..3]));
        let found: Vec<_> = found.collect();
        assert!(found.len() <= 50, "{}", found.len());
        seen.extend(found);
        let Some((_, next)) = page.split_once("class=\"button\" href=\"") else { break };
        let next = next.split('"').next().unwrap().replace("&amp;", "&");
        if !next.contains("after=") {
            break;
        }
        path = next;
    }
    assert_eq!(seen, ids);
}

#[test]
fn a_payload_is_cut_in_a_list_and_whole_as_a_file() {
    let sandbox = Sandbox::new();
    let body = format!("{{\"a\":\"{}end\"}}", "寝".repeat(3000));
    sandbox.publish().args("stdin: --to sqlite:q.db").stdin(format!("{body}\n")).run().expect(0);
    let person = Person::at(&sandbox, "");
    let page = person.see("/messages?queue=default");
    assert!(!page.contains("end\"}") && page.contains("the beginning of it"), "{page}");
    let (_, link) = page.split_once("href=\"/messages/payload").expect("a link");
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    let file = person.get(&format!("/messages/payload{link}"));
    assert_eq!((file.status, file.body), (200, body));
    assert!(file.head.contains("content-disposition: attachment; filename="), "{}", file.head);
    assert!(file.head.contains("x-content-type-options: nosniff"), "{}", file.head);
    let gone = person.get("/messages/payload?queue=default&at=1&id=nobody");
    assert_eq!(gone.status, 404);
}

#[test]
fn a_purge_wants_the_name_typed_and_no_more_than_was_told() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a b");
    let person = Person::at(&sandbox, "");
    let page = person.see("/messages/purge?queue=default");
    assert!(page.contains("2 messages"), "{page}");
    let typed = |name: &str, count: &str| {
        let fields = [("queue", "default"), ("count", count), ("typed", name)];
        person.send(&page, "/messages/purge", &fields).body
    };
    assert!(typed("defaul", "2").contains("nothing was removed"));
    publish_all(&sandbox, "c");
    assert!(typed("default", "2").contains("There are more messages by now"));
    assert_eq!(counted(&sandbox, "ready"), 3);
    assert!(typed("default", "3").contains("3 messages purged."));
    assert_eq!(counted(&sandbox, "ready"), 0);
}

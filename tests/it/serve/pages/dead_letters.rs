//! Dead letters: grouped, redriven and dropped, each time after a question.

use super::*;

const REDRIVE: &str = "/dead-letters/redrive";
const DROP: &str = "/dead-letters/drop";

/// The names of the letters of a page, in their order.
fn letters(page: &str) -> Vec<String> {
    let boxes = page.split("<input").filter(|it| it.contains("type=\"checkbox\""));
    boxes.map(|it| attribute(it, "value")).collect()
}

#[test]
fn one_is_redriven_or_dropped_by_its_id() {
    let sandbox = Sandbox::new();
    bury(&sandbox, &HOSTILE);
    let person = Person::at(&sandbox, "");
    let page = person.see("/dead-letters?queue=default");
    assert_harmless(&page);
    let names = letters(&page);
    assert_eq!(names.len(), HOSTILE.len(), "{page}");
    let one = |path: &str, name: &str| {
        person.agree(&page, path, &[("queue", "default"), ("one", name), ("letter", &names[4])])
    };
    let (question, done) = one(REDRIVE, &names[0]);
    assert_harmless(&question);
    assert!(question.contains("Redrive &lt;script&gt;alert(1)&lt;/script&gt;?"), "{question}");
    assert!(done.contains("1 dead letter redriven."), "{done}");
    assert_eq!((counted(&sandbox, "ready"), counted(&sandbox, "dead")), (1, 5));
    let (_, done) = one(DROP, &names[1]);
    assert!(done.contains("1 dead letter dropped."), "{done}");
    assert_eq!((counted(&sandbox, "ready"), counted(&sandbox, "dead")), (1, 4));
    let (_, done) = one(DROP, &names[1]);
    assert!(done.contains("1 dead letter not there any more."), "{done}");
    for name in &names[2..] {
        let (_, done) = one(DROP, name);
        assert!(done.contains("1 dead letter dropped."), "{done}");
    }
    assert_eq!(counted(&sandbox, "dead"), 0);
}

#[test]
fn the_selected_are_named_before_they_are_changed() {
    let sandbox = Sandbox::new();
    bury(&sandbox, &["d1", "d2", "d3"]);
    let person = Person::at(&sandbox, "");
    let page = person.see("/dead-letters?queue=default");
    let names = letters(&page);
    let nothing = person.send(&page, DROP, &[("queue", "default")]);
    assert_eq!(nothing.status, 400);
    assert!(nothing.body.contains("no dead letter is selected"), "{}", nothing.body);
    let chosen = [("queue", "default"), ("letter", &names[0]), ("letter", &names[2])];
    let (question, done) = person.agree(&page, DROP, &chosen);
    assert!(question.contains("Drop 2 dead letters?"), "{question}");
    assert!(question.contains("<code>d1</code>") && question.contains("<code>d3</code>"));
    assert!(done.contains("2 dead letters dropped."), "{done}");
    assert_eq!(counted(&sandbox, "dead"), 1);
}

#[test]
fn all_that_match_are_asked_for_again_where_they_grew() {
    let sandbox = Sandbox::new();
    bury(&sandbox, &["d1", "d2"]);
    let person = Person::at(&sandbox, "");
    let page = person.see("/dead-letters?queue=default");
    let question = person.send(&page, REDRIVE, &[("queue", "default"), ("all", "1")]).body;
    assert!(question.contains("Redrive 2 dead letters?"), "{question}");
    bury(&sandbox, &["d3"]);
    let form = |page: &str| forms(page).into_iter().find(|it| it.action == REDRIVE).unwrap();
    let again = person.submit(&form(&question)).body;
    assert!(again.contains("There are more by now"), "{again}");
    assert!(again.contains("Redrive 3 dead letters?"), "{again}");
    assert_eq!(counted(&sandbox, "dead"), 3, "nothing was changed");
    let done = person.submit(&form(&again)).body;
    assert!(done.contains("3 dead letters redriven."), "{done}");
    assert_eq!((counted(&sandbox, "ready"), counted(&sandbox, "dead")), (3, 0));
}

#[test]
fn a_group_has_one_reason_and_its_own_buttons() {
    let sandbox = Sandbox::new();
    publish(&sandbox, &[json!({"id": "s", "body": "no object"}), json!({"id": "a", "body": [1]})]);
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(65);
    let many: Vec<_> = (0..1500).map(|n| json!({"id": format!("m{n}"), "body": {}})).collect();
    publish(&sandbox, &many);
    let fails =
        sandbox.subscribe().args("--from sqlite:q.db --where error(\"odd\") --to sqlite:s.db");
    fails.run();
    let person = Person::at(&sandbox, "");
    let page = person.see("/dead-letters?queue=default");
    let groups = forms(&page);
    let group = groups
        .iter()
        .find(|form| form.fields.iter().any(|it| it.0 == "reason" && !it.1.is_empty()));
    let fields = &group.expect("a group").fields;
    let fields: Vec<_> = fields.iter().filter(|it| it.0 != "token").collect();
    let fields: Vec<_> = fields.iter().map(|it| (it.0.as_str(), it.1.as_str())).collect();
    let before = counted(&sandbox, "dead");
    let (_, done) = person.agree(&page, DROP, &fields);
    assert!(done.contains("dropped."), "{done}");
    let after = counted(&sandbox, "dead");
    assert!(after < before && after > 0, "{before} {after}");
}

#[test]
fn a_payload_is_whole_as_a_file() {
    let sandbox = Sandbox::new();
    let body = "x".repeat(9000);
    publish(&sandbox, &[json!({"id": "d", "body": body})]);
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(65);
    let person = Person::at(&sandbox, "");
    let page = person.see("/dead-letters?queue=default");
    let (_, link) = page.split_once("href=\"/dead-letters/payload").expect("a link");
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    let file = person.get(&format!("/dead-letters/payload{link}"));
    assert_eq!(file.status, 200, "{}", file.body);
    assert!(file.body.len() >= 9000, "{}", file.body.len());
}

#[test]
fn the_page_of_no_letters_says_what_comes_here() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    let page = Person::at(&sandbox, "").see("/dead-letters");
    assert!(page.contains("No dead letters."), "{page}");
}

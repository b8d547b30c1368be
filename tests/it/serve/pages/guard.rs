//! Nobody else gets in.

use super::*;

const TOKEN: &str = "an-entirely-secret-token";

#[test]
fn a_page_of_somebody_else_changes_nothing() {
    let sandbox = Sandbox::new();
    bury(&sandbox, &["d"]);
    let person = Person::at(&sandbox, "");
    let page = person.see("/dead-letters?queue=default");
    let token = forms(&page)[0].fields.iter().find(|it| it.0 == "token").unwrap().1.clone();
    let good = format!("queue=default&all=1&agreed=1&token={token}");
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let own = "Origin: http://localhost";
    for (headers, body) in [
        (&[kind][..], good.as_str()),
        (&[kind, "Origin: null"], &good),
        (&[kind, "Origin: https://evil.example"], &good),
        (&[kind, "Origin: http://localhost:8080"], &good),
        (&[kind, own, "Host: evil.example"], &good),
        (&[kind, own], "queue=default&all=1&agreed=1"),
        (&[kind, own], "queue=default&all=1&agreed=1&token=0"),
    ] {
        let answer = person.serving.ask("POST /dead-letters/drop", headers, body);
        assert_eq!(answer.status, 403, "{headers:?} {body}");
        assert_eq!(counted(&sandbox, "dead"), 1, "{headers:?} {body}");
    }
    let answer = person.serving.ask("POST /dead-letters/drop", &[kind, own], &good);
    assert_eq!((answer.status, counted(&sandbox, "dead")), (200, 0));
}

#[test]
fn whoever_has_no_session_sees_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("token", TOKEN);
    publish_all(&sandbox, "secret-id");
    let person = Person::at(&sandbox, "--token-file token");
    for path in
        ["/", "/messages", "/dead-letters", "/jobs", "/messages/payload?queue=default&id=secret-id"]
    {
        let answer = person.get(path);
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.head.contains("location: /sign-in?to="), "{}", answer.head);
        assert!(!answer.body.contains("secret-id"), "{path}");
    }
    let field = person.see("/sign-in?to=%2Fmessages");
    assert!(person.send(&field, "/sign-in", &[("secret", "wrong")]).status == 403);
    let answer = person.send(&field, "/sign-in", &[("secret", TOKEN), ("to", "/messages")]);
    assert_eq!(answer.status, 303);
    let (_, cookie) = answer.head.split_once("set-cookie: ").expect("a cookie");
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    let page = person.serving.ask("GET /messages", &[&cookie], "");
    assert!(page.status == 200 && page.body.contains("secret-id"), "{}", page.body);
    let protocol = person.serving.ask("GET /metrics", &[&cookie], "");
    assert_eq!(protocol.status, 401, "programs show the token");
    let bearer = format!("Authorization: Bearer {TOKEN}");
    assert_eq!(person.serving.ask("GET /messages", &[&bearer], "").status, 200);
    assert!(!person.serving.process.said().contains(TOKEN));
}

#[test]
fn a_server_that_only_shows_changes_nothing() {
    let sandbox = Sandbox::new();
    bury(&sandbox, &["d"]);
    publish_all(&sandbox, "a");
    let person = Person::at(&sandbox, "--read-only");
    let page = person.see("/dead-letters?queue=default");
    assert!(!page.contains("Redrive") && !page.contains("Drop"), "{page}");
    let messages = person.see("/messages?queue=default");
    assert!(!messages.contains("Purge"), "{messages}");
    let purge = person.see("/messages/purge?queue=default");
    let fields = [("queue", "default"), ("typed", "default"), ("count", "9")];
    assert_eq!(person.send(&purge, "/messages/purge", &fields).status, 403);
    let drop = [("queue", "default"), ("all", "1"), ("agreed", "9")];
    assert_eq!(person.send(&purge, "/dead-letters/drop", &drop).status, 403);
    let tasks = "/taskqueue/v1beta2/projects/p/taskqueues/default/tasks";
    assert_eq!(person.serving.call(&format!("GET {tasks}"), Value::Null).0, 200);
    let lease = format!("POST {tasks}/lease?numTasks=1&leaseSecs=60");
    assert_eq!(person.serving.call(&lease, Value::Null).0, 403);
    let insert = json!({"queueName": "default", "payloadBase64": "YQ=="});
    assert_eq!(person.serving.call(&format!("POST {tasks}"), insert).0, 403);
    assert_eq!(person.serving.ask("POST /_ah/remote_api", &[], "x").status / 100, 4);
    assert_eq!((counted(&sandbox, "ready"), counted(&sandbox, "dead")), (1, 1));
}

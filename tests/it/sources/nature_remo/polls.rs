//! When and how often the API is asked, and what a poll brings.

use super::*;

#[tokio::test]
async fn a_poll_asks_once_with_the_bearer_token() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::ok("[]")]);
    let mut source = open(&server, "", &options(&sandbox).0);
    assert!(source.read(0).await.unwrap().is_none());
    assert!(source.read(0).await.unwrap().is_none());
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let head = requests[0].to_lowercase();
    assert!(head.starts_with("get /1/devices http/1.1\r\n"), "{head}");
    assert!(requests[0].contains(&format!("uthorization: Bearer {TOKEN}\r\n")), "{}", requests[0]);
    assert!(head.contains(&format!("user-agent: kakehi/{}\r\n", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn every_tick_is_a_poll_of_its_own() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::ok(TYPICAL)]);
    let (options, control) = options(&sandbox);
    let mut source = open(&server, "", &options);
    let first = source.read(0).await.unwrap().unwrap();
    assert!(source.read(0).await.unwrap().is_none());
    control.advance(chrono::TimeDelta::milliseconds(1));
    let second = source.read(1).await.unwrap().unwrap();
    assert!(source.read(1).await.unwrap().is_none());
    assert_eq!(server.requests().len(), 2);
    assert_ne!(first.messages[0].id, second.messages[0].id, "a millisecond tells polls apart");
}

#[tokio::test]
async fn a_failed_tick_does_not_ask_again_and_the_next_one_does() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::http("401 Unauthorized", &[], ERROR_401), Answer::ok("[]")]);
    let mut source = open(&server, "", &options(&sandbox).0);
    assert!(source.read(0).await.is_err());
    assert!(source.read(0).await.unwrap().is_none());
    assert_eq!(server.requests().len(), 1);
    assert!(source.read(1).await.unwrap().is_none());
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn all_devices_of_a_poll_have_one_time() {
    let batch = poll(TYPICAL, "").await;
    for message in &batch.messages {
        assert_eq!(json_of(message)["request_at"], "2026-07-20T12:31:07.123+09:00");
        assert!(message.id.ends_with("@2026-07-20T03:31:07.123Z"));
    }
}

#[tokio::test]
async fn no_devices_are_no_messages() {
    for answer in ["[]", "null", " [ ] ", "\u{feff}[]"] {
        assert!(poll(answer, "").await.messages.is_empty(), "{answer}");
    }
}

/// [4, 5]
#[tokio::test]
async fn the_time_has_the_true_offset_of_its_zone() {
    for (zone, expected) in [
        ("Asia/Tokyo", "2026-07-20T12:31:07.123+09:00"),
        ("UTC", "2026-07-20T03:31:07.123+00:00"),
        ("Europe/London", "2026-07-20T04:31:07.123+01:00"),
        ("America/St_Johns", "2026-07-20T01:01:07.123-02:30"),
        ("Asia/Kathmandu", "2026-07-20T09:16:07.123+05:45"),
    ] {
        let sandbox = Sandbox::new();
        let server = Server::new([Answer::ok(r#"[{"id":"d"}]"#)]);
        let options = Options { timezone: zone.parse().unwrap(), ..options(&sandbox).0 };
        let mut source = open(&server, "", &options);
        let batch = source.read(0).await.unwrap().unwrap();
        assert_eq!(json_of(&batch.messages[0])["request_at"], expected);
        let time = DateTime::parse_from_rfc3339(expected).unwrap();
        assert_eq!(time.timestamp_millis(), now().timestamp_millis());
        assert_eq!(ids(&batch), ["d@2026-07-20T03:31:07.123Z"]);
    }
}

#[tokio::test]
async fn a_group_is_the_device_where_it_is_asked_for() {
    for mode in ["", "&mode=changes", "&mode=snapshot"] {
        let batch = poll(TYPICAL, mode).await;
        assert!(batch.messages.iter().all(|message| message.group.is_none()));
        let batch = poll(TYPICAL, &format!("{mode}&group=device")).await;
        assert!(batch.messages.iter().all(|m| m.group.as_ref() == m.attributes.get("device_id")));
        assert!(!batch.messages.is_empty());
    }
}

#[tokio::test]
async fn a_poll_of_many_devices_comes_in_batches() {
    let sandbox = Sandbox::new();
    let devices: Vec<Value> = (0..25).map(|n| json!({"id": format!("d{n}")})).collect();
    let server = Server::new([Answer::ok(json!(devices).to_string())]);
    let options = Options { batch: 10, ..options(&sandbox).0 };
    let mut source = open(&server, "", &options);
    let mut sizes = Vec::new();
    while let Some(batch) = source.read(0).await.unwrap() {
        sizes.push(batch.messages.len());
        source.commit(batch.number).await.unwrap();
    }
    assert_eq!(sizes, [10, 10, 5]);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_poll_that_was_dropped_has_taken_nothing() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::Silence, Answer::ok(TYPICAL)]);
    let mut source = open(&server, "", &options(&sandbox).0);
    let until_asked = async {
        while server.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        read = source.read(0) => panic!("{read:?}"),
        () = until_asked => {}
    }
    assert_eq!(source.read(0).await.unwrap().unwrap().messages.len(), 4);
}

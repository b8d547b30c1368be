//! What becomes of a device: nothing that it measures is lost, nothing private leaves.

use super::*;

/// [1, 3, 4, 5, 7, 8, 19]
#[tokio::test]
async fn a_snapshot_is_the_documents_of_before_and_more() {
    let batch = poll(TYPICAL, "").await;
    assert!(batch.refused.is_empty());
    assert_eq!(batch.messages.len(), 4);
    let first = &batch.messages[0];
    assert_eq!(first.id, "0f3a9c52-6b1e-4d7a-9c40-5a1e7b2d8c01@2026-07-20T03:31:07.123Z");
    assert_eq!(
        std::str::from_utf8(&first.body).unwrap(),
        concat!(
            r#"{"device_id":"0f3a9c52-6b1e-4d7a-9c40-5a1e7b2d8c01","name":"リビングのRemo 🏠","#,
            r#""newest_events":{"hu":{"val":50,"created_at":"2025-03-20T09:26:24Z"},"#,
            r#""il":{"val":21,"created_at":"2025-03-20T09:07:06Z"},"#,
            r#""mo":{"val":1,"created_at":"2025-01-24T11:40:02Z"},"#,
            r#""te":{"val":17.6,"created_at":"2025-03-20T09:00:22Z"}},"#,
            r#""updated_at":"2024-09-16T05:02:31Z","request_at":"2026-07-20T12:31:07.123+09:00","#,
            r#""temperature_offset":0,"humidity_offset":0,"#,
            r#""firmware_version":"Remo/1.14.8","online":true}"#,
        )
    );
    let attributes: Vec<_> = first.attributes.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(
        attributes,
        [
            ("device_id", "0f3a9c52-6b1e-4d7a-9c40-5a1e7b2d8c01"),
            ("schema", "nature-remo.snapshot.1"),
            ("source", "nature-remo"),
        ]
    );
    let second = json_of(&batch.messages[1]);
    assert_eq!(second["name"], "Tom's room ");
    assert_eq!(second["humidity_offset"], -20);
    assert_eq!(second.get("online"), None, "not reported is not offline");
    assert_eq!(json_of(&batch.messages[3])["newest_events"], json!({}));
}

#[tokio::test]
async fn people_addresses_and_serial_numbers_never_leave() {
    for (answer, mode) in [(TYPICAL, ""), (TYPICAL, "&mode=changes"), (FUTURE, "")] {
        for message in poll(answer, mode).await.messages {
            let shown = format!("{message:?} {}", String::from_utf8_lossy(&message.body));
            for secret in ["はなこ", "O'Neil", "02:00:5e", "1W3", "1W2", "2W2", "users", "mac_"]
            {
                assert!(!shown.contains(secret), "{secret} in {shown}");
            }
        }
    }
}

#[tokio::test]
async fn devices_to_come_and_devices_without_sensors_are_devices() {
    let batch = poll(FUTURE, "").await;
    assert!(batch.refused.is_empty());
    let [lapis, nano, future] = &batch.messages[..] else { panic!("{batch:?}") };
    assert_eq!(json_of(lapis)["name"], "書斎 \"Lapis\" 👨‍👩‍👧");
    assert!(String::from_utf8_lossy(&lapis.body).contains(r#""temperature_offset":-0.5,"#));
    let nano = json_of(nano);
    assert_eq!(nano["name"], "Remo nano\u{a0}玄関");
    assert_eq!(nano["newest_events"], json!({}));
    assert_eq!(nano["online"], false);
    let body = String::from_utf8_lossy(&future.body).into_owned();
    assert!(body.contains(r#""pr":{"val":1008.25,"#), "an unknown event stays: {body}");
    assert!(body.contains(r#""val":25.149109,"#), "digits stay: {body}");
    assert!(!body.contains("some_new_field"), "{body}");
}

#[tokio::test]
async fn numbers_keep_the_digits_that_the_api_wrote() {
    let tokens = ["53", "53.0", "1e2", "-0.5", "27.900", "12345678901234567890.25"];
    for token in tokens {
        let event = format!(r#"{{"val":{token},"created_at":"2026-01-01T00:00:00Z"}}"#);
        let answer = format!(r#"[{{"id":"d","newest_events":{{"te":{event}}}}}]"#);
        for mode in ["", "&mode=changes"] {
            let batch = poll(&answer, mode).await;
            let body = String::from_utf8_lossy(&batch.messages[0].body).into_owned();
            assert!(body.contains(&format!(r#""val":{token},"#)), "{body}");
        }
    }
}

/// [1]: names that the replaced scripts lost, changed or took for fields.
#[tokio::test]
async fn any_name_arrives_as_it_is() {
    let names = [
        "リビング",
        "🏠",
        "👨‍👩‍👧",
        "\u{3000}",
        "\\",
        "a\nb",
        "\u{200b}",
        "\u{feff}",
        "Tom's room",
        "My \"Remo\"",
        "'\"",
        "Nonette",
        "\u{a0}",
        "\u{7f}",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "\u{1fae8}",
        "TrueNorth",
        "FalseDoor",
        "x', 'owner': 'attacker', 'y': '",
        "",
        "\u{0}",
    ];
    let devices: Vec<Value> = names.iter().map(|name| json!({"id": "d", "name": name})).collect();
    let batch = poll(&json!(devices).to_string(), "").await;
    let found: Vec<Value> = batch.messages.iter().map(|m| json_of(m)["name"].clone()).collect();
    assert_eq!(found, names);
    let fields = json_of(&batch.messages[18]).as_object().unwrap().len();
    assert_eq!(fields, 8, "a name adds no fields");
}

#[tokio::test]
async fn two_devices_of_one_name_stay_two() {
    let answer = json!([{"id": "a", "name": "Remo"}, {"id": "b", "name": "Remo"}]).to_string();
    let batch = poll(&answer, "").await;
    let at = "2026-07-20T03:31:07.123Z";
    assert_eq!(ids(&batch), [format!("a@{at}"), format!("b@{at}")]);
}

#[tokio::test]
async fn what_is_missing_is_null_and_loses_nothing_else() {
    let batch = poll(r#"[{"id":"d"}]"#, "").await;
    let expected = json!({
        "device_id": "d", "name": null, "newest_events": {}, "updated_at": null,
        "request_at": "2026-07-20T12:31:07.123+09:00", "temperature_offset": null,
        "humidity_offset": null, "firmware_version": null,
    });
    assert_eq!(json_of(&batch.messages[0]), expected);
}

/// [2, 9, 14]
#[tokio::test]
async fn one_bad_device_does_not_lose_the_others() {
    let answer = r#"[{"id":"a"},null,{"name":"no id"},{"id":7},[],{"id":"b","newest_events":7}]"#;
    let batch = poll(answer, "").await;
    let devices: Vec<Value> =
        batch.messages.iter().map(|m| json_of(m)["device_id"].clone()).collect();
    assert_eq!(devices, ["a", "b"]);
    assert_eq!(
        refused(&batch),
        [
            "device 2 of 6: it is not an object",
            "device 3 of 6: it has no `id`",
            "device 4 of 6: its `id` is not a string",
            "device 5 of 6: it is not an object",
        ]
    );
}

#[tokio::test]
async fn events_of_any_form_stay_in_a_snapshot() {
    let events = r#"{"te":null,"hu":{},"il":{"val":null},"mo":7,"a b":"x","":[1]}"#;
    let batch = poll(&format!(r#"[{{"id":"d","newest_events":{events}}}]"#), "").await;
    let expected: Value = serde_json::from_str(events).unwrap();
    assert_eq!(json_of(&batch.messages[0])["newest_events"], expected);
}

#[tokio::test]
async fn a_wrong_byte_in_a_name_costs_no_readings() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::ok(b"[{\"id\":\"d\",\"name\":\"a\xffb\"}]")]);
    let mut source = open(&server, "", &options(&sandbox).0);
    let batch = source.read(0).await.unwrap().unwrap();
    assert_eq!(json_of(&batch.messages[0])["name"], "a\u{fffd}b");
}

#[tokio::test]
async fn rubbish_never_panics_and_never_loses_a_good_device() {
    let mut dice = fastrand::Rng::with_seed(11);
    let sandbox = Sandbox::new();
    let (options, _) = options(&sandbox);
    let limits = Limits { tries: 1, ..limits() };
    let alphabet = b"{}[]\",:\\u012idnametevalnull \n\x00\xff\xf0\x9f";
    for _ in 0..150 {
        let mut answer = TYPICAL.as_bytes().to_vec();
        for _ in 0..dice.usize(1..6) {
            let at = dice.usize(..answer.len());
            answer[at] = alphabet[dice.usize(..alphabet.len())];
        }
        let server = Server::new([Answer::ok(&answer)]);
        for mode in ["", "&mode=changes"] {
            let mut source = open_with(&server, mode, &options, limits.clone());
            match source.read(0).await {
                Ok(batch) => {
                    let batch = batch.unwrap_or_default();
                    batch.messages.iter().for_each(|m| assert!(json_of(m).is_object()));
                }
                Err(error) => {
                    assert!(matches!(error.kind(), Kind::Unreachable | Kind::Failed), "{error}");
                }
            }
        }
    }
}

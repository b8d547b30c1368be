//! Smart meters, beside the devices.

use super::*;

const METERS: &str = include_str!("../../../fixtures/nature-remo/appliances_smart_meter.json");

/// What a poll of a server gives that answers so to the two questions.
async fn poll_both(appliances: &str, params: &str) -> (Vec<Batch>, Vec<String>) {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::ok("[{\"id\":\"d\"}]"), Answer::ok(appliances)]);
    let state = format!("{params}&state={}", sandbox.path("state.json").display());
    let params = if params.contains("changes") { &*state } else { params };
    let mut source = open(&server, params, &options(&sandbox).0);
    let mut batches = Vec::new();
    while let Some(batch) = source.read(0).await.unwrap() {
        source.commit(batch.number).await.unwrap();
        batches.push(batch);
    }
    (batches, server.requests())
}

#[tokio::test]
async fn a_meter_is_a_message_beside_the_devices() {
    let (batches, requests) = poll_both(METERS, "&meter&group=device").await;
    let message = &batches[1].messages[0];
    assert_eq!(message.id, "a1b2c3d4-0000-4000-8000-5a1e7b2d8c10@2026-07-20T03:31:07.123Z");
    assert_eq!(message.group.as_deref(), Some("3da4b1c6-0a2f-49f3-9e1d-5a1e7b2d8c04"));
    assert_eq!(message.attributes["schema"], "nature-remo.meter.1");
    let body = std::str::from_utf8(&message.body).unwrap();
    for told in
        ["\"power_w\":215,", "\"bought_kwh\":9841.8,", "\"sold_kwh\":0.8,", "スマートメーター"]
    {
        assert!(body.contains(told), "{told}: {body}");
    }
    let raw = &json_of(message)["echonetlite_properties"];
    assert_eq!(raw.as_array().unwrap().len(), 6);
    assert_eq!(raw[2]["val"], "98418");
    assert!(
        requests[0].starts_with("GET /1/devices ") && requests[1].starts_with("GET /1/appliances ")
    );
}

#[tokio::test]
async fn a_change_of_a_meter_is_published_once() {
    let sandbox = Sandbox::new();
    let server =
        Server::new([Answer::ok("[]"), Answer::ok(METERS), Answer::ok("[]"), Answer::ok(METERS)]);
    let mut source = open(&server, "&mode=changes&meter", &options(&sandbox).0);
    let batch = source.read(0).await.unwrap().unwrap();
    assert_eq!(ids(&batch), ["a1b2c3d4-0000-4000-8000-5a1e7b2d8c10/meter@2025-04-20T03:40:43Z"]);
    source.commit(batch.number).await.unwrap();
    assert!(source.read(0).await.unwrap().is_none());
    assert!(source.read(1).await.unwrap().is_none(), "it is known");
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn meters_that_cannot_be_read_cost_no_device() {
    let broken = r#"[{"id":7,"type":"EL_SMART_METER"},{"id":"x","type":"AC"},null]"#;
    let (batches, _) = poll_both(broken, "&meter").await;
    assert_eq!(batches[0].messages.len(), 1);
    let refused = refused(&batches[1]);
    assert_eq!(refused[0], "appliance 1 of 3: its `id` is not a string");
    let sandbox = Sandbox::new();
    let server =
        Server::new([Answer::ok("[{\"id\":\"d\"}]"), Answer::http("403 Forbidden", &[], "")]);
    let mut source = open(&server, "&meter", &options(&sandbox).0);
    assert_eq!(source.read(0).await.unwrap().unwrap().messages.len(), 1);
    assert_eq!(source.read(0).await.unwrap_err().kind(), Kind::Credentials);
}

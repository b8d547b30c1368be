use super::*;
use serde_json::json;

fn shapes(url: &str) -> Result<Shapes> {
    let mut url = Location::parse(url).unwrap();
    Shapes::take(&mut url, "rooms").inspect(|_| url.finish(&[]).unwrap())
}

/// What a document tells: series, name, time, and each value with its time.
fn read(shapes: &Shapes, document: &serde_json::Value) -> Option<String> {
    let text = document.to_string();
    let observed = shapes.read(&text, Some(5000))?.observed()?;
    let values = observed.values.iter().map(|it| {
        let (metric, at) = (it.metric.key(), it.at.format("%H:%M:%S"));
        format!("{metric}={}@{at}", it.value)
    });
    let (series, at) = (observed.series, observed.at.format("%H:%M:%S"));
    let values: Vec<_> = values.collect();
    Some(format!("{} {:?} {at}: {}", series.id, series.name, values.join(" ")))
}

fn told(document: &serde_json::Value) -> String {
    read(&Shapes::default(), document).unwrap_or_else(|| "nothing".to_owned())
}

#[test]
fn a_snapshot_tells_every_event_with_its_offset() {
    let mut snapshot = json!({
        "device_id": "d", "name": "room", "request_at": "2026-05-01T12:00:00.000+09:00",
        "temperature_offset": 1, "humidity_offset": -20, "updated_at": null,
        "newest_events": {
            "te": {"val": 16, "created_at": "2026-05-01T01:00:00Z"},
            "hu": {"val": 59.5, "created_at": "2026-05-01T01:00:00Z"},
            "mo": {"val": 1, "created_at": "2026-05-01T02:30:00Z"},
            "il": {"val": "dark"}, "pr": null, "co2": {"val": 700},
        },
    });
    let seen = "co2=700@03:00:00 hu=39.5@03:00:00 mo=1@02:30:00 te=17@03:00:00";
    assert_eq!(told(&snapshot), format!("d Some(\"room\") 03:00:00: {seen}"));
    let raw = shapes("x:y?offsets=ignore").unwrap();
    assert!(read(&raw, &snapshot).unwrap().ends_with("te=16@03:00:00"));
    snapshot["temperature_offset"] = json!(0.1);
    snapshot["newest_events"]["te"]["val"] = json!(0.2);
    assert!(told(&snapshot).ends_with("te=0.3@03:00:00"), "{}", told(&snapshot));
}

#[test]
fn what_a_python_script_left_is_read_by_its_name() {
    let left = json!({
        "name": "Tom's room ", "request_at": "2026-05-01T12:00:00Z", "updated_at": "x",
        "newest_events": {"te": {"val": 20.5, "created_at": "2026-05-01T10:00:00Z"}},
    });
    assert_eq!(told(&left), "Tom's room  Some(\"Tom's room \") 12:00:00: te=20.5@12:00:00");
    let silent =
        json!({"name": "x", "request_at": "2026-05-01T12:00:00Z", "newest_events": "None"});
    assert_eq!(told(&silent), "nothing");
    let empty = json!({"device_id": "d", "newest_events": {}});
    assert_eq!(told(&empty), "d None 00:00:05: ");
}

#[test]
fn changes_and_meters_are_read() {
    let change =
        json!({"device_id": "d", "kind": "te", "val": 20, "created_at": "2026-05-01T12:00:00Z"});
    assert_eq!(told(&change), "d None 12:00:00: te=20@12:00:00");
    let meter = json!({
        "appliance_id": "m", "device_id": "d", "name": "meter", "power_w": -215, "bought_kwh": 9841.8,
        "sold_kwh": null, "request_at": "2026-05-01T12:00:00+09:00", "echonetlite_properties": [],
    });
    let seen = "m Some(\"meter\") 03:00:00: power_w=-215@03:00:00 bought_kwh=9841.8@03:00:00";
    assert_eq!(told(&meter), seen);
}

#[test]
fn what_is_no_reading_is_none_and_breaks_nothing() {
    for document in [
        json!(null),
        json!([1]),
        json!("x"),
        json!({}),
        json!({"newest_events": {"te": {"val": 1}}}),
        json!({"device_id": "", "newest_events": {"te": {"val": 1}}}),
        json!({"device_id": "d", "kind": "te", "val": "hot", "created_at": "2026-05-01T12:00:00Z"}),
        json!({"device_id": "d", "kind": "te", "val": 1, "created_at": "soon"}),
    ] {
        assert_eq!(told(&document), "nothing", "{document}");
    }
    for text in ["", "{", "{\"a\":1e999}", "{\"device_id\":\"d\",\"device_id\":\"e\"}"] {
        assert_eq!(Shapes::default().read(text, Some(0)), None, "{text}");
    }
}

#[test]
fn a_movement_without_a_time_is_none() {
    let snapshot = json!({"device_id": "d", "request_at": "2026-05-01T12:00:00Z",
        "newest_events": {"mo": {"val": 1}, "te": {"val": 1}}});
    assert_eq!(told(&snapshot), "d None 12:00:00: te=1@12:00:00");
}

#[test]
fn any_other_document_is_read_by_the_paths_of_the_url() {
    let shapes = shapes("x:y?time=at&series=/room/id&name=room.name&values=t.now,.hu,on").unwrap();
    let mut document = json!({
        "at": 1_777_636_800, "room": {"id": 7, "name": "den"}, "t": {"now": "21.5"}, "hu": 40, "on": true,
    });
    let seen = "t.now=21.5@12:00:00 hu=40@12:00:00 on=1@12:00:00";
    let expected = format!("7 Some(\"den\") 12:00:00: {seen}");
    for at in [
        json!(1_777_636_800.0),
        json!(1_777_636_800_000_i64),
        json!(1_777_636_800_000_000_i64),
        json!(1_777_636_800_000_000_000_i64),
        json!("2026-05-01T14:00:00+02:00"),
        json!("2026-05-01 12:00:00"),
        json!("2026-05-01T12:00:00.000001"),
    ] {
        document["at"] = at.clone();
        assert_eq!(read(&shapes, &document).unwrap(), expected, "{at}");
    }
    for at in [json!(null), json!("soon"), json!(1e300), json!([])] {
        document["at"] = at;
        assert_eq!(read(&shapes, &document), None);
    }
}

#[test]
fn values_alone_are_one_series_by_the_time_at_which_they_were_stored() {
    let shapes = shapes("x:y?values=t").unwrap();
    assert_eq!(read(&shapes, &json!({"t": 3})).unwrap(), "rooms None 00:00:05: t=3@00:00:05");
    for value in [json!("NaN"), json!("inf"), json!(null), json!({}), json!("")] {
        assert_eq!(read(&shapes, &json!({ "t": value })), None);
    }
}

#[test]
fn a_path_that_is_none_is_refused_with_how_to_write_it() {
    for url in ["x:y?values=a..b", "x:y?values=a,", "x:y?values=a&time=/~", "x:y?time=at"] {
        let error = shapes(url).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{url}");
        assert!(error.remedy().is_some(), "{url}");
    }
}

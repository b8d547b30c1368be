//! The embedded store, read by row.

use crate::support::reading_store::{ReadingStore, all, event, line, says, snapshot};
use chrono::TimeDelta;
use kakehi::Kind;
use kakehi::readings::{self, Gap, Resolution};
use serde_json::json;

#[tokio::test]
async fn two_devices_of_one_name_stay_two_and_the_newest_name_counts() {
    let bed = ReadingStore::new();
    let now = bed.clock.now();
    let old = now - TimeDelta::minutes(10);
    let te = |val| json!({"te": event(val, old), "mo": event(1.0, old), "xx": {"val": "<b>"}});
    bed.write(&[
        snapshot("b", "old name", old, te(19.0)),
        snapshot("a", "<script>部屋\u{202e}", old, te(20.0)),
        snapshot("b", "room", now, te(21.0)),
        snapshot("c", "room", now, json!({"te": event(22.0, now)})),
        snapshot("e", "Remo E", now, json!({})),
        ("other".to_owned(), json!({"hello": "world"})),
    ])
    .await;
    let store = bed.open("").await;
    let latest = store.latest().await.unwrap();
    let shown: Vec<_> = latest
        .iter()
        .map(|it| (it.series.label(), it.series.id.as_str(), it.values[0].value))
        .collect();
    assert_eq!(
        shown,
        [("<script>部屋\u{202e}", "a", 20.0), ("room", "b", 21.0), ("room", "c", 22.0)]
    );
    assert_eq!(latest[1].interval, Some(TimeDelta::minutes(10)));
    assert_eq!((latest[1].age(now), latest[1].stale(now)), (TimeDelta::zero(), None));
    // Told twice, it is one movement, at the time when it was seen.
    let chart = bed.chart(&*store, TimeDelta::days(1)).await;
    let moves = line(&chart, "b", "mo").total().unwrap();
    assert_eq!((moves.count, chart.others), (1, 1));
    let keys: Vec<_> = chart.metrics().into_iter().map(|metric| metric.key()).collect();
    assert_eq!(keys, ["te", "mo"]);
}

#[tokio::test]
async fn a_gap_breaks_the_line_and_is_told_by_its_ends() {
    let bed = ReadingStore::new();
    let now = bed.clock.now();
    let minutes = (0..=24 * 12).rev().map(|step| step * 5);
    let minutes = minutes.filter(|minute| !(600..720).contains(minute));
    let documents: Vec<_> = minutes
        .map(|minute| now - TimeDelta::minutes(minute))
        .map(|time| snapshot("d", "room", time, json!({"te": event(20.0, time)})))
        .collect();
    bed.write(&documents).await;
    let store = bed.open("").await;
    let chart = bed.chart(&*store, TimeDelta::days(1)).await;
    let line = line(&chart, "d", "te");
    let gap = Gap { from: now - TimeDelta::minutes(720), to: now - TimeDelta::minutes(595) };
    assert_eq!(line.gaps, [gap]);
    assert_eq!(line.interval, Some(TimeDelta::minutes(5)));
    assert_eq!(line.runs(&chart.range).len(), 2);
    assert_eq!(chart.resolution, Resolution::Readings);
    // The first cell begins with the range, and the present is behind its end.
    assert_eq!(line.total().unwrap().count, 288 - 24);
}

#[tokio::test]
async fn changes_have_no_gap_where_nothing_changed() {
    let bed = ReadingStore::new();
    let now = bed.clock.now();
    let change = |kind: &str, minutes: i64, val: f64| {
        let time = now - TimeDelta::minutes(minutes);
        let body = json!({"device_id": "d", "kind": kind, "val": val, "created_at": time});
        (format!("d/{kind}@{}", time.to_rfc3339()), body)
    };
    let mut documents: Vec<_> = (0..12).map(|hour| change("hu", 30 + hour * 20, 50.0)).collect();
    documents.extend([
        change("te", 20, 20.0),
        change("te", 260, 21.0),
        change("te", 20 * 60, 19.0),
    ]);
    bed.write(&documents).await;
    let store = bed.open("").await;
    let chart = bed.chart(&*store, TimeDelta::days(1)).await;
    let gaps = &line(&chart, "d", "te").gaps;
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].from, now - TimeDelta::hours(20));
    assert!(line(&chart, "d", "hu").gaps.is_empty());
    assert_eq!(store.latest().await.unwrap()[0].stale(now), None);
}

#[tokio::test]
async fn any_document_is_read_by_the_paths_of_the_url() {
    let bed = ReadingStore::new();
    let now = bed.clock.now();
    let body = json!({"at": now.timestamp() - 60, "where": {"room": "den"}, "co2": 700});
    bed.write(&[("x".to_owned(), body)]).await;
    let store = bed.open("&time=at&series=where.room&values=co2").await;
    let chart = bed.chart(&*store, TimeDelta::days(1)).await;
    assert_eq!(line(&chart, "den", "co2").total().unwrap().low, 700.0);
    let blind = bed.open("").await;
    let chart = bed.chart(&*blind, TimeDelta::days(1)).await;
    assert_eq!((chart.lines.len(), chart.others), (0, 1));
    let refused = readings::open(bed.url("&values=a..b"), &bed.options()).await;
    assert_eq!(refused.err().map(|error| error.kind()), Some(Kind::Usage));
}

#[tokio::test]
async fn what_is_no_store_is_told_with_what_to_do() {
    let bed = ReadingStore::new();
    let store = bed.open("").await;
    let missing = says(store.latest().await);
    assert!(missing.contains("hint: name the file of a store that is there"), "{missing}");
    assert!(!bed.file().exists(), "a look has made the file");
    std::fs::write(bed.file(), "no database, but a long enough text to be looked at").unwrap();
    let foreign = says(store.latest().await);
    assert!(foreign.contains("this file is something else"), "{foreign}");
    std::fs::remove_file(bed.file()).unwrap();
    bed.write(&[]).await;
    assert_eq!(store.latest().await.unwrap(), []);
    assert_eq!(bed.chart(&*store, TimeDelta::days(400)).await.lines, []);
    assert_eq!(all(&*store, None).await, []);
    let url = format!("sqlite:{}?collection=elsewhere", bed.file().display());
    let url = kakehi::Location::parse(&url).unwrap();
    let elsewhere = readings::open(url, &bed.options()).await.unwrap();
    let missing = says(elsewhere.latest().await);
    assert!(missing.contains("it is one of `readings`"), "{missing}");
}

#[tokio::test]
async fn documents_come_whole_and_in_order() {
    let bed = ReadingStore::new();
    let now = bed.clock.now();
    let time = |number: i64| now - TimeDelta::minutes(number);
    let mut documents: Vec<_> = (0..1300)
        .map(|number| snapshot("d", "room", time(number), json!({"te": {"val": 1.50}})))
        .collect();
    let large = "x".repeat(3 << 20);
    documents.insert(700, ("large".to_owned(), json!({"text": large, "none": null})));
    bed.write(&documents).await;
    let store = bed.open("").await;
    assert_eq!(all(&*store, None).await, documents);
    let recent = all(&*store, Some(time(10))).await;
    let ids: Vec<_> = recent.iter().map(|(id, _)| id.as_str()).collect();
    // What has no time of its own has that at which it was stored.
    assert_eq!(ids.len(), 12);
    assert_eq!(ids[11], "large");
}

#[tokio::test]
async fn a_store_that_was_replaced_is_found_again() {
    let bed = ReadingStore::new();
    let now = bed.clock.now();
    let store = bed.open("").await;
    for value in [1.0, 2.0] {
        bed.write(&[snapshot("d", "room", now, json!({"te": {"val": value}}))]).await;
        assert_eq!(store.latest().await.unwrap()[0].values[0].value, value);
        std::fs::remove_file(bed.file()).unwrap();
    }
}

//! Long ranges of a large store, drawn from what is kept of each hour.

use crate::support::reading_store::{ReadingStore, event, is_empty, line, snapshot, write};
use chrono::{DateTime, TimeDelta, Utc};
use kakehi::readings::{Resolution, Store};
use serde_json::{Value, json};

/// How many days the store goes back, and how far its documents lie from each other.
const DAYS: i64 = 400;
const STEP: i64 = 20;

/// When the one peak was, in minutes before now.
const PEAK: i64 = 70;

fn document(now: DateTime<Utc>, minutes: i64) -> (String, Value, DateTime<Utc>) {
    let time = now - TimeDelta::minutes(minutes);
    let value = match minutes {
        PEAK => 99.0,
        _ => 20.0 + (minutes % 7) as f64 / 10.0,
    };
    // Somebody moves every two hours.
    let moved = now - TimeDelta::minutes(minutes.div_euclid(120) * 120 + 120);
    let events = json!({"te": event(value, time), "mo": event(1.0, moved)});
    let (id, document) = snapshot("d", "room", time, events);
    (id, document, time)
}

async fn large() -> ReadingStore {
    let bed = ReadingStore::new();
    let now = bed.clock.now();
    let minutes = (0..DAYS * 24 * 60).rev().filter(|minute| minute % STEP == PEAK % STEP);
    bed.fill(minutes.map(|minute| document(now, minute))).await;
    bed
}

/// How many values a chart of all days has, and the highest.
async fn total(bed: &ReadingStore, store: &dyn Store) -> (u64, f64) {
    let chart = bed.chart(store, TimeDelta::days(DAYS + 10)).await;
    assert_eq!(chart.resolution, Resolution::Hours);
    let total = line(&chart, "d", "te").total().unwrap();
    (total.count, total.high)
}

const ALL: u64 = (DAYS * 24 * 60 / STEP) as u64;

#[tokio::test]
async fn a_single_peak_survives_every_range() {
    let bed = large().await;
    let store = bed.open("").await;
    for (days, resolution) in [
        (1, Resolution::Readings),
        (7, Resolution::Readings),
        (30, Resolution::Readings),
        (365, Resolution::Hours),
        (4000, Resolution::Hours),
    ] {
        let chart = bed.chart(&*store, TimeDelta::days(days)).await;
        let te = line(&chart, "d", "te");
        assert_eq!((chart.resolution, te.total().unwrap().high), (resolution, 99.0), "{days} days");
        let values = te.total().unwrap().count;
        let expected = days.min(DAYS) * 24 * 60 / STEP;
        // An hour that begins before the range is taken as a whole.
        assert!((expected as u64..expected as u64 + 3).contains(&values), "{days} days: {values}");
        let moves = line(&chart, "d", "mo").total().unwrap().count;
        assert!((days.min(DAYS) * 12).abs_diff(moves as i64) <= 1, "{days} days: {moves} moves");
        assert!(te.gaps.is_empty(), "{:?}", te.gaps);
        assert_eq!(te.interval, Some(TimeDelta::minutes(STEP)));
    }
    // A day of long ago is drawn from its own rows.
    let range = kakehi::readings::Range::new(
        bed.clock.now() - TimeDelta::days(200),
        bed.clock.now() - TimeDelta::days(199),
    );
    let chart = store.chart(range.unwrap(), 200, &["te"]).await.unwrap();
    assert_eq!(chart.resolution, Resolution::Readings);
    assert_eq!((chart.lines.len(), chart.lines[0].total().unwrap().count), (1, 72));
    let latest = store.latest().await.unwrap();
    assert_eq!((latest.len(), latest[0].interval), (1, Some(TimeDelta::minutes(STEP))));
}

#[tokio::test]
async fn what_comes_later_is_added_and_what_we_change_shows_at_once() {
    let bed = large().await;
    let (now, store) = (bed.clock.now(), bed.open("").await);
    assert_eq!(total(&bed, &*store).await, (ALL, 99.0));
    let (id, new, _) = document(now, 5);
    bed.write(&[(id, new)]).await;
    assert_eq!(total(&bed, &*store).await, (ALL + 1, 99.0));
    let sink = bed.sink("&conflict=replace").await;
    let (peak, mut mended, time) = document(now, PEAK);
    mended["newest_events"]["te"] = event(20.0, time);
    write(&*sink, &[(peak, mended)]).await;
    assert_eq!(total(&bed, &*store).await, (ALL + 1, 20.6));
    let (moved, mut later, time) = document(now, PEAK + 60 * 24 * 100);
    later["newest_events"]["te"] = event(77.0, time);
    later["request_at"] = json!(time + TimeDelta::days(30));
    write(&*sink, &[(moved, later)]).await;
    assert_eq!(total(&bed, &*store).await, (ALL + 1, 77.0));
    sink.close().await.unwrap();
}

#[tokio::test]
async fn what_others_change_shows_within_a_day_and_what_is_pruned_at_once() {
    let bed = large().await;
    let (now, store) = (bed.clock.now(), bed.open("").await);
    assert_eq!(total(&bed, &*store).await.0, ALL);
    bed.sql("DELETE FROM readings WHERE rowid % 10 = 0 AND rowid < 20000");
    bed.control.advance(TimeDelta::hours(25));
    let left = ALL - 1999;
    assert_eq!(total(&bed, &*store).await.0, left);
    // The last row is not what it was.
    let (last, ..) = document(now, PEAK % STEP);
    bed.sql(&format!("DELETE FROM readings WHERE id = '{last}'"));
    assert_eq!(total(&bed, &*store).await.0, left - 1);
    let limit = now - TimeDelta::days(300);
    let stored = limit.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    bed.sql(&format!("DELETE FROM readings WHERE stored_at < '{stored}'"));
    store.forget(limit).await.unwrap();
    let after = total(&bed, &*store).await.0;
    bed.control.advance(TimeDelta::hours(25));
    assert_eq!((after, after < left - 5000), (total(&bed, &*store).await.0, true));
}

#[tokio::test]
async fn without_a_cache_or_with_a_damaged_one_the_lines_are_the_same() {
    let bed = large().await;
    let store = bed.open("").await;
    assert_eq!(total(&bed, &*store).await, (ALL, 99.0));
    drop(store);
    let files = || std::fs::read_dir(bed.cache_dir().join("readings")).unwrap();
    for file in files().flatten() {
        std::fs::write(file.path(), "damaged, and long enough to be looked at".repeat(30)).unwrap();
    }
    let store = bed.open("").await;
    assert_eq!(total(&bed, &*store).await, (ALL, 99.0));
    let chart = bed.chart(&*store, TimeDelta::days(DAYS + 10)).await;
    drop(store);
    std::fs::remove_dir_all(bed.cache_dir()).unwrap();
    std::fs::write(bed.cache_dir(), "no folder").unwrap();
    let store = bed.open("").await;
    let mut without = bed.chart(&*store, TimeDelta::days(DAYS + 10)).await;
    without.range = chart.range;
    assert_eq!(without, chart);
    assert!(is_empty(&bed.cache_dir()));
}

#[tokio::test]
async fn many_who_look_at_once_count_each_reading_once() {
    let bed = large().await;
    let stores = [bed.open("").await, bed.open("").await, bed.open("").await];
    let looks = stores.iter().map(|store| total(&bed, &**store));
    let looks = futures_util::future::join_all(looks).await;
    assert_eq!(looks, [(ALL, 99.0); 3]);
    assert_eq!(total(&bed, &*stores[0]).await, (ALL, 99.0));
}

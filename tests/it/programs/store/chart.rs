//! `store chart`: in the terminal, and as a picture.

use super::{STORE, ago, fill, snapshot, store, three_devices};
use crate::support::sandbox::Sandbox;
use serde_json::{Value, json};

#[test]
fn a_chart_fits_a_terminal_and_names_every_device() {
    let sandbox = three_devices();
    let run = store(&sandbox, &format!("chart {STORE} --since 7d")).expect(0);
    for words in ["Temperature (°C) from ", "Humidity (%)", "Motion", "Asia/Tokyo", "movements"] {
        assert!(run.stdout.contains(words), "{words}: {}", run.stdout);
    }
    for line in run.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(run.stdout.contains("寝室 (aaaaaaaa)") && run.stdout.contains("寝室 (bbbbbbbb)"));
    assert!(!run.stdout.contains(['\u{1b}', '\u{202e}']), "{:?}", run.stdout);
}

#[test]
fn a_picture_is_a_file_that_stands_alone() {
    let sandbox = three_devices();
    let svg = format!("chart {STORE} --since 7d --field te --svg te.svg");
    let run = store(&sandbox, &svg).expect(0);
    assert_eq!(run.stdout, "");
    let picture = std::fs::read_to_string(sandbox.path("te.svg")).expect("a picture");
    assert!(picture.starts_with("<svg xmlns=") && picture.contains("Temperature (°C)"));
    assert!(!picture.contains("<script>alert"), "{picture}");
    assert!(picture.contains("&lt;script&gt;"), "{picture}");
    let run = store(&sandbox, &format!("chart {STORE} --field te --svg nowhere/te.svg")).expect(78);
    assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    store(&sandbox, &format!("chart {STORE} --svg te.svg")).expect(2);
}

#[test]
fn a_field_that_nobody_measures_is_told_with_those_that_there_are() {
    let sandbox = three_devices();
    let run = store(&sandbox, &format!("chart {STORE} --field temperature")).expect(2);
    assert!(run.stderr.contains("`hu`, `il`, `mo`, `te`"), "{}", run.stderr);
    let run = store(&sandbox, &format!("chart {STORE} --field te --since 1s")).expect(0);
    assert!(run.stdout.starts_with("no readings from "), "{}", run.stdout);
    for since in ["0s", "99999999y", "yesterday"] {
        store(&sandbox, &format!("chart {STORE} --since {since}")).expect(2);
    }
}

#[test]
fn a_peak_survives_a_year_and_a_gap_is_told() {
    let sandbox = Sandbox::new();
    let minutes: Vec<i64> =
        (0..240).filter(|at| !(60..180).contains(at)).map(|at| at * 5).collect();
    let value = |at: i64| if at == 20 { 41.5 } else { 20.0 };
    let one = |at: &i64| snapshot("d", "Room", ago(*at), json!({"te": value(*at)}));
    fill(&sandbox, STORE, &minutes.iter().rev().map(one).collect::<Vec<_>>());
    let run = store(&sandbox, &format!("chart {STORE} --field te --since 365d --json")).expect(0);
    let line: Value = serde_json::from_str(&run.stdout).expect("a line");
    let points = line["points"].as_array().expect("points");
    assert!(points.iter().any(|point| point["high"] == 41.5), "{line}");
    let counts = points.iter().filter_map(|point| point["count"].as_u64());
    assert_eq!(counts.sum::<u64>(), 120, "{line}");
    let run = store(&sandbox, &format!("chart {STORE} --field te")).expect(0);
    assert!(run.stdout.contains("nothing heard of Room from "), "{}", run.stdout);
    assert!(run.stdout.contains(" for 10 h\n"), "{}", run.stdout);
}

use super::*;
use crate::readings::chart::{Axis, DrawnLine, Mark};
use crate::readings::days::Tick;
use crate::readings::{Cell, Point, Range};
use chrono::{DateTime, Utc};

fn at(hour: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + hour * 3600, 0).unwrap()
}

fn point(hour: i64, values: &[f64]) -> Point {
    let mut cell = Cell::of(values[0]);
    values[1..].iter().for_each(|value| cell.add(&Cell::of(*value)));
    Point { at: at(hour), cell }
}

fn line(name: &str, position: usize, runs: Vec<Vec<Point>>) -> DrawnLine {
    DrawnLine { name: name.to_owned(), mark: Mark::of(position), runs }
}

fn drawing(kind: Kind, lines: Vec<DrawnLine>) -> Drawing {
    Drawing {
        name: "Temperature in °C, 24 h".to_owned(),
        range: Range::new(at(0), at(24)).unwrap(),
        kind,
        lines,
        ticks: vec![Tick { at: at(6), label: "06:00".to_owned(), major: false }],
        nights: vec![Range::new(at(18), at(24)).unwrap()],
    }
}

#[test]
fn a_line_breaks_at_a_gap_and_its_band_keeps_the_peak() {
    let runs =
        vec![vec![point(0, &[20.0]), point(6, &[20.0, 30.0, 10.0])], vec![point(12, &[20.0])]];
    let text = page(&drawing(Kind::Level, vec![line("Room", 1, runs)]));
    let axis = Axis::of([10.0, 30.0], 5);
    let y = |value: f64| format!("{:.1}", (1.0 - axis.position(value)) * 220.0);
    let (middle, top, bottom) = (y(20.0), y(30.0), y(10.0));
    let mean = format!("<path class=\"mean\" d=\"M0 {middle}L2500 {middle}M5000 {middle}h1\"/>");
    assert!(text.contains(&mean), "{text}");
    let band =
        format!("<path class=\"band\" d=\"M0 {middle}L2500 {top}L2500 {bottom}L0 {middle}Z\"/>");
    assert!(text.contains(&band), "{text}");
    assert!(text.contains("<g class=\"c1 d1\">"), "{text}");
    assert!(text.contains("<rect class=\"night\" x=\"7500\" y=\"0\" width=\"2500\" "), "{text}");
    assert!(text.contains("x=\"25.00%\" y=\"238\" text-anchor=\"middle\">06:00</text>"), "{text}");
}

#[test]
fn the_outer_picture_has_no_view_box_and_the_inner_one_is_stretched() {
    let text = page(&drawing(Kind::Level, vec![]));
    let (outer, inner) = text.split_once("<svg class=\"plot\"").unwrap();
    assert!(!outer.contains("viewBox") && outer.contains("role=\"img\""), "{outer}");
    assert!(outer.contains("aria-label=\"Temperature in °C, 24 h\""), "{outer}");
    assert!(inner.contains("preserveAspectRatio=\"none\""), "{inner}");
    assert!(!text.contains("style=") && !text.contains("<style"), "a page allows no inline style");
}

#[test]
fn movements_are_ticks_in_a_lane_of_their_own() {
    let many = point(12, &[1.0; 4]);
    let lines = vec![
        line("Hall", 0, vec![vec![point(6, &[1.0]), many]]),
        line("Stairs", 1, vec![vec![point(18, &[1.0])]]),
    ];
    let text = page(&drawing(Kind::Motion, lines));
    assert!(text.contains("class=\"moves\" d=\"M2500 36v-11.5M5000 36v-18.0\""), "{text}");
    assert!(text.contains("class=\"moves\" d=\"M7500 76v-11.5\""), "{text}");
    assert!(text.contains(">Hall</text>") && text.contains(">Stairs</text>"), "{text}");
    assert!(!text.contains("data-low"), "{text}");
}

#[test]
fn a_file_stands_alone() {
    let lines = vec![line("Room", 0, vec![vec![point(1, &[20.0]), point(2, &[21.0])]])];
    let text = file(&drawing(Kind::Level, lines), 960);
    assert!(text.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{text}");
    assert!(text.contains("<style>") && text.contains("class=\"heading\""), "{text}");
    assert!(!STYLE.contains(['<', '&']), "the style stands in XML as it is");
}

#[test]
fn a_name_is_text_whatever_it_holds() {
    let name = "<script>\"'&\u{202e}\u{1b}\u{ffff}";
    let runs = vec![vec![point(23, &[20.0])]];
    for kind in [Kind::Level, Kind::Motion] {
        let mut one = drawing(kind, vec![line(name, 0, runs.clone())]);
        one.name = name.to_owned();
        one.ticks[0].label = name.to_owned();
        for text in [page(&one), file(&one, 10)] {
            assert!(
                !text.contains("<script") && !text.contains(['\u{202e}', '\u{1b}', '\u{ffff}'])
            );
            assert!(text.contains("&lt;script&gt;&quot;&#39;&amp;\\u{202e}\\u{1b}"), "{text}");
        }
    }
}

#[test]
fn a_picture_of_many_devices_names_those_that_it_has_room_for() {
    let one =
        |position| line(&format!("Room {position}"), position, vec![vec![point(23, &[20.0])]]);
    let text = page(&drawing(Kind::Level, (0..40).map(one).collect()));
    assert_eq!(text.matches("<title>").count(), 15);
    assert_eq!(text.matches("class=\"mean\"").count(), 55);
}

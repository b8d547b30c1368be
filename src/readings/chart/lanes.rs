//! Movements: a lane for each device, a tick for each cell in which it saw some.

use super::body::{Body, across, add, escaped, group};
use super::{Drawing, DrawnLine, Point};
use crate::text;

/// How high a lane is, in pixels; its name stands in the upper part.
const LANE: f64 = 40.0;

/// How high the ticks are, in pixels: one movement, and as many as there are at most.
const LEAST: f64 = 5.0;
const MOST: f64 = 18.0;

/// How wide a name is, in columns.
const NAME_COLUMNS: usize = 40;

/// A lane for each line of a drawing.
pub(super) fn body(drawing: &Drawing) -> Body {
    let points = drawing.lines.iter().flat_map(|line| line.runs.iter().flatten());
    let most = points.map(|point| point.cell.count).max().unwrap_or(1);
    let (mut stretched, mut fixed) = (String::new(), String::new());
    let floors = (1..).map(|lane| f64::from(lane) * LANE - 4.0);
    for (line, floor) in drawing.lines.iter().zip(floors) {
        add(&mut stretched, format_args!("<path class=\"grid\" d=\"M0 {floor}H10000\"/>"));
        stretched.push_str(&group(line, &moves(drawing, line, floor, most)));
        let (name, y) = (escaped(&text::fitting(&line.name, NAME_COLUMNS)), floor - 22.0);
        add(&mut fixed, format_args!("<text class=\"lane\" x=\"0\" y=\"{y}\">{name}</text>"));
    }
    let height = drawing.lines.len().max(1) as f64 * LANE;
    Body { height, stretched, fixed, span: None }
}

fn moves(drawing: &Drawing, line: &DrawnLine, floor: f64, most: u64) -> String {
    let mut path = String::new();
    for Point { at, cell } in line.runs.iter().flatten() {
        let share = (cell.count as f64 / most as f64).sqrt();
        let height = LEAST + (MOST - LEAST) * share;
        let x = across(drawing.position(*at));
        add(&mut path, format_args!("M{x} {floor}v-{height:.1}"));
    }
    format!("<path class=\"moves\" d=\"{path}\"/>")
}

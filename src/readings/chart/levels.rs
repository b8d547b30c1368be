//! Lines with their bands: the mean of each cell, and how low and how high it went.

use super::body::{Body, across, add, escaped, group};
use super::{Axis, Drawing, DrawnLine, Point, ends};
use crate::text;

/// How high what is drawn is, in pixels.
const HEIGHT: f64 = 220.0;

/// How many values the axis names, at most.
const STEPS: usize = 5;

/// How far names at the ends are apart, in pixels; how wide they are, in columns.
const NAME_GAP: f64 = 15.0;
const NAME_COLUMNS: usize = 17;

/// From where on a line counts as one that ends at the right edge.
const AT_THE_EDGE: f64 = 0.97;

/// The lines of a drawing, its values at the left, and its names at the right.
pub(super) fn body(drawing: &Drawing) -> Body {
    let axis = drawing.axis(STEPS);
    let lines = drawing.lines.iter().map(|line| drawn(drawing, &axis, line));
    let stretched = rules(&axis) + &lines.collect::<String>();
    let fixed = values(&axis) + &names(drawing, &axis);
    Body { height: HEIGHT, stretched, fixed, span: Some((axis.low, axis.high)) }
}

/// How far below the top a value lies, in pixels.
fn down(axis: &Axis, value: f64) -> f64 {
    (1.0 - axis.position(value)) * HEIGHT
}

fn rules(axis: &Axis) -> String {
    let mut path = String::new();
    for step in &axis.steps {
        add(&mut path, format_args!("M0 {:.1}H10000", down(axis, *step)));
    }
    format!("<path class=\"grid\" d=\"{path}\"/>")
}

fn values(axis: &Axis) -> String {
    let value = |step: &f64| {
        let (y, label) = (down(axis, *step), axis.label(*step));
        format!(
            "<text class=\"y\" x=\"-8\" y=\"{y:.1}\" dy=\".35em\" text-anchor=\"end\">{label}</text>"
        )
    };
    axis.steps.iter().map(value).collect()
}

fn drawn(drawing: &Drawing, axis: &Axis, line: &DrawnLine) -> String {
    let (mut band, mut mean) = (String::new(), String::new());
    for run in &line.runs {
        let across: Vec<_> = run.iter().map(|point| across(drawing.position(point.at))).collect();
        if run.iter().any(|point| point.cell.low < point.cell.high) {
            add_band(&mut band, axis, run, &across);
        }
        add_mean(&mut mean, axis, run, &across);
    }
    let band = if band.is_empty() { band } else { format!("<path class=\"band\" d=\"{band}\"/>") };
    group(line, &format!("{band}<path class=\"mean\" d=\"{mean}\"/>"))
}

/// The highest values from left to right, then the lowest ones back.
fn add_band(path: &mut String, axis: &Axis, run: &[Point], across: &[u32]) {
    let highest = run.iter().zip(across).map(|(point, x)| (x, point.cell.high));
    let lowest = run.iter().zip(across).rev().map(|(point, x)| (x, point.cell.low));
    for (at, (x, value)) in highest.chain(lowest).enumerate() {
        let verb = if at == 0 { 'M' } else { 'L' };
        add(path, format_args!("{verb}{x} {:.1}", down(axis, value)));
    }
    path.push('Z');
}

/// A point alone is a dot: a line of no length, with round ends.
fn add_mean(path: &mut String, axis: &Axis, run: &[Point], across: &[u32]) {
    for (at, (point, x)) in run.iter().zip(across).enumerate() {
        let verb = if at == 0 { 'M' } else { 'L' };
        add(path, format_args!("{verb}{x} {:.1}", down(axis, point.cell.mean())));
    }
    if run.len() == 1 {
        path.push_str("h1");
    }
}

/// The names beside the right edge, each with a piece of its line, as many as there is room for.
fn names(drawing: &Drawing, axis: &Axis) -> String {
    let ends: Vec<_> = drawing.lines.iter().filter_map(|line| Some((line, last(line)?))).collect();
    let wanted: Vec<_> = ends.iter().map(|(_, point)| down(axis, point.cell.mean())).collect();
    let apart = ends::apart(&wanted, NAME_GAP, HEIGHT);
    let mut text = String::new();
    for (((line, point), end), y) in ends.iter().zip(wanted).zip(apart) {
        let Some(y) = y else { continue };
        if drawing.position(point.at) > AT_THE_EDGE {
            add(&mut text, format_args!("<path class=\"leader\" d=\"M3 {end:.1}L12 {y:.1}\"/>"));
        }
        text.push_str(&group(line, &format!("<path class=\"mean\" d=\"M14 {y:.1}H34\"/>")));
        let (name, full) = (escaped(&text::fitting(&line.name, NAME_COLUMNS)), escaped(&line.name));
        add(
            &mut text,
            format_args!(
                "<text x=\"40\" y=\"{y:.1}\" dy=\".35em\"><title>{full}</title>{name}</text>"
            ),
        );
    }
    format!("<svg class=\"ends\" x=\"100%\" overflow=\"visible\">{text}</svg>")
}

fn last(line: &DrawnLine) -> Option<&Point> {
    line.runs.last()?.last()
}

//! The text of an SVG: its frame, its axes, and what stands in it.

use super::body::{Body, WIDTH, across, add, escaped};
use super::{Drawing, Kind, STYLE, lanes, levels};

/// What is free above what is drawn, and below it for the ticks, in pixels.
const ABOVE: f64 = 10.0;
const BELOW: f64 = 26.0;

/// What a file has at its left for the axis, at its right for the names, above for its heading.
const FILE_LEFT: u32 = 60;
const FILE_RIGHT: u32 = 180;
const FILE_TOP: u32 = 48;

/// A chart in a page, as wide as its box: it needs [`STYLE`] there, and finds room for its axis and
/// its names by that. Its `data-` attributes tell a script the range in milliseconds since 1970, and
/// the values of its lower and its upper edge.
pub fn page(drawing: &Drawing) -> String {
    let body = body(drawing);
    let (from, to) = (drawing.range.from(), drawing.range.to());
    let mut attributes =
        format!("data-from=\"{}\" data-to=\"{}\"", from.timestamp_millis(), to.timestamp_millis());
    if let Some((low, high)) = body.span {
        add(&mut attributes, format_args!(" data-low=\"{low}\" data-high=\"{high}\""));
    }
    let (name, height) = (escaped(&drawing.name), body.height + ABOVE + BELOW);
    let inside = framed(drawing, &body);
    format!(
        "<svg class=\"chart\" role=\"img\" aria-label=\"{name}\" height=\"{height}\" {attributes}>\
         {inside}</svg>"
    )
}

/// A chart as a file of its own, so many pixels wide, with its heading and its style.
pub fn file(drawing: &Drawing, width: u32) -> String {
    let body = body(drawing);
    let (name, inner) = (escaped(&drawing.name), body.height + ABOVE + BELOW);
    let height = inner + f64::from(FILE_TOP) + 8.0;
    let plot = width.saturating_sub(FILE_LEFT + FILE_RIGHT).max(100);
    let inside = framed(drawing, &body);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart-file\" role=\"img\" \
         aria-label=\"{name}\" width=\"{width}\" height=\"{height}\"><style>{STYLE}</style>\
         <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\
         <text class=\"heading\" x=\"{FILE_LEFT}\" y=\"30\">{name}</text>\
         <svg x=\"{FILE_LEFT}\" y=\"{FILE_TOP}\" width=\"{plot}\" height=\"{inner}\" \
         overflow=\"visible\">{inside}</svg></svg>\n"
    )
}

fn body(drawing: &Drawing) -> Body {
    match drawing.kind {
        Kind::Motion => lanes::body(drawing),
        Kind::Level | Kind::Relative | Kind::Counter => levels::body(drawing),
    }
}

/// What is drawn, with nights behind it and ticks below.
fn framed(drawing: &Drawing, body: &Body) -> String {
    let Body { height, stretched, fixed, .. } = body;
    let (nights, ticks) = (nights(drawing, *height), ticks(drawing, *height));
    let grid = grid(drawing, *height);
    format!(
        "<g transform=\"translate(0 {ABOVE})\">\
         <svg class=\"plot\" width=\"100%\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         preserveAspectRatio=\"none\" overflow=\"visible\">{nights}{grid}{stretched}</svg>\
         {fixed}{ticks}</g>"
    )
}

fn nights(drawing: &Drawing, height: f64) -> String {
    let night = |night: &super::Range| {
        let (from, to) =
            (across(drawing.position(night.from())), across(drawing.position(night.to())));
        let width = to - from;
        format!(
            "<rect class=\"night\" x=\"{from}\" y=\"0\" width=\"{width}\" height=\"{height}\"/>"
        )
    };
    drawing.nights.iter().map(night).collect()
}

fn grid(drawing: &Drawing, height: f64) -> String {
    let mut path = String::new();
    for tick in &drawing.ticks {
        add(&mut path, format_args!("M{} 0V{height}", across(drawing.position(tick.at))));
    }
    if path.is_empty() { path } else { format!("<path class=\"grid\" d=\"{path}\"/>") }
}

/// The labels below. Where there is little room, the style leaves out every other one.
fn ticks(drawing: &Drawing, height: f64) -> String {
    let y = height + 18.0;
    let mut text = String::new();
    for (at, tick) in drawing.ticks.iter().enumerate() {
        let position = drawing.position(tick.at) * 100.0;
        let anchor = match position {
            ..2.0 => "start",
            98.0.. => "end",
            _ => "middle",
        };
        let odd = if at % 2 == 1 { " odd" } else { "" };
        let label = escaped(&tick.label);
        add(
            &mut text,
            format_args!(
                "<text class=\"x{odd}\" x=\"{position:.2}%\" y=\"{y}\" text-anchor=\"{anchor}\">\
                 {label}</text>"
            ),
        );
    }
    text
}

#[cfg(test)]
mod tests;

//! How the depth of a queue went over the last hour, as small as a word.

use super::super::numbers::count;
use super::super::words;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use std::fmt::Write as _;

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 24.0;
/// The room for half of the line's thickness.
const MARGIN: f64 = 2.0;

/// A line through the depths; none where there are not two of them.
pub(super) fn line(depths: &[(DateTime<Utc>, u64)]) -> Markup {
    let (Some((first, _)), Some((last, newest))) = (depths.first(), depths.last()) else {
        return html! {};
    };
    if first == last {
        return html! {};
    }
    let (low, high) = depths
        .iter()
        .fold((u64::MAX, 0), |(low, high), (_, depth)| (low.min(*depth), high.max(*depth)));
    let told = format!(
        "depth over the last {}: {} to {}, now {}",
        words::length(*last - *first),
        count(low),
        count(high),
        count(*newest)
    );
    html! {
        svg.spark role="img" aria-label=(told) width=(WIDTH) height=(HEIGHT)
            viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) {
            polyline fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round"
                points=(points(depths, high)) {}
        }
    }
}

/// The points of the line: time to the right, depth upwards from none.
fn points(depths: &[(DateTime<Utc>, u64)], high: u64) -> String {
    let seconds = |at: DateTime<Utc>| (at - depths[0].0).as_seconds_f64();
    let whole = depths.last().map_or(1.0, |(at, _)| seconds(*at)).max(1.0);
    let mut points = String::new();
    for (at, depth) in depths {
        let x = MARGIN + seconds(*at) / whole * (WIDTH - 2.0 * MARGIN);
        #[expect(clippy::cast_precision_loss, reason = "a pixel is less exact")]
        let share = *depth as f64 / high.max(1) as f64;
        let y = HEIGHT - MARGIN - share * (HEIGHT - 2.0 * MARGIN);
        write!(points, "{x:.1},{y:.1} ").expect("writing to a string does not fail");
    }
    points.truncate(points.trim_end().len());
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn at(depths: &[u64]) -> Vec<(DateTime<Utc>, u64)> {
        let time = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        (0..).step_by(10).map(time).zip(depths.iter().copied()).collect()
    }

    #[test]
    fn a_line_goes_from_left_to_right_and_up_to_the_highest() {
        let depths = at(&[0, 10, 5]);
        assert_eq!(points(&depths, 10), "2.0,22.0 60.0,2.0 118.0,12.0");
        let line = line(&depths).into_string();
        assert!(line.contains("depth over the last 20 s: 0 to 10, now 5"), "{line}");
    }

    #[test]
    fn without_two_times_there_is_no_line() {
        for depths in [at(&[]), at(&[7])] {
            assert_eq!(line(&depths).into_string(), "");
        }
        assert!(line(&at(&[0, 0])).into_string().contains("2.0,22.0 118.0,22.0"));
    }
}

//! Lengths of time, as people say them.

use chrono::TimeDelta;

/// A length of time in one unit, rounded down: `40 s`, `2 min`, `3 h`, `12 d`.
pub(super) fn length(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// How long ago something was: `just now`, `2 min ago`.
pub(super) fn ago(age: TimeDelta) -> String {
    match age.num_seconds() {
        ..10 => "just now".to_owned(),
        _ => format!("{} ago", length(age)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_one_unit() {
        for (seconds, said) in [
            (-5, "just now"),
            (9, "just now"),
            (10, "10 s ago"),
            (119, "1 min ago"),
            (3599, "59 min ago"),
            (3600, "1 h ago"),
            (86_400, "24 h ago"),
            (172_800, "2 d ago"),
            (86_400 * 400, "400 d ago"),
        ] {
            assert_eq!(ago(TimeDelta::seconds(seconds)), said);
        }
    }
}

//! The text that the collector reads: Prometheus's own, older form, in which a counter has its whole name
//! everywhere: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::collections::HashMap;

/// How every file of ours begins.
const BEGINNING: &str = "# HELP kakehi_";

/// The suffix of counters, whose values go on from run to run.
const COUNTED: &str = "_total";

/// What a file said before: the value of each series.
#[derive(Debug, Default)]
pub(super) struct Before(HashMap<String, f64>);

impl Before {
    /// Reads what a file says; `None` where it is none of ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !text.is_empty() && !text.starts_with(BEGINNING) {
            return None;
        }
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let series = lines.filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        });
        Some(Self(series.collect()))
    }

    fn of(&self, series: &str) -> f64 {
        self.0.get(series).copied().filter(|value| value.is_finite()).unwrap_or(0.0)
    }
}

/// Writes what `prometheus_client` has encoded as OpenMetrics in the older form. A counter goes on from
/// what it was before; what is `carried` and zero keeps what it was.
pub(super) fn textfile(open_metrics: &str, before: &Before, carried: &str) -> String {
    let (mut text, mut help) = (String::new(), None);
    for line in open_metrics.lines() {
        if line.starts_with("# HELP ") {
            help = Some(line);
        } else if let Some(family) = line.strip_prefix("# TYPE ") {
            let suffix = if family.ends_with(" counter") { COUNTED } else { "" };
            for described in [help.take().unwrap_or_default(), line] {
                text += &named(described, suffix);
            }
        } else if !line.starts_with('#')
            && let Some((series, value)) = line.rsplit_once(' ')
        {
            let value: f64 = value.parse().unwrap_or(0.0);
            let name = series.split('{').next().unwrap_or_default();
            let value = match () {
                () if name.ends_with(COUNTED) => before.of(series) + value,
                () if name == carried && value == 0.0 => before.of(series),
                () => value,
            };
            text += &format!("{series} {value}\n");
        }
    }
    text
}

/// A line `# HELP name ...` or `# TYPE name ...` with a suffix at the name.
fn named(line: &str, suffix: &str) -> String {
    let mut words = line.splitn(4, ' ');
    let mut next = || words.next().unwrap_or_default();
    format!("{} {} {}{suffix} {}\n", next(), next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENCODED: &str = "\
# HELP kakehi_messages Messages, by what became of them.
# TYPE kakehi_messages counter
kakehi_messages_total{from=\"a b\",result=\"stored\"} 3
# HELP kakehi_last Last.
# TYPE kakehi_last gauge
kakehi_last{x=\"1\"} 0.0
kakehi_last{x=\"2\"} 7.5
# EOF
";

    #[test]
    fn a_counter_has_its_whole_name_and_goes_on() {
        let expected = "\
# HELP kakehi_messages_total Messages, by what became of them.
# TYPE kakehi_messages_total counter
kakehi_messages_total{from=\"a b\",result=\"stored\"} 3
# HELP kakehi_last Last.
# TYPE kakehi_last gauge
kakehi_last{x=\"1\"} 0
kakehi_last{x=\"2\"} 7.5
";
        let first = textfile(ENCODED, &Before::default(), "kakehi_last");
        assert_eq!(first, expected);
        let before = Before::parse(&first.replace("x=\"1\"} 0", "x=\"1\"} 7.5")).unwrap();
        let second = textfile(ENCODED, &before, "kakehi_last");
        assert!(second.contains("result=\"stored\"} 6\n"), "{second}");
        assert!(second.contains("{x=\"1\"} 7.5\nkakehi_last{x=\"2\"} 7.5\n"), "{second}");
    }

    #[test]
    fn only_files_of_ours_are_read() {
        for text in ["SQLite format 3", "# HELP node_load1 Load.\n", "{}"] {
            assert!(Before::parse(text).is_none(), "{text}");
        }
        assert!(Before::parse("").is_some());
    }
}

//! How `queue stats` shows what a queue holds of each kind of jobs.

use super::format;
use crate::queues::JobStats;
use crate::text::visible;
use std::time::Duration;

/// What stands above the numbers.
const HEAD: [&str; 11] = [
    "job",
    "ready",
    "scheduled",
    "retry",
    "leased",
    "dead",
    "oldest",
    "limit",
    "lock",
    "pools",
    "poison",
];

/// A table of the jobs, a line each; nothing where there are none.
pub(super) fn table(jobs: &[JobStats]) -> String {
    if jobs.is_empty() {
        return String::new();
    }
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(jobs.iter().map(row));
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default()
    };
    let widths: [usize; HEAD.len()] = std::array::from_fn(width);
    let lines = rows.iter().map(|row| line(row, &widths));
    format!("\n{}", lines.collect::<String>())
}

fn row(job: &JobStats) -> [String; HEAD.len()] {
    let name = visible(job.job.as_bytes());
    let oldest = job.oldest_seconds.map(|seconds| format::time(Duration::from_secs(seconds)));
    [
        if job.paused { format!("{name} (paused)") } else { name },
        job.ready.to_string(),
        job.scheduled.to_string(),
        job.retry.to_string(),
        job.leased.to_string(),
        job.dead.to_string(),
        oldest.unwrap_or_else(|| "-".to_owned()),
        job.limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string()),
        job.lock.to_string(),
        job.pools.to_string(),
        job.poison.to_string(),
    ]
}

/// The name stands at the left, the numbers below one another at the right.
fn line(row: &[String; HEAD.len()], widths: &[usize; HEAD.len()]) -> String {
    let cells = row.iter().zip(widths).enumerate().map(|(at, (cell, width))| match at {
        0 => format!("{cell:<width$}"),
        _ => format!("  {cell:>width$}"),
    });
    cells.collect::<String>().trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_has_a_line() {
        let job = |name: &str| JobStats { job: name.to_owned(), ..JobStats::default() };
        let jobs = [
            JobStats {
                ready: 12,
                limit: Some(3),
                lock: -1,
                oldest_seconds: Some(61),
                ..job("a\x1b")
            },
            JobStats { paused: true, ..job("b") },
        ];
        assert_eq!(
            table(&jobs),
            "
job         ready  scheduled  retry  leased  dead  oldest  limit  lock  pools  poison
a\\u{1b}        12          0      0       0     0   1m 1s      3    -1      0       0
b (paused)      0          0      0       0     0       -      -     0      0       0
"
        );
        assert_eq!(table(&[]), "");
    }
}

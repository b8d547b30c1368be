//! One line that tells how far the run is, where stderr is a terminal.

use super::Context;
use crate::report::{Program, Summary};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(200);

/// How often it is counted what is left.
const COUNT_EVERY: Duration = Duration::from_secs(2);

/// The rate is that of the last so many looks: five seconds.
const LOOKS: usize = 25;

/// The progress line. Cheap to clone.
#[derive(Clone)]
pub struct Progress {
    bar: ProgressBar,
    program: Option<Program>,
}

/// What is left, and whether there may be more.
type Left = Option<(u64, bool)>;

impl Progress {
    /// A line on stderr, where that is a terminal; of a program without a loop there is none, and none
    /// where the run's own data goes to a terminal, too.
    pub fn new(program: Option<Program>, shows_data: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let shared = shows_data && io::stdout().is_terminal();
        if program.is_some() && io::stderr().is_terminal() && !shared {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.set_style(ProgressStyle::with_template("{wide_msg}").expect("it is a constant"));
        Self { bar, program }
    }

    /// Whether the progress line is shown.
    fn is_shown(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Keeps the line up to date; never returns.
    pub(super) async fn show(&self, context: &Context) {
        let (Some(program), true) = (self.program, self.is_shown()) else {
            return std::future::pending().await;
        };
        let left = Cell::new(None);
        tokio::join!(self.draw(program, context, &left), count(program, context, &left));
    }

    async fn draw(&self, program: Program, context: &Context, left: &Cell<Left>) {
        let started = Instant::now();
        let mut looks = VecDeque::from([(started, 0)]);
        let mut tick = tokio::time::interval(EVERY);
        tick.tick().await;
        loop {
            tick.tick().await;
            let summary = context.counters.summary(started.elapsed());
            let rate = rate(&mut looks, Instant::now(), done(program, &summary));
            self.bar.set_message(line(program, &summary, rate, left.get()));
        }
    }

    /// Does something with stderr while the line is out of the way.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// Removes the line.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Counts what is left from time to time, where a queue is drained that knows.
async fn count(program: Program, context: &Context, left: &Cell<Left>) {
    if program != Program::Subscribe {
        return;
    }
    let mut tick = tokio::time::interval(COUNT_EVERY);
    loop {
        if let Some(queue) = context.watched.get() {
            left.set(queue.left().await);
            tick.tick().await;
        } else {
            tokio::time::sleep(EVERY).await;
        }
    }
}

/// How many messages are done with.
fn done(program: Program, summary: &Summary) -> u64 {
    match program {
        Program::Publish => summary.published + summary.duplicate + summary.spooled,
        Program::Subscribe => summary.stored + summary.duplicate + summary.filtered + summary.dead,
    }
}

/// Notes how many are done by now, and gives how many these were in a second of late.
fn rate(looks: &mut VecDeque<(Instant, u64)>, now: Instant, done: u64) -> f64 {
    looks.push_back((now, done));
    while looks.len() > LOOKS + 1 {
        looks.pop_front();
    }
    let (then, before) = looks[0];
    let seconds = now.duration_since(then).as_secs_f64().max(0.001);
    let more = u32::try_from(done.saturating_sub(before)).unwrap_or(u32::MAX);
    f64::from(more) / seconds
}

/// The line: `1200 received, 1190 stored in 3.1 s, 380/s, 12000 left`.
fn line(program: Program, summary: &Summary, rate: f64, left: Left) -> String {
    let rate = match rate {
        rate if rate >= 10.0 => format!("{rate:.0}/s"),
        rate => format!("{rate:.1}/s"),
    };
    let left = left.map_or_else(String::new, |(left, more)| {
        format!(", {left}{} left", if more { " or more" } else { "" })
    });
    format!("{}, {rate}{left}", summary.human(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_counts_the_rate_of_late_and_what_is_left() {
        let summary = Summary { received: 12, stored: 9, seconds: 3.0, ..Summary::default() };
        let line = |rate, left| line(Program::Subscribe, &summary, rate, left);
        assert_eq!(line(0.5, None), "12 received, 9 stored in 3.0 s, 0.5/s");
        assert_eq!(line(380.2, Some((3, false))), "12 received, 9 stored in 3.0 s, 380/s, 3 left");
        assert!(line(0.0, Some((9, true))).ends_with(", 0.0/s, 9 or more left"));
        let begin = Instant::now();
        let mut looks = VecDeque::from([(begin, 0)]);
        let mut last = 0.0;
        for look in 1..=100_u32 {
            let now = begin + EVERY * look;
            // Nothing is done in the second half.
            last = rate(&mut looks, now, u64::from(look.min(50)));
            if look == 25 {
                assert!((last - 5.0).abs() < 0.01, "{last}");
            }
        }
        assert!(last.abs() < 0.01, "{last}");
    }
}

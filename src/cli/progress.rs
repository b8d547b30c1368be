//! One line that tells how far the run is, where stderr is a terminal.

use crate::report::{Counters, Program};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(200);

/// The progress line. Cheap to clone.
#[derive(Clone)]
pub struct Progress {
    bar: ProgressBar,
    program: Option<Program>,
}

impl Progress {
    /// A line on stderr, where that is a terminal and stdout is not one that data may go to; of a
    /// program without a loop there is none.
    pub fn new(program: Option<Program>) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let shared = program == Some(Program::Subscribe) && io::stdout().is_terminal();
        if program.is_some() && io::stderr().is_terminal() && !shared {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.set_style(ProgressStyle::with_template("{msg}").expect("the template is a constant"));
        Self { bar, program }
    }

    /// Whether the progress line is shown.
    pub fn is_shown(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Keeps the line up to date; never returns.
    pub async fn show(&self, counters: &Counters) {
        let (Some(program), true) = (self.program, self.is_shown()) else {
            return std::future::pending().await;
        };
        let started = Instant::now();
        let mut tick = tokio::time::interval(EVERY);
        tick.tick().await;
        loop {
            tick.tick().await;
            self.bar.set_message(counters.summary(started.elapsed()).human(program));
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

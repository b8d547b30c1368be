//! Bodies chosen and reshaped on their way, by programs in jq's language: `--where` and `--map`.
//!
//! A program is the operator's own, and may run for ever on some body. So it runs on threads of its
//! own, with a time limit for each body, and with bounds on what it gives.

mod input;
mod shaped;
mod shaping;
mod threads;

pub use shaped::ShapedBody;
pub use shaping::Shaping;

use crate::clock::Clock;
use crate::error::Result;
use crate::jq::Program;
use crate::message::Message;
use input::Input;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use threads::Threads;

/// The most values that a program may make of one body where it may make several.
pub const MOST_VALUES: usize = 10_000;

/// The most bytes that a program may make of one body.
const MOST_BYTES: usize = 64 << 20;

/// What is to be done with each body.
pub struct Programs {
    /// Chooses: what this gives nothing true for is left out.
    pub choose: Option<Program>,
    /// Reshapes: what this gives takes the body's place.
    pub map: Option<Program>,
    /// How many values may come of one body.
    pub most_values: usize,
    /// The time of day that programs see.
    pub clock: Clock,
}

impl Programs {
    /// Compiles what was asked for; `None` where nothing was.
    ///
    /// # Errors
    /// `Usage` for what is no program.
    pub fn compile(
        choose: Option<&str>,
        map: Option<&str>,
        most_values: usize,
        clock: Clock,
    ) -> Result<Option<Self>> {
        let choose = choose.map(|text| Program::compile("`--where`", text)).transpose()?;
        let map = map.map(|text| Program::compile("`--map`", text)).transpose()?;
        let asked = choose.is_some() || map.is_some();
        Ok(asked.then_some(Self { choose, map, most_values, clock }))
    }

    /// Whether one of them looks at what stands beside the body.
    fn see_message(&self) -> bool {
        [&self.choose, &self.map].into_iter().flatten().any(Program::sees_message)
    }
}

/// Chooses and reshapes bodies, each within a time. A clone shares the threads.
#[derive(Clone)]
pub struct Transform {
    threads: Arc<Threads>,
    time: Duration,
}

impl fmt::Debug for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transform").field("time", &self.time).finish_non_exhaustive()
    }
}

impl Transform {
    /// Runs these programs, at most this long on one body.
    pub fn new(programs: Programs, time: Duration) -> Self {
        Self { threads: Arc::new(Threads::new(programs)), time }
    }

    /// Begins to work on the bodies of messages, in their order. One that takes too long is the end
    /// of it.
    pub fn begin<'m>(&self, messages: impl IntoIterator<Item = &'m Message>) -> Shaping {
        let looks = self.threads.programs.see_message();
        let inputs = messages.into_iter().map(|message| Input::of(message, looks)).collect();
        Shaping::begin(self.threads.clone(), inputs, self.time)
    }

    /// Ends the threads that have nothing to do, and waits for them.
    pub fn close(&self) {
        self.threads.close();
    }
}

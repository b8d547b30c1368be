//! Which bodies are meant, and what is made of them: `--where` and `--map`.

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::transform::{Programs, Transform};
use clap::Args;
use std::time::Duration;

/// Programs in jq's language that choose and reshape bodies.
#[derive(Debug, Clone, Args)]
pub(super) struct Bodies {
    /// Only messages whose body this jq program gives something true for
    ///
    /// A body is chosen where the program gives a value that is neither `false` nor `null`, as by
    /// jq's `select`. Others are left out, counted as filtered, and in `subscribe` acknowledged. The
    /// program sees the body, and in `$message` its `id`, `group`, `tag` and `attributes`: no file,
    /// no environment. One that fails on a body rejects it.
    #[arg(long = "where", value_name = "JQ")]
    choose: Option<String>,

    /// Put what this jq program gives in the place of each body
    ///
    /// Numbers that it does not calculate with keep their digits. A body for which it gives nothing
    /// is left out. Several values are messages of their own in `publish`, `ID/1`, `ID/2` and so on,
    /// and refused in `subscribe`.
    #[arg(long, value_name = "JQ")]
    map: Option<String>,
}

impl Bodies {
    /// Compiles what is asked for; `None` where nothing is. `time`: how long a program may take for
    /// one body; `most_values`: how many may come of it.
    pub(super) fn transform(
        &self,
        most_values: usize,
        time: (&str, Duration),
    ) -> Result<Option<Transform>> {
        let (choose, map) = (self.choose.as_deref(), self.map.as_deref());
        let programs = Programs::compile(choose, map, most_values, Clock::system())?;
        let (flag, time) = time;
        if programs.is_some() && time.is_zero() {
            return Err(Error::new(Kind::Usage, format!("`{flag}` is no time at all"))
                .hint(format!("give a program some seconds for a body: `{flag} 10s`")));
        }
        Ok(programs.map(|programs| Transform::new(programs, time)))
    }
}

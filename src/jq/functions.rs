//! What programs may call: jq's functions without those that reach beyond the body.

use chrono::{DateTime, Utc};
use jaq_core::data::{DataT, HasLut};
use jaq_core::load::parse::Def;
use jaq_core::native::{self, Fun};
use jaq_core::{Lut, RunPtr};
use jaq_json::Val;

/// Functions that are left out: they read the environment, the machine's time zone or its clock, end
/// the process, or write to its log.
const LEFT_OUT: [&str; 12] = [
    "debug",
    "debug_empty",
    "env",
    "halt",
    "halt_error",
    "input",
    "inputs",
    "localtime",
    "now",
    "stderr",
    "stderr_empty",
    "strflocaltime",
];

/// What programs see: JSON, and the time of day that they are given.
pub(super) struct Seen;

impl DataT for Seen {
    type V<'a> = Val;
    type Data<'a> = Moment<'a>;
}

/// One run's own: the functions, and the time of day.
#[derive(Clone, Copy)]
pub(super) struct Moment<'a> {
    functions: &'a Lut<Seen>,
    now: f64,
}

impl<'a> Moment<'a> {
    /// A run with these functions, at this time of day.
    pub(super) fn new(functions: &'a Lut<Seen>, now: DateTime<Utc>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "jq's seconds are a double")]
        let now = now.timestamp_micros() as f64 / 1e6;
        Self { functions, now }
    }
}

impl<'a> HasLut<'a, Seen> for Moment<'a> {
    fn lut(&self) -> &'a Lut<Seen> {
        self.functions
    }
}

/// Functions that are written in jq's language.
pub(super) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let all = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    all.filter(|one| !LEFT_OUT.contains(&one.name))
}

/// Functions that are compiled into the program.
pub(super) fn natives() -> impl Iterator<Item = Fun<Seen>> {
    let all = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    all.filter(|(name, ..)| !LEFT_OUT.contains(name)).chain([now()])
}

/// `now`, in seconds since 1970, by the clock that the program was given.
fn now() -> Fun<Seen> {
    let now: RunPtr<Seen> = |(context, _)| native::bome(Ok(Val::from(context.data().now)));
    native::run::<Seen>(("now", native::v(0), now))
}

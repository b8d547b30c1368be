//! Ids for messages that come without one.

use crate::clock::Clock;
use crate::message::IdForm;
use crate::text;
use chrono::{DateTime, Utc};
use uuid::{ContextV7, Timestamp, Uuid};

/// Makes ids that are all different; those that are UUIDs grow, so that a store can append them.
pub(super) struct Ids {
    form: IdForm,
    clock: Clock,
    context: ContextV7,
}

impl Ids {
    /// Makes ids of this form.
    pub(super) fn new(form: IdForm, clock: Clock) -> Self {
        Self { form, clock, context: ContextV7::new() }
    }

    /// The time of day by which they grow.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// One more id.
    pub(super) fn next(&self) -> String {
        match self.form {
            IdForm::Uuid => self.uuid(),
            IdForm::Hex24 => hex24(),
        }
    }

    fn uuid(&self) -> String {
        let now = self.clock.now();
        let seconds = now.timestamp().try_into().unwrap_or(0);
        let time = Timestamp::from_unix(&self.context, seconds, now.timestamp_subsec_nanos());
        Uuid::new_v7(time).to_string()
    }
}

/// 24 random hexadecimal digits.
fn hex24() -> String {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    text::hex(bytes)
}

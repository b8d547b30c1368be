//! Answers of Nature: no answer breaks the parser, and the same one is the same messages.

#![no_main]

use chrono_tz::Tz;
use kakehi::clock::Clock;
use kakehi::sources::nature_remo::{Form, parse};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::LazyLock;

static CLOCK: LazyLock<Clock> = LazyLock::new(Clock::system);

fuzz_target!(|answer: &str| {
    let now = CLOCK.now().with_timezone(&Tz::Asia__Tokyo);
    for form in [Form::Snapshot, Form::Changes] {
        let Ok(batch) = parse(answer, form, now) else { continue };
        let again = parse(answer, form, now).expect("the same answer");
        assert_eq!(batch.messages, again.messages);
        let mut seen = BTreeSet::new();
        for message in &batch.messages {
            let body: Value = serde_json::from_slice(&message.body).expect("it is JSON");
            assert!(body.is_object());
            assert!(!message.id.is_empty() && !message.id.chars().any(char::is_control));
            seen.insert(&message.id);
        }
        for refusal in &batch.refused {
            let text = format!("{} {}", refusal.place, refusal.reason);
            assert!(!text.chars().any(char::is_control) && text.len() < 500, "{text:?}");
        }
    }
});

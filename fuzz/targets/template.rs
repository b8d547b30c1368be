//! Text with a message's fields in it: no template and no body break it, and no reason tells of the
//! body.

#![no_main]

use kakehi::template::{Template, Values};
use libfuzzer_sys::fuzz_target;

/// A shorter word of a body may stand in a reason by chance.
const SHORTEST_WORD: usize = 12;

fuzz_target!(|text: &str| {
    let (source, body) = text.split_once('\n').unwrap_or((text, "{}"));
    let template = Template::parse("text", source).map_err(|error| error.to_string());
    let values = Values::of_body(body.as_bytes());
    if let (Ok(template), Ok(values)) = (template, values)
        && let Err(why) = template.render(&values)
    {
        for word in body.split(|c: char| !c.is_alphanumeric()) {
            let by_chance = word.chars().count() < SHORTEST_WORD || source.contains(word);
            assert!(by_chance || !why.contains(word), "{word:?} of {body:?} is told: {why}");
        }
    }
});

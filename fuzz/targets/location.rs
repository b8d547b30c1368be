//! The URL of an end: no text breaks it, and it never shows a password.

#![no_main]

use kakehi::Location;
use libfuzzer_sys::fuzz_target;

/// A shorter word of a password may stand in a text by chance.
const SHORTEST_WORD: usize = 6;

fuzz_target!(|text: &str| {
    let said = everything("mongodb://user@host/db?a=1") + &everything("no URL");
    let _ = everything(text);
    let shown = everything(&format!("mongodb://user:{text}@host/db?a=1"));
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        let by_chance = word.chars().count() < SHORTEST_WORD || said.contains(word);
        assert!(by_chance || !shown.contains(word), "{word:?} of {text:?} is shown: {shown}");
    }
});

/// All that is ever said about a URL.
fn everything(text: &str) -> String {
    let mut url = match Location::parse(text) {
        Ok(url) => url,
        Err(error) => return format!("{error} {error:?} {}", error.one_line()),
    };
    let shown = format!("{url} {url:?} {:?} {:?}", url.finish(&[]), url.finish(&["a", "b"]));
    let path = url.path().map_err(|error| error.to_string());
    let names: Vec<String> = url.remaining().map(|(name, _)| name.to_owned()).collect();
    for name in &names {
        let mut other = url.clone();
        let _ = (other.flag(name), url.take(name));
        assert!(other.remaining().all(|(left, _)| left != name), "{name:?} was not taken");
    }
    assert!(url.finish(&[]).is_ok(), "everything was taken");
    match path {
        Ok(_) => shown,
        Err(error) => shown + &error,
    }
}

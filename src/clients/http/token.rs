//! A token from the environment or a file, and the header that shows it.

use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::text;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;

/// The token of the variable `name`, or of the file that `NAME_FILE` names, without blanks around it;
/// `None` where neither is set. `by` is what the user calls the end that needs it, and `hint` says how
/// to come by a token. A file that others can read is warned of.
///
/// # Errors
/// `Configuration` where it is empty, or is not one word of ASCII.
pub fn token(
    environment: &Environment,
    name: &str,
    by: &str,
    hint: &str,
) -> Result<Option<SecretString>> {
    let refused =
        |what: &str| Error::new(Kind::Configuration, format!("the token for {by} {what}"));
    if let Some(path) = environment.os(&format!("{name}_FILE")) {
        warn_of_readers(path);
    }
    let Some(token) = environment.secret(name)? else { return Ok(None) };
    let word = token.expose_secret().trim();
    if word.is_empty() {
        return Err(refused("is empty").hint(hint));
    }
    if !word.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refused("is not a token")
            .because_of("it holds blanks, control characters or letters beyond ASCII")
            .hint(hint));
    }
    Ok(Some(word.into()))
}

/// The value of the header `Authorization` that shows a token. It is marked as sensitive, so that its
/// `Debug` does not show it.
pub fn bearer(token: &SecretString) -> HeaderValue {
    let shown = format!("Bearer {}", token.expose_secret());
    let mut header = HeaderValue::from_str(&shown).expect("a word of ASCII is a header");
    header.set_sensitive(true);
    header
}

/// Warns of a file with a secret that others can read: what opens a house or an account is for its
/// owner alone.
pub fn warn_of_readers(path: &OsStr) {
    // A file that cannot be looked at cannot be read either, and that error comes later.
    let Ok(metadata) = std::fs::metadata(path) else { return };
    if metadata.permissions().mode() & 0o077 != 0 {
        let path = text::of_name(path);
        let mend = hint::command(["chmod", "600", &path]);
        tracing::warn!(path, "the token's file can be read by others: {mend} ends that");
    }
}

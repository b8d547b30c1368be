//! The secrets that this process was given, so that nobody's log line shows one: the libraries that
//! log beside us know nothing of ours.

use crate::environment::{Environment, SECRETS};
use crate::redact;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use percent_encoding::percent_decode_str;
use secrecy::ExposeSecret as _;
use std::borrow::Cow;
use std::sync::Arc;

/// The shortest secret that is hidden, in characters: shorter ones would hide half of every line.
const SHORTEST: usize = 6;

/// How variables end that say where a server is.
const ADDRESSES: &[&str] = &["_HOST", "_URL", "_URI", "_ENDPOINT", "_PROXY", "_proxy"];

/// Variables that are called like secrets, and hold a name or a path.
const OPEN: &[&str] =
    &["AWS_ACCESS_KEY_ID", "GOOGLE_APPLICATION_CREDENTIALS", "OLDPWD", "PWD", "SSH_AUTH_SOCK"];

/// What stands in the place of a secret.
const HIDDEN: &str = "...";

/// Secrets to be hidden. Cheap to clone.
#[derive(Clone, Default)]
pub struct Masks(Arc<[String]>);

impl Masks {
    /// The secrets of the environment, the files that it names for them included, and those that
    /// stand in URLs of the environment and of the command line.
    pub fn of(environment: &Environment, arguments: &[String]) -> Self {
        let variables: Vec<_> = environment.starting_with("").collect();
        let named = variables.iter().filter(|(name, _)| is_secret(name));
        let mut all: Vec<String> = named.map(|(_, value)| (*value).to_owned()).collect();
        let kept = SECRETS.iter().filter_map(|name| environment.secret(name).ok().flatten());
        all.extend(kept.map(|secret| secret.expose_secret().to_owned()));
        let is_url = |text: &str| text.contains("://");
        let urls = variables.iter().filter(|(name, value)| is_address(name) || is_url(value));
        let typed = arguments.iter().map(String::as_str).filter(|argument| is_url(argument));
        all.extend(urls.map(|(_, value)| *value).chain(typed).flat_map(logins));
        all.retain(|secret| secret.len() >= SHORTEST);
        // The longest first: one may be part of another.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        all.dedup();
        Self(all.into())
    }

    /// A text without the secrets.
    pub fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut shown = redact::text(text);
        for secret in self.0.iter().filter(|secret| text.contains(secret.as_str())) {
            shown = Cow::Owned(shown.replace(secret.as_str(), HIDDEN));
        }
        shown
    }
}

/// Whether a variable of this name holds a secret, and not the path of a file with one.
pub fn is_secret(name: &str) -> bool {
    let called_so = redact::is_secret(name) || name.ends_with("_KEY") || SECRETS.contains(&name);
    called_so && !OPEN.contains(&name) && !name.ends_with("_FILE")
}

/// Whether a variable of this name says where a server is.
pub fn is_address(name: &str) -> bool {
    ADDRESSES.iter().any(|end| name.ends_with(end))
}

/// What would let somebody log in, of a text that may be a URL: the password as it stands there, as
/// it is meant, and as it travels.
fn logins(text: &str) -> Vec<String> {
    let Some(user) = redact::user_of(text) else { return Vec::new() };
    let Some((_, password)) = user.split_once(':') else { return Vec::new() };
    let meant = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    vec![password.to_owned(), meant(password), BASE64_STANDARD.encode(meant(user))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_hidden_wherever_it_stands() {
        let environment: Environment = [
            ("AWS_SECRET_ACCESS_KEY", "s3cretkey"),
            ("AWS_ACCESS_KEY_ID", "AKIATHEKEY"),
            ("HTTPS_PROXY", "http://me:hunt%65r2@proxy:3128"),
            ("PUBSUB_EMULATOR_HOST", "me:hunter3@127.0.0.1:1"),
            ("AZURE_STORAGE_ACCOUNT_KEY", "azurekey"),
            ("HOME", "/home/secret"),
            ("PWD", "/home/secret/here"),
            ("GOOGLE_APPLICATION_CREDENTIALS", "/etc/credential.json"),
        ]
        .into_iter()
        .collect();
        let masks = Masks::of(&environment, &["mongodb://me:hunter4@h/d".to_owned()]);
        let basic = BASE64_STANDARD.encode("me:hunter2");
        let line = format!("s3cretkey hunter2 hunt%65r2 hunter3 azurekey hunter4 {basic}");
        assert_eq!(masks.hide(&line), "... ... ... ... ... ... ...");
        for open in ["AKIATHEKEY /home/secret/here", "/etc/credential.json: no such file"] {
            assert_eq!(masks.hide(open), open);
        }
        assert_eq!(masks.hide("at http://x:y@h/"), "at http://h/");
    }
}

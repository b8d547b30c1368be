//! What may be shown or kept of a URL: all of it but its secrets.
//!
//! Whatever leaves us as text, an error, a log line, the reason of a dead letter, a key in one of our
//! files, has been through here.

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// What stands in the place of a secret.
const HIDDEN: &str = "...";

/// Schemes of what is on this machine: an `@` is part of a name there, and nobody logs in.
const PATHS: &[&str] = &["sqlite", "files", "file", "exec"];

/// Schemes behind which another URL stands.
const AROUND: &[&str] = &["forward", "speech", "sql", "thumbnail"];

/// A parameter or a variable whose name holds one of these, but for what is no letter or digit in
/// it, is a secret.
const SECRET_PARTS: &[&str] = &[
    "accesskey",
    "apikey",
    "authmechanismproperties",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "signature",
    "token",
];

/// Parameters of these names are secrets, too.
const SECRET_NAMES: &[&str] = &["auth", "authorization", "code", "key", "pass", "sig"];

/// A URL without its user and password, and without the values of secret parameters. A password with
/// a raw `@`, `/` or `?` in it is not shown in part, even where that hides more than need be.
pub fn url(text: &str) -> String {
    match text.split_once(':') {
        Some(("webhook", rest)) => format!("webhook:{}", host_of(rest)),
        Some((scheme, rest)) if AROUND.contains(&scheme) && holds_a_url(rest) => {
            format!("{scheme}:{}", url(rest))
        }
        Some((scheme, _)) if PATHS.contains(&scheme) || AROUND.contains(&scheme) => {
            hide_parameters(text)
        }
        _ => hide_parameters(&hide_user(text)),
    }
}

/// What may be shown of an address that is a secret: its scheme and its host.
fn host_of(address: &str) -> String {
    let shown = hide_user(address.split(['?', '#']).next().unwrap_or_default());
    let Some((scheme, rest)) = shown.split_once("://") else { return String::new() };
    match rest.split_once('/') {
        Some((host, _)) => format!("{scheme}://{host}/{HIDDEN}"),
        None => format!("{scheme}://{rest}"),
    }
}

/// Prose in which there may be URLs, each without its secrets.
pub fn text(prose: &str) -> Cow<'_, str> {
    if !prose.contains("://") {
        return Cow::Borrowed(prose);
    }
    let ends = |c: char| c.is_whitespace() || "`'\"<>".contains(c);
    let shown = |piece: &str| {
        let (word, end) = piece.split_at(piece.trim_end_matches(ends).len());
        if holds_an_address(word) { url(word) + end } else { piece.to_owned() }
    };
    Cow::Owned(prose.split_inclusive(ends).map(shown).collect())
}

/// What is left of any text behind the last `@`: of what is no URL nobody knows where a password
/// begins.
pub fn behind_user(text: &str) -> &str {
    text.rsplit('@').next().unwrap_or_default()
}

/// User and password, as they stand in a URL or an address.
pub fn user_of(text: &str) -> Option<&str> {
    let address = text.split_once("//").map_or(text, |(_, address)| address);
    address.rsplit_once('@').map(|(user, _)| user)
}

/// Whether what has this name, a parameter or a variable, is a secret.
pub fn is_secret(name: &str) -> bool {
    let name = percent_decode_str(name).decode_utf8_lossy();
    let bare: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let bare = bare.to_ascii_lowercase();
    SECRET_NAMES.contains(&&*bare) || SECRET_PARTS.iter().any(|part| bare.contains(part))
}

fn holds_an_address(text: &str) -> bool {
    text.contains("://")
}

fn holds_a_url(rest: &str) -> bool {
    let scheme = rest.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// Cuts out what stands before the last `@` of the address. That may lie behind a `?`, which is then
/// part of the password.
fn hide_user(text: &str) -> String {
    let head = text.split('?').next().unwrap_or_default();
    let part = if head.contains('@') || head.contains("//") { text } else { head };
    let Some(end) = part.rfind('@') else { return text.to_owned() };
    let start = match (text.find("//"), text.find(':')) {
        (Some(at), _) if at < end => at + 2,
        (_, Some(at)) if at < end => at + 1,
        _ => 0,
    };
    format!("{}{}", &text[..start], &text[end + 1..])
}

fn hide_parameters(text: &str) -> String {
    let Some((head, query)) = text.split_once('?') else { return text.to_owned() };
    let pairs: Vec<_> = query.split('&').map(hide_value).collect();
    format!("{head}?{}", pairs.join("&"))
}

fn hide_value(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={HIDDEN}"),
        Some((name, value)) if value.contains('@') && value.contains(':') => {
            format!("{name}={}", url(value))
        }
        Some((name, value)) => format!("{name}={}", hide_parameters(value)),
        None => pair.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        for (given, shown) in [
            ("mongodb://me:hunter2@host/db?a=1", "mongodb://host/db?a=1"),
            ("mongodb://me:hunter2@/w?x@host/db", "mongodb://host/db"),
            ("mongodb:me:hunter2@host/db", "mongodb:host/db"),
            ("sqs:http://me:hunter2@127.0.0.1:9/1/q", "sqs:http://127.0.0.1:9/1/q"),
            ("me:hunter2@127.0.0.1:9", "me:127.0.0.1:9"),
            ("hunter2@127.0.0.1", "127.0.0.1"),
            ("https://host/?sig=hunter2&a=b", "https://host/?sig=...&a=b"),
            ("s3://b?X-Amz-Security-Token=hunter2", "s3://b?X-Amz-Security-Token=..."),
            ("nature-remo:?endpoint=http://me:hunter2@h/x", "nature-remo:?endpoint=http://h/x"),
            (
                "nature-remo:?endpoint=https://h?token=hunter2",
                "nature-remo:?endpoint=https://h?token=...",
            ),
            ("files:a@b/*?store=s3://me:hunter2@b", "files:a@b/*?store=s3://b"),
            (
                "forward:sqs:http://me:hunter2@h/1/q?receivers=2",
                "forward:sqs:http://h/1/q?receivers=2",
            ),
            ("forward:sqlite:a@b.db?queue=c@d", "forward:sqlite:a@b.db?queue=c@d"),
            ("webhook:https://h.example/hunter2/x?a=hunter2", "webhook:https://h.example/..."),
            ("webhook:https://me:hunter2@h.example", "webhook:https://h.example"),
            ("webhook:?allow-private", "webhook:"),
            ("sql:mysql://me:hunter2@h/db?at=t", "sql:mysql://h/db?at=t"),
            ("sql:sqlite:a@b.db?query=select 1", "sql:sqlite:a@b.db?query=select 1"),
            ("thumbnail:my@pictures?size=1x1", "thumbnail:my@pictures?size=1x1"),
            ("sqlite:/data//a:b@c.db", "sqlite:/data//a:b@c.db"),
            ("pubsub://project/topic?id-attribute=key", "pubsub://project/topic?id-attribute=key"),
        ] {
            assert_eq!(url(given), shown, "{given}");
        }
    }

    #[test]
    fn prose_is_told_without_the_secrets_of_its_urls() {
        let told = "cannot reach `http://me:hunter2@h:9/`: error (http://h/?token=hunter2): no";
        assert_eq!(text(told), "cannot reach `http://h:9/`: error (http://h/?token=... no");
        assert_eq!(text("me@home, nothing: to hide"), "me@home, nothing: to hide");
    }

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in ["token", "X-Amz-Signature", "api_key", "pass%77ord", "AWS_SECRET_ACCESS_KEY"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["group", "id-attribute", "collection", "authSource", "tlsCertificateKeyFile"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}

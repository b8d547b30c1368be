//! What the sink's URL and the environment say.

use super::DEEPEST;
use super::addresses::Addresses;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::json;
use crate::location::{Location, list};
use crate::message::Message;
use crate::template::{Template, Values};
use bytes::Bytes;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use std::path::Path;
use url::Url;

/// The parameters of a URL.
pub(super) const PARAMETERS: &[&str] =
    &["allow-private", "content-type", "template", "template-file"];

/// What is sent as which body.
pub(super) struct Content {
    /// What makes the body of a message's; without it, they are the same.
    template: Option<Template>,
    /// Where the body is no JSON: its content type.
    kind: Option<HeaderValue>,
}

impl Content {
    /// The content type of what is sent.
    pub(super) fn kind(&self) -> HeaderValue {
        self.kind.clone().unwrap_or(HeaderValue::from_static("application/json"))
    }

    /// The body of a message's request.
    ///
    /// # Errors
    /// Why the message has none, for its rejection.
    pub(super) fn body_of(&self, message: &Message) -> Result<Bytes, String> {
        let (what, body) = match &self.template {
            None => ("the body", message.body.clone()),
            Some(template) => {
                let filled = template.render(&Values::of_body(&message.body)?)?;
                ("what `template` makes", Bytes::from(filled))
            }
        };
        if self.kind.is_none() {
            json::validate(&body, DEEPEST).map_err(|fault| format!("{what}: {fault}"))?;
        }
        Ok(body)
    }
}

/// All that the sink needs.
pub(super) struct WebhookOptions {
    pub(super) url: Url,
    pub(super) addresses: Addresses,
    pub(super) content: Content,
    pub(super) secret: Option<SecretString>,
}

impl WebhookOptions {
    /// Reads a URL, and what the environment adds to it.
    ///
    /// # Errors
    /// `Usage` or `Configuration`; the webhook's address is not in them.
    pub(super) fn read(mut url: Location, environment: &Environment) -> Result<Self> {
        let private = url.flag("allow-private")?;
        let template = template(&mut url)?;
        let kind = url.take("content-type")?.map(|kind| content_type(&kind)).transpose()?;
        if url.remaining().next().is_some() {
            return Err(unknown(&url));
        }
        let named = match url.rest() {
            "" => environment.secret("WEBHOOK_URL")?.ok_or_else(no_address)?,
            rest => rest.to_owned().into(),
        };
        let url = address(named.expose_secret(), private)?;
        let addresses = Addresses { private, by_proxy: goes_by_proxy(&url, environment)? };
        addresses.allow(&url)?;
        let secret = environment.secret("WEBHOOK_SECRET")?;
        Ok(Self { url, addresses, content: Content { template, kind }, secret })
    }
}

/// The template that the URL holds, or names the file of.
fn template(url: &mut Location) -> Result<Option<Template>> {
    match (url.take("template")?, url.take("template-file")?) {
        (None, None) => Ok(None),
        (Some(text), None) => Template::parse("template", &text).map(Some),
        (None, Some(path)) => Template::read("template-file", Path::new(&path)).map(Some),
        (Some(_), Some(_)) => {
            Err(Error::new(Kind::Usage, "`template` and `template-file` say the same thing")
                .hint("leave one of the two out"))
        }
    }
}

/// The address of a webhook: https, or plain http where private addresses are allowed, which is then
/// the operator's own network.
fn address(text: &str, private: bool) -> Result<Url> {
    let refused = |why: &str| {
        Error::new(Kind::Configuration, "the webhook's address cannot be used")
            .because_of(why)
            .hint("write it as `https://HOST/PATH`; plain `http://` needs `allow-private`")
    };
    let url = Url::parse(text.trim()).map_err(|_| refused("it is no URL"))?;
    match url.scheme() {
        "https" => {}
        "http" if private => {}
        "http" => return Err(refused("over plain http it could be read on the way")),
        _ => return Err(refused("it is neither https nor http")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it holds a user or a password"));
    }
    Ok(url)
}

fn no_address() -> Error {
    Error::new(Kind::Usage, "`webhook:` names no webhook").hint(
        "write `webhook:https://HOST/PATH`, or put a secret address into a file and name that by \
         `WEBHOOK_URL_FILE`",
    )
}

/// The error for what is no parameter of ours; the webhook's own might be secrets.
fn unknown(url: &Location) -> Error {
    let names: Vec<_> = url.remaining().map(|(name, _)| name).collect();
    Error::new(Kind::Usage, format!("unknown parameter `{}` in `webhook:`", names.join("`, `")))
        .hint(format!(
            "`webhook:` knows {}; an address with parameters of its own goes into the file that \
             `WEBHOOK_URL_FILE` names",
            list(PARAMETERS)
        ))
}

fn content_type(text: &str) -> Result<HeaderValue> {
    let whole = text.contains('/') && text.is_ascii();
    HeaderValue::from_str(text).ok().filter(|_| whole).ok_or_else(|| {
        Error::new(Kind::Usage, "`content-type` in `webhook:` is none")
            .hint("write it as `content-type=text/plain`")
    })
}

/// Whether requests go by a proxy, which then finds the webhook's address.
fn goes_by_proxy(url: &Url, environment: &Environment) -> Result<bool> {
    let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    for name in names {
        if url.scheme() == "https" && environment.get(name)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str, variables: &[(&str, &str)]) -> Result<WebhookOptions> {
        WebhookOptions::read(Location::parse(url)?, &variables.iter().copied().collect())
    }

    #[test]
    fn the_address_stands_in_the_url_or_in_the_environment() {
        let options = read("webhook:https://h.example/a/b", &[("WEBHOOK_URL", "https://x.y/")]);
        assert_eq!(options.unwrap().url.as_str(), "https://h.example/a/b");
        let options = read("webhook:", &[("WEBHOOK_URL", "https://h.example/a?b=c\n")]);
        assert_eq!(options.unwrap().url.as_str(), "https://h.example/a?b=c");
        let options = read("webhook:http://127.0.0.1:8/?allow-private", &[]).unwrap();
        assert!(options.addresses.private && !options.addresses.by_proxy);
    }

    #[test]
    fn a_template_makes_json_or_what_is_said() {
        let body_of = |parameters: &str, body: &'static str| {
            let url = format!("webhook:https://h.example/?{parameters}");
            let made = read(&url, &[]).unwrap().content.body_of(&Message::new("a", body));
            made.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
        };
        let template = "template={\"text\": {{ name | tojson }}}";
        assert_eq!(body_of(template, r#"{"name":"a\"b"}"#).unwrap(), r#"{"text": "a\"b"}"#);
        let bare = "template={{ name }}";
        assert!(body_of(bare, r#"{"nam":"hunter2"}"#).unwrap_err().contains("is missing"));
        let plain = "template={{ name }} is warm";
        assert!(body_of(plain, r#"{"name":"a"}"#).unwrap_err().contains("is not JSON"));
        let plain = format!("{plain}&content-type=text/plain");
        assert_eq!(body_of(&plain, r#"{"name":"a"}"#).unwrap(), "a is warm");
        assert!(read("webhook:https://h.example/?template={{", &[]).is_err());
        assert!(read("webhook:https://h.example/?template=a&template-file=b", &[]).is_err());
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_its_address() {
        for (url, secret) in [
            ("webhook:", ""),
            ("webhook:", "hunter2"),
            ("webhook:", "http://h.example/hunter2"),
            ("webhook:http://h.example/hunter2", ""),
            ("webhook:ftp://h.example/hunter2", ""),
            ("webhook:https://10.0.0.1/hunter2", ""),
            ("webhook:https://me:hunter2@h.example/", ""),
            ("webhook:https://h.example/hunter2?token=hunter2", ""),
            ("webhook:https://h.example/hunter2?allow-private=maybe", ""),
            ("webhook:https://h.example/hunter2?content-type=text", ""),
        ] {
            let error = read(url, &[("WEBHOOK_URL", secret)]).map(|_| ()).unwrap_err();
            assert!(matches!(error.kind(), Kind::Usage | Kind::Configuration), "{error}");
            assert!(!error.to_string().contains("hunter2"), "{url}: {error}");
        }
    }
}

//! The names of queues, checked before anything is sent.

use crate::error::{Error, Kind, Result};
use crate::identity;
use crate::location::Location;
use crate::redact;
use std::fmt;
use url::Url;

/// What the name of a FIFO queue ends with.
const FIFO: &str = ".fifo";

/// The longest name, that ending included:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>.
const LONGEST: usize = 80;

/// A queue's name, and its URL where that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    name: String,
    url: Option<Url>,
}

impl Name {
    /// The queue of our URL: `sqs:NAME`, or `sqs:` and the queue's own URL.
    pub(super) fn of(url: &Location) -> Result<Self> {
        let malformed = |why: &str| {
            Error::new(Kind::Usage, format!("`{url}` names no queue"))
                .because_of(why)
                .hint("write `sqs:NAME`, or `sqs:https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`")
        };
        let rest = url.rest();
        if !rest.contains("://") {
            return Self { name: rest.to_owned(), url: None }.validated();
        }
        let full = Url::parse(rest).map_err(|cause| malformed(&cause.to_string()))?;
        if !["http", "https"].contains(&full.scheme()) || full.cannot_be_a_base() {
            return Err(malformed("a queue's URL begins with `https://` or `http://`"));
        }
        if !full.username().is_empty() || full.password().is_some() {
            return Err(malformed("it holds credentials, which belong into the environment"));
        }
        if segments(&full).len() < 2 {
            return Err(malformed("a queue's URL ends with its account and its name"));
        }
        let name = segments(&full).last().map_or_else(String::new, |name| (*name).to_owned());
        Self { name, url: Some(full) }.validated()
    }

    fn validated(self) -> Result<Self> {
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let bare = self.name.strip_suffix(FIFO).unwrap_or(&self.name);
        let why = if bare.is_empty() {
            "it is empty"
        } else if self.name.len() > LONGEST {
            "it has more than 80 letters"
        } else if !bare.chars().all(legal) {
            "it may hold letters, digits, `-` and `_` only, and end with `.fifo`"
        } else {
            return Ok(self);
        };
        let shown = redact::behind_user(&self.name);
        Err(Error::new(Kind::Usage, format!("`{shown}` cannot name a queue")).because_of(why))
    }

    /// The name alone.
    pub(super) fn short(&self) -> &str {
        &self.name
    }

    /// The queue's URL, where it was given.
    pub(super) fn full(&self) -> Option<&str> {
        self.url.as_ref().map(Url::as_str)
    }

    /// `ACCOUNT/NAME` of the queue's URL, where it was given.
    pub(super) fn path(&self) -> Option<String> {
        self.url.as_ref().map(|url| segments(url).join("/"))
    }

    /// Our URLs that mean this queue on this machine, as it was given and as older versions may have
    /// been given it.
    pub(super) fn spellings(&self) -> Vec<String> {
        let Some(full) = self.full() else { return vec![self.url()] };
        identity::spellings(full).iter().map(|url| format!("sqs:{url}")).collect()
    }

    /// Our URL: `sqs:` and what was given.
    pub(super) fn url(&self) -> String {
        format!("sqs:{}", self.full().unwrap_or(&self.name))
    }

    /// Whether the queue keeps the order within a group.
    pub(super) fn is_fifo(&self) -> bool {
        self.name.ends_with(FIFO)
    }

    /// The queue for what this one cannot deliver, where no redrive policy names another one:
    /// `NAME-dead`, `NAME-dead.fifo`.
    pub(super) fn dead_letters(&self) -> Result<Self> {
        let name = match self.name.strip_suffix(FIFO) {
            Some(bare) => format!("{bare}-dead{FIFO}"),
            None => format!("{}-dead", self.name),
        };
        self.beside(None, &name).validated()
    }

    /// The queue that an ARN names, of the same region, as dead-letter queues are; `None` where it
    /// is no queue's.
    pub(super) fn of_arn(&self, arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':').skip(2);
        let (service, _region) = (parts.next()?, parts.next()?);
        let (account, name) = (parts.next()?, parts.next()?);
        (service == "sqs").then(|| self.beside(Some(account), name).validated().ok()).flatten()
    }

    /// The name of this queue with the URL that was found for it; what cannot be one is left out.
    pub(super) fn at(&self, url: &str) -> Self {
        Self { name: self.name.clone(), url: Url::parse(url).ok() }
    }

    fn beside(&self, account: Option<&str>, name: &str) -> Self {
        let url = self.url.clone().map(|mut url| {
            let mut path: Vec<_> = segments(&url).iter().map(|it| (*it).to_owned()).collect();
            let at = path.len() - 2;
            path[at] = account.map_or_else(|| path[at].clone(), str::to_owned);
            path[at + 1] = name.to_owned();
            url.set_path(&path.join("/"));
            url
        });
        Self { name: name.to_owned(), url }
    }

    /// The region that the queue's URL names, and where the service answers for it; the URLs of
    /// other servers name themselves.
    pub(super) fn whereabouts(&self) -> Option<Whereabouts> {
        let url = self.url.as_ref()?;
        let host = url.host_str()?;
        let cloud = host.strip_suffix(".amazonaws.com.cn").or(host.strip_suffix(".amazonaws.com"));
        let Some(cloud) = cloud else {
            return Some(Whereabouts::Elsewhere(url.origin().ascii_serialization()));
        };
        // `REGION.queue.amazonaws.com` is from the early days.
        let region = ["sqs.", "sqs-fips."].iter().find_map(|start| cloud.strip_prefix(start));
        let region = region.or(cloud.strip_suffix(".queue"));
        region.map(|region| Whereabouts::Region(region.to_owned()))
    }
}

/// Where a queue's URL leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// Amazon's, in this region.
    Region(String),
    /// Another server, by its origin.
    Elsewhere(String),
}

/// The parts of a URL's path that say something.
fn segments(url: &Url) -> Vec<&str> {
    url.path_segments().into_iter().flatten().filter(|part| !part.is_empty()).collect()
}

/// ``queue `readings` ``
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queue `{}`", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<Name> {
        Name::of(&Location::parse(text).unwrap())
    }

    #[test]
    fn a_name_and_a_url_name_a_queue() {
        let short = name("sqs:readings?receivers=2").unwrap();
        assert_eq!((short.short(), short.full(), short.is_fifo()), ("readings", None, false));
        let full = name("sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/r.fifo").unwrap();
        assert_eq!((full.short(), full.is_fifo()), ("r.fifo", true));
        assert_eq!(full.whereabouts(), Some(Whereabouts::Region("eu-west-1".to_owned())));
        let local = name("sqs:http://127.0.0.1:4566/000000000000/r").unwrap();
        let origin = "http://127.0.0.1:4566".to_owned();
        assert_eq!(local.whereabouts(), Some(Whereabouts::Elsewhere(origin)));
    }

    #[test]
    fn a_bad_name_is_refused_before_anything_is_sent() {
        let long = format!("sqs:{}", "a".repeat(81));
        for text in [
            "sqs:",
            "sqs:.fifo",
            "sqs:a b",
            "sqs:a.b",
            "sqs:a/b",
            "sqs://a/b",
            "sqs:ftp://host/1/a",
            "sqs:http://host/a",
            "sqs:http://host/1/a.b",
            "sqs:https://",
            "sqs:http://me:secret@host/1/a",
            &long,
        ] {
            let error = name(text).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{text}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn dead_letters_have_a_name_beside_it() {
        assert_eq!(name("sqs:a").unwrap().dead_letters().unwrap().url(), "sqs:a-dead");
        let full = name("sqs:http://127.0.0.1:1/0/a.fifo").unwrap();
        let dead = full.dead_letters().unwrap();
        assert_eq!(dead.url(), "sqs:http://127.0.0.1:1/0/a-dead.fifo");
        let other = full.of_arn("arn:aws:sqs:eu-west-1:42:other.fifo").unwrap();
        assert_eq!(other.url(), "sqs:http://127.0.0.1:1/42/other.fifo");
        assert_eq!(full.of_arn("arn:aws:sns:eu-west-1:42:topic"), None);
        assert_eq!(full.of_arn("rubbish"), None);
        assert!(name(&format!("sqs:{}", "a".repeat(80))).unwrap().dead_letters().is_err());
    }
}

//! The names of topics and subscriptions, checked before anything is sent.

use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::location::Location;
use crate::redact;
use std::fmt;

/// A topic's or a subscription's full name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    project: String,
    thing: Thing,
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thing {
    Topic,
    Subscription,
}

impl Name {
    /// The topic of a publisher's URL.
    pub(super) fn topic(url: &Location) -> Result<Self> {
        Self::of(url, Thing::Topic)
    }

    /// The subscription of a subscriber's URL.
    pub(super) fn subscription(url: &Location) -> Result<Self> {
        Self::of(url, Thing::Subscription)
    }

    fn of(url: &Location, thing: Thing) -> Result<Self> {
        let form = format!("write it as `pubsub://PROJECT/{}`", thing.word().to_uppercase());
        let malformed = |why: &str| {
            Error::new(Kind::Usage, format!("`{url}` names no {}", thing.word()))
                .because_of(why)
                .hint(form.clone())
        };
        let path = url.path()?;
        let path =
            path.strip_prefix("//").ok_or_else(|| malformed("it does not begin with `//`"))?;
        let (project, name) =
            path.split_once('/').ok_or_else(|| malformed("it has no project or no name"))?;
        // A domain-scoped project reads `example.com:project`.
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:".contains(c);
        if project.is_empty() || !project.chars().all(legal) {
            return Err(malformed("a project is named in small letters, digits and `-`"));
        }
        Self { project: project.to_owned(), thing, name: name.to_owned() }.validated()
    }

    /// The topic, or the subscription, of this name, with its project: `pubsub://PROJECT/NAME`.
    pub(super) fn canonical(&self) -> String {
        format!("pubsub://{}/{}", self.project, self.name)
    }

    /// The name in words without quotes: `pubsub topic readings of project`.
    pub(super) fn words(&self) -> String {
        format!("pubsub {} {} of {}", self.thing.word(), self.name, self.project)
    }

    /// The topic that the service names by this path; `None` where it is no name, as that of a topic
    /// which was deleted.
    pub(super) fn of_topic_path(path: &str) -> Option<Self> {
        Self::of_path(path, Thing::Topic)
    }

    /// The subscription that the service names by this path; `None` where it is no name.
    pub(super) fn of_subscription_path(path: &str) -> Option<Self> {
        Self::of_path(path, Thing::Subscription)
    }

    fn of_path(path: &str, thing: Thing) -> Option<Self> {
        let (project, name) =
            path.strip_prefix("projects/")?.split_once(&format!("/{}s/", thing.word()))?;
        Some(Self { project: project.to_owned(), thing, name: name.to_owned() })
    }

    /// Another topic of the same project.
    pub(super) fn topic_beside(&self, name: &str) -> Result<Self> {
        let project = self.project.clone();
        Self { project, thing: Thing::Topic, name: name.to_owned() }.validated()
    }

    /// The subscription of the same name.
    pub(super) fn subscription_alike(&self) -> Self {
        Self { thing: Thing::Subscription, ..self.clone() }
    }

    /// The topic for what this subscription cannot deliver: `NAME-dead`.
    pub(super) fn dead_letters(&self) -> Result<Self> {
        self.topic_beside(&self.dead_name())
    }

    /// The URL of the topic, and the subscription, for dead letters: `pubsub://PROJECT/NAME-dead`.
    pub(super) fn dead_letters_url(&self) -> String {
        url(&self.project, &self.dead_name())
    }

    fn dead_name(&self) -> String {
        format!("{}-dead", self.name)
    }

    /// Our URL: `pubsub://PROJECT/NAME`.
    pub(super) fn url(&self) -> String {
        url(&self.project, &self.name)
    }

    /// The name without its project.
    pub(super) fn short(&self) -> &str {
        &self.name
    }

    /// The path that the service knows it by: `projects/PROJECT/topics/NAME`.
    pub(super) fn path(&self) -> String {
        format!("projects/{}/{}s/{}", self.project, self.thing.word(), self.name)
    }

    /// The command that makes it: with a topic comes a subscription of its name, since one without
    /// drops what it is given. Of a subscription nobody knows the topic here.
    pub(super) fn create_command(&self) -> String {
        match self.thing {
            Thing::Topic => self.create_command_for(&self.name),
            Thing::Subscription => self.create_command_for("TOPIC"),
        }
    }

    /// The command that makes a subscription of this name, for this topic.
    pub(super) fn create_command_for(&self, topic: &str) -> String {
        let url = format!("{}?topic={}", self.url(), topic.replace('%', "%25"));
        hint::command(["queue", "create", &url])
    }

    /// The command after which a subscription does not expire.
    pub(super) fn never_expires_command(&self) -> String {
        let project = format!("--project={}", self.project);
        let words = ["gcloud", "pubsub", "subscriptions", "update", &self.name, &project];
        hint::command(words.into_iter().chain(["--expiration-period=never"]))
    }

    /// Refuses a name that breaks the rule of
    /// <https://docs.cloud.google.com/pubsub/docs/pubsub-basics#resource_names>.
    fn validated(self) -> Result<Self> {
        let Self { name, .. } = &self;
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_.~+%".contains(c);
        let why = if !(3..=255).contains(&name.len()) {
            "it must have 3 to 255 letters"
        } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            "it must begin with a letter"
        } else if !name.chars().all(legal) {
            "it may hold letters, digits and `-_.~+%` only"
        } else if name.starts_with("goog") {
            "names that begin with `goog` are Google's own"
        } else {
            return Ok(self);
        };
        let word = self.thing.word();
        let shown = redact::behind_user(name);
        Err(Error::new(Kind::Usage, format!("`{shown}` cannot name a {word}")).because_of(why))
    }
}

/// The URL of what is named so in a project.
pub(super) fn url(project: &str, name: &str) -> String {
    // Of the letters that a name may have, only this one means something in a URL's path.
    format!("pubsub://{project}/{}", name.replace('%', "%25"))
}

/// ``topic `readings` of `project` ``
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` of `{}`", self.thing.word(), self.name, self.project)
    }
}

impl Thing {
    fn word(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Subscription => "subscription",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(text: &str) -> Result<Name> {
        Name::topic(&Location::parse(text).unwrap())
    }

    #[test]
    fn a_name_comes_from_the_url() {
        let name = topic("pubsub://example.com:proj-1/read%25ings~+").unwrap();
        assert_eq!(name.path(), "projects/example.com:proj-1/topics/read%ings~+");
        assert_eq!(name.to_string(), "topic `read%ings~+` of `example.com:proj-1`");
    }

    #[test]
    fn a_bad_name_is_refused_before_anything_is_sent() {
        let long = format!("pubsub://p/{}", "a".repeat(256));
        for text in [
            "pubsub:",
            "pubsub:p/topic",
            "pubsub://p",
            "pubsub:///topic",
            "pubsub://p/",
            "pubsub://p/ab",
            "pubsub://p/1topic",
            "pubsub://p/a/b",
            "pubsub://p/a topic",
            "pubsub://p/töpic",
            "pubsub://p/google-topic",
            "pubsub://P/topic",
            &long,
        ] {
            assert_eq!(topic(text).unwrap_err().kind(), Kind::Usage, "{text}");
        }
    }

    #[test]
    fn a_path_of_the_service_is_a_name() {
        let name = topic("pubsub://p/read%25ings").unwrap();
        assert_eq!(Name::of_topic_path(&name.path()), Some(name.clone()));
        assert_eq!(topic(&name.url()).unwrap(), name);
        let subscription = name.subscription_alike();
        assert_eq!(Name::of_subscription_path(&subscription.path()), Some(subscription));
        assert_eq!(Name::of_topic_path("_deleted-topic_"), None);
    }

    #[test]
    fn dead_letters_have_a_url_that_opens() {
        let url = Location::parse("pubsub://p/s%25.1").unwrap();
        let dead = Name::subscription(&url).unwrap().dead_letters_url();
        assert_eq!(topic(&dead).unwrap().path(), "projects/p/topics/s%.1-dead");
    }
}

//! A job that is looked at, as a message; what is no job is shown as the bytes that it is.

use super::delivery;
use super::job::Job;
use crate::message::{Message, Receipt};
use bytes::Bytes;

/// What is seen of a job.
pub(super) struct Looked {
    pub(super) message: Message,
    /// How often it failed.
    pub(super) fails: u32,
    /// Why it failed the last time.
    pub(super) err: String,
    /// Why it is no job, in words.
    pub(super) unreadable: Option<String>,
}

impl Looked {
    /// Looks at bytes.
    pub(super) fn at(bytes: &Bytes) -> Self {
        match Job::parse(bytes) {
            Ok(job) => Self {
                message: delivery::of(&job, bytes, Receipt("".into())).message,
                fails: job.fails,
                err: job.err,
                unreadable: None,
            },
            Err(poison) => Self {
                message: Message::new(delivery::id_of(bytes), bytes.clone()),
                fails: 0,
                err: String::new(),
                unreadable: Some(poison.0),
            },
        }
    }

    /// Whether it is a job of one of these names; where there are none, it always is.
    pub(super) fn is_of(&self, jobs: &[String]) -> bool {
        jobs.is_empty() || self.message.tag.as_ref().is_some_and(|name| jobs.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &'static str) -> Looked {
        Looked::at(&Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn what_is_no_job_is_named_by_its_bytes_and_shown_as_they_are() {
        let looked = at("rubbish");
        assert_eq!(looked.message.body, "rubbish");
        assert_eq!(looked.unreadable.as_deref(), Some("it is not a JSON object"));
        assert_ne!(looked.message.id, at("other").message.id);
        let job = at(r#"{"name":"a","id":"1","fails":2,"err":"no"}"#);
        assert_eq!((job.fails, job.err.as_str(), job.unreadable), (2, "no", None));
    }

    #[test]
    fn jobs_are_chosen_by_their_names() {
        let (a, poison) = (at(r#"{"name":"a"}"#), at("[]"));
        let names = |name: &str| vec![name.to_owned()];
        assert!(a.is_of(&[]) && a.is_of(&names("a")) && !a.is_of(&names("b")));
        assert!(poison.is_of(&[]) && !poison.is_of(&names("a")));
    }
}

//! What an error of a service means for a queue: its class tells what becomes of the messages, and
//! which exit code the whole of it has. A backend gives its table of codes, and what to do about them.

use super::Published;
use crate::error::{Error, Kind};
use crate::text;
use std::fmt::Display;

/// Longer texts are cut: a proxy may answer with a whole page.
const LONGEST_REASON: usize = 300;

/// The classes of error that are treated differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// What was to be made is there already, perhaps set up otherwise.
    Exists,
    /// The queue, topic or subscription does not exist.
    Missing,
    /// The service says that we may not.
    Forbidden,
    /// We have no credentials to show, or none that the service knows.
    Anonymous,
    /// The receipt is none, or none any more.
    NotInFlight,
    /// The service says no to what this request holds, and always will.
    Refused,
    /// The service says no to any such request, as things are.
    Misconfigured,
    /// The service answered, but cannot do it now.
    Busy,
    /// There was no answer.
    Unreachable,
}

impl ErrorClass {
    /// The kind of an error of the whole queue.
    fn kind(self) -> Kind {
        match self {
            Self::Missing | Self::Busy | Self::Unreachable => Kind::Unreachable,
            Self::Forbidden | Self::Anonymous => Kind::Credentials,
            Self::Misconfigured => Kind::Configuration,
            Self::Exists | Self::Refused | Self::NotInFlight => Kind::Failed,
        }
    }
}

/// The name of what an error is about, a queue, a topic or a subscription, which knows the service's
/// remedies.
pub trait Hints: Display {
    /// What to do about an error of this class, where anything can be done.
    fn hint(&self, class: ErrorClass) -> Option<String>;
}

/// An error of a service: its class, and words that hold no payload.
#[derive(Debug, Clone)]
pub struct ServiceError {
    /// What it means for us.
    pub class: ErrorClass,
    /// Why, on one line.
    pub reason: String,
}

impl ServiceError {
    /// An error in the service's words, which are put on one line, and cut where they are long.
    pub fn new(class: ErrorClass, words: &str) -> Self {
        Self { class, reason: text::one_line(words, LONGEST_REASON) }
    }

    /// The service did not answer in time.
    pub fn silence() -> Self {
        Self::new(ErrorClass::Unreachable, "there was no answer in time")
    }

    /// Whether another try may succeed.
    pub fn may_pass(&self) -> bool {
        matches!(self.class, ErrorClass::Busy | ErrorClass::Unreachable)
    }

    /// Whether no request can escape it, whatever it holds.
    pub fn is_of_the_queue(&self) -> bool {
        matches!(
            self.class,
            ErrorClass::Missing
                | ErrorClass::Forbidden
                | ErrorClass::Anonymous
                | ErrorClass::Misconfigured
        )
    }

    /// The error of a whole queue, with exit code and hint: `what` failed, at `name`.
    pub fn to_error(&self, what: &str, name: &impl Hints) -> Error {
        let error = Error::new(self.class.kind(), format!("{what} {name}"));
        let error = error.because_of(&self.reason);
        let error = if self.class == ErrorClass::Missing { error.of_missing() } else { error };
        match name.hint(self.class) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// What became of one message, before it is clear what that means for the batch.
pub type Sent = Result<(), Failure>;

/// Why a message did not come through.
#[derive(Debug, Clone)]
pub enum Failure {
    /// The message, or the request that carried it, failed.
    Service(ServiceError),
    /// Nothing was sent, because a message before it in its group did not come through.
    Behind,
}

impl Failure {
    /// Whether the service will never take what was sent.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Service(error) if error.class == ErrorClass::Refused)
    }
}

/// The publisher's answer for a message that was sent, where nothing is wrong with the whole queue.
pub fn published(sent: Sent) -> Published {
    match sent {
        Ok(()) => Published::Accepted,
        Err(Failure::Service(error)) if error.class == ErrorClass::Refused => {
            Published::Refused(error.reason)
        }
        Err(Failure::Service(error)) => Published::Retry(error.reason),
        Err(Failure::Behind) => {
            Published::Retry("a message before it in its group failed".to_owned())
        }
    }
}

/// The error that is the whole queue's: that which no message can escape; or, where no message
/// came through, that there was no answer.
pub fn whole_queue<'s>(sent: impl Iterator<Item = &'s Sent> + Clone) -> Option<&'s ServiceError> {
    let errors = || {
        sent.clone().filter_map(|sent| match sent {
            Err(Failure::Service(error)) => Some(error),
            _ => None,
        })
    };
    let silent = || {
        let all_failed = sent.clone().all(Result::is_err);
        let unanswered = errors().all(|error| error.class == ErrorClass::Unreachable);
        errors().next().filter(|_| all_failed && unanswered)
    };
    errors().find(|error| error.is_of_the_queue()).or_else(silent)
}

/// What went wrong at first, in `outer`'s words, and what was behind it all: what is between the two
/// repeats them.
pub fn with_root(outer: &str, error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    match causes.last().map(ToString::to_string) {
        Some(root) if !outer.contains(&root) => format!("{outer}: {root}"),
        _ => outer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(class: ErrorClass) -> ServiceError {
        ServiceError::new(class, "so it is")
    }

    fn failed(class: ErrorClass) -> Sent {
        Err(Failure::Service(of(class)))
    }

    /// A name of a service that knows what to do about what is missing, and of nothing else.
    struct Name;

    impl Display for Name {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("queue `q`")
        }
    }

    impl Hints for Name {
        fn hint(&self, class: ErrorClass) -> Option<String> {
            (class == ErrorClass::Missing).then(|| "make it".to_owned())
        }
    }

    #[test]
    fn words_of_a_service_are_one_line_and_not_long() {
        let error = ServiceError::new(ErrorClass::Busy, &format!("a\r\nb\u{7}{}", "é".repeat(400)));
        assert_eq!(error.reason, format!("a b {}…", "é".repeat(LONGEST_REASON - 4)));
    }

    #[test]
    fn the_class_tells_the_exit_code_and_the_name_the_hint() {
        for (class, code) in [
            (ErrorClass::Exists, 1),
            (ErrorClass::Missing, 69),
            (ErrorClass::Forbidden, 77),
            (ErrorClass::Anonymous, 77),
            (ErrorClass::NotInFlight, 1),
            (ErrorClass::Refused, 1),
            (ErrorClass::Misconfigured, 78),
            (ErrorClass::Busy, 69),
            (ErrorClass::Unreachable, 69),
        ] {
            let error = of(class).to_error("cannot look at", &Name);
            assert_eq!(error.kind().code(), code, "{class:?}");
            assert_eq!(error.one_line(), "cannot look at queue `q`: so it is");
            let is_missing = class == ErrorClass::Missing;
            assert_eq!(error.remedy(), is_missing.then_some("make it"));
            assert_eq!(error.is_missing(), is_missing);
        }
    }

    #[test]
    fn only_what_will_never_be_taken_is_refused() {
        let retry = |why: &str| Published::Retry(why.to_owned());
        assert_eq!(published(Ok(())), Published::Accepted);
        let refused = Published::Refused("so it is".to_owned());
        assert_eq!(published(failed(ErrorClass::Refused)), refused);
        assert_eq!(published(failed(ErrorClass::Busy)), retry("so it is"));
        let behind = "a message before it in its group failed";
        assert_eq!(published(Err(Failure::Behind)), retry(behind));
    }

    #[test]
    fn silence_is_the_queues_only_where_nothing_came_through() {
        let silent = || failed(ErrorClass::Unreachable);
        let is_whole = |sent: &[Sent]| whole_queue(sent.iter()).is_some();
        assert!(is_whole(&[silent(), Err(Failure::Behind)]));
        assert!(!is_whole(&[silent(), Ok(())]));
        assert!(!is_whole(&[silent(), failed(ErrorClass::Busy)]));
        assert!(is_whole(&[Ok(()), failed(ErrorClass::Missing)]));
        assert!(!is_whole(&[]));
    }
}

//! `--on-failure first`: what fails run after run is told once, and then that it is over.
//!
//! What was told is remembered in a file for each pair of ends, keyed by what their URLs mean. It
//! silences text and nothing else: the exit code is that of the run. Whatever goes wrong with the file
//! is told, and silences nothing.

use super::whole_file;
use super::withheld::Withheld;
use crate::error::{Error, Kind};
use crate::text;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The folder of these files, in the user's data folder.
const FOLDER: &str = "failing";

/// What such a file says: `{"kakehi":"failing",...}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    kakehi: String,
    version: u32,
    /// When the first run failed.
    since: DateTime<Utc>,
    /// The failures that were told since then.
    told: Vec<String>,
}

/// Runs between two ends that may have failed before.
#[derive(Debug)]
pub struct Failing {
    path: PathBuf,
    before: Option<State>,
}

/// What is to be said of a run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Whether the run's own texts are told.
    pub(super) aloud: bool,
    /// What is told besides, a fragment a line.
    pub(super) remarks: Vec<String>,
}

/// The file of runs of a program between these two ends, by names that outlive what is there now.
pub(super) fn path(data_dir: &Path, program: &str, ends: [&str; 2]) -> PathBuf {
    let name = text::short_name(ends.join("\n"));
    data_dir.join(FOLDER).join(format!("{program}-{name}.json"))
}

impl Failing {
    /// Reads what was told before; from then on log lines are kept back, where anything was.
    pub(super) fn open(path: PathBuf, withheld: &Withheld) -> Self {
        let before = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).ok().filter(State::is_ours),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                let name = text::of_name(&path);
                tracing::warn!(
                    "what was told of failures before cannot be read: `{name}`: {error}"
                );
                None
            }
        };
        if before.is_some() {
            withheld.begin();
        }
        Self { path, before }
    }

    /// Whether a failure of this kind was told before.
    pub(super) fn knows(&self, error: &Error) -> bool {
        let told = self.before.as_ref().map(|before| &before.told);
        told.is_some_and(|told| told.contains(&error.likeness()))
    }

    /// Decides what is told of a run that ended so, and remembers it; `sent` is what a run that went
    /// well got done, in words.
    pub(super) fn judge(&self, failure: Option<&Error>, now: DateTime<Utc>, sent: &str) -> Verdict {
        match (failure, &self.before) {
            (None, None) => Verdict { aloud: true, remarks: Vec::new() },
            (None, Some(before)) => self.over(before, now, sent),
            (Some(error), before) => self.failed(error, before.as_ref(), now),
        }
    }

    fn over(&self, before: &State, now: DateTime<Utc>, sent: &str) -> Verdict {
        let time = (now - before.since).to_std().unwrap_or_default();
        let mut remarks = vec![format!("back after {}{sent}", about(time))];
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                remarks.push(self.cannot("forget", &error));
            }
            _ => {}
        }
        Verdict { aloud: true, remarks }
    }

    fn failed(&self, error: &Error, before: Option<&State>, now: DateTime<Utc>) -> Verdict {
        let likeness = error.likeness();
        let mut state = before.cloned().unwrap_or_else(|| State::new(now));
        let known = state.told.contains(&likeness);
        if !known {
            state.told.push(likeness);
        }
        // Also where nothing is new in it: what cannot be written could not be forgotten either.
        let bytes = serde_json::to_vec(&state).expect("texts and times are JSON");
        match whole_file::replace(&self.path, 0o600, true, &bytes) {
            Ok(()) => Verdict { aloud: !known || is_always_told(error), remarks: Vec::new() },
            Err(cause) => Verdict { aloud: true, remarks: vec![self.cannot("remember", &cause)] },
        }
    }

    fn cannot(&self, verb: &str, cause: &std::io::Error) -> String {
        let path = text::of_name(&self.path);
        format!("cannot {verb} that this was told, so it will be told again: `{path}`: {cause}")
    }
}

impl State {
    fn new(since: DateTime<Utc>) -> Self {
        Self { kakehi: FOLDER.to_owned(), version: 1, since, told: Vec::new() }
    }

    fn is_ours(&self) -> bool {
        self.kakehi == FOLDER && self.version == 1
    }
}

/// Whether a failure is told each time: our own bugs, and command lines that are wrong.
fn is_always_told(error: &Error) -> bool {
    matches!(error.kind(), Kind::Bug | Kind::Usage)
}

/// How long something took, in words: of what is long, the end is left out.
fn about(time: Duration) -> String {
    let seconds = time.as_secs();
    let unit = match seconds {
        0..3600 => 1,
        3600..86_400 => 60,
        _ => 3600,
    };
    humantime::format_duration(Duration::from_secs(seconds - seconds % unit)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn unreachable(what: &str) -> Error {
        Error::new(Kind::Unreachable, what)
    }

    struct Bed {
        folder: tempfile::TempDir,
        now: DateTime<Utc>,
    }

    impl Bed {
        fn new() -> Self {
            let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
            Self { folder: tempfile::tempdir().unwrap(), now }
        }

        fn path(&self) -> PathBuf {
            path(self.folder.path(), "publish", ["a", "b"])
        }

        /// A run an hour after the one before; whether it is told, and what besides.
        fn run(&mut self, failure: Option<Error>) -> (bool, Vec<String>) {
            self.now += TimeDelta::hours(1);
            let failing = Failing::open(self.path(), &Withheld::default());
            let Verdict { aloud, remarks } = failing.judge(failure.as_ref(), self.now, ", 3 sent");
            (aloud, remarks)
        }
    }

    #[test]
    fn the_first_of_a_kind_is_told_and_the_end() {
        let mut bed = Bed::new();
        let told = (true, vec![]);
        let silent = (false, vec![]);
        assert_eq!(bed.run(None), told);
        assert_eq!(bed.run(Some(unreachable("cannot reach `a:1`"))), told);
        assert_eq!(bed.run(Some(unreachable("cannot reach `a:2`"))), silent);
        // Another failure in between is told, once.
        assert_eq!(bed.run(Some(unreachable("cannot reach `b`"))), told);
        assert_eq!(bed.run(Some(unreachable("cannot reach `a:3`"))), silent);
        assert_eq!(bed.run(Some(Error::new(Kind::Spooled, "a message waits"))), told);
        assert_eq!(bed.run(Some(Error::new(Kind::Spooled, "2 messages wait"))), silent);
        let bug = || Some(Error::new(Kind::Bug, "a bug"));
        assert_eq!((bed.run(bug()), bed.run(bug())), (told.clone(), told.clone()));
        assert_eq!(bed.run(None), (true, vec!["back after 8h, 3 sent".to_owned()]));
        assert_eq!(bed.run(None), told);
        assert_eq!(bed.run(Some(unreachable("cannot reach `b`"))), told);
    }

    #[test]
    fn log_lines_are_kept_back_only_where_something_was_told() {
        let mut bed = Bed::new();
        let withheld = Withheld::default();
        drop(Failing::open(bed.path(), &withheld));
        assert!(withheld.tells("x\n"));
        bed.run(Some(unreachable("a")));
        drop(Failing::open(bed.path(), &withheld));
        assert!(!withheld.tells("x\n"));
    }

    #[test]
    fn what_cannot_be_remembered_silences_nothing() {
        let mut bed = Bed::new();
        // A file where the folder should be.
        fs::write(bed.folder.path().join(FOLDER), "").unwrap();
        for _ in 0..2 {
            let (aloud, remarks) = bed.run(Some(unreachable("a")));
            assert!(aloud && remarks[0].starts_with("cannot remember"), "{remarks:?}");
        }
    }

    #[test]
    fn a_file_that_is_damaged_or_of_a_newer_version_says_nothing() {
        let mut bed = Bed::new();
        bed.run(Some(unreachable("a")));
        let text = fs::read_to_string(bed.path()).unwrap();
        for text in [&text[..text.len() / 2], &text.replace("\"version\":1", "\"version\":2"), ""] {
            fs::write(bed.path(), text).unwrap();
            assert_eq!(bed.run(Some(unreachable("a"))), (true, vec![]), "{text}");
        }
    }

    #[test]
    fn each_pair_of_ends_and_each_program_has_a_file_of_its_own() {
        let of = |program, ends| path(Path::new("/data"), program, ends);
        let one = of("publish", ["a", "b"]);
        assert!(one.starts_with("/data/failing"));
        assert!(
            [of("publish", ["b", "a"]), of("subscribe", ["a", "b"])].iter().all(|it| *it != one)
        );
    }
}

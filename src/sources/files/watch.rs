//! `?watch`: who tells us of files that are finished.
//!
//! The system tells when a writer closes a file and when one is renamed into place. What nobody
//! told of (it was there before, it lies on another machine's disk, there were too many changes at
//! once) is found by looking again, and taken when it has been quiet for a while. What is known to
//! be in writing is left alone until its writer closes it, however slow that one is.

use super::pattern::Pattern;
use super::state::Stamp;
use crate::error::{Error, Kind, Result};
use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use rustix::io::Errno;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A file of which no writer is known is finished after this time without a change.
const QUIET: Duration = Duration::from_secs(5);
/// A file that somebody changed without closing it, as `truncate` does, is finished after this time.
const ABANDONED: Duration = Duration::from_secs(60 * 60);
/// How often to look again where nothing is told.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// All that matches.
    All,
    /// Files that are finished: paths from the root.
    At(Vec<PathBuf>),
}

/// Is told of changes below a folder.
pub(super) struct Watch {
    inbox: Arc<Inbox>,
    /// Ends the telling when it goes.
    _watcher: RecommendedWatcher,
    next_look: Instant,
}

/// The error where the system does not tell of changes below a folder.
fn not_watched(folder: &Path, cause: notify::Error) -> Error {
    let refused = match &cause.kind {
        notify::ErrorKind::Io(error) => Errno::from_io_error(error),
        _ => None,
    };
    let hint = match (&cause.kind, refused) {
        (notify::ErrorKind::MaxFilesWatch, _) => "raise `fs.inotify.max_user_watches`",
        (_, Some(Errno::MFILE)) => {
            "too many programs of this user watch folders: end some, or raise \
             `fs.inotify.max_user_instances`"
        }
        (_, Some(Errno::NFILE | Errno::NOMEM)) => "the machine is short of room: run it again",
        (_, Some(Errno::ACCESS | Errno::PERM)) => {
            "let the user that it runs as read the folder and all below it"
        }
        _ => "make the folder first, or check the glob before its first wildcard",
    };
    // Its own words repeat the path in quotes.
    let cause = match cause.kind {
        notify::ErrorKind::Io(error) => error.to_string(),
        notify::ErrorKind::PathNotFound => "there is none".to_owned(),
        kind => notify::Error::new(kind).to_string(),
    };
    let what = format!("cannot watch the folder `{}`", folder.display());
    Error::new(Kind::Configuration, what).because_of(cause).hint(hint)
}

#[derive(Default)]
struct Inbox {
    news: Mutex<News>,
    arrived: Notify,
}

#[derive(Default)]
struct News {
    finished: HashSet<PathBuf>,
    /// Written to, and not closed since.
    writing: HashSet<PathBuf>,
    /// Something happened that is not told file by file.
    look_again: bool,
    broken: Option<String>,
}

impl Watch {
    /// Watches the glob's folder from now on: whatever is finished after this is told.
    ///
    /// # Errors
    /// `Configuration` where there is no such folder, or where the system watches no more.
    pub(super) fn start(pattern: &Pattern) -> Result<Self> {
        let inbox = Arc::new(Inbox::default());
        let failed = |cause| not_watched(pattern.folder(), cause);
        let hear = {
            let inbox = inbox.clone();
            move |event| inbox.hear(event)
        };
        let mut watcher = notify::recommended_watcher(hear).map_err(failed)?;
        watcher.watch(pattern.rooted(), RecursiveMode::Recursive).map_err(failed)?;
        Ok(Self { inbox, _watcher: watcher, next_look: Instant::now() + LOOK_AGAIN })
    }

    /// Waits until there is something to look at. Cancel-safe: it takes only what it returns.
    pub(super) async fn next(&mut self) -> Look {
        loop {
            // What arrives between the look and the wait leaves a permit behind: it is not missed.
            if let Some(look) = self.take() {
                return look;
            }
            tokio::select! {
                () = self.inbox.arrived.notified() => {}
                () = tokio::time::sleep_until(self.next_look) => {
                    self.next_look = Instant::now() + LOOK_AGAIN;
                    return Look::All;
                }
            }
        }
    }

    fn take(&mut self) -> Option<Look> {
        let mut news = self.inbox.lock();
        if let Some(why) = news.broken.take() {
            tracing::warn!("watching has trouble, what is missed is found by looking again: {why}");
        }
        if std::mem::take(&mut news.look_again) {
            news.finished.clear();
            // A folder that is new to us may hold files whose writers we have not heard.
            self.next_look = self.next_look.min(Instant::now() + QUIET);
            return Some(Look::All);
        }
        let finished = std::mem::take(&mut news.finished);
        (!finished.is_empty()).then(|| Look::At(finished.into_iter().collect()))
    }

    /// How long until a file may be taken, as far as can be told now. One that was told of, and not
    /// found by looking, is finished.
    pub(super) fn wait(
        &self,
        path: &Path,
        stamp: &Stamp,
        by_looking: bool,
        now_millis: i64,
    ) -> Duration {
        let age = stamp.age(now_millis);
        match self.inbox.lock().writing.contains(path) {
            true if age < ABANDONED => LOOK_AGAIN,
            false if by_looking => QUIET.saturating_sub(age),
            _ => Duration::ZERO,
        }
    }

    /// Looks again after this time at the latest.
    pub(super) fn look_within(&mut self, time: Duration) {
        self.next_look = self.next_look.min(Instant::now() + time);
    }

    /// Forgets writers of files that are gone.
    pub(super) fn tidy(&self) {
        let paths: Vec<_> = self.inbox.lock().writing.iter().cloned().collect();
        for path in paths.into_iter().filter(|path| !path.exists()) {
            self.inbox.lock().writing.remove(&path);
        }
    }
}

impl Inbox {
    /// Sorts a piece of news in, on the thread of whoever brings it.
    fn hear(&self, event: notify::Result<Event>) {
        let mut news = self.lock();
        match event {
            Ok(event) => news.apply(event),
            Err(error) => {
                news.broken = Some(error.to_string());
                news.look_again = true;
            }
        }
        if news.look_again || !news.finished.is_empty() {
            self.arrived.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, News> {
        self.news.lock().expect("no holder of the lock panics")
    }
}

impl News {
    fn apply(&mut self, event: Event) {
        if event.need_rescan() {
            self.writing.clear();
            self.look_again = true;
        }
        match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => self.finish(event.paths),
            EventKind::Modify(ModifyKind::Name(RenameMode::To)) => self.finish(event.paths),
            EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => {
                let mut paths = event.paths.into_iter();
                if let Some(from) = paths.next() {
                    self.writing.remove(&from);
                }
                self.finish(paths.collect());
            }
            EventKind::Create(CreateKind::File) => {
                event.paths.into_iter().for_each(|it| self.begin(it))
            }
            EventKind::Create(_) => self.look_again = true,
            EventKind::Modify(ModifyKind::Data(_)) => self.writing.extend(event.paths),
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => {
                for path in &event.paths {
                    self.writing.remove(path);
                    self.finished.remove(path);
                }
            }
            _ => {}
        }
    }

    /// A file that was made has a writer, unless it is a link.
    fn begin(&mut self, path: PathBuf) {
        use std::os::unix::fs::MetadataExt as _;
        match path.symlink_metadata() {
            Ok(it) if it.is_symlink() || it.nlink() > 1 => self.finish(vec![path]),
            Ok(_) => drop(self.writing.insert(path)),
            Err(_) => {} // gone already
        }
    }

    fn finish(&mut self, paths: Vec<PathBuf>) {
        for path in paths {
            self.writing.remove(&path);
            // A folder that was moved here comes with all that is in it.
            match path.is_dir() {
                true => self.look_again = true,
                false => drop(self.finished.insert(path)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_what_is_to_be_changed() {
        let io = |errno: Errno| notify::Error::io(errno.into());
        for (cause, remedy) in [
            (io(Errno::MFILE), "max_user_instances"),
            (notify::Error::new(notify::ErrorKind::MaxFilesWatch), "max_user_watches"),
            (io(Errno::ACCESS), "read the folder"),
            (io(Errno::NOENT), "make the folder first"),
            (notify::Error::path_not_found(), "make the folder first"),
        ] {
            let error = not_watched(Path::new("in"), cause);
            assert!(error.remedy().is_some_and(|it| it.contains(remedy)), "{error:?}");
        }
    }
}

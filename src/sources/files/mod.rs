//! `files:GLOB?store=STORE-URL`: each file is put into an object store, and a message tells of it.
//!
//! A file is in the store before its message is read from here, and it is remembered after the
//! queue took that: whatever is cut off in between is done again, over the same object and under the
//! same id. The id is a digest of the place, the key and the content; so a file that comes back as
//! it was is the same message, and one that changed is another one. Its object is replaced then:
//! who reads the first message late gets the newer content.
//!
//! The key is the file's path below the folder before the first wildcard, behind `prefix`. Two runs
//! that share a store are kept apart by that alone.

mod backend;
mod intake;
mod options;
mod pattern;
mod sight;
mod state;
mod take;
mod walk;
mod watch;

pub use backend::FilesBackend;

use super::polling::Uncommitted;
use super::state_file;
use super::{Batch, Options, Source, Stop};
use crate::clients::object_store::Store;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::text;
use intake::{Intake, Piece, ToRemember, shown};
use options::FilesOptions;
use pattern::Pattern;
use sight::{Sighted, sight};
use state::{Memory, Refused, Stamp};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use take::{Found, Taker};
use walk::Walk;
use watch::{Look, Watch};

const SOURCE: &str = "files";

/// A store that was unreachable is tried again after this time, where we stay.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Opens the store, and the state file of this glob and store.
///
/// `?store=URL` is where the files go, `?prefix=TEXT` stands before each key, `?max-size=BYTES`
/// refuses larger files, `?state=FILE` is where it is remembered what was published, `?watch` stays
/// and takes new files as they are finished.
///
/// # Errors
/// `Usage` for a glob or a parameter that cannot be; `Configuration` for a store or a state file
/// that cannot be used, and for a folder that cannot be watched.
pub async fn open(url: Location, options: &Options) -> Result<Box<dyn Source>> {
    let Setup { pattern, store, prefix, max_size, state, watch } = setup(url, options).await?;
    let memory = Memory::open(state)?;
    let watch = if watch { Some(Watch::start(&pattern)?) } else { None };
    let clock = options.clock.clone();
    let dry_run = options.dry_run;
    let taker = Taker { store, prefix, max_size, dry_run, clock };
    Ok(Box::new(Files {
        pattern: Arc::new(pattern),
        taker: Arc::new(taker),
        memory,
        watch,
        due: None,
        intake: Intake::new(options.limits()),
        refused: BTreeMap::new(),
        uncommitted: Uncommitted::new(),
        nothing: None,
        had_folder: true,
        stopped: false,
    }))
}

/// What is read, and where it goes.
struct Setup {
    pattern: Pattern,
    store: Store,
    prefix: String,
    max_size: u64,
    state: PathBuf,
    watch: bool,
}

async fn setup(url: Location, options: &Options) -> Result<Setup> {
    let parsed = FilesOptions::of(url)?;
    let store = Store::open(parsed.needed_store()?, &options.environment).await?;
    let FilesOptions { pattern, prefix, max_size, state, watch, bare, .. } = parsed;
    let inside = |folder: &Path| pattern.folder().canonicalize().is_ok_and(|it| it == folder);
    if store.folder().is_some_and(inside) {
        return Err(Error::new(Kind::Configuration, format!("`{bare}` would read what it writes"))
            .because_of("the store is the folder in which the files are looked for")
            .hint("name another folder with `store`"));
    }
    store.accepts(&format!("{prefix}x")).map_err(|failure| {
        Error::new(Kind::Usage, format!("`prefix={prefix}` cannot stand before a key"))
            .because_of(failure)
            .hint("write it as `prefix=camera-` or `prefix=camera/`")
    })?;
    let state = match state {
        Some(path) => path,
        None => default_state(options, &pattern, &store, &prefix)?,
    };
    Ok(Setup { pattern, store, prefix, max_size, state, watch })
}

/// The default state file: one for each glob, store and prefix.
fn default_state(
    options: &Options,
    pattern: &Pattern,
    store: &Store,
    prefix: &str,
) -> Result<PathBuf> {
    if options.data_dir.as_os_str().is_empty() {
        return Err(Error::new(Kind::Configuration, "there is no place for the state of `files:`")
            .because_of("neither `HOME` nor `XDG_DATA_HOME` is set")
            .hint("name a file with `state=FILE`"));
    }
    let place = match store.folder() {
        Some(folder) => text::of_name(folder),
        None => store.to_string(),
    };
    let file =
        |name: String| options.data_dir.join(format!("files-{}.json", text::short_name(name)));
    let (real, rooted) = (pattern.real_folder(), text::of_name(pattern.rooted()));
    let own = file(format!("{real}\n{}\n{place}\n{prefix}", pattern.below_folder()));
    // Older versions knew folder, glob and endpoint as they were spelled.
    let older = store.older_identities().iter().chain([&place]);
    let older = older.map(|it| file(format!("{rooted}\n{}\n{it}\n{prefix}", pattern.text())));
    Ok(state_file::renamed(own, older))
}

/// Walks folders on a thread that may wait.
async fn walk(pattern: Arc<Pattern>) -> Result<Walk> {
    let walked = tokio::task::spawn_blocking(move || pattern.walk()).await;
    walked
        .map_err(|cause| Error::new(Kind::Bug, "the walk through the folders broke").because(cause))
}

struct Files {
    pattern: Arc<Pattern>,
    taker: Arc<Taker>,
    memory: Memory,
    watch: Option<Watch>,
    /// What is to be looked at next.
    due: Option<Look>,
    intake: Intake,
    /// What was refused as it is: said once, and not again before it changes.
    refused: BTreeMap<PathBuf, Stamp>,
    uncommitted: Uncommitted<ToRemember>,
    /// What the last look at everything has not found.
    nothing: Option<String>,
    /// The folder was there at that look.
    had_folder: bool,
    /// No more files are taken.
    stopped: bool,
}

#[async_trait::async_trait]
impl Source for Files {
    async fn read(&mut self, tick: u64) -> Result<Option<Batch>> {
        if self.uncommitted.begins(tick) {
            // A tick begins with a look at everything.
            self.intake.clear();
            self.due = Some(Look::All);
        }
        loop {
            if !self.stopped {
                self.look().await?;
            }
            match self.intake.next().await {
                Ok(Some(piece)) => return Ok(Some(self.hand_over(piece))),
                Ok(None) => {}
                Err(failure) => self.wait_for_store(self.unreachable(&failure))?,
            }
            if let Some(same) = self.intake.same()
                && !self.taker.dry_run
            {
                same.into_iter().for_each(|(key, seen)| self.memory.remember(key, seen));
            }
            // With batches on their way this read may be dropped, and the last commit saves.
            if self.uncommitted.is_empty() {
                self.save().await?;
            }
            let Some(watch) = self.watch.as_mut().filter(|_| !self.stopped) else {
                return Ok(None);
            };
            self.due = Some(watch.next().await);
        }
    }

    async fn commit(&mut self, batch: u64) -> Result<()> {
        let ToRemember { seen, refused } = self.uncommitted.take(batch).unwrap_or_default();
        for (key, seen) in seen {
            self.memory.remember(key, seen);
        }
        for (path, refused) in refused {
            self.memory.remember_refused(&path, refused);
        }
        self.save().await
    }

    async fn flush(&mut self) -> Result<()> {
        match self.taker.dry_run {
            true => Ok(()),
            false => self.memory.save(true).await,
        }
    }

    /// A file that is just being put is put again by the next run.
    fn stop(&mut self, _how: Stop) {
        self.stopped = true;
        self.intake.stop();
    }

    fn nothing(&self) -> Option<String> {
        self.nothing.clone()
    }
}

impl Files {
    /// Looks at what is due; files that are to be taken go into the intake.
    async fn look(&mut self) -> Result<()> {
        // It is taken out at the end, so that a look that was dropped is done again.
        let Some(due) = self.due.clone() else { return Ok(()) };
        if self.taker.dry_run && due == Look::All {
            self.taker.store.ping().await.map_err(|failure| self.unreachable(&failure))?;
        }
        let walk = match &due {
            Look::All => walk(self.pattern.clone()).await?,
            Look::At(paths) => {
                let paths = paths.iter().filter_map(|path| self.pattern.matching(path)).collect();
                Walk { paths, ..Walk::default() }
            }
        };
        let (folder, pattern) =
            (self.taker.store.folder().map(Path::to_owned), self.pattern.clone());
        let paths = walk.paths;
        let sighted =
            tokio::task::spawn_blocking(move || sight(paths, &pattern, folder.as_deref()));
        let sighted = sighted
            .await
            .map_err(|cause| Error::new(Kind::Bug, "the look at the files broke").because(cause))?;
        if due == Look::All {
            self.account(&sighted, walk.unread);
        }
        let fresh = self.choose(sighted, due == Look::All);
        self.intake.start(self.taker.clone(), fresh);
        self.due = None;
        Ok(())
    }

    /// What follows from having seen all there is.
    fn account(&mut self, sighted: &[Sighted], unread: Vec<(PathBuf, String)>) {
        self.nothing = None;
        if sighted.is_empty() {
            self.tell_of_no_match();
        } else if unread.is_empty() {
            let prefix = &self.taker.prefix;
            let keys = sighted.iter().filter_map(|it| it.key(prefix)).collect();
            let paths = sighted.iter().map(|it| text::of_name(&it.path)).collect();
            self.memory.keep(&keys, &paths);
        }
        self.refused.retain(|path, _| path.symlink_metadata().is_ok());
        for (path, why) in unread {
            let reason = format!("it cannot be looked into: {why}");
            self.refuse(&path, Stamp::default(), reason, None);
        }
        if let Some(watch) = &self.watch {
            watch.tidy();
        }
    }

    /// Nothing matches. A folder that is missing is told at once, and again when it is back and gone.
    fn tell_of_no_match(&mut self) {
        let (text, folder) = (self.pattern.text(), self.pattern.folder());
        let had_folder = std::mem::replace(&mut self.had_folder, folder.is_dir());
        if self.had_folder {
            tracing::info!("nothing matches `{text}`");
            self.nothing = Some(format!("nothing matches `{text}`"));
        } else if had_folder {
            let folder = folder.display();
            tracing::warn!("nothing matches `{text}`: there is no folder `{folder}`");
        }
    }

    /// The files that are not known as they are, the oldest first.
    fn choose(&mut self, sighted: Vec<Sighted>, by_looking: bool) -> Vec<Found> {
        let on_their_way: HashMap<_, _> = self
            .uncommitted
            .all()
            .flat_map(|known| &known.seen)
            .chain(self.intake.on_their_way())
            .map(|(key, seen)| (key.clone(), seen.clone()))
            .collect();
        let mut fresh = Vec::new();
        for Sighted { path, key, stamp } in sighted {
            if self.refused.get(&path) == Some(&stamp)
                || self.memory.refuses(&path, &stamp, self.taker.max_size)
            {
                tracing::debug!("file `{}` was refused before, as it is", shown(&path));
                continue;
            }
            let key = match key {
                Ok(key) => self.taker.prefix.clone() + &key,
                Err(why) => {
                    let lasts = Refused { stamp, max_size: None };
                    self.refuse(&path, stamp, why.to_owned(), Some(lasts));
                    continue;
                }
            };
            let seen = on_their_way.get(&key).or_else(|| self.memory.get(&key));
            let known = seen.map(|seen| seen.digest.clone());
            if seen.is_some_and(|seen| seen.stamp == Some(stamp))
                || !self.is_due(&path, &stamp, by_looking)
            {
                continue;
            }
            fresh.push(Found { path, key, stamp, known });
        }
        fresh.sort_by(|a, b| (a.stamp.modified, &a.path).cmp(&(b.stamp.modified, &b.path)));
        fresh
    }

    /// Whether a file is finished, as far as can be known; where we do not stay, it is taken as it
    /// is.
    fn is_due(&mut self, path: &Path, stamp: &Stamp, by_looking: bool) -> bool {
        let Some(watch) = &mut self.watch else { return true };
        let Some(from_root) = self.pattern.to_root(path) else { return true };
        let wait = watch.wait(&from_root, stamp, by_looking, self.taker.clock.millis());
        if !wait.is_zero() {
            watch.look_within(wait);
        }
        wait.is_zero()
    }

    fn refuse(&mut self, path: &Path, stamp: Stamp, reason: String, lasts: Option<Refused>) {
        if self.refused.insert(path.to_owned(), stamp) != Some(stamp) {
            self.intake.refuse(path.to_owned(), reason, lasts);
        }
    }

    /// A batch goes out; what its commit is to remember stays here.
    fn hand_over(&mut self, piece: Piece) -> Batch {
        for (path, stamp) in piece.refused {
            self.refused.insert(path, stamp);
        }
        self.uncommitted.hand_over(piece.batch, piece.known)
    }

    fn unreachable(&self, failure: &crate::clients::object_store::Failure) -> Error {
        let store = &self.taker.store;
        store.error(format!("cannot put files into the store `{store}`"), failure)
    }

    /// Where we stay, a store that is away is waited for; nothing of it is remembered meanwhile.
    fn wait_for_store(&mut self, error: Error) -> Result<()> {
        match &mut self.watch {
            Some(watch) if error.kind() == Kind::Unreachable => {
                tracing::warn!("{}: trying again in {TRY_AGAIN:?}", error.one_line());
                watch.look_within(TRY_AGAIN);
                Ok(())
            }
            _ => Err(error),
        }
    }

    async fn save(&mut self) -> Result<()> {
        if self.taker.dry_run {
            return Ok(());
        }
        let last = self.uncommitted.is_empty() && self.intake.is_done();
        self.memory.save(last).await
    }
}

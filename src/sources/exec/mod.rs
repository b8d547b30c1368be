//! `exec:PROGRAM`, or `publish -- COMMAND ARGS...`: what a command prints, lines of JSON, one run a
//! tick.
//!
//! Each line is a message as one of `stdin:` is, with the parameters of that. The lines are published
//! while they come, and what was read stays published however the command ends: an exit code other
//! than 0, and a run that takes longer than `?timeout`, make the run an error, and refuse nothing. Its
//! standard error goes line by line into our log. Each run is a process group of its own, which ends
//! with its time, with us, and when we are killed.

mod run;

use super::lines::{self, LineForm};
use super::{Backend, Batch, Options, Source, Stop};
use crate::clients::command::{End, Program};
use crate::error::{Error, Kind, Result};
use crate::identity::{self, Identity};
use crate::location::Location;
use async_trait::async_trait;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use run::Run;
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

/// The parameters that are not those of `stdin:`.
const OURS: &[&str] = &["timeout"];

/// How long a run may take, unless `?timeout` says otherwise.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The URL of this program as a source; `typed` is what stood in the place of the source beside it:
/// nothing, or the parameters alone, `exec:?id=FIELD`.
///
/// # Errors
/// `Usage` where that is another source.
pub fn url(program: &OsStr, typed: Option<&str>) -> Result<Location> {
    let program = percent_encode(program.as_bytes(), NON_ALPHANUMERIC);
    let typed = typed.unwrap_or("exec:");
    match typed.strip_prefix("exec:") {
        Some(parameters) if parameters.is_empty() || parameters.starts_with('?') => {
            Location::parse(&format!("exec:{program}{parameters}"))
        }
        _ => Err(Error::new(Kind::Usage, "a source and a command are both given")
            .hint("leave one of them out; parameters of a command are written `'exec:?id=FIELD' -- COMMAND`")),
    }
}

/// The kind of source that is a command.
pub struct ExecBackend;

#[async_trait]
impl Backend for ExecBackend {
    fn parameters(&self) -> Vec<&'static str> {
        [lines::PARAMETERS, OURS].concat()
    }

    fn has_path(&self) -> bool {
        true
    }

    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Source>> {
        Ok(Box::new(Exec::new(url, options)?))
    }

    /// Names a program by its file, or by its name where `PATH` leads to it.
    fn identity(&self, url: &Location, _options: &Options) -> Result<Identity> {
        let path = url.file();
        match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => {
                Ok(Identity::in_file(identity::file(&path)?, "").of_kind("command"))
            }
            _ => Ok(Identity::named(url.describe())),
        }
    }
}

/// A command as a source.
struct Exec {
    program: Program,
    form: LineForm,
    timeout: Duration,
    options: Options,
    run: Option<Run>,
    /// The tick of the last run.
    tick: Option<u64>,
    /// Nothing is run any more.
    stopped: bool,
}

impl Exec {
    fn new(mut url: Location, options: &Options) -> Result<Self> {
        let form = LineForm::take(&mut url)?;
        let timeout = url.duration("timeout")?.unwrap_or(TIMEOUT);
        url.finish(&[lines::PARAMETERS, OURS].concat())?;
        let name: OsString = url.file().into_os_string();
        if name.is_empty() {
            return Err(Error::new(Kind::Usage, "`exec:` names no program")
                .hint("write `-- COMMAND ARGS...`, or `exec:PROGRAM`"));
        }
        let program = Program::find(&name, options.arguments.clone(), &options.environment)?;
        let options = options.clone();
        Ok(Self { program, form, timeout, options, run: None, tick: None, stopped: false })
    }

    fn failed(&self, why: impl Display) -> Error {
        Error::new(Kind::Unreachable, format!("cannot read all of `{}`", self.program.name))
            .because_of(why)
            .hint("what it printed before is published; what it says of itself is in the log")
    }

    /// Starts the run of a tick, unless there was one.
    fn begin(&mut self, tick: u64) -> Result<()> {
        if self.tick == Some(tick) || self.stopped {
            return Ok(());
        }
        self.tick = Some(tick);
        let run = Run::start(&self.program, &self.form, self.timeout, &self.options);
        self.run = Some(run.map_err(|cause| self.failed(format!("it does not start: {cause}")))?);
        Ok(())
    }

    /// What follows from how a run ended. After a stop it was asked to end, and did.
    fn judge(&self, end: std::io::Result<End>) -> Result<()> {
        let end = end.map_err(|cause| self.failed(format!("it cannot be waited for: {cause}")))?;
        match end.failure(&self.program.name) {
            Some(why) if !self.stopped => Err(self.failed(why)),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Source for Exec {
    async fn read(&mut self, tick: u64) -> Result<Option<Batch>> {
        self.begin(tick)?;
        let Some(run) = &mut self.run else { return Ok(None) };
        if let Some(batch) = run.read().await? {
            return Ok(Some(batch));
        }
        let end = run.ended().await;
        self.run = None;
        self.judge(end).map(|()| None)
    }

    /// Nothing to do: what a command has printed cannot be read again.
    async fn commit(&mut self, _batch: u64) -> Result<()> {
        Ok(())
    }

    /// Ends a run that was not read to its end: no next tick begins beside it.
    async fn flush(&mut self) -> Result<()> {
        if let Some(mut run) = self.run.take() {
            run.stop(Stop::Now);
            let ended = run.ended().await;
            tracing::debug!(?ended, "a run was ended before its output was");
        }
        Ok(())
    }

    /// A run is asked to end, and what it says until then is read.
    fn stop(&mut self, how: Stop) {
        self.stopped = true;
        if let Some(run) = &mut self.run {
            run.stop(how);
        }
    }

    fn nothing(&self) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_stands_alone_or_behind_its_parameters() {
        let told = |typed| url("mh z19".as_ref(), typed).map(|url| url.to_string());
        assert_eq!(told(None).unwrap(), "exec:mh%20z19");
        assert_eq!(told(Some("exec:")).unwrap(), "exec:mh%20z19");
        assert_eq!(told(Some("exec:?id=a&timeout=1s")).unwrap(), "exec:mh%20z19?id=a&timeout=1s");
        for other in ["stdin:", "exec:other", "exec:other?id=a"] {
            assert_eq!(told(Some(other)).unwrap_err().kind(), Kind::Usage, "{other}");
        }
    }
}

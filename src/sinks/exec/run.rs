//! One run of the command, from its start to its outcome.

use super::{outcome, variables};
use crate::checkins::Checkins;
use crate::clients::command::{self, End, Expected, Group, Groups, LAST_WORDS, Program};
use crate::descriptors::Standard;
use crate::envelope::Envelope;
use crate::environment::Environment;
use crate::message::{Delivery, Receipt};
use crate::sinks::{Outcome, stdout};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Seek as _, Write as _};
use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::BufReader;
use tokio::process::Child;
use tokio::time::timeout;

/// How a line begins by which a job says how far it is.
const CHECKIN: &str = "checkin: ";

/// What a run is given.
pub enum Input<'b> {
    /// A message: its body, and the rest of it in variables.
    Body(&'b Delivery),
    /// Messages as lines of JSON.
    Lines(Vec<&'b Delivery>),
}

/// Runs one program, with all that its runs have in common.
pub struct Runner {
    program: Program,
    timeout: Duration,
    environment: Vec<(OsString, OsString)>,
    groups: Arc<Groups>,
    checkins: Checkins,
}

impl Runner {
    pub fn new(
        program: Program,
        timeout: Duration,
        environment: &Environment,
        groups: Arc<Groups>,
        checkins: Checkins,
    ) -> Self {
        let foreign = |name: &OsString| !name.to_str().is_some_and(variables::is_of_a_message);
        let environment = environment.without_secrets().filter(|(name, _)| foreign(name));
        Self { program, timeout, environment: environment.collect(), groups, checkins }
    }

    pub fn program(&self) -> &Program {
        &self.program
    }

    pub async fn close(&self) {
        self.groups.close().await;
    }

    /// Runs it once, and says what that makes of every message of the input.
    pub async fn run(&self, input: Input<'_>) -> Outcome {
        let variables = match &input {
            Input::Lines(_) => BTreeMap::new(),
            Input::Body(delivery) => match variables::of(delivery) {
                Ok(variables) => variables,
                Err(reason) => return Outcome::Reject(reason),
            },
        };
        let size = variables::size(&variables);
        let expected = self.groups.expect();
        let stdin = match input.to_file(expected.mark()) {
            Ok(stdin) => stdin,
            Err(cause) => return no_input(&self.program.name, &cause),
        };
        let (child, group) = match self.start(expected, stdin, variables) {
            Ok(started) => started,
            Err(cause) => return self.not_started(&cause, size),
        };
        let ended = self.watch(child, group, &input).await;
        match ended.map(|end| outcome::of(end, &self.program.name)) {
            // It was not its messages' fault, and the next run would fare no better.
            Ok(Outcome::Retry(_)) if stdout::reader_is_gone() => Outcome::Closed,
            Ok(outcome) => outcome,
            Err(cause) => Outcome::Unavailable(format!("cannot wait for a command: {cause}")),
        }
    }

    fn start(
        &self,
        expected: Expected,
        stdin: File,
        variables: BTreeMap<String, String>,
    ) -> io::Result<(Child, Group)> {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        let variables = self.environment.iter().cloned().chain(variables);
        let child = command::spawn(&self.program, variables, stdin, stdout_of_a_run()?)?;
        fail::fail_point!("exec-started");
        let group = expected.started(child.id().expect("nobody has waited for it"));
        Ok((child, group))
    }

    /// A message whose variables are too large never fits; all else that can go wrong here is the
    /// machine's.
    fn not_started(&self, cause: &io::Error, size: usize) -> Outcome {
        let name = &self.program.name;
        if cause.kind() == ErrorKind::ArgumentListTooLong && size >= variables::SUSPICIOUS_SIZE {
            return Outcome::Reject(format!(
                "its id, group, tag and attributes, {size} bytes, are more than the system gives a command"
            ));
        }
        Outcome::Unavailable(format!("cannot run `{name}`: {cause}"))
    }

    /// Logs a line of the run's standard error, and passes on what a job says of itself, where
    /// somebody listens to that.
    fn tell(&self, line: &str, id: &str, receipt: Option<&Receipt>) {
        let program = &self.program.name;
        let heard = |text| receipt.is_some_and(|receipt| self.checkins.tell(receipt, text));
        match line.strip_prefix(CHECKIN) {
            Some(text) if heard(text) => tracing::info!(id, "`{program}`: {line}"),
            _ => tracing::warn!(id, "`{program}`: {line}"),
        }
    }

    /// Logs what it says until it ends, or its time is over and its whole group is ended.
    async fn watch(&self, mut child: Child, group: Group, input: &Input<'_>) -> io::Result<End> {
        let pipe = BufReader::new(child.stderr.take().expect("it is a pipe"));
        let (id, receipt) = (input.name(), input.receipt());
        let mut said = pin!(command::each_line(pipe, |line| self.tell(line, &id, receipt)));
        let mut ended = pin!(async {
            match timeout(self.timeout, child.wait()).await {
                Ok(status) => {
                    group.leader_ended();
                    status.map(End::Exit)
                }
                Err(_) => {
                    let (status, ()) = tokio::join!(child.wait(), group.end());
                    status.map(|_| End::TimedOut)
                }
            }
        });
        tokio::select! {
            end = &mut ended => {
                let _ = timeout(LAST_WORDS, said).await; // what is in the background may go on for ever
                end
            }
            () = &mut said => ended.await,
        }
    }
}

/// Ours. Where that was closed, one that refuses what is written to it, as a closed one does: it
/// would be gone, and its message would count as stored.
fn stdout_of_a_run() -> io::Result<Stdio> {
    match Standard::Output.was_closed() {
        true => File::open("/dev/null").map(Stdio::from),
        false => Ok(Stdio::inherit()),
    }
}

/// An input that is more than a file may be never fits; all else that can go wrong is the machine's.
fn no_input(program: &str, cause: &io::Error) -> Outcome {
    match cause.kind() {
        ErrorKind::FileTooLarge => {
            Outcome::Reject("its input is more than a file may be here (`ulimit -f`)".to_owned())
        }
        _ => Outcome::Unavailable(format!("cannot give `{program}` its input: {cause}")),
    }
}

impl Input<'_> {
    /// Puts the input into a file in memory, whole before the run starts: a run never sees half of
    /// it, even if we are killed, and may leave it unread. The file's name ends with the run's mark.
    fn to_file(&self, mark: &str) -> io::Result<File> {
        let mut file = command::input(mark)?;
        match self {
            Self::Body(delivery) => file.write_all(&delivery.message.body)?,
            Self::Lines(deliveries) => {
                let mut lines = Vec::new();
                for delivery in deliveries {
                    serde_json::to_writer(&mut lines, &Envelope::of(delivery))?;
                    lines.push(b'\n');
                }
                file.write_all(&lines)?;
            }
        }
        file.rewind()?;
        Ok(file)
    }

    /// What tells its first message from others.
    fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::Body(delivery) => Some(&delivery.receipt),
            Self::Lines(deliveries) => deliveries.first().map(|delivery| &delivery.receipt),
        }
    }

    /// Names the input in the log: the id, or the first of them.
    fn name(&self) -> String {
        match self {
            Self::Body(delivery) => delivery.message.id.clone(),
            Self::Lines(deliveries) => match &deliveries[..] {
                [] => String::new(),
                [only] => only.message.id.clone(),
                [first, rest @ ..] => format!("{} and {} more", first.message.id, rest.len()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn one_input_that_is_too_large_is_refused_and_a_machine_that_is_short_is_an_outage() {
        let outcome = |errno: Errno| no_input("p", &errno.into());
        assert!(matches!(outcome(Errno::FBIG), Outcome::Reject(_)));
        for errno in [Errno::NOMEM, Errno::NOSPC, Errno::MFILE, Errno::NFILE, Errno::DQUOT] {
            assert!(matches!(outcome(errno), Outcome::Unavailable(_)), "{errno:?}");
        }
    }
}

//! One run of the command, from its start to its end.

use crate::clients::command::{self, End, Group, Groups, LAST_WORDS, Program};
use crate::error::Result;
use crate::sources::lines::input::{Descriptor, Input};
use crate::sources::lines::{Brake, LineForm, LineStream};
use crate::sources::{Batch, Options, Stop};
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::BufReader;
use tokio::process::Child;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long the output of a run that was ended may stay open: some process that left its group may
/// hold it.
const LINGERING: Duration = Duration::from_secs(10);

/// A run, and what it prints.
pub(super) struct Run {
    lines: LineStream,
    watch: JoinHandle<io::Result<End>>,
    stop: CancellationToken,
    _drop: DropGuard,
}

impl Run {
    /// Starts the program; its lines are read from the first `read` on.
    pub(super) fn start(
        program: &Program,
        form: &LineForm,
        limit: Duration,
        options: &Options,
    ) -> io::Result<Self> {
        let (output, theirs) = io::pipe()?;
        let brake = Arc::new(Brake::new()?);
        let over = CancellationToken::new();
        let input = Descriptor::new(OwnedFd::from(output), brake.clone())?;
        let input = Box::new(UntilOver { input, _over: over.clone().drop_guard() });
        let groups = Groups::open();
        let expected = groups.expect();
        let stdin = command::input(expected.mark())?;
        let variables = options.environment.without_secrets();
        let child = command::spawn(program, variables, stdin, Stdio::from(theirs))?;
        let group = expected.started(child.id().expect("nobody has waited for it"));
        let stop = CancellationToken::new();
        let watched =
            Watched { name: program.name.clone(), child, group, over, stop: stop.clone() };
        let brake_of_watch = brake.clone();
        let watch = tokio::spawn(async move {
            let end = watched.until_the_end(limit, &brake_of_watch).await;
            groups.close().await;
            end
        });
        let name = format!("`{}`", program.name);
        let lines = LineStream::new(name, form, options, (input, brake), true);
        Ok(Self { lines, watch, _drop: stop.clone().drop_guard(), stop })
    }

    /// The next lines; `None` when the output has ended.
    pub(super) async fn read(&mut self) -> Result<Option<Batch>> {
        self.lines.read().await
    }

    /// How the run ended, once it has. Cancel-safe.
    pub(super) async fn ended(&mut self) -> io::Result<End> {
        (&mut self.watch).await.map_err(io::Error::other).and_then(|end| end)
    }

    /// Asks the run to end; what it prints until then is read, unless it is to end at once.
    pub(super) fn stop(&mut self, how: Stop) {
        self.stop.cancel();
        if how == Stop::Now {
            self.lines.stop(how);
        }
    }
}

/// The output of a run, which tells when it has been read to its end.
struct UntilOver {
    input: Descriptor,
    _over: DropGuard,
}

impl Input for UntilOver {
    fn take(
        &mut self,
        buffer: &mut [u8],
        amount: crate::sources::lines::input::Amount,
    ) -> io::Result<Option<usize>> {
        self.input.take(buffer, amount)
    }
}

/// A process, and what it is watched by.
struct Watched {
    name: String,
    child: Child,
    group: Group,
    /// The output was read to its end.
    over: CancellationToken,
    /// The run is to end.
    stop: CancellationToken,
}

impl Watched {
    /// Logs what the run says of itself until it has ended and its output is over.
    async fn until_the_end(mut self, limit: Duration, brake: &Brake) -> io::Result<End> {
        let pipe = BufReader::new(self.child.stderr.take().expect("it is a pipe"));
        let name = self.name.clone();
        let mut said = pin!(command::each_line(pipe, |line| tracing::warn!("`{name}`: {line}")));
        let mut ended = pin!(self.end(limit, brake));
        tokio::select! {
            end = &mut ended => {
                let _ = timeout(LAST_WORDS, said).await; // what is in the background may go on for ever
                end
            }
            () = &mut said => ended.await,
        }
    }

    async fn end(self, limit: Duration, brake: &Brake) -> io::Result<End> {
        let Self { mut child, group, over, stop, .. } = self;
        let whole = async {
            let status = child.wait().await;
            over.cancelled().await;
            status
        };
        let too_long = tokio::select! {
            status = whole => {
                group.leader_ended();
                return status.map(End::Exit);
            }
            () = stop.cancelled() => false,
            () = tokio::time::sleep(limit) => true,
        };
        let deadline = Instant::now() + LINGERING;
        let (status, ()) = tokio::join!(child.wait(), group.end());
        if timeout_at(deadline, over.cancelled()).await.is_err() {
            brake.pull(Stop::Now);
        }
        if too_long { Ok(End::TimedOut) } else { status.map(End::Exit) }
    }
}

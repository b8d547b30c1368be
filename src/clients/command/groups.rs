//! The process groups of the runs, and what ends them: nothing that a command started outlives us.
//!
//! Three ways lead to that. A run that takes too long is asked to end and then killed. A run that
//! nobody waits for any more is asked to end at once, and `close` kills what does not. And when we
//! are killed ourselves, a guard does both: a shell in a group of its own, which ignores signals,
//! knows the groups, and sees its pipe from us end. A run that had started when we died, and of whose
//! group we could not tell any more, it finds by the name of its input, which no other run has.

use futures_util::future::join_all;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a group may take to end by itself, after it was asked to.
const MOMENT: Duration = Duration::from_secs(2);
/// How often we look whether a group that was asked to end has ended.
const LOOK: Duration = Duration::from_millis(20);

/// The guard: it reads `expect MARK`, `start MARK GROUP`, `never MARK` and `end GROUP` until we are
/// gone, asks the groups that are left to end, and kills them [`MOMENT`] later.
const GUARD: &str = r#"
trap '' HUP INT TERM
groups=' ' marks=' '
without() {
  case $1 in
    *" $2 "*) rest="${1%%" $2 "*} ${1#*" $2 "}" ;;
    *) rest=$1 ;;
  esac
}
while read -r word name group; do
  case $word in
    expect) marks="$marks$name " ;;
    start) without "$marks" "$name"; marks=$rest groups="$groups$group " ;;
    never) without "$marks" "$name"; marks=$rest ;;
    end) without "$groups" "$name"; groups=$rest ;;
  esac
done
for group in $groups; do kill -s TERM -- "-$group"; done
for wait in 1 2 3 4 5 6 7 8 9 10; do
  for mark in $marks; do
    for group in $(ls -l /proc/[0-9]*/fd/0 | sed -n "s|.*/proc/\([0-9]*\)/fd/0 -> .*$mark.*|\1|p"); do
      case $groups in
        *" $group "*) ;;
        *) kill -s TERM -- "-$group" && groups="$groups$group " ;;
      esac
    done
  done
  alive=
  for group in $groups; do kill -s 0 -- "-$group" && alive=1; done
  [ "$alive${marks# }" ] || exit 0
  sleep 0.2
done
for group in $groups; do kill -s KILL -- "-$group"; done
"#;

/// All groups of one source or sink.
pub struct Groups(Mutex<State>);

#[derive(Default)]
struct State {
    guard: Option<Child>,
    /// Groups that were asked to end when their runs were dropped, and were not seen to end yet.
    dropped: Vec<Pid>,
}

impl Groups {
    /// Starts the guard. Without one everything goes on, but for a kill of ourselves.
    pub fn open() -> Arc<Self> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", GUARD]).env_clear().env("PATH", "/usr/bin:/bin").process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let guard = match shell.spawn() {
            Ok(guard) => Some(guard),
            Err(cause) => {
                tracing::warn!(
                    "commands would outlive a `kill -9` of this program: /bin/sh: {cause}"
                );
                None
            }
        };
        Arc::new(Self(Mutex::new(State { guard, ..State::default() })))
    }

    /// Notes that a run is about to start, with a mark that no other run has.
    pub fn expect(self: &Arc<Self>) -> Expected {
        let mark = format!("{:032x}", fastrand::u128(..));
        self.tell_guard(&format!("expect {mark}"));
        Expected { mark, groups: self.clone(), started: false }
    }

    /// Kills the groups that were asked to end and have not, and lets the guard go.
    pub async fn close(&self) {
        let dropped = std::mem::take(&mut self.state().dropped);
        join_all(dropped.iter().map(|id| end(*id))).await;
        for id in dropped {
            self.tell_guard(&format!("end {id}"));
        }
        let guard = self.state().guard.take();
        if let Some(mut guard) = guard {
            drop(guard.stdin.take());
            let waited = tokio::task::spawn_blocking(move || guard.wait()).await;
            tracing::debug!(?waited, "the guard has ended");
        }
    }

    fn tell_guard(&self, line: &str) {
        let mut state = self.state();
        let pipe = state.guard.as_mut().and_then(|guard| guard.stdin.as_mut());
        if let Some(pipe) = pipe
            && let Err(cause) = pipe.write_all(format!("{line}\n").as_bytes())
        {
            tracing::debug!("the guard of the commands is gone: {cause}");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics while holding it")
    }
}

/// A run that is about to start. Dropped before it has, none is expected any more.
pub struct Expected {
    mark: String,
    groups: Arc<Groups>,
    started: bool,
}

impl Expected {
    /// What the file on the run's standard input has in its name.
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// Notes that the run has started, as the leader of a group of its own.
    pub fn started(mut self, leader: u32) -> Group {
        let id = i32::try_from(leader).ok().and_then(Pid::from_raw);
        let id = id.expect("the system's process ids are positive");
        self.started = true;
        self.groups.tell_guard(&format!("start {} {id}", self.mark));
        Group { id, groups: self.groups.clone(), ended: false }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        if !self.started {
            self.groups.tell_guard(&format!("never {}", self.mark));
        }
    }
}

/// One run's group. Dropped before its run has ended, it asks the group to end.
pub struct Group {
    id: Pid,
    groups: Arc<Groups>,
    ended: bool,
}

impl Group {
    /// Notes that the group's leader has ended by itself. What the leader left in the background
    /// stays, as in a shell.
    pub fn leader_ended(mut self) {
        self.ended = true;
        self.groups.tell_guard(&format!("end {}", self.id));
    }

    /// Ends the whole group: asks, waits a moment, kills.
    pub async fn end(mut self) {
        end(self.id).await;
        self.ended = true;
        self.groups.tell_guard(&format!("end {}", self.id));
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.ended {
            signal(self.id, Signal::TERM);
            self.groups.state().dropped.push(self.id);
        }
    }
}

/// Asks a group to end, waits a moment, and kills it. Somebody must reap its leader meanwhile.
async fn end(id: Pid) {
    signal(id, Signal::TERM);
    let deadline = Instant::now() + MOMENT;
    while test_kill_process_group(id).is_ok() {
        if Instant::now() >= deadline {
            return signal(id, Signal::KILL);
        }
        sleep(LOOK).await;
    }
}

fn signal(id: Pid, signal: Signal) {
    match kill_process_group(id, signal) {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(cause) => tracing::warn!("cannot end a command: {cause}"),
    }
}

//! A program that runs, and what ends it.

use crate::support::sandbox::Program;
use crate::support::{pause, system};
use nix::sys::signal::{Signal, kill};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{PidfdFlags, pidfd_open};
use std::io::{Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What has not ended by then hangs.
const DEADLINE: Duration = crate::support::services::EMULATOR_PATIENCE;

/// A program whose streams are fed and read, so that it never waits for us.
pub struct Process {
    child: Kept,
    feeder: JoinHandle<Option<ChildStdin>>,
    stdout: JoinHandle<()>,
    stderr: JoinHandle<()>,
    written: Arc<Mutex<Vec<u8>>>,
    said: Arc<Mutex<Vec<u8>>>,
}

/// A child that does not outlive a test that failed.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended
        let _ = self.0.wait();
    }
}

/// How it ended.
pub struct End {
    /// The exit code; 128 and the signal's number where a signal ended it.
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Process {
    /// Starts it on this input. `hold`: the input does not end before the program does.
    pub fn start(program: Program, input: String, hold: bool) -> Self {
        let mut child = program.spawn();
        let mut stdin = child.stdin.take().expect("a pipe");
        let feeder = std::thread::spawn(move || {
            let _ = stdin.write_all(input.as_bytes()); // a program that was killed reads no more
            hold.then_some(stdin)
        });
        Self::of(child, feeder)
    }

    fn of(mut child: Child, feeder: JoinHandle<Option<ChildStdin>>) -> Self {
        let (written, said) = <(Arc<Mutex<Vec<u8>>>, Arc<Mutex<Vec<u8>>>)>::default();
        let stdout = listen(child.stdout.take().expect("a pipe"), written.clone());
        let stderr = listen(child.stderr.take().expect("a pipe"), said.clone());
        Self { child: Kept(child), feeder, stdout, stderr, written, said }
    }

    /// Starts it on an input that somebody else writes, and that others may read on from.
    pub fn start_on(program: Program, input: impl Into<Stdio>) -> Self {
        let child = program.spawn_on(input);
        Self::of(child, std::thread::spawn(|| None))
    }

    /// What it has written to stdout so far.
    pub fn written(&self) -> String {
        let written = self.written.lock().expect("no holder panics");
        String::from_utf8_lossy(&written).into_owned()
    }

    /// What it has said on stderr so far.
    pub fn said(&self) -> String {
        let said = self.said.lock().expect("no holder panics");
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Waits until this holds, while it runs.
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            let ended = self.child.0.try_wait().expect("our child");
            assert!(ended.is_none(), "it ended before {what}: {}", self.said());
            let waited = start.elapsed();
            assert!(waited < DEADLINE, "not within {DEADLINE:?}: {what}: {}", self.said());
            std::thread::sleep(pause::after(waited, pause::LONGEST));
        }
    }

    /// The most memory that it ever had, in MiB.
    pub fn peak_memory(&self) -> u64 {
        system::peak_memory(self.child.0.id()) >> 20
    }

    /// Whether it has this file open at this moment.
    pub fn opens(&self, path: &std::path::Path) -> bool {
        let Ok(open) = std::fs::read_dir(format!("/proc/{}/fd", self.child.0.id())) else {
            return false;
        };
        let mut links = open.flatten().filter_map(|it| std::fs::read_link(it.path()).ok());
        links.any(|link| link == path)
    }

    /// What the system tells of it: its `comm`, its `cmdline`.
    pub fn facts(&self, what: &str) -> String {
        let path = format!("/proc/{}/{what}", self.child.0.id());
        std::fs::read_to_string(path).expect("it has not been waited for")
    }

    /// Sends a signal, unless it has ended already: then its id may be somebody else's.
    pub fn signal(&mut self, signal: Signal) {
        if self.child.0.try_wait().expect("our child").is_none() {
            kill(system::id(&self.child.0), signal).expect("it has not been waited for");
        }
    }

    /// Sends a signal again and again until it ends: two at once may be heard as one.
    pub fn insist(&mut self, signal: Signal) {
        while self.child.0.try_wait().expect("our child").is_none() {
            self.signal(signal);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until it has been stopped, as SIGSTOP does.
    #[track_caller]
    pub fn wait_until_stopped(&mut self) {
        self.wait_until("it is stopped", |it| {
            system::stat(system::id(&it.child.0)).is_some_and(|told| told.state == 'T')
        });
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.0.try_wait().expect("our child").is_some()
    }

    /// Waits for its end, which must come.
    pub fn end(mut self) -> End {
        let status = self.wait();
        drop(self.feeder.join().expect("no panic"));
        self.stdout.join().expect("no panic");
        self.stderr.join().expect("no panic");
        let written = self.written.lock().expect("no holder panics");
        let said = self.said.lock().expect("no holder panics");
        End {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()),
            stdout: written.clone(),
            stderr: String::from_utf8(said.clone()).expect("stderr is UTF-8"),
        }
    }

    fn wait(&mut self) -> ExitStatus {
        if let Some(status) = self.child.0.try_wait().expect("our child") {
            return status;
        }
        let id = rustix::process::Pid::from_child(&self.child.0);
        let end = pidfd_open(id, PidfdFlags::empty()).expect("it has not been waited for");
        let deadline = Timespec::try_from(DEADLINE).expect("some minutes");
        let mut ends = [PollFd::new(&end, PollFlags::IN)];
        retry_on_intr(|| poll(&mut ends, Some(&deadline))).expect("it is waited for");
        self.child.0.try_wait().expect("our child").unwrap_or_else(|| {
            let (command, said) = (self.facts("cmdline"), self.said());
            panic!("it did not end within {DEADLINE:?}: {command}{said}")
        })
    }
}

impl End {
    /// How many messages the queue had taken by what a publisher logged: the first so many, as
    /// batches are told in the order of reading.
    pub fn taken(&self) -> usize {
        let lines = self.stderr.lines().filter_map(|line| serde_json::from_str(line).ok());
        let taken = |log: serde_json::Value| log["fields"]["taken"].as_u64();
        lines.filter_map(taken).map(|taken| usize::try_from(taken).expect("a small number")).sum()
    }

    /// The summary, where it lived to tell.
    pub fn summary(&self) -> Option<serde_json::Value> {
        let last = self.stderr.lines().last()?;
        serde_json::from_str(last)
            .ok()
            .filter(|json: &serde_json::Value| json["program"].is_string())
    }
}

fn listen(mut pipe: impl Read + Send + 'static, said: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let count @ 1.. = pipe.read(&mut piece).expect("a pipe can be read") {
            said.lock().expect("no holder panics").extend_from_slice(&piece[..count]);
        }
    })
}

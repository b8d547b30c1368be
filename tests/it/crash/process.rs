//! A program that runs, and what ends it.

use crate::sandbox::Program;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdin, ExitStatus};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What has not ended by then hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// A program whose streams are fed and read, so that it never waits for us.
pub struct Process {
    child: Child,
    feeder: JoinHandle<Option<ChildStdin>>,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<Vec<u8>>,
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
        let stdout = read(child.stdout.take().expect("a pipe"));
        let stderr = read(child.stderr.take().expect("a pipe"));
        Self { child, feeder, stdout, stderr }
    }

    /// Sends a signal, unless it has ended already: then its id may be somebody else's.
    pub fn signal(&mut self, signal: Signal) {
        if self.child.try_wait().expect("our child").is_none() {
            let id = i32::try_from(self.child.id()).expect("an id of the system");
            kill(Pid::from_raw(id), signal).expect("it has not been waited for");
        }
    }

    /// Waits until it has been stopped, as SIGSTOP does.
    pub fn wait_until_stopped(&mut self) {
        let facts = format!("/proc/{}/stat", self.child.id());
        let deadline = Instant::now() + DEADLINE;
        loop {
            assert!(self.child.try_wait().expect("our child").is_none(), "it ended before that");
            let facts = std::fs::read_to_string(&facts).expect("it has not been waited for");
            // The name stands in brackets and may hold anything; the state follows it.
            if facts.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')) {
                return;
            }
            assert!(Instant::now() < deadline, "it was not stopped within {DEADLINE:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for its end, which must come.
    pub fn end(mut self) -> End {
        let status = self.wait();
        drop(self.feeder.join().expect("no panic"));
        let stderr = self.stderr.join().expect("no panic");
        End {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()),
            stdout: self.stdout.join().expect("no panic"),
            stderr: String::from_utf8(stderr).expect("stderr is UTF-8"),
        }
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().expect("our child") {
                return status;
            }
            if Instant::now() > deadline {
                self.child.kill().expect("our child");
                panic!("a program did not end within {DEADLINE:?}");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
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

fn read(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    })
}

//! A follower in a process of its own: how long one message takes through it, and how many come out
//! of it while as many as possible go in.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// `subscribe --follow` from an embedded queue to its standard output.
pub struct Follower {
    child: Child,
    lines: BufReader<ChildStdout>,
    folder: std::path::PathBuf,
}

impl Follower {
    /// In this folder, with the queue `follow.db`.
    pub fn start(folder: &Path) -> Self {
        let words = "--from sqlite:follow.db --to stdout: --follow --summary none";
        let mut child = program(env!("CARGO_BIN_EXE_subscribe"), folder, words)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, lines, folder: folder.to_owned() }
    }

    /// From the start of one `publish` of one message to its line here.
    pub fn latency(&mut self) -> Duration {
        let start = Instant::now();
        let publish = self.publish(1);
        self.read(1);
        let took = start.elapsed();
        end(publish);
        took
    }

    /// Lines a second, from the start of one `publish` of so many to the last line.
    pub fn throughput(&mut self, count: usize) -> f64 {
        let start = Instant::now();
        let publish = self.publish(count);
        self.read(count);
        let took = start.elapsed();
        end(publish);
        count as f64 / took.as_secs_f64()
    }

    fn publish(&self, count: usize) -> Child {
        let words = "stdin: --to sqlite:follow.db --summary none";
        let mut publish = program(env!("CARGO_BIN_EXE_publish"), &self.folder, words)
            .stdin(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdin = publish.stdin.take().expect("a pipe");
        let text: String = (0..count).map(|n| format!("{{\"n\":{n}}}\n")).collect();
        std::thread::spawn(move || stdin.write_all(text.as_bytes()));
        publish
    }

    fn read(&mut self, count: usize) {
        let mut line = String::new();
        for _ in 0..count {
            line.clear();
            assert!(self.lines.read_line(&mut line).expect("a pipe") > 0, "it has ended");
        }
    }

    /// Ends it.
    pub fn end(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was started here");
    }
}

fn program(path: &str, folder: &Path, words: &str) -> Command {
    let mut command = Command::new(path);
    command.args(words.split_whitespace()).current_dir(folder).env("HOME", folder);
    command
}

fn end(mut publish: Child) {
    assert!(publish.wait().expect("it was started here").success());
}

//! Jobs through `publish` and `subscribe`.

use super::namespace::{Namespace, connection};
use super::services;
use std::fmt::Write as _;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Lines that become jobs in a namespace of their own.
pub struct Jobs {
    count: usize,
    types: usize,
    namespace: Namespace,
    folder: tempfile::TempDir,
}

/// How fast jobs were worked on, and what for each was sent to the server and done in it.
pub struct Work {
    pub rate: f64,
    pub scripts: f64,
    pub commands: f64,
}

impl Jobs {
    /// Nothing is enqueued yet.
    pub fn new(count: usize, types: usize) -> Self {
        let folder = tempfile::TempDir::with_prefix("kakehi-bench-").expect("a temporary folder");
        let jobs = Self { count, types, namespace: Namespace::new(), folder };
        std::fs::write(jobs.lines(), jobs.text()).expect("room for the jobs");
        jobs
    }

    fn lines(&self) -> PathBuf {
        self.folder.path().join("lines")
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for n in 0..self.count {
            let job = n % self.types;
            writeln!(text, "{{\"n\":{n},\"job\":\"job{job}\",\"to\":\"someone\"}}")
                .expect("memory");
        }
        text
    }

    fn url(&self) -> String {
        let names: Vec<_> = (0..self.types).map(|n| format!("job{n}")).collect();
        let (host, namespace) = (services::redis(), &self.namespace);
        format!("redis://{host}/0?namespace={namespace}&job={}", names.join(","))
    }

    /// Enqueues them all; gives how many a second.
    pub fn publish(&self) -> f64 {
        let source = if self.types == 1 { "stdin:" } else { "stdin:?tag=job" };
        let url = match self.types {
            1 => self.url(),
            _ => format!("redis://{}/0?namespace={}", services::redis(), self.namespace),
        };
        let mut publish = self.program(env!("CARGO_BIN_EXE_publish"));
        publish.args([source, "--to", &url]).stdin(File::open(self.lines()).expect("a file"));
        self.rate(&mut publish)
    }

    /// Works on them all.
    pub fn subscribe(&self) -> Work {
        let before = Counts::now();
        let mut subscribe = self.program(env!("CARGO_BIN_EXE_subscribe"));
        let most = self.count.to_string();
        subscribe.args(["--from", &self.url(), "--to", "stdout:", "--max-messages", &most]);
        let rate = self.rate(subscribe.stdout(Stdio::null()).stdin(Stdio::null()));
        let counts = Counts::now();
        let each = |after: u64, before: u64| (after - before) as f64 / self.count as f64;
        let scripts = each(counts.scripts, before.scripts);
        Work { rate, scripts, commands: each(counts.all, before.all) - scripts }
    }

    fn program(&self, path: &str) -> Command {
        let mut command = Command::new(path);
        command.args(["--summary", "none"]).env_clear().env("HOME", self.folder.path());
        command.current_dir(self.folder.path());
        command
    }

    fn rate(&self, command: &mut Command) -> f64 {
        let start = Instant::now();
        let status = command.status().expect("it starts");
        assert!(status.success(), "{status}");
        self.count as f64 / start.elapsed().as_secs_f64()
    }
}

/// What the server has counted so far: scripts that were run, and commands at all.
struct Counts {
    scripts: u64,
    all: u64,
}

impl Counts {
    fn now() -> Self {
        let info = redis::cmd("INFO").arg("commandstats").query::<String>(&mut connection());
        let mut counts = Self { scripts: 0, all: 0 };
        for line in info.expect("an answer").lines() {
            let Some((name, rest)) = line.split_once(":calls=") else { continue };
            let calls: u64 = rest.split(',').next().and_then(|it| it.parse().ok()).unwrap_or(0);
            counts.all += calls;
            if name.contains("eval") {
                counts.scripts += calls;
            }
        }
        counts
    }
}

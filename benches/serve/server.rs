//! `queue serve` as a process, on a file of its own.

use crate::load::Figures;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

const LISTENING: &str = "listening on http://";

/// A server, which ends with this.
pub struct Server {
    child: Child,
    folder: PathBuf,
    /// `ADDRESS:PORT`
    pub address: String,
}

impl Server {
    pub fn start() -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("serve-bench");
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).expect("a folder");
        let made = queue(&folder).args(["create", "sqlite:q.db?queue=q"]).output();
        assert!(made.expect("it starts").status.success());
        let serve = ["serve", "sqlite:q.db", "--listen", "127.0.0.1:0"];
        let mut child = queue(&folder).args(serve).stderr(Stdio::piped()).spawn().expect("a start");
        let mut said = String::new();
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        stderr.read_line(&mut said).expect("a line");
        let address = said.strip_prefix(LISTENING).unwrap_or_else(|| panic!("{said}"));
        Self { child, folder, address: address.trim().to_owned() }
    }

    /// Runs a load, and prints what it shows, with the server's processor time for each thing.
    pub async fn measure(&self, what: &str, load: impl Future<Output = Figures>) -> Figures {
        let before = cpu(self.child.id());
        let figures = load.await;
        figures.print(what, Some(cpu(self.child.id()) - before));
        figures
    }

    /// Prints how much memory it has now, and the most that it had, in MiB.
    pub fn print_memory(&self, when: &str) {
        let path = format!("/proc/{}/status", self.child.id());
        let facts = std::fs::read_to_string(path).expect("it runs");
        let mebibytes = |name: &str| {
            let line = facts.lines().find_map(|line| line.strip_prefix(name)).expect("Linux tells");
            line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
        };
        let [now, most] = ["VmRSS:", "VmHWM:"].map(mebibytes);
        println!("memory {when}: {now:.0} MiB, at most {most:.0} MiB");
    }
}

/// Processor time of a process so far, in seconds.
fn cpu(id: u32) -> f64 {
    let facts = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("it runs");
    // The name stands in brackets and may hold anything; user and system time follow it.
    let (_, facts) = facts.rsplit_once(") ").expect("a name");
    let ticks = facts.split(' ').skip(11).take(2).map(|it| it.parse::<f64>().expect("a number"));
    ticks.sum::<f64>() / 100.0
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

fn queue(folder: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_queue"));
    command.env_clear().env("HOME", folder).current_dir(folder).stdout(Stdio::null());
    command
}

//! What lies in `cron/`, or was installed from there: crontabs and units, parsed, and the API that they ask.

use crate::support::built::programs;
use crate::support::sandbox::Run;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A file of `cron/`.
pub fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cron").join(name)
}

/// The text of a file.
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

/// The API, as `serve_fixture` plays it; ends with this value.
pub struct Api {
    server: Child,
    pub address: String,
}

impl Api {
    pub fn start() -> Self {
        let devices =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fixtures/devices_typical.json");
        let mut server = Command::new(programs().join("serve_fixture"))
            .arg(devices)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut address = String::new();
        let stdout = server.stdout.take().expect("stdout is a pipe");
        BufReader::new(stdout).read_line(&mut address).expect("the server's address");
        Self { server, address: address.trim().to_owned() }
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

/// A crontab: its variables, and its lines as schedule and command.
pub struct Crontab {
    pub variables: BTreeMap<String, String>,
    pub lines: Vec<(String, String)>,
}

impl Crontab {
    pub fn parse(text: &str) -> Self {
        let mut crontab = Self { variables: BTreeMap::new(), lines: Vec::new() };
        for line in text.lines().map(str::trim) {
            let words: Vec<_> = line.splitn(6, ' ').collect();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match (line.split_once('='), words.as_slice()) {
                (Some((name, value)), _) if !name.contains(' ') => {
                    crontab.variables.insert(name.to_owned(), value.to_owned());
                }
                (_, [schedule @ .., command]) if schedule.len() == 5 => {
                    crontab.lines.push((schedule.join(" "), (*command).to_owned()));
                }
                _ => panic!("not a line of a crontab: {line}"),
            }
        }
        crontab
    }

    /// Runs a command in the environment that cron gives: what the crontab sets, and little else.
    pub fn run(&self, command: &str, home: &Path) -> Run {
        let output = Command::new(&self.variables["SHELL"])
            .args(["-c", command])
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("LOGNAME", "me")])
            .env("HOME", home)
            .current_dir(home)
            .stdin(Stdio::null())
            .output()
            .expect("the shell starts");
        Run::of(output)
    }
}

/// A unit file: the values of each `Section.Key`, in their order.
pub fn unit(path: &Path) -> BTreeMap<String, Vec<String>> {
    let mut section = String::new();
    let mut keys = BTreeMap::<_, Vec<_>>::new();
    for line in read(path).lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        } else if let Some(header) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = header.to_owned();
        } else {
            let (key, value) =
                line.split_once('=').unwrap_or_else(|| panic!("{}: {line}", path.display()));
            keys.entry(format!("{section}.{key}")).or_default().push(value.to_owned());
        }
    }
    keys
}

//! A folder of its own, an environment of its own, and the programs in it.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// What `KAKEHI_CONFIG` says where no file is to be read, as that of the machine that tests run on.
pub const NO_CONFIG: &str = "/dev/null";

/// A fresh home folder; removed when it goes out of scope.
pub struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    pub fn new() -> Self {
        Self { dir: TempDir::with_prefix("kakehi-test-").expect("a temporary folder") }
    }

    /// The folder, which is the programs' working folder and their home.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("a file in the sandbox");
        path
    }

    pub fn publish(&self) -> Program {
        self.program(env!("CARGO_BIN_EXE_publish"))
    }

    pub fn subscribe(&self) -> Program {
        self.program(env!("CARGO_BIN_EXE_subscribe"))
    }

    pub fn queue(&self) -> Program {
        self.program(env!("CARGO_BIN_EXE_queue"))
    }

    pub fn store(&self) -> Program {
        self.program(env!("CARGO_BIN_EXE_store"))
    }

    /// A script for `bash`, whose `$0` is this program.
    pub fn shell(&self, script: &str, program: &str) -> Program {
        self.program("bash").arg("-c").arg(script).arg(program)
    }

    /// A program that is not ours.
    pub fn command(&self, path: impl AsRef<OsStr>) -> Program {
        self.program(path)
    }

    fn program(&self, path: impl AsRef<OsStr>) -> Program {
        let mut command = Command::new(path);
        command
            .env_clear()
            .env("HOME", self.dir())
            .env("KAKEHI_CONFIG", NO_CONFIG)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(self.dir());
        Program { command, stdin: Vec::new() }
    }
}

/// A program about to be run: arguments, environment, standard input.
pub struct Program {
    command: Command,
    stdin: Vec<u8>,
}

impl Program {
    /// Arguments in one string, split at spaces.
    pub fn args(mut self, words: &str) -> Self {
        self.command.args(words.split_whitespace());
        self
    }

    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.command.arg(word);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Has the program begun by a shell script that ends with `exec "$@"`.
    pub fn through_shell(self, script: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(self.command.get_program());
        command.args(self.command.get_args()).env_clear();
        for (name, value) in self.command.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        if let Some(folder) = self.command.get_current_dir() {
            command.current_dir(folder);
        }
        Self { command, stdin: self.stdin }
    }

    /// Runs it to its end.
    pub fn run(self) -> Run {
        let stdin = self.stdin.clone();
        let mut child = self.spawn();
        let mut pipe = child.stdin.take().expect("stdin is a pipe");
        // A program that does not read its input closes it: no failure of the test.
        let feeder = std::thread::spawn(move || {
            let _ = pipe.write_all(&stdin);
        });
        let output = child.wait_with_output().expect("the program's output");
        feeder.join().expect("the feeder does not panic");
        Run::of(output)
    }

    /// Starts it with all three streams as pipes; the caller writes, reads, kills and waits.
    pub fn spawn(self) -> Child {
        self.spawn_on(Stdio::piped())
    }

    /// Starts it on this input, with the other two streams as pipes.
    pub fn spawn_on(mut self, stdin: impl Into<Stdio>) -> Child {
        self.command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    }
}

/// What a program did.
#[derive(Debug)]
pub struct Run {
    /// The exit code; 128 and the signal's number where a signal ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn of(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        let status = output.status;
        Self {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    /// Fails the test with both streams unless the exit code is this one.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

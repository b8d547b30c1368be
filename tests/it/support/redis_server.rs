//! A Redis of a test's own, which it may stop, break and start again.

use crate::support::pause;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// By then a server must answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The file of settings in a server's folder.
const SETTINGS: &str = "redis.conf";

/// A server with a folder of its own, on a free port of loopback.
pub struct RedisServer {
    folder: TempDir,
    port: u16,
    arguments: Vec<String>,
    process: Child,
}

impl RedisServer {
    /// Starts one that keeps nothing on disk, with these arguments besides, and waits until it answers.
    pub fn start(arguments: &str) -> Self {
        Self::start_with("", arguments)
    }

    /// Starts one with these lines in its file of settings, which a server may write itself.
    pub fn start_with(settings: &str, arguments: &str) -> Self {
        let port = free_port();
        let folder = TempDir::with_prefix("kakehi-redis-").expect("a temporary folder");
        std::fs::write(folder.path().join(SETTINGS), settings).expect("a file of settings");
        let arguments: Vec<_> = arguments.split_whitespace().map(str::to_owned).collect();
        let process = launch(&folder, port, &arguments);
        let server = Self { folder, port, arguments, process };
        server.wait_until_it_answers();
        server
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection of the test's own.
    pub fn connect(&self) -> redis::Connection {
        connect(&self.address())
    }

    /// Sends it a signal, as SIGSTOP.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id()).expect("an id of the system");
        kill(Pid::from_raw(id), signal).expect("it has not been waited for");
    }

    /// Ends it in the middle of whatever it does.
    pub fn end(&mut self) {
        let _ = self.process.kill(); // it may have ended
        let _ = self.process.wait();
    }

    /// Starts it again, on its port and with its files.
    pub fn start_again(&mut self) {
        self.end();
        self.process = launch(&self.folder, self.port, &self.arguments);
        self.wait_until_it_answers();
    }

    fn wait_until_it_answers(&self) {
        let client = redis::Client::open(format!("redis://{}", self.address())).expect("a URL");
        wait_for("Redis answers", || {
            let mut connection = client.get_connection().ok()?;
            let answer = redis::cmd("PING").query::<String>(&mut connection);
            // Who must show a password first has been answered, too.
            let refused = answer.as_ref().is_err_and(|it| it.code() == Some("NOAUTH"));
            (answer.is_ok() || refused).then_some(())
        });
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.end();
    }
}

/// A connection to the server at `host:port`.
pub fn connect(address: &str) -> redis::Connection {
    let client = redis::Client::open(format!("redis://{address}")).expect("a URL");
    client.get_connection().expect("it listens")
}

/// Waits until this gives something.
#[track_caller]
pub fn wait_for<T>(what: &str, mut given: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(it) = given() {
            return it;
        }
        let waited = start.elapsed();
        assert!(waited < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(pause::after(waited, pause::LONGEST));
    }
}

/// A port that nobody listens on at this moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.local_addr().as_ref().map(SocketAddr::port).expect("an address")
}

fn launch(folder: &TempDir, port: u16, arguments: &[String]) -> Child {
    let port = port.to_string();
    Command::new("redis-server")
        .args([SETTINGS, "--bind", "127.0.0.1", "--port", &port, "--save", ""])
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("`redis-server` is installed: `bash tests/run.sh` sees to it")
}

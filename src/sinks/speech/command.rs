//! A command that speaks: one line of text on its standard input, sound on its standard output.
//!
//! Its exit code is read as that of the sink `exec:`. Each run is a process group that ends with its
//! time and with us; no more run at once than there are cores.

use super::engine::{Engine, Unspoken};
use crate::clients::command::{self, End, Expected, Group, Groups, LAST_WORDS, Program};
use crate::error::Result;
use crate::sinks::exec::outcome;
use crate::sinks::{Options, Outcome};
use async_trait::async_trait;
use bytes::Bytes;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::pin::pin;
use std::process::Stdio;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::Child;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The most sound that is taken, in bytes.
const MOST: u64 = 64 << 20;

/// A program, and what all of its runs have in common.
pub(super) struct Command {
    program: Program,
    environment: Vec<(OsString, OsString)>,
    limit: Duration,
    groups: Arc<Groups>,
    cores: Semaphore,
}

/// What a run wrote, and how it ended.
type Ended = (Vec<u8>, End);

impl Command {
    /// `words`: the program and its arguments, at least one.
    ///
    /// # Errors
    /// `Configuration` for a program that is not there, or may not be run.
    pub(super) fn open(words: &[String], options: &Options) -> Result<Self> {
        let (name, arguments) = words.split_first().expect("a command has a word");
        let arguments = arguments.iter().map(OsString::from).collect();
        let program = Program::find(OsStr::new(name), arguments, &options.environment)?;
        let cores = available_parallelism().map_or(1, usize::from);
        Ok(Self {
            program,
            environment: options.environment.without_secrets().collect(),
            limit: options.write_timeout,
            groups: Groups::open(),
            cores: Semaphore::new(cores),
        })
    }

    async fn run(&self, text: &str) -> io::Result<Ended> {
        let expected = self.groups.expect();
        let (child, group) = self.start(expected, text)?;
        self.watch(child, group).await
    }

    fn start(&self, expected: Expected, text: &str) -> io::Result<(Child, Group)> {
        let stdin = input(expected.mark(), text)?;
        let variables = self.environment.iter().cloned();
        let child = command::spawn(&self.program, variables, stdin, Stdio::piped())?;
        let group = expected.started(child.id().expect("nobody has waited for it"));
        Ok((child, group))
    }

    /// Takes what the run writes until it ends, or its time is over and its whole group is ended.
    async fn watch(&self, mut child: Child, group: Group) -> io::Result<Ended> {
        match timeout(self.limit, self.hear(&mut child)).await {
            Ok(ended) => {
                group.leader_ended();
                ended
            }
            Err(_) => {
                let (status, ()) = tokio::join!(child.wait(), group.end());
                status.map(|_| (Vec::new(), End::TimedOut))
            }
        }
    }

    async fn hear(&self, child: &mut Child) -> io::Result<Ended> {
        let sound = child.stdout.take().expect("it is a pipe").take(MOST + 1);
        let words = BufReader::new(child.stderr.take().expect("it is a pipe"));
        let name = &self.program.name;
        let mut told = pin!(command::each_line(words, |line| tracing::warn!("`{name}`: {line}")));
        let mut spoken = pin!(async {
            let sound = whole(sound).await?;
            Ok((sound, End::Exit(child.wait().await?)))
        });
        tokio::select! {
            ended = &mut spoken => {
                let _ = timeout(LAST_WORDS, told).await; // what is in the background may go on
                ended
            }
            () = &mut told => spoken.await,
        }
    }
}

#[async_trait]
impl Engine for Command {
    /// Looks whether the program is there.
    async fn ping(&self) -> Result<()> {
        self.program.ensure_runnable()
    }

    async fn speak(&self, text: &str) -> Result<Bytes, Unspoken> {
        let _core = self.cores.acquire().await.expect("nobody closes it");
        let name = &self.program.name;
        let ended = self.run(text).await;
        let (sound, end) =
            ended.map_err(|cause| Unspoken::Busy(format!("cannot run `{name}`: {cause}"), None))?;
        match outcome::of(end, name) {
            Outcome::Stored if sound.len() as u64 > MOST => {
                Err(Unspoken::Refused(format!("`{name}` made more than {MOST} bytes of sound")))
            }
            Outcome::Stored => Ok(sound.into()),
            Outcome::Reject(why) => Err(Unspoken::Refused(why)),
            Outcome::Unavailable(why) => Err(Unspoken::Busy(why, None)),
            Outcome::Retry(why) => Err(Unspoken::Failed(why)),
            _ => Err(Unspoken::Failed(format!("`{name}` failed"))),
        }
    }

    async fn close(&self) {
        self.groups.close().await;
    }
}

/// The text in a file in memory, whole before the run starts. Programs that speak read one line, so
/// that there is one.
fn input(mark: &str, text: &str) -> io::Result<File> {
    let mut file = command::input(mark)?;
    file.write_all(one_line(text).as_bytes())?;
    file.rewind()?;
    Ok(file)
}

fn one_line(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ") + "\n"
}

async fn whole(mut pipe: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn command(script: &str, limit: Duration) -> Command {
        let environment = [("PATH", "/usr/bin:/bin"), ("GOOGLE_API_KEY", "hunter2")];
        let mut options = Options::new(environment.into_iter().collect(), PathBuf::new());
        options.write_timeout = limit;
        Command::open(&["sh", "-c", script].map(str::to_owned), &options).unwrap()
    }

    async fn speak(script: &str, text: &str) -> Result<Bytes, Unspoken> {
        let command = command(script, Duration::from_secs(60));
        let spoken = command.speak(text).await;
        command.close().await;
        spoken
    }

    #[tokio::test]
    async fn a_command_gets_one_line_and_no_secret() {
        assert_eq!(
            speak("cat", "東京の天気は\n\n  晴れです。").await.unwrap(),
            "東京の天気は 晴れです。\n"
        );
        assert_eq!(speak("printenv GOOGLE_API_KEY; printf x", "a").await.unwrap(), "x");
        assert_eq!(speak("head -c 300000 /dev/zero", "a").await.unwrap().len(), 300_000);
    }

    #[tokio::test]
    async fn the_exit_code_decides() {
        assert!(matches!(speak("cat; exit 1", "a").await, Err(Unspoken::Failed(_))));
        assert!(matches!(speak("exit 65", "a").await, Err(Unspoken::Refused(_))));
        for code in [69, 75] {
            let spoken = speak(&format!("exit {code}"), "a").await;
            assert!(matches!(spoken, Err(Unspoken::Busy(..))), "{spoken:?}");
        }
    }

    #[tokio::test]
    async fn a_run_that_takes_too_long_is_ended() {
        let command = command("sleep 1000", Duration::from_millis(50));
        let Err(Unspoken::Failed(why)) = command.speak("a").await else { panic!("it did not end") };
        assert_eq!(why, "`sh` took too long");
        command.close().await;
    }
}

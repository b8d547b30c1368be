//! What a run of a program costs, as the system counts it.

use nix::sys::resource::{Usage, UsageWho, getrusage};
use std::fmt;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Asks the bench to run the rest of its arguments and to say what they cost.
const COUNT: &str = "--count-one-run";

/// Processor time of all threads, the most memory, and the time that passed.
#[derive(Clone, Copy)]
pub struct Cost {
    pub cpu_millis: f64,
    pub mebibytes: f64,
    pub seconds: f64,
}

/// Whether a bench was started by [`Cost::of`]: then it has done all that it is to do.
pub fn is_counted() -> bool {
    let args: Vec<String> = std::env::args().collect();
    let counted = args.get(1).is_some_and(|arg| arg == COUNT);
    if counted {
        count(&args[2..]);
    }
    counted
}

/// Runs one command, and says what the system counted for it.
fn count(words: &[String]) {
    let start = Instant::now();
    let status = Command::new(&words[0]).args(&words[1..]).stdout(Stdio::null()).status();
    let seconds = start.elapsed().as_secs_f64();
    assert!(status.expect("it starts").success());
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system counts");
    println!("{} {} {seconds}", cpu_millis(&usage), usage.max_rss() as f64 / 1024.0);
}

/// Processor time, our own and the system's for us.
pub fn cpu_millis(usage: &Usage) -> f64 {
    let cpu = usage.user_time() + usage.system_time();
    cpu.tv_sec() as f64 * 1e3 + cpu.tv_usec() as f64 / 1e3
}

impl Cost {
    /// What a command costs, split at spaces, in the folder that the first variable, `HOME`, names.
    /// The system counts all children together: a process in between has no other one.
    pub fn of(words: &str, environment: &[(&str, String)]) -> Self {
        let output = Command::new(std::env::current_exe().expect("this program"))
            .arg(COUNT)
            .args(words.split_whitespace())
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .current_dir(&environment[0].1)
            .output()
            .expect("it starts");
        let text = String::from_utf8_lossy(&output.stdout);
        let numbers: Vec<f64> = text.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [cpu_millis, mebibytes, seconds] = numbers[..] else {
            panic!("{words}: {}", String::from_utf8_lossy(&output.stderr))
        };
        Self { cpu_millis, mebibytes, seconds }
    }

    /// Each part's own.
    pub fn median(costs: &[Self]) -> Self {
        let middle = |part: fn(&Self) -> f64| {
            let mut values: Vec<f64> = costs.iter().map(part).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Self {
            cpu_millis: middle(|cost| cost.cpu_millis),
            mebibytes: middle(|cost| cost.mebibytes),
            seconds: middle(|cost| cost.seconds),
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu_millis, mebibytes, seconds } = self;
        write!(f, "{cpu_millis:>6.1} ms cpu {mebibytes:>6.1} MiB {seconds:>6.3} s")
    }
}

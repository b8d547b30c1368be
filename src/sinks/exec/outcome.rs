//! What became of a message, from how its run ended.

use crate::sinks::Outcome;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The run ended by itself, or by somebody's signal.
    Exit(ExitStatus),
    /// We stopped it: it took too long.
    TimedOut,
}

/// The outcome; the reason names the program and the code, and nothing that the program said, which
/// may be a payload. The codes are those of `sysexits.h`: 65 `EX_DATAERR`, 69 `EX_UNAVAILABLE`, 75
/// `EX_TEMPFAIL`.
pub fn of(end: End, program: &str) -> Outcome {
    let status = match end {
        End::Exit(status) => status,
        End::TimedOut => return Outcome::Retry(format!("`{program}` took too long")),
    };
    match (status.code(), status.signal()) {
        (Some(0), _) => Outcome::Stored,
        (Some(65), _) => Outcome::Reject(format!("`{program}` exited with 65")),
        (Some(code @ (69 | 75)), _) => {
            Outcome::Unavailable(format!("`{program}` exited with {code}"))
        }
        (Some(code), _) => Outcome::Retry(format!("`{program}` exited with {code}")),
        (None, Some(signal)) => {
            Outcome::Retry(format!("`{program}` was killed by signal {signal}"))
        }
        (None, None) => Outcome::Retry(format!("`{program}` ended in an unknown way")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(code: i32) -> Outcome {
        of(End::Exit(ExitStatus::from_raw(code << 8)), "p")
    }

    #[test]
    fn the_exit_code_decides() {
        assert_eq!(exit(0), Outcome::Stored);
        assert_eq!(exit(65), Outcome::Reject("`p` exited with 65".to_owned()));
        for code in [69, 75] {
            let why = format!("`p` exited with {code}");
            assert_eq!(exit(code), Outcome::Unavailable(why));
        }
        for code in [1, 2, 64, 66, 70, 77, 78, 126, 127, 137, 255] {
            assert_eq!(exit(code), Outcome::Retry(format!("`p` exited with {code}")));
        }
    }

    #[test]
    fn a_signal_and_too_long_a_run_are_tried_again() {
        let killed = of(End::Exit(ExitStatus::from_raw(9)), "p");
        assert_eq!(killed, Outcome::Retry("`p` was killed by signal 9".to_owned()));
        assert_eq!(of(End::TimedOut, "p"), Outcome::Retry("`p` took too long".to_owned()));
    }
}

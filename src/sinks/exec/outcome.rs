//! What became of a message, from how its run ended.

use crate::clients::command::End;
use crate::sinks::Outcome;

/// The outcome. The codes are those of `sysexits.h`: 65 `EX_DATAERR`, 69 `EX_UNAVAILABLE`, 75
/// `EX_TEMPFAIL`.
pub fn of(end: End, program: &str) -> Outcome {
    match (end.failure(program), end.code()) {
        (None, _) => Outcome::Stored,
        (Some(why), Some(65)) => Outcome::Reject(why),
        (Some(why), Some(69 | 75)) => Outcome::Unavailable(why),
        (Some(why), _) => Outcome::Retry(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

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

//! What properties of the embedded queue are tried with: steps of any kind in any sequence, from a
//! seed.
//!
//! `KAKEHI_MODEL_SEED` repeats a failure, which names its seed; `KAKEHI_MODEL_CASES` runs more.

use super::model::Verdict;
use crate::support::verdicts::retry;
use kakehi::queues;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::fmt::Debug;
use std::time::Duration;

pub const HOUR: i64 = 60 * 60;

pub fn tag() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("x"), Just("y")]
}

/// For how many seconds something is put off, if at all; also into the past.
pub fn delay() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![4 => Just(None), 1 => (-10..100_i64).prop_map(Some)]
}

pub fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        4 => Just(Verdict::Ack),
        2 => (0..90_i64).prop_map(|seconds| Verdict::Retry(seconds * 1000)),
        2 => Just(Verdict::Release),
        1 => Just(Verdict::Bury),
    ]
}

/// The verdict as the real queue takes it.
pub fn real_verdict(verdict: Verdict) -> queues::Verdict {
    match verdict {
        Verdict::Ack => queues::Verdict::Ack,
        Verdict::Retry(after) => retry(Duration::from_millis(after.unsigned_abs())),
        Verdict::Release => queues::Verdict::Release,
        Verdict::Bury => queues::Verdict::Bury("x".to_owned()),
    }
}

/// How many seconds pass.
pub fn pass() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0..40_i64, 2 => Just(30_i64), 1 => HOUR..9 * HOUR]
}

/// By how many seconds a clock is set forward or back.
pub fn jump() -> impl Strategy<Value = i64> {
    prop_oneof![-40..40_i64, HOUR..9 * HOUR, -9 * HOUR..-HOUR]
}

/// Runs sequences of such steps, and panics with the shortest that fails.
pub fn any_sequence<S: Debug>(step: impl Strategy<Value = S>, run: impl AsyncFn(&[S])) {
    let number = |name: &str| std::env::var(name).ok().map(|it| it.parse::<u64>().unwrap());
    let seed = number("KAKEHI_MODEL_SEED").unwrap_or_else(|| fastrand::u64(..));
    let cases = number("KAKEHI_MODEL_CASES").unwrap_or(40);
    println!("KAKEHI_MODEL_SEED={seed}");
    let config = Config {
        cases: u32::try_from(cases).unwrap(),
        failure_persistence: None,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let steps = prop::collection::vec(step, 1..50);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = TestRunner::new_with_rng(config, rng).run(&steps, |steps| {
        runtime.block_on(run(&steps));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("KAKEHI_MODEL_SEED={seed} repeats this:\n{failure}");
    }
}

//! `queue.yaml`: no text breaks the reader; what it takes is within its limits, and what it refuses it
//! tells in few and harmless words.

#![no_main]

use kakehi::serve::taskqueue::queue_yaml::parse;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;

fuzz_target!(|text: &str| {
    match parse(text) {
        Ok(file) => {
            let mut names = BTreeSet::new();
            for queue in &file.queues {
                assert!((1..=100).contains(&queue.name.len()) && queue.name.is_ascii());
                assert!(names.insert(&queue.name), "{} stands twice", queue.name);
                assert!(queue.limits.age.is_none_or(|age| !age.is_zero()));
            }
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            // A lone carriage return ends a line of YAML, too.
            let lines = text.matches(['\n', '\r']).count() as u64 + 1;
            for problem in &problems {
                let told = problem.to_string();
                assert!(told.len() < 2000 && !told.chars().any(char::is_control), "{told:?}");
                assert!(problem.line.is_none_or(|line| (1..=lines).contains(&line)), "{told}");
            }
        }
    }
});

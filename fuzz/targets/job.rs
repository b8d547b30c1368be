//! Jobs of gocraft/work: no bytes break the reader, what is none says why in few and harmless words,
//! and an edit changes what it is about and nothing else.

#![no_main]

use kakehi::queues::redis::job::{Job, Poison};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Job::parse(bytes) {
        Err(Poison(why)) => {
            assert!(!why.is_empty() && why.len() < 100 && !why.chars().any(char::is_control));
        }
        Ok(job) => edits(&job),
    }
});

fn edits(job: &Job<'_>) {
    assert!(!job.name.is_empty());
    let failed = job.failed(job.fails.saturating_add(1), "<why>\u{1}", 7);
    let after = read(&failed, job);
    assert_eq!((&after.err[..], after.failed_at, after.t), ("<why>\u{1}", 7, job.t));
    let fresh = after.fresh(9);
    let after = read(&fresh, job);
    assert_eq!((after.fails, &after.err[..], after.failed_at, after.t), (0, "", 0, 9));
    assert_eq!(read(&job.at(5), job).t, 5);
}

/// Reads an edited job, which is still the one that it was.
fn read<'b>(bytes: &'b [u8], before: &Job<'_>) -> Job<'b> {
    let job = Job::parse(bytes).expect("an edit leaves a job");
    assert_eq!((&job.name, &job.id, job.args), (&before.name, &before.id, before.args));
    assert_eq!((job.unique, &job.unique_key), (before.unique, &before.unique_key));
    assert_eq!(job.more, before.more);
    job
}

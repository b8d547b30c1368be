//! What files say, and what is wrong with others.

use super::*;
use crate::queues::RetryLimits;
use crate::serve::taskqueue::Acl;
use std::time::Duration;

fn problems(text: &str) -> Vec<String> {
    parse(text).unwrap_err().iter().map(ToString::to_string).collect()
}

fn problem(text: &str) -> String {
    let [one] = &problems(text)[..] else { panic!("{:?}", problems(text)) };
    one.clone()
}

#[test]
fn the_file_of_the_documentation_is_read() {
    let file = parse("queue:\n- name: pull-queue\n  mode: pull\n").unwrap();
    let queue = FileQueue { name: "pull-queue".into(), is_pull: true, ..FileQueue::default() };
    assert_eq!(file, QueueFile { queues: vec![queue], ..QueueFile::default() });
}

#[test]
fn all_that_a_file_can_say_is_read() {
    let file = parse(
        "application: s~my-app\n\
         total_storage_limit: 1.5K\n\
         resume_paused_queues: true\n\
         queue:\n\
         - name: '007'\n\
        \x20 mode: pull\n\
        \x20 retry_parameters:\n\
        \x20   task_retry_limit: 7\n\
        \x20   task_age_limit: 2d\n\
        \x20 acl:\n\
        \x20 - user_email: a@example.com\n\
        \x20 - writer_email: b@example.com\n\
        \x20 - user_email: c@example.com\n\
         - {name: mail, rate: 2000/d, bucket_size: 10, max_concurrent_requests: 5, target: v2,\n\
        \x20  mode: push, retry_parameters: {min_backoff_seconds: 0.1, max_backoff_seconds: 3600,\n\
        \x20  max_doublings: 10, task_age_limit: 1d}}\n\
         - name: default\n\
        \x20 rate: 0\n\
         - name: bare\n\
        \x20 mode: pull\n\
        \x20 acl:\n\
        \x20 retry_parameters:\n",
    )
    .unwrap();
    assert_eq!((file.storage_limit, file.resumes), (Some(1536), true));
    let names: Vec<_> = file.queues.iter().map(|it| (it.name.as_str(), it.is_pull)).collect();
    assert_eq!(names, [("007", true), ("mail", false), ("default", false), ("bare", true)]);
    let limits = RetryLimits { leases: Some(7), age: Some(Duration::from_secs(172_800)) };
    assert_eq!(file.queues[0].limits, limits);
    let users = vec!["a@example.com".to_owned(), "c@example.com".to_owned()];
    let acl = Acl { users, writers: vec!["b@example.com".to_owned()] };
    assert_eq!(file.queues[0].acl, Some(acl));
    assert_eq!((file.queues[3].limits, &file.queues[3].acl), (RetryLimits::default(), &None));
}

/// Fails the test unless each file's problems hold one of this line (0: of none) with these words.
fn each_is_told(cases: &[(String, u32, &[&str])]) {
    for (file, line, words) in cases {
        let told = problems(file);
        let prefix = format!("line {line}: ");
        let good = |it: &&String| {
            (*line == 0 || it.starts_with(&prefix)) && words.iter().all(|word| it.contains(word))
        };
        assert!(told.iter().any(|it| good(&it)), "{file}\n{told:?}");
    }
}

/// A file of one pull queue with these fields.
fn queue(fields: &str) -> String {
    format!("queue:\n- name: q\n  mode: pull\n{fields}")
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_its_key() {
    each_is_told(&[
        ("".to_owned(), 0, &["empty", "`queue:`"]),
        ("---\n# nothing\n".to_owned(), 0, &["empty"]),
        ("queues:\n- name: q\n".to_owned(), 1, &["no key `queues`", "`queue`"]),
        ("queue: q\n".to_owned(), 1, &["`queue` must be a list"]),
        ("- name: q\n".to_owned(), 1, &["the file must be a mapping"]),
        ("queue:\n- q\n- name: r\n".to_owned(), 2, &["a queue"]),
        ("queue:\n- mode: pull\n".to_owned(), 2, &["lacks its `name`"]),
        ("queue:\n- name:\n  mode: pull\n".to_owned(), 2, &["lacks its `name`"]),
        ("queue:\n- name: a_b\n".to_owned(), 2, &["`name` is `a_b`", "letters"]),
        ("queue:\n- name: [q]\n".to_owned(), 2, &["`name` is a list", "letters"]),
        ("queue:\n- name: q\n- name: q\n".to_owned(), 3, &["`name` is `q`", "line 2"]),
        ("queue:\n- name: q\n  mode: both\n".to_owned(), 3, &["`mode` is `both`", "`pull`"]),
        ("queue:\n- name: q\n  rate: 5\n".to_owned(), 3, &["`rate` is `5`"]),
        (queue("  rate: 5/s\n"), 4, &["`rate` is for push queues only", "`q`"]),
        (queue("  bucket_size: 5\n"), 4, &["`bucket_size` is for push"]),
        (queue("  max_concurrent_requests: 5\n"), 4, &["`max_concurrent_requests` is for push"]),
        (queue("  target: v2\n"), 4, &["`target` is for push"]),
        ("total_storage_limit: much\n".to_owned(), 1, &["`total_storage_limit` is `much`"]),
        ("resume_paused_queues: 5\n".to_owned(), 1, &["`resume_paused_queues` is `5`"]),
        ("application: []\n".to_owned(), 1, &["`application` is a list"]),
        ("queue:\n- name: q\n  name: r\n".to_owned(), 3, &["name"]),
    ]);
}

#[test]
fn what_is_wrong_in_limits_and_acl_is_told_too() {
    let retry = |field: &str| queue(&format!("  retry_parameters:\n    {field}\n"));
    each_is_told(&[
        (queue("  retry_limit: 5\n"), 4, &["no key `retry_limit`", "`retry_parameters`"]),
        (queue("  retry_parameters: 5\n"), 4, &["`retry_parameters` must be a mapping"]),
        (retry("task_rety_limit: 5"), 5, &["no key `task_rety_limit`", "`task_retry_limit`"]),
        (retry("task_retry_limit: -1"), 5, &["`task_retry_limit` is `-1`", "whole number"]),
        (retry("task_retry_limit: 1.5"), 5, &["`task_retry_limit` is `1.5`"]),
        (retry("task_retry_limit: {a: b}"), 5, &["`task_retry_limit` is a mapping"]),
        (retry("task_age_limit: 10"), 5, &["`task_age_limit` is `10`"]),
        (retry("task_age_limit: 0d"), 5, &["`task_age_limit` is `0d`"]),
        (retry("max_doublings: 3"), 5, &["`max_doublings` is for push"]),
        (retry("min_backoff_seconds: 3"), 5, &["`min_backoff_seconds` is for push"]),
        (retry("max_backoff_seconds: 3"), 5, &["`max_backoff_seconds` is for push"]),
        (queue("  acl: me\n"), 4, &["`acl` must be a list"]),
        (queue("  acl:\n  - owner: me\n    user_email: m\n"), 5, &["no key `owner`"]),
        (queue("  acl:\n  - user_email:\n"), 5, &["lacks its `user_email`"]),
    ]);
}

#[test]
fn all_problems_are_told_in_the_order_of_their_lines() {
    let file = "quue: 1\nqueue:\n- name: a b\n  mode: pull\n  rate: 5\ntotal_storage_limit: x\n";
    let lines: Vec<_> =
        problems(file).iter().map(|it| it.split(':').next().unwrap().to_owned()).collect();
    // Of `rate`, that it is no rate, and that it is of no pull queue.
    assert_eq!(lines, ["line 1", "line 3", "line 5", "line 5", "line 6"]);
}

#[test]
fn what_a_problem_shows_is_short_and_harmless() {
    let told = problem(&format!("queue:\n- name: \"\\e[31m{}\"\n", "x".repeat(500)));
    assert!(told.len() < 250 && !told.contains('\u{1b}'), "{told}");
}

//! Requests of the REST APIs for tasks: no path, parameter or body breaks a parser, and what is taken
//! is within its limits.

#![no_main]

use kakehi::queues::{NewTask, TaskLease};
use kakehi::serve::taskqueue::failure::Failure;
use kakehi::serve::taskqueue::format::Format;
use kakehi::serve::taskqueue::query::Query;
use kakehi::serve::taskqueue::{cloud_tasks, input, rest};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

const WEEK: Duration = Duration::from_secs(604_800);

/// The methods that there are, and one that is none of them.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HELLO"];

fuzz_target!(|input: (u8, &str, &str, &[u8])| {
    let (choice, path, query, body) = input;
    let method = METHODS[usize::from(choice) % METHODS.len()].parse().expect("a method");
    let rest = rest::Call::find(&method, &format!("/taskqueue/v1beta2/projects/{path}"));
    assert!(rest.map_or(true, |call| !call.queue.is_empty()));
    let _ = cloud_tasks::Call::find(&method, &format!("/v2beta2/projects/{path}"));
    let query = Query::read(query).unwrap_or_default();
    let _ = Format::read(&query);
    lease(rest::read_lease(&query));
    lease(input::read(body).and_then(|lease: cloud_tasks::LeaseInput| lease.request(&query)));
    task(input::read(body).and_then(|task: rest::TaskInput| task.new_task()));
    let queue = "projects/p/locations/l/queues/q";
    task(input::read(body).and_then(|task: cloud_tasks::TaskInput| task.new_task(queue)));
});

fn lease(read: Result<TaskLease, Failure>) {
    if let Ok(lease) = read {
        assert!((1..=1000).contains(&lease.max) && lease.time <= WEEK);
    }
}

fn task(read: Result<NewTask, Failure>) {
    match read {
        Ok(task) => assert!(task.name.is_none_or(|name| !name.is_empty())),
        Err(failure) => assert!(!failure.message.is_empty() && failure.message.len() < 2000),
    }
}

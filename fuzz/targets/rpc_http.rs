//! Calls of App Engine's RPC: no body breaks the parser, and what is taken is within its limits.

#![no_main]

use chrono::{DateTime, TimeDelta, Utc};
use kakehi::serve::taskqueue::rpc_http::messages::AddRequest;
use kakehi::serve::taskqueue::rpc_http::{Call, leasing, new_task};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

/// The services and methods that there are, before the messages that the fuzzer makes.
const METHODS: [&str; 8] = [
    "Add",
    "BulkAdd",
    "QueryAndOwnTasks",
    "ModifyTaskLease",
    "Delete",
    "PurgeQueue",
    "FetchQueueStats",
    "UpdateQueue",
];

const WEEK: Duration = Duration::from_secs(604_800);

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (choice, bytes) = input;
    let whole = Call::parse(bytes.clone().into());
    let method = METHODS[usize::from(choice) % METHODS.len()];
    for call in [whole, Call::parse(request(method, &bytes).into())] {
        match call {
            Ok(Call::Add(task)) => within_limits(&task),
            Ok(Call::BulkAdd(tasks)) => tasks.tasks.iter().for_each(within_limits),
            Ok(Call::Lease(request)) => {
                if let Ok(leasing) = leasing(&request) {
                    assert!((1..=1000).contains(&leasing.max) && leasing.time <= WEEK);
                }
            }
            _ => {}
        }
    }
});

fn within_limits(request: &AddRequest) {
    let now = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000);
    let Ok(task) = new_task(request, now) else { return };
    assert!(task.body.len() <= 1 << 20);
    assert!(task.name.is_none_or(|name| (1..=500).contains(&name.len()) && name.is_ascii()));
    assert!(task.tag.is_none_or(|tag| (1..=500).contains(&tag.chars().count())));
    assert!(task.eta.is_some_and(|eta| eta <= now + TimeDelta::days(30)));
}

/// A request of this method with these bytes as its message.
fn request(method: &str, message: &[u8]) -> Vec<u8> {
    let mut body = field(2, b"taskqueue");
    body.extend(field(3, method.as_bytes()));
    body.extend(field(4, message));
    body
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        field.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend(bytes);
    field
}

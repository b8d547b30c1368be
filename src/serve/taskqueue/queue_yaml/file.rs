//! What `queue.yaml` may say: queues, their limits and who may use them.

use super::fields::{Fields, Problems, shown};
use super::tree::{self, Node, Problem};
use super::values;
use crate::queues::RetryLimits;
use crate::serve::taskqueue::Acl;
use std::collections::BTreeMap;

const TOP: [&str; 4] = ["queue", "total_storage_limit", "application", "resume_paused_queues"];

const QUEUE: [&str; 9] = [
    "name",
    "mode",
    "retry_parameters",
    "acl",
    "rate",
    "bucket_size",
    "max_concurrent_requests",
    "target",
    "header_override",
];

/// What of a queue is for push queues only.
const PUSH_ONLY: [&str; 5] =
    ["rate", "bucket_size", "max_concurrent_requests", "target", "header_override"];

const RETRY: [&str; 5] = [
    "task_retry_limit",
    "task_age_limit",
    "min_backoff_seconds",
    "max_backoff_seconds",
    "max_doublings",
];

/// What of `retry_parameters` is for push queues only.
const PUSH_ONLY_RETRY: [&str; 3] = ["min_backoff_seconds", "max_backoff_seconds", "max_doublings"];

const ACL: [&str; 2] = ["user_email", "writer_email"];

/// A file that is right in all that it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueFile {
    /// All queues, in their order; no name stands twice.
    pub queues: Vec<FileQueue>,
    /// How many bytes all queues together may hold.
    pub storage_limit: Option<u64>,
    /// Queues that are paused are to go on.
    pub resumes: bool,
}

/// A queue of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileQueue {
    /// The name.
    pub name: String,
    /// Whether tasks are leased from it: else it is a push queue.
    pub is_pull: bool,
    /// How often a task may be leased.
    pub limits: RetryLimits,
    /// Who may use it, where the file says so.
    pub acl: Option<Acl>,
}

/// Reads the text of a file.
///
/// # Errors
/// All that is wrong with it, in the order of its lines.
pub fn parse(text: &str) -> Result<QueueFile, Vec<Problem>> {
    let tree = tree::parse(text).map_err(|problem| vec![problem])?;
    if tree.value == tree::Value::Empty {
        let what = "it is empty: it must have `queue:`, a list of queues".to_owned();
        return Err(vec![Problem { line: None, what }]);
    }
    let mut problems = Problems::default();
    let file = read_file(&tree, &mut problems);
    let problems = problems.sorted();
    if problems.is_empty() { Ok(file) } else { Err(problems) }
}

fn read_file(tree: &Node, problems: &mut Problems) -> QueueFile {
    let top = Fields::of(tree, "the file", &TOP, problems);
    top.read("application", values::any, problems);
    let items = top.items("queue", problems);
    let queues: Vec<_> = items.iter().map(|item| read_queue(item, problems)).collect();
    note_doubles(&queues, items, problems);
    QueueFile {
        queues,
        storage_limit: top.read("total_storage_limit", values::size, problems),
        resumes: top.read("resume_paused_queues", values::truth, problems).unwrap_or(false),
    }
}

fn note_doubles(queues: &[FileQueue], items: &[Node], problems: &mut Problems) {
    let mut first = BTreeMap::new();
    for (queue, item) in queues.iter().zip(items).filter(|(queue, _)| !queue.name.is_empty()) {
        if let Some(line) = first.get(&queue.name) {
            let name = &queue.name;
            problems.add(item.line, format!("`name` is `{name}`, as that of line {line}"));
        } else {
            first.insert(queue.name.clone(), item.line);
        }
    }
}

fn read_queue(item: &Node, problems: &mut Problems) -> FileQueue {
    let fields = Fields::of(item, "a queue", &QUEUE, problems);
    let name = fields.read("name", values::name, problems);
    if fields.entry("name").is_none() {
        problems.add(item.line, "a queue lacks its `name`".to_owned());
    }
    let mode = fields.read("mode", values::is_pull, problems);
    let is_pull = mode.unwrap_or(false);
    let name = name.unwrap_or_default();
    if is_pull {
        refuse(&fields, &PUSH_ONLY, &name, problems);
    }
    read_push(&fields, problems);
    let limits = read_limits(&fields, is_pull, &name, problems);
    let acl = fields.entry("acl").map(|_| read_acl(&fields, problems));
    FileQueue { name, is_pull, limits, acl }
}

/// Notes keys that a pull queue does not have.
fn refuse(fields: &Fields<'_>, keys: &[&str], name: &str, problems: &mut Problems) {
    for entry in keys.iter().filter_map(|key| fields.entry(key)) {
        let (key, name) = (&entry.key, shown(name));
        let why = format!("`{key}` is for push queues only, and `{name}` is a pull queue");
        problems.add(entry.line, why);
    }
}

/// Notes what is wrong in the keys of push queues: their values are not needed.
fn read_push(fields: &Fields<'_>, problems: &mut Problems) {
    fields.read("rate", values::rate, problems);
    fields.read("bucket_size", values::count, problems);
    fields.read("max_concurrent_requests", values::count, problems);
    fields.read("target", values::any, problems);
}

fn read_limits(
    fields: &Fields<'_>,
    is_pull: bool,
    name: &str,
    problems: &mut Problems,
) -> RetryLimits {
    let Some(entry) = fields.entry("retry_parameters") else {
        return RetryLimits::default();
    };
    let retry = Fields::of(&entry.value, "`retry_parameters`", &RETRY, problems);
    if is_pull {
        refuse(&retry, &PUSH_ONLY_RETRY, name, problems);
    }
    retry.read("min_backoff_seconds", values::seconds, problems);
    retry.read("max_backoff_seconds", values::seconds, problems);
    retry.read("max_doublings", values::count, problems);
    RetryLimits {
        leases: retry.read("task_retry_limit", values::count, problems),
        age: retry.read("task_age_limit", values::age, problems),
    }
}

fn read_acl(fields: &Fields<'_>, problems: &mut Problems) -> Acl {
    let mut acl = Acl::default();
    for item in fields.items("acl", problems) {
        let who = Fields::of(item, "an entry of `acl`", &ACL, problems);
        acl.users.extend(who.read("user_email", values::any, problems));
        acl.writers.extend(who.read("writer_email", values::any, problems));
        if ACL.iter().all(|key| who.entry(key).is_none()) {
            let why = "an entry of `acl` lacks its `user_email` or `writer_email`";
            problems.add(item.line, why.to_owned());
        }
    }
    acl
}

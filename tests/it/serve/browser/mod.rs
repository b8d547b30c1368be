//! Pages in a real browser, as people see them.

mod actions;
mod driver;
mod every_page;
mod jobs;
mod readings;

use crate::support::queue_file::publish;
use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;
use serde_json::json;

/// Ids of each kind that a page must show as text, and nothing else.
const HOSTILE: [&str; 5] = [
    "<script>document.title='x'</script>",
    "\"><img src=x onerror=alert(1)>",
    "'`&amp;{{7*7}}",
    "寝室 🏠 é",
    "plain",
];

/// A server of a sandbox's queues in `q.db` and of its store, for people in Tokyo.
fn serve(sandbox: &Sandbox) -> Serving {
    Serving::start(sandbox, "--store sqlite:store.db?collection=readings --timezone Asia/Tokyo")
}

/// Makes dead letters of these: the store refuses a body that is no object.
fn bury(sandbox: &Sandbox, ids: &[&str]) {
    let lines: Vec<_> = ids.iter().map(|id| json!({ "id": id, "body": "no object" })).collect();
    publish(sandbox, &lines);
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(65);
}

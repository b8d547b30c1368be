//! The sink `speech:`.

mod command;
mod google;
mod killed;
mod voicevox;
mod weather;

use crate::support::sandbox::{Program, Sandbox};
use crate::support::speakers::{Speaker, VOICE};
use std::collections::BTreeMap;
use std::fs;

/// When the seed's own user is announced to.
const AT: &str = "2026-11-26T18:53:00+09:00";

/// A message for each body in the queue, and a folder for what is spoken.
fn sandbox_with(bodies: &[String]) -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("said")).expect("a folder");
    publish(&sandbox, bodies);
    sandbox
}

fn publish(sandbox: &Sandbox, bodies: &[String]) {
    let lines: String = bodies.iter().map(|body| format!("{body}\n")).collect();
    sandbox.publish().args("stdin: --to sqlite:q.db").stdin(lines).run().expect(0);
}

/// What `sql:` makes of a user.
fn user(uid: &str) -> String {
    format!(r#"{{"uid":"{uid}","type":"weather","at":"{AT}"}}"#)
}

fn users(count: usize) -> Vec<String> {
    (0..count).map(|n| user(&format!("u{n:02}"))).collect()
}

const TEXT: &str = "{{uid}}さん、おはようございます。";

/// A subscriber into a store, with these parameters and the seed's key.
fn subscribe(sandbox: &Sandbox, store: &str, parameters: &str) -> Program {
    let url = format!("speech:{store}?key={{{{uid}}}}/{{{{type}}}}/{{{{at}}}}&{parameters}");
    sandbox.subscribe().args("--from sqlite:q.db --to").arg(url)
}

/// The parameters of Google's engine on this server.
fn by_google(speaker: &Speaker) -> String {
    format!("engine=google&voice={VOICE}&endpoint={}&text={TEXT}", speaker.url())
}

/// The files below `said` with their contents. What is still being written has a name with a `#`.
fn said(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![sandbox.path("said")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.to_string_lossy().contains('#') => {}
                false => {
                    let name = path.strip_prefix(sandbox.path("said")).expect("it is in there");
                    let name = name.to_str().expect("UTF-8").to_owned();
                    found.insert(name, fs::read(&path).expect("a file"));
                }
            }
        }
    }
    found
}

/// Why messages are dead letters, by their bodies.
fn reasons(sandbox: &Sandbox) -> Vec<String> {
    let run = sandbox.queue().args("dead list sqlite:q.db --json").run().expect(0);
    let letters = run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    letters.map(|it: serde_json::Value| it["reason"].as_str().expect("a text").to_owned()).collect()
}

/// What is in the queue: how many messages, and the most attempts that one of them has had.
fn waiting(sandbox: &Sandbox) -> (u32, u32) {
    let file = rusqlite::Connection::open(sandbox.path("q.db")).expect("the queue");
    let sql = "SELECT count(*), coalesce(max(attempts), 0) FROM messages";
    file.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("two numbers")
}

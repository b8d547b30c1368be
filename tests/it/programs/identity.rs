//! What is compared and locked is what a URL means, and what is kept on disk is found again,
//! whatever the URL was spelled like.

use crate::support::emulator::Name;
use crate::support::process::Process;
use crate::support::sandbox::{Program, Sandbox};
use crate::support::services;
use nix::sys::signal::Signal;
use std::os::unix::fs::symlink;

/// A sandbox with two messages in `q.db`, and other names of that file: a hard link, a symlink, a
/// folder that is one, and each from the root.
fn pond() -> (Sandbox, Vec<String>) {
    let sandbox = Sandbox::new();
    let lines = "{\"n\":1}\n{\"n\":2}\n";
    sandbox.publish().args("--to sqlite:q.db").stdin(lines).run().expect(0);
    std::fs::hard_link(sandbox.path("q.db"), sandbox.path("hard.db")).expect("a hard link");
    symlink("q.db", sandbox.path("soft.db")).expect("a symlink");
    symlink(sandbox.dir(), sandbox.path("folder")).expect("a symlink");
    let full = sandbox.path("q.db").to_str().expect("UTF-8").to_owned();
    let names = ["q.db", "./q.db", "hard.db", "soft.db", "folder/q.db", "folder/hard.db", &full];
    (sandbox, names.map(str::to_owned).to_vec())
}

fn ready(sandbox: &Sandbox, url: &str) -> u64 {
    let run = sandbox.queue().args("stats --json").arg(url).run().expect(0);
    let stats: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    stats["ready"].as_u64().expect("a count")
}

#[test]
fn a_queue_is_not_emptied_into_itself_under_another_name() {
    let (sandbox, names) = pond();
    for name in &names {
        for parameters in ["", "?dedupe=1h", "?queue=default"] {
            let to = format!("forward:sqlite:{name}{parameters}");
            let run = sandbox.subscribe().args("--from sqlite:q.db --to").arg(to).run().expect(2);
            assert!(run.stderr.contains("they are the same queue"), "{name}: {}", run.stderr);
        }
        let dead = sandbox.subscribe().args("--from sqlite:q.db --to stdout: --dead");
        let run = dead.arg(format!("sqlite:{name}")).run().expect(2);
        assert!(run.stderr.contains("`--dead` is the queue itself"), "{name}: {}", run.stderr);
        let store = sandbox.subscribe().args("--from sqlite:q.db --to");
        let run = store.arg(format!("sqlite:{name}")).run().expect(2);
        assert!(run.stderr.contains("they are the same file"), "{name}: {}", run.stderr);
        let spool = sandbox.publish().args("--to sqlite:q.db --spool").arg(name);
        let run = spool.run().expect(2);
        assert!(run.stderr.contains("`--spool` is the queue's own file"), "{name}: {}", run.stderr);
    }
    assert_eq!(ready(&sandbox, "sqlite:q.db"), 2);
    let other = "--from sqlite:q.db --to forward:sqlite:soft.db?queue=other";
    sandbox.subscribe().args(other).run().expect(0);
    assert_eq!(ready(&sandbox, "sqlite:q.db?queue=other"), 2);
}

#[test]
fn a_file_that_is_not_there_is_known_by_its_folder_and_its_name() {
    let sandbox = Sandbox::new();
    symlink(sandbox.dir(), sandbox.path("folder")).expect("a symlink");
    let run =
        sandbox.subscribe().args("--from sqlite:n.db --to sqlite:folder/n.db").run().expect(2);
    assert!(run.stderr.contains("they are the same file"), "{}", run.stderr);
    std::fs::create_dir(sandbox.path("sub")).expect("a folder");
    for name in ["folder/./n.db", "sub/../n.db", "folder/sub/../n.db"] {
        let forward = sandbox.subscribe().args("--from sqlite:n.db --to");
        forward.arg(format!("forward:sqlite:{name}")).run().expect(2);
    }
    assert!(!sandbox.path("n.db").exists(), "nothing is made");
}

/// A run that holds its lock until it is ended.
fn holder(sandbox: &Sandbox, from: &str, to: &str) -> Process {
    let arguments = format!("--lock --follow -v --from sqlite:{from} --to sqlite:{to}");
    let mut process = Process::start(sandbox.subscribe().args(&arguments), String::new(), true);
    let store = sandbox.path(to);
    // It looks into its queue only behind its lock.
    process.wait_until("it has opened its store", |_| store.exists());
    process
}

/// Whether a run with these names, from this folder, finds the lock taken.
fn is_held_off(sandbox: &Sandbox, folder: &str, from: &str, to: &str) -> bool {
    let arguments = format!("--lock --from sqlite:{from} --to sqlite:{to}");
    let program: Program = sandbox.subscribe().args(&arguments);
    let run = program.through_shell(&format!("cd '{folder}' && exec \"$@\"")).run().expect(0);
    run.stderr.contains("another run holds the lock")
}

#[test]
fn a_lock_is_for_what_the_urls_mean_and_not_for_how_they_are_spelled() {
    let (sandbox, names) = pond();
    std::fs::create_dir(sandbox.path("else")).expect("a folder");
    std::fs::copy(sandbox.path("q.db"), sandbox.path("else/q.db")).expect("a copy");
    sandbox.queue().args("create sqlite:q.db?queue=other").run().expect(0);
    let mut process = holder(&sandbox, "q.db", "s.db");
    std::fs::hard_link(sandbox.path("s.db"), sandbox.path("hard-s.db")).expect("a hard link");
    let full = sandbox.path("s.db").to_str().expect("UTF-8").to_owned();
    for name in &names {
        assert!(is_held_off(&sandbox, ".", name, &full), "{name}");
    }
    for store in ["s.db?conflict=keep", "./s.db", "folder/s.db?collection=messages"] {
        assert!(is_held_off(&sandbox, ".", "hard.db?queue=default", store), "{store}");
    }
    assert!(is_held_off(&sandbox, "else", "../q.db", "../s.db"));
    assert!(!is_held_off(&sandbox, "else", "q.db", "s.db"), "these are other files");
    assert!(!is_held_off(&sandbox, ".", "q.db?queue=other", "s.db"), "this is another queue");
    process.signal(Signal::SIGTERM);
    process.end();
    assert!(!is_held_off(&sandbox, ".", "q.db", "s.db"));
}

#[test]
fn a_lock_of_publish_is_for_what_the_urls_mean_too() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("in")).expect("a folder");
    std::fs::create_dir(sandbox.path("store")).expect("a folder");
    sandbox.write("in/a.txt", "a");
    let source = "files:in/*.txt?store=file:store&watch";
    let watch = sandbox.publish().args("--lock --to sqlite:q.db -v").arg(source);
    let mut process = Process::start(watch, String::new(), true);
    let queue = sandbox.path("q.db");
    process.wait_until("it has opened its queue", |_| queue.exists());
    let root = sandbox.dir().to_str().expect("UTF-8").to_owned();
    for (source, queue) in [
        ("files:in/*.txt?store=file:store".to_owned(), "sqlite:./q.db".to_owned()),
        (format!("files:{root}/in/*.txt?store=file:{root}/store"), format!("sqlite:{root}/q.db")),
    ] {
        let run =
            sandbox.publish().arg("--lock").arg(&source).arg("--to").arg(queue).run().expect(0);
        assert!(run.stderr.contains("another run holds the lock"), "{source}: {}", run.stderr);
    }
    let other = "files:in/*.txt?store=file:store&prefix=other/";
    let run = sandbox.publish().args("--lock --to sqlite:q.db").arg(other).run().expect(0);
    assert!(!run.stderr.contains("another run holds"), "{}", run.stderr);
    process.signal(Signal::SIGTERM);
    process.end();
}

/// A program with what it needs to speak with the server for SQS.
fn on_sqs(program: Program, endpoint: &str) -> Program {
    let variables = services::sqs_variables();
    let program = variables.iter().fold(program, |program, (name, value)| program.env(name, value));
    program.env("AWS_ENDPOINT_URL", endpoint)
}

#[test]
fn a_name_on_sqs_is_its_url() {
    let sandbox = Sandbox::new();
    let (name, endpoint) = (format!("q{}", uuid::Uuid::now_v7().simple()), services::sqs());
    let publish = sandbox.publish().args("--create --to").arg(format!("sqs:{name}"));
    on_sqs(publish.stdin("{\"n\":1}\n"), &endpoint).run().expect(0);
    let stats = on_sqs(sandbox.queue().args("stats --json").arg(format!("sqs:{name}")), &endpoint);
    let stats: serde_json::Value = serde_json::from_str(&stats.run().expect(0).stdout).unwrap();
    let url = stats["url"].as_str().expect("the queue's URL").to_owned();
    let upper = url.replace("127.0.0.1", "LOCALHOST");
    for to in [url.clone(), format!("{url}/"), format!("{url}?id-attribute=x"), upper] {
        for flag in ["--to", "--dead"] {
            let to = if flag == "--to" { format!("forward:sqs:{to}") } else { format!("sqs:{to}") };
            let sink = if flag == "--to" { "" } else { "--to stdout:" };
            let subscribe = sandbox.subscribe().arg("--from").arg(format!("sqs:{name}"));
            let run = on_sqs(subscribe.args(sink).arg(flag).arg(&to), &endpoint).run().expect(2);
            assert!(
                run.stderr.contains("same queue") || run.stderr.contains("queue itself"),
                "{to}"
            );
        }
    }
}

#[test]
fn a_subscription_is_not_drained_into_its_own_topic() {
    let sandbox = Sandbox::new();
    let host = services::pubsub_emulator();
    let [topic, reader] = ["t", "reader-"].map(|it| Name::new("kakehi-identity", it));
    let subscription = format!("pubsub://kakehi-identity/{reader}");
    let create = sandbox.queue().arg("create").arg(format!("{subscription}?topic={topic}"));
    create.env("PUBSUB_EMULATOR_HOST", &host).run().expect(0);
    for to in ["--to forward:", "--to stdout: --dead "] {
        let to = format!("{to}pubsub://kakehi-identity/{topic}?id-attribute=x");
        let subscribe = sandbox.subscribe().arg("--from").arg(&subscription).args(&to);
        subscribe.env("PUBSUB_EMULATOR_HOST", &host).run().expect(2);
    }
}

/// Where nobody listens, and a password to come there.
const SECRET_HOST: &str = "me:hunter2@127.0.0.1:1";

#[test]
fn what_an_older_version_spooled_is_found_and_its_secret_is_gone() {
    let sandbox = Sandbox::new();
    let spool = ".local/share/kakehi/spool.db";
    for place in [SECRET_HOST, "localhost:1", "127.0.0.1:1"] {
        let old = format!("pubsub://kakehi-old/topic at {place}");
        let old = percent_encoding::utf8_percent_encode(&old, percent_encoding::NON_ALPHANUMERIC);
        let old = format!("sqlite:{spool}?queue={old}");
        let lines = format!("{{\"id\":\"{place}\"}}\n");
        let publish = sandbox.publish().args("stdin:?id=id --to").arg(old);
        publish.stdin(lines).run().expect(0);
    }
    let host = format!("http://{SECRET_HOST}/");
    let now = |program: Program| program.env("PUBSUB_EMULATOR_HOST", &host);
    let spooled = || {
        let run = now(sandbox.queue().args("stats --json pubsub://kakehi-old/topic")).run();
        assert!(run.stdout.contains("\"spooled\":"), "{} {}", run.stdout, run.stderr);
        let told: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        told["spooled"].as_u64().expect("a count")
    };
    assert_eq!(spooled(), 3);
    let arguments = "stdin:?id=id --publish-timeout 1s --to pubsub://kakehi-old/topic";
    now(sandbox.publish().args(arguments).stdin("{\"id\":\"new\"}\n")).run().expect(75);
    assert_eq!(spooled(), 4);
    for file in std::fs::read_dir(sandbox.path(".local/share/kakehi")).expect("a folder") {
        let path = file.expect("an entry").path();
        let Ok(kept) = std::fs::read(&path) else { continue };
        // The id of the message is its own.
        let told = kept.windows(11).any(|bytes| bytes == b"hunter2@127" || bytes == b"hunter2%401");
        let keyed = kept.windows(16).any(|bytes| bytes == b" at me:hunter2@1");
        assert!(!keyed, "{} {told}", path.display());
    }
}

#[test]
fn a_state_that_an_older_version_named_otherwise_is_found() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("in")).expect("a folder");
    std::fs::create_dir(sandbox.path("store")).expect("a folder");
    sandbox.write("in/a.txt", "a");
    let publish = || sandbox.publish().args("files:in/*.txt?store=file:store --to sqlite:q.db");
    publish().run().expect(0);
    let folder = sandbox.path(".local/share/kakehi");
    let state = || {
        let names = std::fs::read_dir(&folder).expect("a folder").map(|it| it.unwrap().path());
        let mut states = names.filter(|path| path.extension().is_some_and(|end| end == "json"));
        let state = states.next().expect("a state file");
        assert!(states.next().is_none(), "one state");
        state
    };
    // As it was named: by folder and glob as they were spelled.
    let root = sandbox.dir().canonicalize().expect("a path");
    let place = root.join("store").display().to_string();
    let spelled = format!("{}\nin/*.txt\n{place}\n", sandbox.dir().join("in").display());
    let old = folder.join(format!("files-{}.json", kakehi::text::short_name(spelled)));
    let new = state();
    assert_ne!(old, new);
    std::fs::rename(&new, &old).expect("it is renamed");
    let run = publish().run().expect(0);
    assert!(run.stderr.contains("0 read"), "{}", run.stderr);
    assert_eq!(state(), new);
    // From another folder and by full names it is the same.
    let full = format!("files:{0}/in/*.txt?store=file:{0}/store", sandbox.dir().display());
    let run = sandbox.publish().args("--to sqlite:q.db").arg(full).run().expect(0);
    assert!(run.stderr.contains("0 read"), "{}", run.stderr);
}

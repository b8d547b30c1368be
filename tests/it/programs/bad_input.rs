//! Bad input and broken surroundings, as the programs meet them: the documented exit code, a cause,
//! a hint, no secret, and nothing lost.

use crate::support::http_server::{Answer, Server};
use crate::support::proxy::Proxy;
use crate::support::sandbox::{Program, Run, Sandbox};
use crate::support::services;
use crate::support::system::peak_memory;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};

/// The exit code, and an error that tells why and, unless it is only about lines, what to do.
#[track_caller]
fn fails(program: Program, code: i32, words: &str) -> Run {
    let run = program.run().expect(code);
    assert!(run.stderr.contains(words), "no `{words}` in:\n{}", run.stderr);
    assert!(run.stderr.contains("  hint: "), "no hint in:\n{}", run.stderr);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    run
}

/// How many messages the queue still offers; they stay.
fn backlog(sandbox: &Sandbox, queue: &str) -> usize {
    let subscribe = sandbox.subscribe().args("--dry-run --summary json --max-in-flight 1000000");
    let run = subscribe.arg("--from").arg(queue).args("--to stdout:").run().expect(0);
    let line = run.stderr.lines().last().expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(line).expect("JSON");
    usize::try_from(summary["received"].as_u64().expect("a number")).expect("a small one")
}

fn with_messages(sandbox: &Sandbox, count: usize) {
    let lines: String = (0..count).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    sandbox.publish().args("--to sqlite:queue.db").stdin(lines).run().expect(0);
}

#[test]
fn a_zone_that_nobody_knows_has_near_names() {
    let sandbox = Sandbox::new();
    let publish = sandbox.publish().args("--to sqlite:q.db --timezone Asia/Tokio");
    let store = sandbox.store().args("list sqlite:s.db --timezone Asia/Tokio");
    for program in [publish, store] {
        let run = program.run().expect(2);
        assert!(run.stderr.contains("near names: `Asia/Tokyo`"), "{}", run.stderr);
    }
}

#[test]
fn what_is_no_url_is_told_by_what_it_may_have_meant() {
    let sandbox = Sandbox::new();
    sandbox.write("readings", "{}\n");
    let publish = |words: &str| sandbox.publish().args(words);
    let meant = |program: Program, hint: &str| {
        let run = fails(program, 2, hint);
        // Nothing was begun, so nothing was counted.
        assert!(
            !run.stderr.contains("0 read") && !run.stderr.contains("0 received"),
            "{}",
            run.stderr
        );
    };
    meant(publish("r.jsonl"), "for the lines of a file write `publish < r.jsonl`");
    meant(publish("readings"), "for the lines of a file write `publish < readings`");
    meant(publish("nature-remo"), "write `nature-remo:`");
    meant(publish("nature-remo?meter"), "write `'nature-remo:?meter'`");
    let subscribe = |words: &str| sandbox.subscribe().args(words);
    meant(subscribe("--from q.db"), "for a file write `sqlite:q.db`");
    meant(subscribe("--from sqlite:q.db --to stdout"), "write `stdout:`");
    meant(subscribe("--from sqlite:q.db --to s.db"), "for a file write `sqlite:s.db`");
    meant(sandbox.queue().args("stats q.db"), "for a file write `sqlite:q.db`");
}

#[test]
fn urls_that_nobody_knows_are_usage_errors() {
    let sandbox = Sandbox::new();
    let publish = |words: &str| sandbox.publish().args(words);
    fails(publish("ftp://x --to sqlite:q.db"), 2, "unknown source `ftp:`");
    fails(publish("--to kafka:x"), 2, "unknown queue `kafka:`");
    fails(publish("--to sqlite:q.db?qeue=x"), 2, "unknown parameter `qeue`");
    fails(publish("stdin:?idd=x --to sqlite:q.db"), 2, "unknown parameter `idd`");
    fails(publish("--to queue.db"), 2, "for a file write `sqlite:queue.db`");
    fails(publish("--to pubsub://x"), 2, "pubsub");
    let subscribe = |words: &str| sandbox.subscribe().args(words);
    fails(subscribe("--from sqlite:q.db --to postgres://x"), 2, "unknown sink `postgres:`");
    fails(subscribe("--from sqlite:q.db --to stdout:?x=1"), 2, "unknown parameter `x`");
    fails(subscribe("--from sqlite:q.db --to mongodb://h/db?collection="), 2, "collection");
    assert!(!sandbox.path("queue.db").exists(), "nothing is made for a command that cannot run");
}

#[test]
fn a_password_in_a_url_is_refused_and_never_shown() {
    let sandbox = Sandbox::new();
    let to = "mongodb://me:s3cret@127.0.0.1:1/db?collection=c";
    let run =
        fails(sandbox.subscribe().args("--from sqlite:q.db --to").arg(to), 2, "MONGODB_PASSWORD");
    assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
}

#[test]
fn a_token_that_is_missing_unreadable_or_refused() {
    let sandbox = Sandbox::new();
    let poll = || sandbox.publish().args("nature-remo: --to sqlite:queue.db");
    fails(poll(), 78, "NATURE_REMO_TOKEN");
    fails(poll().env("NATURE_REMO_TOKEN_FILE", "nowhere"), 78, "nowhere");
    let server = Server::new([Answer::http("401 Unauthorized", &[], r#"{"code":401001}"#)]);
    let poll = poll().env("NATURE_REMO_TOKEN", "s3cret").env("NATURE_REMO_ENDPOINT", server.url());
    let run = fails(poll, 77, "token");
    assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    assert_eq!(server.requests().len(), 1, "refused credentials are not tried again");
}

#[test]
fn an_api_that_fails_is_unreachable() {
    let sandbox = Sandbox::new();
    let page = "<html><h1>502 Bad Gateway</h1></html>";
    let answers = [Answer::http("502 Bad Gateway", &[], page), Answer::ok(r#"[{"id":"a","#)];
    for answer in answers {
        let server = Server::new([answer]);
        let poll = sandbox.publish().args("nature-remo: --to sqlite:queue.db");
        let poll = poll.env("NATURE_REMO_TOKEN", "t").env("NATURE_REMO_ENDPOINT", server.url());
        fails(poll, 69, "cannot read the devices");
    }
}

#[test]
fn bad_lines_are_named_up_to_ten_and_the_good_ones_published() {
    let sandbox = Sandbox::new();
    let mut lines = b"{\"good\":1}\n\xff\xfe\n{\"cut\":\n".to_vec();
    for _ in 0..12 {
        lines.extend_from_slice(b"secret words\n");
    }
    lines.extend_from_slice(b"{\"good\":2}\n");
    let publish = sandbox.publish().args("--to sqlite:queue.db").stdin(lines);
    let run = fails(publish, 65, "14 of 16 messages were refused");
    assert!(run.stderr.contains("line 2 was refused: it is not UTF-8"), "{}", run.stderr);
    assert!(run.stderr.contains("line 11 was refused"), "{}", run.stderr);
    assert!(!run.stderr.contains("line 12 was refused"), "{}", run.stderr);
    assert!(run.stderr.contains("4 more"), "{}", run.stderr);
    assert!(!run.stderr.contains("secret"), "{}", run.stderr);
    assert_eq!(backlog(&sandbox, "sqlite:queue.db"), 2);
}

#[test]
fn a_line_of_200_megabytes_is_refused_alone_and_in_bounded_memory() {
    let sandbox = Sandbox::new();
    let mut publish = sandbox.publish().args("--to sqlite:queue.db").spawn();
    let mut stdin = publish.stdin.take().expect("a pipe");
    let mebibyte = vec![b'x'; 1 << 20];
    stdin.write_all(b"{\"good\":1}\n").expect("it reads");
    for _ in 0..200 {
        stdin.write_all(&mebibyte).expect("it reads");
    }
    let peak = peak_memory(publish.id());
    stdin.write_all(b"\n{\"good\":2}\n").expect("it reads");
    drop(stdin);
    let run = Run::of(publish.wait_with_output().expect("it ends")).expect(65);
    assert!(run.stderr.contains("line 2 was refused: it is longer"), "{}", run.stderr);
    assert!(peak < 100 << 20, "{peak} bytes");
    assert_eq!(backlog(&sandbox, "sqlite:queue.db"), 2);
}

#[test]
fn files_that_are_no_queue_are_configuration_errors() {
    let sandbox = Sandbox::new();
    sandbox.write("text.db", "this is not a database, and it is longer than a header".repeat(20));
    let foreign = rusqlite::Connection::open(sandbox.path("foreign.db")).expect("a database");
    foreign.execute_batch("create table mine (a); insert into mine values (1)").expect("a table");
    drop(foreign);
    with_messages(&sandbox, 1);
    for (file, words) in [("text.db", "not a database"), ("foreign.db", "foreign.db"), (".", "`.`")]
    {
        let before = std::fs::read(sandbox.path(file)).unwrap_or_default();
        let publish = sandbox.publish().arg("--to").arg(format!("sqlite:{file}")).stdin("{}\n");
        fails(publish, 78, words);
        let subscribe =
            sandbox.subscribe().args("--to stdout: --from").arg(format!("sqlite:{file}"));
        fails(subscribe, 78, words);
        let after = std::fs::read(sandbox.path(file)).unwrap_or_default();
        assert_eq!(before, after, "{file} is as it was");
    }
    // The queue's own file is no store.
    fails(sandbox.subscribe().args("--from sqlite:queue.db --to sqlite:queue.db"), 2, "same file");
    assert_eq!(backlog(&sandbox, "sqlite:queue.db"), 1);
}

/// A program in a shell that limits the size of files to this many KiB.
fn with_file_limit(sandbox: &Sandbox, program: &str, kibibytes: usize, words: &str) -> Command {
    let mut command = Command::new("bash");
    command
        .arg("-c")
        .arg(format!("trap '' XFSZ; ulimit -f {kibibytes}; exec {program} {words}"))
        .env_clear()
        .env("HOME", sandbox.dir())
        .env("KAKEHI_CONFIG", "/dev/null")
        .current_dir(sandbox.dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn a_full_disk_loses_nothing_that_was_accepted() {
    let sandbox = Sandbox::new();
    with_messages(&sandbox, 100);
    let program = env!("CARGO_BIN_EXE_publish");
    let mut child = with_file_limit(&sandbox, program, 400, "--to sqlite:queue.db --summary json")
        .spawn()
        .expect("bash");
    let mut stdin = child.stdin.take().expect("a pipe");
    let line = format!("{{\"filler\":\"{}\"}}\n", "x".repeat(1000));
    let feeder = std::thread::spawn(move || {
        // It stops reading when the disk is full.
        for _ in 0..3000 {
            if stdin.write_all(line.as_bytes()).is_err() {
                return;
            }
        }
    });
    let run = Run::of(child.wait_with_output().expect("it ends")).expect(69);
    feeder.join().expect("no panic");
    assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    let summary: serde_json::Value =
        serde_json::from_str(run.stderr.lines().last().expect("a summary")).expect("JSON");
    let published = summary["published"].as_u64().expect("a number");
    assert!(published < 3000, "{}", run.stderr);
    assert!(backlog(&sandbox, "sqlite:queue.db") as u64 >= 100 + published);
}

#[test]
fn a_full_device_behind_stdout_gives_everything_back() {
    let sandbox = Sandbox::new();
    with_messages(&sandbox, 100);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let output = Command::new(env!("CARGO_BIN_EXE_subscribe"))
        .args(["--from", "sqlite:queue.db", "--to", "stdout:"])
        .current_dir(sandbox.dir())
        .stdout(full)
        .output()
        .expect("it runs");
    let run = Run::of(output).expect(69);
    assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    assert_eq!(backlog(&sandbox, "sqlite:queue.db"), 100);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let sandbox = Sandbox::new();
    with_messages(&sandbox, 20_000);
    let mut child =
        sandbox.subscribe().args("--from sqlite:queue.db --to stdout: --batch 50").spawn();
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut first = String::new();
    reader.read_line(&mut first).expect("a line");
    drop(reader);
    let mut stderr = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("UTF-8");
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{stderr}");
    assert!(backlog(&sandbox, "sqlite:queue.db") > 10_000);
}

#[test]
fn a_topic_and_a_subscription_that_do_not_exist() {
    let sandbox = Sandbox::new();
    let host = services::pubsub_emulator();
    // The reading is kept in the spool, or not where nobody wants that.
    for (spool, code) in [("", 75), ("--no-spool", 69)] {
        let publish = sandbox.publish().args("--to pubsub://kakehi-bad/nowhere").args(spool);
        let publish = publish.stdin("{}\n").env("PUBSUB_EMULATOR_HOST", &host);
        fails(publish, code, "queue create 'pubsub://kakehi-bad/nowhere?topic=nowhere'");
    }
    let subscribe = sandbox.subscribe().args("--from pubsub://kakehi-bad/nowhere --to stdout:");
    let words = "queue create 'pubsub://kakehi-bad/nowhere?topic=TOPIC'";
    fails(subscribe.env("PUBSUB_EMULATOR_HOST", &host), 69, words);
}

#[test]
fn a_queue_that_cannot_be_reached() {
    let sandbox = Sandbox::new();
    let nobody = "127.0.0.1:1";
    let to = "--to pubsub://kakehi-bad/topic --publish-timeout 1s";
    for (spool, code) in [("", 75), ("--no-spool", 69)] {
        let publish = sandbox.publish().args(to).args(spool).stdin("{}\n");
        fails(publish.env("PUBSUB_EMULATOR_HOST", nobody), code, "`topic` of `kakehi-bad`");
    }
    let subscribe = sandbox.subscribe().args("--from pubsub://kakehi-bad/sub --to stdout:");
    fails(subscribe.env("PUBSUB_EMULATOR_HOST", nobody), 69, "sub");
}

fn to_mongodb(sandbox: &Sandbox, hosts: &str, collection: &str) -> Program {
    let mongo = services::mongodb();
    let to = format!("mongodb://{hosts}/kakehi-bad?authSource=admin&collection={collection}");
    let mut program = sandbox.subscribe().args("--from sqlite:queue.db --to").arg(to);
    if let (Some(username), Some(password)) = (mongo.username, mongo.password) {
        program = program.env("MONGODB_USERNAME", username).env("MONGODB_PASSWORD", password);
    }
    program
}

#[test]
fn mongodb_down_before_a_batch_receives_nothing_and_after_it_is_back_stores_all() {
    let sandbox = Sandbox::new();
    with_messages(&sandbox, 10);
    let proxy = Proxy::start(&services::mongodb().hosts);
    proxy.cut();
    let collection = format!("c{}", uuid::Uuid::now_v7().simple());
    let run = fails(to_mongodb(&sandbox, &proxy.address(), &collection), 69, "MongoDB");
    assert!(run.stderr.contains("0 received"), "{}", run.stderr);
    proxy.restore();
    let run = to_mongodb(&sandbox, &proxy.address(), &collection).run().expect(0);
    assert!(run.stderr.contains("10 received, 10 stored"), "{}", run.stderr);
    assert_eq!(backlog(&sandbox, "sqlite:queue.db"), 0);
}

#[test]
fn mongodb_cut_in_the_middle_loses_nothing_and_doubles_nothing() {
    let sandbox = Sandbox::new();
    with_messages(&sandbox, 20_000);
    let proxy = Proxy::start(&services::mongodb().hosts);
    let collection = format!("c{}", uuid::Uuid::now_v7().simple());
    let child = to_mongodb(&sandbox, &proxy.address(), &collection)
        .args("--batch 20 -v --summary json")
        .spawn();
    // It says so in its log file when something is stored: the queue gets smaller.
    let queue = rusqlite::Connection::open(sandbox.path("queue.db")).expect("the queue");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while left(&queue) == 20_000 && std::time::Instant::now() < deadline {
        std::thread::yield_now();
    }
    proxy.cut();
    let run = Run::of(child.wait_with_output().expect("it ends")).expect(69);
    let first = summary(&run);
    assert!(first["stored"].as_u64() > Some(0) && first["stored"].as_u64() < Some(20_000));
    proxy.restore();
    let again = to_mongodb(&sandbox, &proxy.address(), &collection).args("--summary json");
    let second = summary(&again.run().expect(0));
    let count =
        |name: &str| first[name].as_u64().expect("a count") + second[name].as_u64().expect("one");
    // What was written when the answer was lost was stored, comes again, and is a duplicate.
    assert_eq!(
        count("stored") + count("duplicate"),
        20_000 + first["duplicate"].as_u64().unwrap_or(0)
    );
    assert_eq!(count("dead"), 0);
    assert_eq!(left(&queue), 0);
}

fn left(queue: &rusqlite::Connection) -> i64 {
    queue.query_row("select count(*) from messages", [], |row| row.get(0)).expect("a count")
}

fn summary(run: &Run) -> serde_json::Value {
    serde_json::from_str(run.stderr.lines().last().expect("a summary")).expect("JSON")
}

#[test]
fn mongodb_that_refuses_the_password() {
    let sandbox = Sandbox::new();
    with_messages(&sandbox, 3);
    let program = to_mongodb(&sandbox, &services::mongodb().hosts, "c");
    let run = fails(program.env("MONGODB_PASSWORD", "s3cret"), 77, "MONGODB_PASSWORD");
    assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
    assert_eq!(backlog(&sandbox, "sqlite:queue.db"), 3);
}

#[test]
fn a_signal_ends_a_follower_with_its_own_exit_code() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let sandbox = Sandbox::new();
        let mut child =
            sandbox.subscribe().args("--from sqlite:queue.db --to stdout: --follow").spawn();
        with_messages(&sandbox, 1);
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("a line");
        assert_eq!(line, "{\"n\":0}\n");
        let kill = Command::new("kill").args(["-s", signal]).arg(child.id().to_string()).status();
        assert!(kill.expect("kill").success());
        let run = Run::of(child.wait_with_output().expect("it ends")).expect(code);
        assert!(run.stderr.contains("1 received, 1 stored"), "{}", run.stderr);
    }
}

#[test]
fn an_overlapping_run_ends_at_once_and_well() {
    let sandbox = Sandbox::new();
    let follower = "--from sqlite:queue.db --to stdout: --follow --lock=run.lock";
    let mut first = sandbox.subscribe().args(follower).spawn();
    with_messages(&sandbox, 1);
    let mut line = String::new();
    BufReader::new(first.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let second = sandbox.subscribe().args(follower).run().expect(0);
    assert!(second.stderr.contains("another run holds the lock `run.lock`"), "{}", second.stderr);
    // The system holds the lock, not the file's existence: a killed run leaves nothing to clean up.
    first.kill().expect("it is killed");
    first.wait().expect("it ends");
    let third = "--from sqlite:queue.db --to stdout: --lock=run.lock";
    let third = sandbox.subscribe().args(third).run().expect(0);
    assert!(!third.stderr.contains("another run"), "{}", third.stderr);
}

#[test]
fn a_publish_that_reads_stdin_waits_for_the_lock() {
    let sandbox = Sandbox::new();
    let lock = std::fs::File::create(sandbox.path("run.lock")).expect("a lock file");
    lock.lock().expect("it is free");
    let mut child = sandbox.publish().args("-v --to sqlite:queue.db --lock=run.lock").spawn();
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("a line");
    assert!(line.contains("waiting for the lock `run.lock`"), "{line}");
    child.stdin.take().expect("a pipe").write_all(b"{\"n\":1}\n").expect("room in the pipe");
    lock.unlock().expect("it was held");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!(backlog(&sandbox, "sqlite:queue.db"), 1);
}

#[test]
fn a_thousand_rejected_messages_are_told_by_their_number() {
    let sandbox = Sandbox::new();
    let lines: String = (0..1000).map(|n| format!("[{n}]\n")).collect();
    sandbox.publish().args("--to sqlite:queue.db").stdin(lines).run().expect(0);
    let subscribe = sandbox.subscribe().args("--from sqlite:queue.db --to sqlite:store.db");
    let run = fails(subscribe.args("--batch 500"), 65, "1000 messages became dead letters");
    assert!(
        run.stderr.contains("490 more of this batch failed or were rejected"),
        "{}",
        run.stderr
    );
    assert_eq!(run.stderr.matches("was rejected").count(), 20, "{}", run.stderr);
}

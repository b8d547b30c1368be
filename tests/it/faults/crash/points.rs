//! Every failpoint (`src/cli/failpoints.rs`): a program is ended there at its first, its second and
//! a later passing, a life goes on, and the books are compared.

use super::drain;
use super::ledger::{Ledger, To};
use super::life::{body, publisher};
use crate::support::http_server::{Answer, Server};
use crate::support::process::{End, Process};
use crate::support::sandbox::{Program, Sandbox};
use crate::support::sqlite_files;
use kakehi::Message;
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::path::Path;

/// Who passes there.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Publisher,
    /// A publisher whose spool holds something: what it reads goes behind that, and it sends both.
    Drainer,
    Subscriber(To),
}
use Victim::{Drainer, Publisher, Subscriber};

/// What happens there.
#[derive(Debug, Clone, Copy)]
enum Blow {
    Kill,
    Signal(Signal),
    TwoSignals,
}

/// A failpoint, who passes it, and at which passings it is hit.
type Case = (&'static str, Victim, &'static [usize]);

const EACH: &[usize] = &[1, 2, 5];
/// A file is made once.
const ONCE: &[usize] = &[1];

const CASES: [Case; 25] = [
    ("publish-read", Publisher, EACH),
    ("publish-taken", Publisher, EACH),
    ("publish-committed", Publisher, EACH),
    ("sqlite-found", Publisher, ONCE),
    ("sqlite-commit", Publisher, EACH),
    ("sqlite-committed", Publisher, EACH),
    ("sqlite-close", Publisher, ONCE),
    ("sqlite-close", Subscriber(To::Store), &[1, 2]),
    ("publish-read", Drainer, EACH),
    ("publish-taken", Drainer, EACH),
    ("publish-committed", Drainer, EACH),
    ("sqlite-commit", Drainer, &[1, 2, 61, 62, 63, 64]),
    ("sqlite-committed", Drainer, &[1, 2, 61, 62, 63, 64]),
    ("subscribe-received", Drainer, &[1, 2]),
    ("subscribe-written", Drainer, &[1, 2]),
    ("subscribe-settled", Drainer, &[1, 2]),
    ("subscribe-received", Subscriber(To::Store), EACH),
    ("subscribe-written", Subscriber(To::Store), EACH),
    ("subscribe-written", Subscriber(To::Stdout), EACH),
    ("subscribe-settled", Subscriber(To::Store), EACH),
    ("subscribe-settled", Subscriber(To::Stdout), EACH),
    ("sqlite-found", Subscriber(To::Store), ONCE),
    ("sqlite-commit", Subscriber(To::Store), &[1, 2, 5, 6, 7, 8]),
    ("sqlite-committed", Subscriber(To::Store), &[1, 2, 5, 6, 7, 8]),
    ("sqlite-committed", Subscriber(To::Stdout), EACH),
];

/// Those that need other ends, and the files of their tests.
const ELSEWHERE: [(&str, &str); 23] = [
    ("exec-started", "tests/it/sinks/exec_processes.rs"),
    ("listen-put", "tests/it/sources/listen.rs"),
    ("prune-closed", "tests/it/programs/store/prune.rs"),
    ("prune-removed", "tests/it/programs/store/prune.rs"),
    ("redrive-forgotten", "tests/it/programs/queue/rewritten.rs"),
    ("redis-begun", "tests/it/queues/redis_jobs/killed.rs"),
    ("redis-due", "tests/it/queues/redis_jobs/killed.rs"),
    ("redis-fetched", "tests/it/queues/redis_jobs/killed.rs"),
    ("redis-moved", "tests/it/queues/redis_jobs/killed.rs"),
    ("redis-published", "tests/it/queues/redis_jobs/killed.rs"),
    ("redis-reaping", "tests/it/queues/redis_jobs/killed.rs"),
    ("redis-settled", "tests/it/queues/redis_jobs/killed.rs"),
    ("redis-settling", "tests/it/queues/redis_jobs/killed.rs"),
    ("repair-saved", "tests/it/queues/sqlite/replaced.rs"),
    ("repair-linked", "tests/it/queues/sqlite/replaced.rs"),
    ("repair-log-moved", "tests/it/queues/sqlite/replaced.rs"),
    ("repair-exchanged", "tests/it/queues/sqlite/replaced.rs"),
    ("source-state", "tests/it/faults/crash/points.rs"),
    ("speech-spoken", "tests/it/sinks/speech/killed.rs"),
    ("speech-stored", "tests/it/sinks/speech/killed.rs"),
    ("sqlite-commit-alone", "tests/it/faults/crash/points.rs"),
    ("sqlite-upgrade", "tests/it/faults/crash/points.rs"),
    ("subscribe-buried", "tests/it/faults/outage/mod.rs"),
];

/// How many messages come before each blow.
const MESSAGES: usize = 60;

/// How many messages wait in the spool: more than a drain takes at once.
const SPOOLED: usize = 600;

/// One queue's life, with one victim after the other at one place.
struct Life {
    sandbox: Sandbox,
    ledger: Ledger,
    to: To,
    made: usize,
}

impl Life {
    fn of((point, victim, passings): Case, blow: Blow) {
        let to = if let Subscriber(to) = victim { to } else { To::Store };
        let mut life = Self { sandbox: Sandbox::new(), ledger: Ledger::new(to), to, made: 0 };
        for &passing in passings {
            println!("{point} at passing {passing}: {victim:?}, {blow:?}");
            match victim {
                Publisher => life.hit_publisher(point, passing, blow),
                Drainer => life.hit_drainer(point, passing, blow),
                Subscriber(_) => life.hit_subscriber(point, passing, blow),
            }
        }
        drain::last(&life.sandbox, to, &mut life.ledger);
    }

    fn hit_publisher(&mut self, point: &str, passing: usize, blow: Blow) {
        let (ids, lines) = self.messages(MESSAGES);
        let program = || publisher(&self.sandbox, source(passing)).args("--batch 1");
        let end = hit(program(), &lines, point, passing, blow);
        self.ledger.accept(&ids[..end.taken()]);
        self.ledger.audit(&self.sandbox);
        program().stdin(lines).run().expect(0);
        self.ledger.accept(&ids);
        self.ledger.audit(&self.sandbox);
    }

    fn hit_drainer(&mut self, point: &str, passing: usize, blow: Blow) {
        let (ids, lines) = self.messages(SPOOLED);
        let spooled: Vec<_> = ids
            .iter()
            .zip(lines.lines())
            .map(|(id, body)| Message::new(id, body.to_owned()))
            .collect();
        drain::fill_spool(&self.sandbox, &spooled);
        self.ledger.accept(&ids);
        self.hit_publisher(point, passing, blow);
        drain::spool(&self.sandbox, &mut self.ledger);
    }

    fn hit_subscriber(&mut self, point: &str, passing: usize, blow: Blow) {
        let (ids, lines) = self.messages(MESSAGES);
        publisher(&self.sandbox, source(passing)).stdin(lines).run().expect(0);
        self.ledger.accept(&ids);
        let program = drain::subscriber(&self.sandbox, self.to).args("--batch 2 --concurrency 2");
        let end = hit(program, "", point, passing, blow);
        self.ledger.output(&end.stdout);
        let queue = self.ledger.audit(&self.sandbox);
        let orderly = matches!(blow, Blow::Signal(_));
        assert!(!orderly || queue.leases.is_empty(), "leases were not given back: {}", end.stderr);
    }

    /// New messages; now and then one of which a store says that it is nested too deeply.
    fn messages(&mut self, count: usize) -> (Vec<String>, String) {
        let (mut ids, mut lines) = (Vec::new(), String::new());
        for n in self.made..self.made + count {
            let (id, bad) = (format!("m{n:06}"), n % 20 == 7);
            let body = body(&id, n % 3, "tea 茶 🍵", if bad { 130 } else { 1 });
            lines += &format!("{body}\n");
            self.ledger.offer(id.clone(), body, !bad);
            ids.push(id);
        }
        self.made += count;
        (ids, lines)
    }
}

/// Ordered or not, in turn.
fn source(passing: usize) -> &'static str {
    if passing.is_multiple_of(2) { "stdin:?id=id&group=room" } else { "stdin:?id=id" }
}

/// Runs a program until it is hit at its passing of the point, and to the end that this must have.
#[track_caller]
fn hit(program: Program, input: &str, point: &str, passing: usize, blow: Blow) -> End {
    let action = if matches!(blow, Blow::Kill) { "kill" } else { "stop" };
    let program = program.env("KAKEHI_FAILPOINTS", format!("{point}={action}@{passing}"));
    let mut process = Process::start(program, input.to_owned(), false);
    let signals: &[Signal] = match &blow {
        Blow::Kill => &[],
        Blow::Signal(signal) => std::slice::from_ref(signal),
        Blow::TwoSignals => &[Signal::SIGTERM, Signal::SIGINT],
    };
    if !signals.is_empty() {
        process.wait_until_stopped();
        signals.iter().for_each(|signal| process.signal(*signal));
        process.signal(Signal::SIGCONT);
    }
    let end = process.end();
    let mut codes: Vec<_> = match blow {
        Blow::Kill => vec![128 + Signal::SIGKILL as i32],
        _ => signals.iter().map(|signal| 128 + *signal as i32).collect(),
    };
    if point == "sqlite-close" && !signals.is_empty() {
        // All is done by then: it may have ended before it hears of the signal.
        codes.extend([0, 65]);
    }
    let what = format!("{point} at passing {passing}, {blow:?}");
    assert!(codes.contains(&end.code), "{what}: code {}: {}", end.code, end.stderr);
    end
}

/// Every case in a life of its own, at once: most of the time each waits for a lease to end.
fn play(cases: &[Case], blow: impl Fn(usize) -> Blow) {
    std::thread::scope(|scope| {
        for (at, case) in cases.iter().enumerate() {
            let blow = blow(at);
            scope.spawn(move || Life::of(*case, blow));
        }
    });
}

#[test]
fn what_is_killed_at_any_failpoint_loses_nothing_and_stores_nothing_twice() {
    play(&CASES, |_| Blow::Kill);
}

#[test]
fn what_is_told_to_end_at_any_failpoint_ends_well_and_loses_nothing() {
    play(&CASES, |at| Blow::Signal([Signal::SIGTERM, Signal::SIGINT][at % 2]));
}

#[test]
fn what_is_told_twice_to_end_at_any_failpoint_ends_and_loses_nothing() {
    play(&CASES, |_| Blow::TwoSignals);
}

#[test]
fn a_publisher_killed_before_its_state_is_written_publishes_nothing_twice() {
    let sandbox = Sandbox::new();
    let answer = Answer::ok(include_str!("../../../fixtures/nature-remo/devices_typical.json"));
    let server = Server::new([answer]);
    let publish = |point: &str| {
        let source = format!("nature-remo:?mode=changes&state=state&endpoint={}", server.url());
        let program = sandbox.publish().arg(source).args("--to sqlite:queue.db --summary json");
        program.env("NATURE_REMO_TOKEN", "made-up").env("KAKEHI_FAILPOINTS", point).run()
    };
    publish("source-state=kill@1").expect(137);
    assert_eq!(std::fs::read_dir(sandbox.dir()).expect("it").count(), 4, "queue, log, index, rest");
    let told: serde_json::Value =
        serde_json::from_str(&publish("").expect(0).stderr).expect("a summary");
    assert_eq!((&told["published"], &told["duplicate"]), (&0.into(), &9.into()), "{told}");
    assert_eq!(sqlite_files::queue(&sandbox).live.len(), 9);
    let told = publish("").expect(0).stderr;
    assert!(told.contains("\"read\":0"), "it knows what it has published: {told}");
}

#[test]
fn a_queue_whose_deletion_was_killed_is_as_it_was() {
    let sandbox = Sandbox::new();
    let publish = || sandbox.publish().args("--to sqlite:queue.db").stdin("{\"n\":1}\n");
    publish().run().expect(0);
    let delete = || sandbox.queue().args("delete sqlite:queue.db --yes");
    delete().env("KAKEHI_FAILPOINTS", "sqlite-commit-alone=kill@1").run().expect(137);
    assert_eq!(sqlite_files::queue(&sandbox).live.len(), 1);
    publish().run().expect(0);
    delete().run().expect(0);
    assert!(sqlite_files::queue(&sandbox).live.is_empty());
}

#[test]
fn a_file_whose_upgrade_was_killed_is_upgraded_by_the_next_one() {
    let sandbox = Sandbox::new();
    let open = || rusqlite::Connection::open(sandbox.path("queue.db")).expect("a file");
    let old = include_str!("../../../fixtures/queue-version-1.sql");
    open().execute_batch(old).expect("a file of an older version");
    let ask = |sql: &str| open().query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
    let version = || ask("PRAGMA user_version");
    let messages = || ask("SELECT count(*) FROM messages JOIN bodies USING (seq)");
    let before = messages();
    let publish = || sandbox.publish().args("--to sqlite:queue.db").stdin("{\"n\":1}\n");
    publish().env("KAKEHI_FAILPOINTS", "sqlite-upgrade=kill@1").run().expect(137);
    assert_eq!((version(), messages()), (1, before));
    publish().run().expect(0);
    assert!(version() > 1);
    assert_eq!(messages(), before + 1);
}

#[test]
fn every_failpoint_of_the_source_is_hit_by_a_test() {
    let mut there = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("src") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source file");
            for rest in text.split("\n").filter(|line| !line.trim_start().starts_with("//")) {
                let Some((_, rest)) = rest.split_once("fail_point!(\"") else { continue };
                let name = rest.split('"').next().unwrap_or_default().to_owned();
                assert!(there.insert(name), "a failpoint of that name is elsewhere, too: {rest}");
            }
        }
    }
    // It ends nothing: it tells by how much the clock is off.
    assert!(there.remove("clock-read"), "tests/it/queues/sqlite/clock.rs moves the clock");
    let mut hit: BTreeSet<_> = CASES.iter().map(|(point, ..)| (*point).to_owned()).collect();
    for (point, file) in ELSEWHERE {
        let test = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let test = std::fs::read_to_string(test).expect("the file of its test");
        assert!(test.contains(&format!("\"{point}=kill@")), "{file} does not hit `{point}`");
        hit.insert(point.to_owned());
    }
    assert_eq!(there, hit);
}

#[test]
fn a_failpoint_that_is_set_wrongly_is_refused() {
    let sandbox = Sandbox::new();
    for setting in ["publish-read", "publish-read=kill@soon", "publish-read=nonsense"] {
        let program = sandbox.publish().args("--to sqlite:queue.db");
        let run = program.env("KAKEHI_FAILPOINTS", setting).run().expect(78);
        assert!(run.stderr.contains(setting) && run.stderr.contains("hint:"), "{}", run.stderr);
    }
}

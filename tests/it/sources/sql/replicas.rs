//! Two `publish` beside each other, which know nothing of one another.

use crate::support::process::Process;
use crate::support::users::Users;
use nix::sys::signal::Signal;

#[test]
fn two_replicas_give_one_message() {
    let users = Users::new(&[("a", "18:53:00"), ("b", "18:53:30")]);
    for (state, told) in [("one", "2 published"), ("other", "0 published, 2 duplicate")] {
        let program = users.sandbox.publish().arg(users.url(&format!("&ahead=1h&state={state}")));
        let program = program.args("--at 2026-11-26T17:53:00+09:00 --to sqlite:q.db");
        let run = program.run().expect(0);
        assert!(run.stderr.contains(told), "{}", run.stderr);
    }
}

#[test]
fn replicas_at_once_publish_each_announcement_once() {
    let users = Users::new(&[]);
    // A user for each minute of the day: whenever this runs, somebody is due.
    users.run(
        "with recursive n(i) as (select 0 union all select i + 1 from n where i < 1439)
         insert into users (uid, t) select i, printf('%02d:%02d:00', i / 60, i % 60) from n",
    );
    let start = |state: &str| {
        let url = users.url(&format!("&ahead=1h&overlap=30m&state={state}"));
        let program = users.sandbox.publish().arg(url).args("--to sqlite:q.db --every");
        let program = program.arg("* * * * * *").env("RUST_LOG", "warn,kakehi::publish=debug");
        Process::start(program, String::new(), false)
    };
    let mut replicas = [start("one"), start("other")];
    for replica in &mut replicas {
        replica.wait_until("it has published", |it| it.said().contains("has taken a batch"));
        replica.wait_until("some ticks are over", |it| {
            it.said().matches("waiting for the next tick").count() > 2
        });
    }
    for mut replica in replicas {
        replica.signal(Signal::SIGTERM);
        assert_eq!(replica.end().code, 143);
    }
    let drained = users.sandbox.subscribe().args("--from sqlite:q.db --to stdout:").run().expect(0);
    let mut bodies: Vec<_> = drained.stdout.lines().collect();
    let all = bodies.len();
    bodies.sort_unstable();
    bodies.dedup();
    assert!(all >= 1 && bodies.len() == all, "{}", drained.stdout);
}

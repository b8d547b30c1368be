//! The sink `speech:` when it is killed, and when the store goes: no announcement is missed, none is
//! stored twice, and none is paid for twice.

use super::{by_google, said, sandbox_with, subscribe, user, users, waiting};
use crate::support::process::Process;
use crate::support::proxy::{Proxy, Way};
use crate::support::s3::Bucket;
use crate::support::sandbox::Sandbox;
use crate::support::speakers::Speaker;
use std::time::{Duration, Instant};

/// Drains what a killed program had leased, once its leases are over.
fn drain(sandbox: &Sandbox, speaker: &Speaker) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while waiting(sandbox).0 > 0 {
        assert!(Instant::now() < deadline, "they never come out: {:?}", waiting(sandbox));
        let program = subscribe(sandbox, "said", &by_google(speaker));
        program.args("--lease 1s --idle 200ms").run().expect(0);
    }
}

#[test]
fn a_kill_between_the_speech_its_object_and_its_acknowledgement_costs_nothing() {
    for point in ["speech-spoken=kill@", "speech-stored=kill@", "subscribe-written=kill@"] {
        for passing in [1, 2, 5] {
            let speaker = Speaker::google();
            let sandbox = sandbox_with(&users(6));
            let program = subscribe(&sandbox, "said", &by_google(&speaker));
            // One after the other: of what is under way, each answer is kept.
            let program = program.args("--lease 1s --batch 1 --concurrency 1");
            let program = program.env("KAKEHI_FAILPOINTS", format!("{point}{passing}"));
            let end = Process::start(program, String::new(), false).end();
            assert_eq!(end.code, 137, "{point}{passing}: {}", end.stderr);
            drain(&sandbox, &speaker);
            let spoken = speaker.spoken();
            assert_eq!(said(&sandbox).len(), 6, "{point}{passing}");
            assert_eq!(spoken.len(), 6, "{point}{passing}: {spoken:?}");
        }
    }
}

#[test]
fn a_store_that_goes_while_it_is_spoken_is_waited_for_and_nothing_is_paid_for_twice() {
    let (speaker, bucket) = (Speaker::google(), Bucket::new());
    let sandbox = sandbox_with(&users(12));
    let proxy = Proxy::start(bucket.address());
    let endpoint = format!("http://{}", proxy.address());
    let run = |code| {
        let program = subscribe(&sandbox, &bucket.url(), &by_google(&speaker));
        bucket.through(program, Some(&endpoint)).args("--write-timeout 5s").run().expect(code)
    };
    // A check of the store, a look for each object, and somewhere in their puts the line is cut.
    proxy.cut_after(Way::Answer, 6000);
    run(69);
    proxy.restore();
    run(0);
    assert_eq!(bucket.objects().len(), 12);
    assert_eq!(speaker.spoken().len(), 12);
}

#[test]
fn two_messages_of_one_object_are_spoken_once() {
    let speaker = Speaker::google();
    let twins: Vec<_> =
        (0..10).map(|n| user("u1").replace('{', &format!("{{\"n\":{n},"))).collect();
    let sandbox = sandbox_with(&twins);
    let run = subscribe(&sandbox, "said", &by_google(&speaker)).run().expect(0);
    assert!(
        run.stderr.contains("1 stored") && run.stderr.contains("9 duplicate"),
        "{}",
        run.stderr
    );
    assert_eq!(speaker.spoken().len(), 1);
}

#[test]
fn two_subscribers_share_the_work_and_speak_each_once() {
    let speaker = Speaker::google();
    let sandbox = sandbox_with(&users(40));
    let start =
        |_| Process::start(subscribe(&sandbox, "said", &by_google(&speaker)), String::new(), false);
    let both: Vec<_> = (0..2).map(start).collect();
    for one in both {
        let end = one.end();
        assert_eq!(end.code, 0, "{}", end.stderr);
    }
    assert_eq!((said(&sandbox).len(), speaker.spoken().len()), (40, 40));
}

//! The engine `google`, on a server that speaks as Google's does.

use super::{AT, by_google, publish, reasons, said, sandbox_with, subscribe, user, users, waiting};
use crate::support::http_server::Answer;
use crate::support::process::Process;
use crate::support::s3::Bucket;
use crate::support::speakers::{Speaker, google_error, sound_of};
use nix::sys::signal::Signal;

#[test]
fn each_announcement_is_spoken_once_into_the_bucket() {
    let (speaker, bucket) = (Speaker::google(), Bucket::new());
    let sandbox = sandbox_with(&users(25));
    let run = || {
        let program = subscribe(&sandbox, &bucket.url(), &by_google(&speaker));
        bucket.through(program, None).env("GOOGLE_API_KEY", "hunter2").run().expect(0)
    };
    let run_one = run();
    assert!(!run_one.stderr.contains("hunter2"), "{}", run_one.stderr);
    let keys: Vec<_> = bucket.objects().into_keys().collect();
    let wanted: Vec<_> = (0..25).map(|n| format!("u{n:02}/weather/{AT}.mp3")).collect();
    assert_eq!(keys, wanted);
    let object = bucket.get("u07/weather/2026-11-26T18:53:00%2B09:00.mp3");
    assert!(object.to_ascii_lowercase().contains("content-type: audio/mpeg"), "{object}");
    assert!(object.ends_with(&sound_of("u07さん、おはようございます。")), "{object}");
    assert_eq!(speaker.spoken().len(), 25);
    let asked = speaker.requests();
    assert!(asked.iter().all(|it| it.to_ascii_lowercase().contains("x-goog-api-key: hunter2")));
    let body = speaker.bodies().into_iter().find(|body| body.contains("u07")).expect("it");
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["audioConfig"]["audioEncoding"], 2);
    assert_eq!(body["voice"]["languageCode"], "ja-JP");
    assert_eq!(body["voice"]["name"], "ja-JP-Neural2-B");
    // All of them once more: other messages, and objects that are there.
    let again: Vec<_> = users(25).iter().map(|body| body.replace('{', "{ ")).collect();
    publish(&sandbox, &again);
    let run = run();
    assert!(run.stderr.contains("25 duplicate"), "{}", run.stderr);
    assert_eq!(speaker.spoken().len(), 25, "nothing was paid for again");
}

#[test]
fn a_bad_message_is_rejected_by_its_reason_and_stops_nobody() {
    let speaker = Speaker::google();
    let long = r#"{"uid":"u77777","type":"w","at":"a","long":true}"#.to_owned();
    let bodies = [
        user("u1"),
        r#"{"type":"weather","at":"x"}"#.to_owned(),
        r#"{"uid":null,"type":"weather","at":"x"}"#.to_owned(),
        user("../u2"),
        r#"["u3"]"#.to_owned(),
        r#"{"uid":"u4","type":"a","at":"b","text":"x"}"#.to_owned(),
        r#"{"uid":"u5","type":"a","at":"b","text":""}"#.to_owned(),
        r#"{"uid":"u6","type":"a","at":"b","text":"hunter2"}"#.to_owned(),
        long,
    ];
    let sandbox = sandbox_with(&bodies);
    let parameters = by_google(&speaker).replace(
        super::TEXT,
        "{% if long is defined %}{% for n in range(900) %}{{uid}}{% endfor %}{% else %}{{ text | default('hello') }}{% endif %}",
    );
    speaker.fail(google_error(400, "INVALID_ARGUMENT", "Sentence: \"hunter2\" is too long", &[]));
    let run = subscribe(&sandbox, "said", &parameters).args("--batch 1").run().expect(65);
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    let told = reasons(&sandbox);
    for reason in [
        "`key`: line 1: `uid` is missing",
        "`key`: line 1: `uid` is null",
        "the key has the part `..`",
        "the body is no JSON object",
        "there is nothing to say",
        "its text has 5400 bytes, and 5000 are the most",
        "Google answered 400",
    ] {
        assert!(told.iter().any(|it| it.contains(reason)), "{reason}: {told:?}");
    }
    assert_eq!(said(&sandbox).len() + told.len(), bodies.len());
    assert_eq!(speaker.spoken().len(), said(&sandbox).len());
}

#[test]
fn refused_credentials_bury_nothing() {
    for (status, code) in [(401, "UNAUTHENTICATED"), (403, "PERMISSION_DENIED")] {
        let speaker = Speaker::google();
        let sandbox = sandbox_with(&users(30));
        (0..100).for_each(|_| speaker.fail(google_error(status, code, "no", &[])));
        let run = subscribe(&sandbox, "said", &by_google(&speaker)).run().expect(77);
        assert!(run.stderr.contains(&format!("Google answered {status}: no")), "{}", run.stderr);
        assert_eq!(waiting(&sandbox), (30, 0), "all are given back, and no attempt is spent");
        assert!(reasons(&sandbox).is_empty());
    }
}

#[test]
fn a_service_that_is_busy_is_waited_for_by_all_and_spends_no_attempt() {
    for (status, code) in [(429, "RESOURCE_EXHAUSTED"), (503, "UNAVAILABLE")] {
        let speaker = Speaker::google();
        let sandbox = sandbox_with(&users(12));
        speaker.fail(google_error(status, code, "later", &["Retry-After: 1"]));
        let program = subscribe(&sandbox, "said", &by_google(&speaker)).args("--follow");
        let mut follower = Process::start(program, String::new(), false);
        follower.wait_until("all are said", |_| said(&sandbox).len() == 12);
        follower.signal(Signal::SIGTERM);
        let end = follower.end();
        assert_eq!(end.code, 143, "{}", end.stderr);
        assert!(end.stderr.contains("the sink is unavailable"), "{}", end.stderr);
        assert_eq!(speaker.spoken().len(), 12);
        assert!(reasons(&sandbox).is_empty());
    }
}

#[test]
fn sound_without_a_byte_is_never_stored() {
    let speaker = Speaker::google();
    let sandbox = sandbox_with(&users(1));
    (0..9).for_each(|_| speaker.fail(Answer::ok("{}")));
    let program = subscribe(&sandbox, "said", &by_google(&speaker)).args("--max-attempts 1");
    program.run().expect(65);
    assert_eq!(reasons(&sandbox), ["gave up after 1 attempts: the engine gave no sound"]);
    assert!(said(&sandbox).is_empty());
}

#[test]
fn a_voice_that_is_none_is_found_before_anything_is_received() {
    let speaker = Speaker::google();
    let sandbox = sandbox_with(&users(1));
    let parameters = by_google(&speaker).replace("Neural2-B", "Neural2-X");
    let run = subscribe(&sandbox, "said", &parameters).run().expect(78);
    assert!(run.stderr.contains("no voice `ja-JP-Neural2-X`"), "{}", run.stderr);
    assert!(run.stderr.contains("ja-JP-Neural2-B"), "{}", run.stderr);
    assert_eq!(waiting(&sandbox), (1, 0));
    let check = |parameters: &str| {
        let url = format!("speech:said?key={{{{uid}}}}&{parameters}");
        sandbox.queue().args("check --from sqlite:q.db --to").arg(url).run()
    };
    check(&parameters).expect(78);
    check(&by_google(&speaker)).expect(0);
    assert!(speaker.spoken().is_empty());
}

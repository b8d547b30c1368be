//! The engine `voicevox`, on a server that speaks as VOICEVOX ENGINE does.

use super::{TEXT, reasons, said, sandbox_with, subscribe, users, waiting};
use crate::support::http_server::Answer;
use crate::support::speakers::{SPEAKER, Speaker, sound_of};

fn by_voicevox(url: &str) -> String {
    format!("engine=voicevox&voice={SPEAKER}&endpoint={url}&text={TEXT}")
}

#[test]
fn announcements_are_spoken_by_a_query_and_its_synthesis() {
    let speaker = Speaker::voicevox();
    let sandbox = sandbox_with(&users(5));
    subscribe(&sandbox, "said", &by_voicevox(&speaker.url())).run().expect(0);
    let said = said(&sandbox);
    assert_eq!(said.len(), 5);
    let sound = sound_of("u03さん、おはようございます。").into_bytes();
    assert_eq!(said["u03/weather/2026-11-26T18:53:00+09:00.wav"], sound);
}

#[test]
fn a_text_that_it_refuses_is_rejected_and_a_failure_of_its_own_is_not() {
    let speaker = Speaker::voicevox();
    let sandbox = sandbox_with(&users(2));
    speaker.fail(Answer::http("422 Unprocessable", &[], r#"{"detail":[{"input":"hunter2"}]}"#));
    speaker.fail(Answer::http("500 Internal Server Error", &[], ""));
    let program = || {
        let parameters = by_voicevox(&speaker.url());
        subscribe(&sandbox, "said", &parameters).args("--batch 1 --concurrency 1")
    };
    program().run().expect(69);
    let told = reasons(&sandbox);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("answered 422") && !told[0].contains("hunter2"), "{told:?}");
    assert_eq!(waiting(&sandbox), (1, 0), "no attempt is spent");
    program().run().expect(0);
    assert_eq!(said(&sandbox).len(), 1);
}

#[test]
fn an_engine_that_is_not_there_and_a_voice_that_it_lacks_are_told_before_anything_is_received() {
    let sandbox = sandbox_with(&users(1));
    let run = subscribe(&sandbox, "said", &by_voicevox("http://127.0.0.1:1")).run().expect(69);
    assert!(run.stderr.contains("cannot use VOICEVOX"), "{}", run.stderr);
    let speaker = Speaker::voicevox();
    let parameters = by_voicevox(&speaker.url()).replace("voice=3", "voice=4");
    let run = subscribe(&sandbox, "said", &parameters).run().expect(78);
    assert!(run.stderr.contains("no voice `4`"), "{}", run.stderr);
    assert_eq!(waiting(&sandbox), (1, 0));
}

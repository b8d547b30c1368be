//! The engine `command`: Open JTalk, and commands that fail.

use super::{AT, reasons, said, sandbox_with, subscribe, user, users, waiting};
use crate::support::services;
use std::time::Duration;

#[test]
fn open_jtalk_speaks_each_announcement_whole() {
    let sandbox = sandbox_with(&users(3));
    let text = "{{uid}}さん。\n東京の本日の天気は、\n\n晴れ時々曇り、\n最高気温は25度です。";
    sandbox.write("weather.txt", text);
    let voice = services::open_jtalk_voice();
    let dictionary = "/var/lib/mecab/dic/open-jtalk/naist-jdic";
    let command = format!("open_jtalk -x {dictionary} -m '{voice}' -ow /dev/stdout");
    let parameters = format!("engine=command&command={command}&text-file=weather.txt");
    subscribe(&sandbox, "said", &parameters).args("--write-timeout 60s").run().expect(0);
    let said = said(&sandbox);
    assert_eq!(said.len(), 3);
    for sound in said.values() {
        assert!(sound.starts_with(b"RIFF"), "it is WAV");
        let seconds = Duration::from_secs(sound.len() as u64 / 2 / 48_000);
        assert!(seconds >= Duration::from_secs(4), "all lines are spoken: {seconds:?}");
    }
}

#[test]
fn a_command_that_speaks_nothing_stores_nothing() {
    let run = |command: &str, code| {
        let sandbox = sandbox_with(&users(2));
        let parameters = format!("engine=command&command={command}&text=a");
        let program = subscribe(&sandbox, "said", &parameters).args("--max-attempts 1");
        program.run().expect(code);
        assert!(said(&sandbox).is_empty());
        sandbox
    };
    let silent = reasons(&run("true", 65));
    assert_eq!(silent, ["gave up after 1 attempts: the engine gave no sound"; 2]);
    assert_eq!(reasons(&run("sh -c 'exit 65'", 65)), ["`sh` exited with 65"; 2]);
    assert_eq!(waiting(&run("sh -c 'exit 75'", 69)), (2, 0));
}

#[test]
fn what_is_there_is_not_spoken_again_and_a_folder_is_no_place_for_sound() {
    let sandbox = sandbox_with(&[user("u1"), user("u2")]);
    std::fs::create_dir_all(sandbox.path("said/u1/weather")).expect("a folder");
    sandbox.write(&format!("said/u1/weather/{AT}.mp3"), "there");
    std::fs::create_dir_all(sandbox.path(&format!("said/u2/weather/{AT}.mp3"))).expect("a folder");
    let parameters = "engine=command&encoding=mp3&command=sh -c 'echo ran >>runs; cat'&text=a";
    subscribe(&sandbox, "said", parameters).run().expect(65);
    assert_eq!(reasons(&sandbox), ["a folder has this name"]);
    assert_eq!(said(&sandbox)[&format!("u1/weather/{AT}.mp3")], b"there");
    assert!(!sandbox.path("runs").exists(), "no command was run");
}

#[test]
fn a_url_that_makes_no_sense_is_refused_with_a_hint() {
    let sandbox = sandbox_with(&users(1));
    for (parameters, code) in [
        ("engine=command&command=no-such-program&text=a", 78),
        ("engine=command&text=a", 2),
        ("engine=command&command=cat", 2),
        ("engine=command&command=cat&text={{", 2),
        ("engine=command&command=cat&text-file=none.txt", 78),
        ("engine=siri&text=a", 2),
        ("engine=command&command=cat&text=a&volume=11", 2),
        ("text=a", 2),
    ] {
        let run = subscribe(&sandbox, "said", parameters).run().expect(code);
        assert!(run.stderr.contains("hint: "), "{parameters}: {}", run.stderr);
    }
    assert_eq!(waiting(&sandbox), (1, 0));
}

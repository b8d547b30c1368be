//! A command as the sink: what it is given, and what its exit code makes of the messages.

use crate::support::queue_file::{publish, publish_all, stats, subscribe};
use crate::support::sandbox::{Run, Sandbox};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

fn dead(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let run = sandbox.queue().args("dead list sqlite:q.db --json").run().expect(0);
    let lines = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    lines.map(|letter| (text(&letter["id"]), text(&letter["reason"]))).collect()
}

/// The words of the lines that the commands wrote, sorted.
fn sorted(run: &Run) -> Vec<&str> {
    let mut lines: Vec<_> = run.stdout.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_command_gets_the_body_and_its_variables() {
    let sandbox = Sandbox::new();
    let attributes =
        json!({"content-type": "a/b; \"x\" $(id) `id`\n", "PATH": "/nowhere", "名": "?"});
    let line =
        json!({"id": "id 1", "group": "g", "tag": "t", "attributes": attributes, "body": {"a": 1}});
    publish(&sandbox, &[line]);
    let script = r#"cat; echo; env -0 | sort -z | grep -z ^KAKEHI_ | tr '\0' '|'; echo "$PATH""#;
    let run = subscribe(&sandbox, "", script).env("KAKEHI_GROUP", "old").run().expect(0);
    let path = std::env::var("PATH").expect("a PATH");
    let expected = [
        "{\"a\":1}\n",
        "KAKEHI_ATTEMPT=1|KAKEHI_ATTRIBUTE_CONTENT_TYPE=a/b; \"x\" $(id) `id`\n|",
        "KAKEHI_ATTRIBUTE_PATH=/nowhere|KAKEHI_ATTRIBUTE__=?|KAKEHI_CONFIG=/dev/null|",
        "KAKEHI_GROUP=g|KAKEHI_ID=id 1|KAKEHI_TAG=t|",
        &path,
        "\n",
    ];
    assert_eq!(run.stdout, expected.concat());
}

#[test]
fn a_command_has_the_users_environment_without_our_secrets() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1");
    let script = "env | cut -d= -f1 | sort | tr '\\n' ' '; wc -c </proc/self/cmdline >/dev/null";
    let mut program =
        subscribe(&sandbox, "", script).env("MINE", "x").env("KAKEHI_ATTRIBUTE_OLD", "x");
    for secret in kakehi::environment::SECRETS {
        program = program.env(secret, "secret");
    }
    let run = program.env("KAKEHI_QUEUE", "sqlite:q.db").run().expect(0);
    let shells_own = ["PWD", "OLDPWD", "SHLVL", "_"];
    let names = run.stdout.split_whitespace().filter(|name| !shells_own.contains(name));
    let names: Vec<_> = names.collect();
    let expected =
        ["HOME", "KAKEHI_ATTEMPT", "KAKEHI_CONFIG", "KAKEHI_ID", "KAKEHI_QUEUE", "MINE", "PATH"];
    assert_eq!(names, expected);
}

#[test]
fn any_bytes_of_any_size_arrive_and_need_not_be_read() {
    let sandbox = Sandbox::new();
    let ten_megabytes = "x".repeat(10_000_000);
    publish(
        &sandbox,
        &[
            json!({"id": "bytes", "body_base64": "/wD+gA=="}),
            json!({"id": "empty", "body_base64": ""}),
            json!({"id": "large", "body": ten_megabytes}),
        ],
    );
    let script = r#"case $KAKEHI_ID in bytes) od -An -tx1;; *) echo "$KAKEHI_ID $(wc -c)";; esac"#;
    let run = subscribe(&sandbox, "--debug", script).run().expect(0);
    assert_eq!(sorted(&run), [" ff 00 fe 80", "empty 0", "large 10000002"]);
    let run = subscribe(&sandbox, "", "exec <&-").run().expect(0);
    assert!(run.stderr.contains("3 received, 3 stored"), "{}", run.stderr);
}

#[test]
fn sixty_five_rejects_and_the_others_go_their_way() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1 bad 2");
    let script = r#"echo "payload: $(cat)" >&2; [ "$KAKEHI_ID" != bad ] || exit 65"#;
    let run = subscribe(&sandbox, "", script).run().expect(65);
    assert!(run.stderr.contains("2 stored, 1 dead"), "{}", run.stderr);
    let expected = BTreeMap::from([("bad".to_owned(), "`sh` exited with 65".to_owned())]);
    assert_eq!(dead(&sandbox), expected);
}

#[test]
fn what_stands_behind_a_rejected_message_of_its_group_follows_it_next() {
    for flags in ["", "--batch 9", "--batch 4", "--batch 3 --concurrency 1"] {
        let sandbox = Sandbox::new();
        publish_all(&sandbox, "1@g 2@g 3@g 4@g 5@g 6@g 7@g 8@g 9@g");
        let script = r#"ids=$KAKEHI_ID; [ "$ids" ] || ids=$(sed 's/.*"id":"\([0-9]\)".*/\1/')
            case $ids in *3*) exit 65;; esac; echo "$ids" >>log"#;
        subscribe(&sandbox, flags, script).run().expect(65);
        let log = fs::read_to_string(sandbox.path("log")).expect("it ran");
        assert_eq!(log, "1\n2\n4\n5\n6\n7\n8\n9\n", "{flags}");
    }
}

#[test]
fn sixty_nine_and_seventy_five_stop_the_run_and_spend_nothing() {
    for code in [69, 75] {
        let sandbox = Sandbox::new();
        publish_all(&sandbox, "1 2 3 4 5 6 7 8 9");
        for _ in 0..12 {
            let script = format!("echo ran >>runs; exit {code}");
            let run = subscribe(&sandbox, "", &script).run().expect(69);
            assert!(run.stderr.contains(&format!("`sh` exited with {code}")), "{}", run.stderr);
        }
        let ran = fs::read_to_string(sandbox.path("runs")).expect("it ran").lines().count();
        assert!(ran <= 12 * 4, "an outage was asked {ran} times");
        let run = subscribe(&sandbox, "", "echo $KAKEHI_ATTEMPT").run().expect(0);
        assert_eq!(run.stdout, "1\n".repeat(9));
    }
}

#[test]
fn everything_else_is_tried_again() {
    for ending in ["exit 1", "exit 127", "exit 255", "kill -9 $$", "kill -TERM $$"] {
        let sandbox = Sandbox::new();
        publish_all(&sandbox, "1");
        let run = subscribe(&sandbox, "--once", ending).run().expect(75);
        assert!(run.stderr.contains("0 stored, 1 to retry"), "{ending}: {}", run.stderr);
        let why = if ending.starts_with("exit") { "exited with" } else { "was killed by signal" };
        assert!(run.stderr.contains(why), "{ending}: {}", run.stderr);
        assert_eq!(stats(&sandbox)["scheduled"], 1, "{ending}");
    }
}

#[test]
fn a_batch_is_lines_of_json_and_runs_again_one_by_one_where_it_failed() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1 2 3 4 5 bad 7 8");
    let script = r#"tee -a all | grep -q '"id":"bad"' && exit 65; cat >/dev/null; echo "ran $(wc -l <all)"; true"#;
    let run = subscribe(&sandbox, "--batch 8 --concurrency 1", script).run().expect(65);
    assert!(run.stderr.contains("8 received, 7 stored, 1 dead"), "{}", run.stderr);
    assert_eq!(run.stdout.lines().count(), 7);
    assert_eq!(dead(&sandbox)["bad"], "`sh` exited with 65");
    let all = fs::read_to_string(sandbox.path("all")).expect("it ran");
    let lines: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 16);
    assert_eq!(lines[2]["body"], json!({"n": "3"}));
    assert_eq!(lines[2]["attempt"], 1);
    assert_eq!((&lines[8]["id"], &lines[15]["id"]), (&json!("1"), &json!("8")));
}

#[test]
fn a_good_batch_is_one_run() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, &(1..=20).map(|n| format!("{n} ")).collect::<String>());
    let script = "wc -l; env | grep ^KAKEHI_ | grep -vc ^KAKEHI_CONFIG; true";
    let run = subscribe(&sandbox, "--batch 10", script).run().expect(0);
    assert_eq!(sorted(&run), ["0", "0", "10", "10"]);
}

#[test]
fn a_group_waits_behind_its_first_message_that_was_not_stored() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a1@a b1@b a2@a b2@b a3@a b3@b");
    let script = r#"[ "$KAKEHI_ID" != a2 ] || exit 1; echo $KAKEHI_ID"#;
    let run = subscribe(&sandbox, "", script).run().expect(75);
    assert_eq!(sorted(&run), ["a1", "b1", "b2", "b3"]);
    let stats = stats(&sandbox);
    // The failed one waits for its next attempt, for which it may be time by now.
    let count = |state: &str| stats[state].as_u64().unwrap();
    assert_eq!((count("scheduled") + count("ready"), count("waiting")), (1, 1), "{stats}");
}

#[test]
fn the_runs_of_a_group_never_overlap_and_keep_its_order() {
    let sandbox = Sandbox::new();
    let names = |n: usize| format!("{n}@g{} ", n % 3);
    publish_all(&sandbox, &(0..60).map(names).collect::<String>());
    let script = r#"mkdir $KAKEHI_GROUP || exit 65; echo $KAKEHI_ID >>ran.$KAKEHI_GROUP; rmdir $KAKEHI_GROUP"#;
    subscribe(&sandbox, "--concurrency 8", script).run().expect(0);
    for group in 0..3 {
        let ran = fs::read_to_string(sandbox.path(&format!("ran.g{group}"))).expect("it ran");
        let expected: String = (group..60).step_by(3).map(|n| format!("{n}\n")).collect();
        assert_eq!(ran, expected);
    }
}

#[test]
fn as_many_run_at_once_as_were_asked_for() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1 2 3 4 5 6");
    // Each waits until all six have come.
    let script = "touch here.$KAKEHI_ID; until [ -e here.1 -a -e here.2 -a -e here.3 -a -e here.4 \
                  -a -e here.5 -a -e here.6 ]; do sleep 0.01; done";
    let run = subscribe(&sandbox, "--concurrency 6 --timeout 20s", script).run().expect(0);
    assert!(run.stderr.contains("6 stored"), "{}", run.stderr);
}

#[test]
fn what_cannot_run_is_told_before_anything_is_received() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1");
    sandbox.write("script", "#!/bin/sh\n");
    fs::create_dir(sandbox.path("folder")).expect("a folder");
    for (program, why) in [
        ("nonesuch", "no folder of `PATH`"),
        ("./nonesuch", "there is no such file"),
        ("./script", "it may not be executed"),
        ("./folder", "there is no such file"),
    ] {
        for words in [format!("-- {program} x"), format!("--to exec:{program}")] {
            let run = sandbox.subscribe().args("--from sqlite:q.db").args(&words).run().expect(78);
            assert!(run.stderr.contains(why), "{words}: {}", run.stderr);
            assert!(run.stderr.contains("0 received"), "{words}: {}", run.stderr);
        }
    }
    for (words, what) in [
        ("--to exec:", "names no program"),
        ("--to exec:true?x=1", "unknown parameter"),
        ("--to stdout: --timeout 1s", "`--timeout` is for a command"),
        ("--to stdout: -- true", "cannot be used with"),
    ] {
        let run = sandbox.subscribe().args("--from sqlite:q.db").args(words).run().expect(2);
        assert!(run.stderr.contains(what), "{words}: {}", run.stderr);
    }
    assert_eq!(stats(&sandbox)["ready"], 1);
}

#[test]
fn a_program_is_found_as_a_shell_finds_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    let script = sandbox.write("my script?", "#!/bin/sh\necho found: $0 $*\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("our file");
    let path = std::env::var("PATH").expect("a PATH");
    for (name, path) in [
        ("my script?", format!(":{path}")),
        ("my script?", format!("{}:{path}", sandbox.dir().display())),
        ("./my script?", path.clone()),
    ] {
        publish_all(&sandbox, "1");
        let program = sandbox.subscribe().args("--from sqlite:q.db --").arg(name).args("-n --to x");
        let run = program.env("PATH", path).run().expect(0);
        assert!(run.stdout.starts_with("found: "), "{}", run.stdout);
        assert!(run.stdout.ends_with("my script? -n --to x\n"), "{}", run.stdout);
    }
}

#[test]
fn a_program_is_named_by_a_url_too() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1");
    let run = sandbox.subscribe().args("--from sqlite:q.db").env("KAKEHI_SINK", "exec:cat").run();
    assert_eq!(run.expect(0).stdout, r#"{"n":"1"}"#);
}

#[test]
fn attributes_that_no_environment_can_hold_are_rejected() {
    let sandbox = Sandbox::new();
    publish(
        &sandbox,
        &[
            json!({"id": "large", "attributes": {"a": "x".repeat(300_000)}, "body": 1}),
            json!({"id": "nul", "attributes": {"a": "secret\u{0}"}, "body": 1}),
            json!({"id": "good", "attributes": {"a": "x".repeat(100_000)}, "body": 1}),
        ],
    );
    let run = subscribe(&sandbox, "", "echo ${#KAKEHI_ATTRIBUTE_A}").run().expect(65);
    assert_eq!(run.stdout, "100000\n");
    let dead = dead(&sandbox);
    assert!(dead["large"].contains("more than the system gives a command"), "{dead:?}");
    assert!(dead["nul"].contains("NUL") && !dead["nul"].contains("secret"), "{dead:?}");
    // As lines they are no variables.
    sandbox.queue().args("dead redrive sqlite:q.db --all --yes").run().expect(0);
    assert_eq!(subscribe(&sandbox, "--batch 9", "wc -l").run().expect(0).stdout, "2\n");
}

#[test]
fn an_environment_that_is_too_large_by_itself_buries_nothing() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "1");
    let mut program = subscribe(&sandbox, "", "true");
    // What we were given together with a message's variables is more than a command may have.
    for n in 0..100 {
        program = program.env(&format!("LARGE_{n}"), "x".repeat(20_000));
    }
    let limit = "ulimit -S -s 8192; exec \"$@\"";
    let run = program.through_shell(limit).run();
    assert!([0, 69].contains(&run.code), "{}", run.stderr);
    assert_eq!(stats(&sandbox)["dead"], 0);
}

#[test]
fn a_reader_that_has_gone_is_nobodys_fault() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, &(1..=50).map(|n| format!("{n} ")).collect::<String>());
    let mut child = subscribe(&sandbox, "--concurrency 2", "cat; echo").spawn();
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    std::io::BufRead::read_line(&mut stdout, &mut line).expect("a line");
    drop(stdout);
    let run = Run::of(child.wait_with_output().expect("it ends")).expect(0);
    let stats = stats(&sandbox);
    assert_eq!((&stats["dead"], &stats["scheduled"]), (&json!(0), &json!(0)), "{}", run.stderr);
}

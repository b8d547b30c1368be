//! Both ends of a run as they were understood, and the flags that need no `&`.

use crate::support::sandbox::Sandbox;
use serde_json::Value;

/// A sandbox with a message in `q.db`, in the queue `readings`.
fn pond() -> Sandbox {
    let sandbox = Sandbox::new();
    let publish = sandbox.publish().args("--to sqlite:q.db --queue-name readings");
    let run = publish.stdin("{\"a\":1}\n").run().expect(0);
    assert!(run.stderr.contains(" from stdin into sqlite q.db queue readings\n"), "{}", run.stderr);
    sandbox
}

#[test]
fn a_summary_names_both_ends_as_they_were_understood() {
    let sandbox = pond();
    for (arguments, ends) in [
        (
            "--from sqlite:q.db?queue=readings --to stdout:",
            "\n  from sqlite q.db queue readings into stdout\n",
        ),
        (
            "--from sqlite:q.db?queue=readings --to sqlite:s.db --collection kept",
            "\n  from sqlite q.db queue readings into sqlite s.db collection kept\n",
        ),
        (
            "--from sqlite:q.db --queue-name readings --to forward:sqlite:o.db",
            "\n  from sqlite q.db queue readings into sqlite o.db queue default\n",
        ),
        ("--from sqlite:q.db?queue=readings -- cat", " queue readings into command cat\n"),
    ] {
        let run = sandbox.subscribe().args("--dry-run").args(arguments).run().expect(0);
        assert!(run.stderr.contains(ends), "{arguments}: {}", run.stderr);
        let lines = run.stderr.lines().filter(|line| !line.contains("lease"));
        lines.for_each(|line| assert!(line.chars().count() <= 80, "{line}"));
    }
}

#[test]
fn a_summary_for_programs_names_them_too() {
    let sandbox = pond();
    let arguments = "--from sqlite:q.db?queue=readings --to sqlite:s.db --summary json";
    let run = sandbox.subscribe().args(arguments).run().expect(0);
    let summary: Value = serde_json::from_str(&run.stderr).expect("one line of JSON");
    assert_eq!(summary["from"], "sqlite q.db queue readings");
    assert_eq!(summary["into"], "sqlite s.db collection messages");
}

#[test]
fn a_url_that_was_cut_at_an_ampersand_shows_in_the_summary() {
    let sandbox = Sandbox::new();
    let uri = "mongodb://127.0.0.1:1/home?authSource=admin&collection=readings";
    let script = format!("\"$0\" --from sqlite:q.db --to {uri}; wait $!");
    let program = env!("CARGO_BIN_EXE_subscribe");
    let run = sandbox.shell(&script, program).run().expect(69);
    assert!(run.stderr.contains("into mongodb home.messages"), "{}", run.stderr);
    let quoted = format!("exec \"$0\" --from sqlite:q.db --to '{uri}'");
    let run = sandbox.shell(&quoted, program).run().expect(69);
    assert!(run.stderr.contains("into mongodb home.readings"), "{}", run.stderr);
}

#[test]
fn create_names_what_it_has_made_and_tells_of_quotes_where_a_url_looks_cut() {
    let sandbox = Sandbox::new();
    let script = "\"$0\" create sqlite:fan.db?queue=alerts&topic=readings; wait $!";
    let run = sandbox.shell(script, env!("CARGO_BIN_EXE_queue")).run().expect(0);
    let made = "made sqlite:fan.db?queue=alerts (sqlite fan.db queue alerts)\n";
    assert!(run.stdout.starts_with(made), "{}", run.stdout);
    assert!(run.stdout.contains("a shell cuts a URL at `&` unless it is quoted"), "{}", run.stdout);

    let whole = "sqlite:fan.db?queue=warnings&topic=readings";
    let run = sandbox.queue().arg("create").arg(whole).run().expect(0);
    let named = format!("{whole} (sqlite fan.db queue warnings, topic readings)\n");
    assert_eq!(run.stdout, format!("made {named}"));
    let flags = "create sqlite:fan.db --queue-name warnings --topic readings";
    let run = sandbox.queue().args(flags).run().expect(0);
    assert_eq!(run.stdout, format!("it was there already: {named}"));
}

#[test]
fn a_flag_says_the_same_as_a_parameter_and_not_beside_it() {
    let sandbox = pond();
    for action in [
        "stats sqlite:q.db",
        "peek sqlite:q.db",
        "dead list sqlite:q.db",
        "dead redrive sqlite:q.db --all",
        "dead drop sqlite:q.db --all",
        "purge sqlite:q.db",
        "delete sqlite:q.db",
        "check --from sqlite:q.db",
        "lease sqlite:q.db",
    ] {
        sandbox.queue().args(action).args("--queue-name readings").run().expect(0);
        let twice = action.replace("q.db", "q.db?queue=readings");
        let run = sandbox.queue().args(&twice).args("--queue-name readings").run().expect(2);
        assert!(run.stderr.contains("`--queue-name` say the same thing"), "{}", run.stderr);
    }
    for (arguments, flag) in [
        ("--from sqlite:q.db?queue=a --queue-name a --to stdout:", "--queue-name"),
        ("--from sqlite:q.db?topic=a --topic a --to stdout:", "--topic"),
        ("--from sqlite:q.db --to sqlite:s.db?collection=a --collection a", "--collection"),
    ] {
        let run = sandbox.subscribe().args(arguments).run().expect(2);
        assert!(run.stderr.contains(&format!("`{flag}` say the same")), "{}", run.stderr);
    }
    sandbox.publish().args("--to sqlite:q.db?queue=a --queue-name a").run().expect(2);
    let run = sandbox.subscribe().args("--from sqlite:q.db --to stdout: --collection a").run();
    assert!(run.expect(2).stderr.contains("`collection`"), "a parameter that is not known");
}

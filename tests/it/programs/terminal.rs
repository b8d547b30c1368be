//! What a person sees on a terminal: the progress line, and colours; what `-v` of a follower says.

use crate::support::process::Process;
use crate::support::queue_file::publish_all;
use crate::support::sandbox::{Program, Run, Sandbox};
use std::path::Path;

/// Runs a program with a pseudo-terminal of 24 lines and 80 columns as its stdout (`o`), its stderr (`e`) or
/// both, and shows what came there.
const TERMINAL: &str = r#"
import fcntl, os, pty, struct, subprocess, sys, termios
which = sys.argv[1]
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
stream = lambda letter: slave if letter in which else subprocess.DEVNULL
child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=stream("o"), stderr=stream("e"))
os.close(slave)
seen = b""
while True:
    try:
        piece = os.read(master, 65536)
    except OSError:
        break
    if not piece:
        break
    seen += piece
sys.stdout.buffer.write(seen)
sys.exit(child.wait())
"#;

/// What sets a colour: the letter at its end tells it from what moves the cursor.
fn is_coloured(text: &str) -> bool {
    text.split('\u{1b}').skip(1).any(|rest| {
        let end = rest.find(|c: char| c.is_ascii_alphabetic());
        end.is_some_and(|end| rest[end..].starts_with('m'))
    })
}

/// A program on a terminal; its words follow.
fn on_terminal(sandbox: &Sandbox, which: &str, program: &str) -> Program {
    let terminal = sandbox.command("python3").arg("-c").arg(TERMINAL).arg(which);
    let programs = Path::new(env!("CARGO_BIN_EXE_publish")).parent().expect("a folder");
    terminal.arg(programs.join(program)).env("TERM", "xterm")
}

/// Drains three messages at two a second, so that there is time for a progress line.
fn drain(sandbox: &Sandbox, which: &str, flags: &str) -> Run {
    publish_all(sandbox, "a b c");
    let subscribe = on_terminal(sandbox, which, "subscribe").args("--from sqlite:q.db --rate 2/s");
    subscribe.args(flags).run().expect(0)
}

#[test]
fn a_drain_shows_how_far_it_is_unless_its_data_goes_to_the_terminal() {
    let sandbox = Sandbox::new();
    let seen = drain(&sandbox, "oe", "--to sqlite:s.db").stdout;
    assert!(seen.contains("3 received, ") && seen.contains("/s, "), "{seen:?}");
    assert!(seen.contains(" left"), "{seen:?}");
    assert!(seen.contains("subscribe: 3 received, 3 stored"), "{seen:?}");
    for flags in ["--to stdout:", "--to exec:cat", "--to sqlite:t.db --quiet"] {
        let seen = drain(&sandbox, "oe", flags).stdout;
        assert!(!seen.contains(" left") && !seen.contains("/s"), "{flags}: {seen:?}");
    }
    // Where its data goes elsewhere, the line is shown.
    let seen = drain(&sandbox, "e", "--to stdout:").stdout;
    assert!(seen.contains(" left"), "{seen:?}");
    let seen = drain(&sandbox, "o", "--to sqlite:u.db").stdout;
    assert_eq!(seen, "");
}

#[test]
fn a_publisher_shows_its_rate() {
    let sandbox = Sandbox::new();
    let publish = on_terminal(&sandbox, "oe", "publish").args("--to sqlite:q.db -- sh -c");
    let seen = publish.arg("echo '{}'; sleep 1").run().expect(0).stdout;
    assert!(seen.contains(" published in ") && seen.contains("/s"), "{seen:?}");
    assert!(!seen.contains(" left"), "{seen:?}");
}

/// A run that logs and fails, on a terminal or not.
fn fails(sandbox: &Sandbox, terminal: bool, variables: &[(&str, &str)]) -> String {
    let words = "--from sqlite:none.db --to sqlite:s.db --lease 1s --rate 1/h";
    let program = match terminal {
        true => on_terminal(sandbox, "e", "subscribe"),
        false => sandbox.subscribe(),
    };
    let program = variables.iter().fold(program, |it, (name, value)| it.env(name, value));
    let run = program.args(words).run().expect(69);
    let seen = if terminal { run.stdout } else { run.stderr };
    assert!(seen.contains("WARN") && seen.contains("there is no"), "{seen:?}");
    seen
}

fn help(sandbox: &Sandbox, terminal: bool, variables: &[(&str, &str)]) -> String {
    let program = match terminal {
        true => on_terminal(sandbox, "o", "publish"),
        false => sandbox.publish(),
    };
    let program = variables.iter().fold(program, |it, (name, value)| it.env(name, value));
    program.args("-h").run().expect(0).stdout
}

#[test]
fn colours_are_for_terminals_unless_the_environment_says_otherwise() {
    let sandbox = Sandbox::new();
    for (terminal, variables, expected) in [
        (true, [].as_slice(), true),
        (true, &[("NO_COLOR", "1")], false),
        (true, &[("CLICOLOR", "0")], false),
        (true, &[("NO_COLOR", "")], true),
        (false, &[], false),
        (false, &[("CLICOLOR_FORCE", "1")], true),
        (false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
    ] {
        let case = format!("{terminal} {variables:?}");
        assert_eq!(is_coloured(&fails(&sandbox, terminal, variables)), expected, "{case}");
        assert_eq!(is_coloured(&help(&sandbox, terminal, variables)), expected, "help {case}");
        let usage = variables.iter().fold(sandbox.publish(), |it, (name, it2)| it.env(name, it2));
        let usage = usage.args("--nonsense").run().expect(2).stderr;
        assert_eq!(is_coloured(&usage), expected && !terminal, "usage {case}");
    }
}

#[test]
fn the_progress_line_and_the_colours_do_not_depend_on_each_other() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a b c");
    let subscribe = on_terminal(&sandbox, "oe", "subscribe").env("NO_COLOR", "1");
    let subscribe = subscribe.args("-v --from sqlite:q.db --to sqlite:s.db --rate 2/s");
    let seen = subscribe.run().expect(0).stdout;
    assert!(seen.contains(" left") && seen.contains("received 3 messages"), "{seen:?}");
    assert!(!is_coloured(&seen), "{seen:?}");
    publish_all(&sandbox, "d");
    // No progress line, as the data goes there; the log is coloured all the same.
    let subscribe = on_terminal(&sandbox, "oe", "subscribe");
    let seen = subscribe.args("-v --from sqlite:q.db --to stdout:").run().expect(0).stdout;
    assert!(is_coloured(&seen), "{seen:?}");
}

#[test]
fn a_follower_says_what_it_does() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a b c");
    let subscribe = sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db --follow -v");
    let mut subscribe = Process::start(subscribe, String::new(), true);
    subscribe.wait_until("it waits", |it| it.said().contains("waiting for messages"));
    publish_all(&sandbox, "d");
    subscribe.wait_until("it has stored the fourth", |it| {
        it.said().matches("waiting for messages").count() == 2
    });
    subscribe.signal(nix::sys::signal::Signal::SIGTERM);
    let said = subscribe.end().stderr;
    let lines: Vec<_> = said.lines().filter_map(|line| line.split_once("INFO ")).collect();
    let lines: Vec<_> = lines.iter().map(|(_, what)| *what).collect();
    assert_eq!(
        lines,
        [
            "received 3 messages",
            "wrote 3 messages stored=3 duplicate=0 others=0",
            "settled 3 messages",
            "waiting for messages",
            "received 1 message",
            "wrote 1 message stored=1 duplicate=0 others=0",
            "settled 1 message",
            "waiting for messages",
        ],
        "{said}"
    );
}

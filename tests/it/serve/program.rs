//! `queue serve` as a process.

use crate::support::sandbox::Sandbox;

const TOKEN: &str = "an-entirely-secret-token";

#[test]
fn an_address_that_others_reach_needs_a_token_and_a_name() {
    let sandbox = Sandbox::new();
    sandbox.write("token", TOKEN);
    for (arguments, hint) in [
        ("--listen 0.0.0.0:0", "--token-file"),
        ("--listen 0.0.0.0:0 --host queue.example", "--token-file"),
        ("--listen [::]:0 --token-file token", "--host"),
        ("--listen 192.0.2.1:0", "--token-file"),
        ("--listen 192.0.2.1:0 --token-file token", "no address of this machine"),
        ("--listen nowhere.invalid:0", "127.0.0.1:7070"),
        ("--listen 7070", "127.0.0.1:7070"),
    ] {
        let run = sandbox.queue().args("serve sqlite:q.db").args(arguments).run().expect(78);
        assert!(run.stderr.contains(hint), "{arguments}: {}", run.stderr);
        assert!(!sandbox.path("q.db").exists(), "{arguments}: nothing is made");
    }
}

#[test]
fn a_token_that_is_none_is_refused_and_not_told() {
    let sandbox = Sandbox::new();
    for (token, why) in
        [("short-secret", "16 bytes"), ("", "16 bytes"), ("a secret with blanks", "blanks")]
    {
        sandbox.write("token", token);
        let program = sandbox.queue().args("serve sqlite:q.db --listen 127.0.0.1:0");
        let run = program.env("KAKEHI_TOKEN_FILE", sandbox.path("token")).run().expect(78);
        assert!(run.stderr.contains(why) && run.stderr.contains("token"), "{}", run.stderr);
        assert!(token.is_empty() || !run.stderr.contains(token), "{}", run.stderr);
    }
    let run = sandbox.queue().args("serve sqlite:q.db --token-file nowhere").run().expect(78);
    assert!(run.stderr.contains("`nowhere`"), "{}", run.stderr);
}

#[test]
fn a_name_that_is_none_is_a_usage_error() {
    let sandbox = Sandbox::new();
    let program = sandbox.queue().args("serve sqlite:q.db --listen 127.0.0.1:0");
    let run = program.args("--host http://queue.example").run().expect(2);
    assert!(run.stderr.contains("`http://queue.example`"), "{}", run.stderr);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let sandbox = Sandbox::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    let program = sandbox.queue().args("serve sqlite:q.db");
    let run = program.args(&format!("--listen {address}")).run().expect(69);
    assert!(run.stderr.contains(&format!("`{address}`")), "{}", run.stderr);
}

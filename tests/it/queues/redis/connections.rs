//! How our programs meet a Redis: who they are, by TLS, and what its refusals mean.

use crate::support::redis_server::{RedisServer, free_port};
use crate::support::redis_stage::Stage;
use crate::support::sandbox::{Program, Run, Sandbox};

/// One job to a server at an address; nothing is kept where it cannot take it.
fn publish(sandbox: &Sandbox, url: &str) -> Program {
    let words = "stdin: --no-spool --publish-timeout 2s --to";
    sandbox.publish().args(words).arg(url).stdin("{\"token\":\"payload\"}\n")
}

fn url(server: &RedisServer) -> String {
    format!("redis://{}/0?job=mail", server.address())
}

/// Whether no secret is told.
#[track_caller]
fn is_silent(run: &Run) {
    for secret in ["hunter2", "payload"] {
        assert!(!run.stderr.contains(secret) && !run.stdout.contains(secret), "{}", run.stderr);
    }
}

#[test]
fn a_password_is_shown_to_the_server_and_nobody_else() {
    let server = RedisServer::start("--requirepass hunter2");
    let sandbox = Sandbox::new();
    let program = || publish(&sandbox, &url(&server));
    let file = sandbox.write("secret", "hunter2\n");
    for (program, code) in [
        (program(), 77),
        (program().env("REDIS_PASSWORD", "hunter22"), 77),
        (program().env("REDIS_PASSWORD", "hunter2").env("REDIS_USERNAME", "nobody"), 77),
        (program().env("REDIS_PASSWORD", "hunter2"), 0),
        (program().env("REDIS_PASSWORD_FILE", &file), 0),
        (program().env("REDIS_PASSWORD", "hunter2").env("REDIS_USERNAME", "default"), 0),
        (program().env("REDIS_PASSWORD_FILE", "nowhere"), 78),
        (program().env("REDIS_USERNAME", "default"), 78),
    ] {
        is_silent(&program.arg("-vv").run().expect(code));
    }
    let in_url = url(&server).replace("redis://", "redis://default:hunter2@");
    let run = publish(&sandbox, &in_url).run().expect(2);
    assert!(run.stderr.contains("REDIS_PASSWORD"), "{}", run.stderr);
    is_silent(&run);
}

#[test]
fn what_a_server_refuses_now_it_may_take_later() {
    let server = RedisServer::start("");
    let replica = RedisServer::start("--replicaof 127.0.0.1 1");
    let stage = Stage::on(&server);
    let sandbox = Sandbox::new();
    let run = publish(&sandbox, &url(&replica)).run().expect(69);
    assert!(run.stderr.contains("READONLY"), "{}", run.stderr);
    stage.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    let run = publish(&sandbox, &url(&server)).run().expect(69);
    assert!(run.stderr.contains("OOM"), "{}", run.stderr);
    is_silent(&run);
    stage.publish("job=mail", "stdin: --publish-timeout 1s").stdin("{}").run().expect(75);
    stage.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    stage.publish("job=mail", "stdin:").run().expect(0);
    assert_eq!(stage.members("@jobs:mail").len(), 1);
}

#[test]
fn what_we_may_not_do_is_told_as_that() {
    let server = RedisServer::start("");
    let stage = Stage::on(&server);
    stage.ask::<()>(&["ACL", "SETUSER", "mail", "on", ">hunter2", "~*", "+@all", "-lpush"]);
    let sandbox = Sandbox::new();
    let who =
        |program: Program| program.env("REDIS_USERNAME", "mail").env("REDIS_PASSWORD", "hunter2");
    let run = who(publish(&sandbox, &url(&server))).run().expect(77);
    assert!(run.stderr.contains("NOPERM"), "{}", run.stderr);
    is_silent(&run);
    let check = sandbox.queue().arg("check").arg("--queue").arg(url(&server));
    let run = who(check).run().expect(77);
    assert!(run.stdout.contains("lpush"), "{}", run.stdout);
}

#[test]
fn nobody_at_the_address_is_unreachable() {
    let sandbox = Sandbox::new();
    let url = "redis://127.0.0.1:1/0?job=mail";
    publish(&sandbox, url).run().expect(69);
    sandbox.publish().args("stdin: --to").arg(url).stdin("{}").run().expect(75);
    let sentinels = "redis+sentinel://127.0.0.1:1,127.0.0.1:2/main/0?job=mail";
    publish(&sandbox, sentinels).run().expect(69);
}

/// A certificate of its own for `localhost`, and where it is.
fn certificate(sandbox: &Sandbox) -> (String, String) {
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
                  -keyout key.pem -out cert.pem -subj /CN=localhost \
                  -addext basicConstraints=critical,CA:FALSE \
                  -addext subjectAltName=DNS:localhost";
    sandbox.shell(script, "openssl").run().expect(0);
    let path = |name: &str| sandbox.path(name).to_str().expect("UTF-8").to_owned();
    (path("cert.pem"), path("key.pem"))
}

#[test]
fn a_server_is_met_by_tls_where_its_certificate_is_trusted() {
    let sandbox = Sandbox::new();
    let (certificate, key) = certificate(&sandbox);
    let port = free_port();
    let files = format!("--tls-cert-file {certificate} --tls-key-file {key}");
    let server = RedisServer::start(&format!("--tls-port {port} {files} --tls-auth-clients no"));
    let url = format!("rediss://localhost:{port}/0?job=mail");
    let trusting = || publish(&sandbox, &url).env("SSL_CERT_FILE", &certificate);
    trusting().run().expect(0);
    let run = publish(&sandbox, &url).run().expect(69);
    assert!(run.stderr.contains("certificate"), "{}", run.stderr);
    let plain = url.replace("rediss", "redis");
    publish(&sandbox, &plain).run().expect(69);
    let length: usize = Stage::on(&server).ask(&["LLEN", "work:jobs:mail"]);
    assert_eq!(length, 1);
}

//! What `queue check` tells of a Redis before anything runs through it.

use crate::support::redis_server::RedisServer;
use crate::support::redis_stage::Stage;
use crate::support::sandbox::Run;

fn check(stage: &Stage, parameters: &str) -> Run {
    stage.sandbox.queue().args("check --queue").arg(stage.url(parameters)).run()
}

#[test]
fn a_good_server_is_told_with_its_version() {
    let server = RedisServer::start("--appendonly yes");
    let stage = Stage::on(&server);
    let run = check(&stage, "job=mail&unique").expect(0);
    for part in ["answers: version", "drops nothing", "append-only", "has the rights"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert!(stage.keys().is_empty(), "nothing was changed");
}

#[test]
fn what_may_lose_jobs_is_told() {
    let server = RedisServer::start("--maxmemory-policy allkeys-lru");
    let run = check(&Stage::on(&server), "job=mail").expect(0);
    assert!(run.stdout.contains("`allkeys-lru`"), "{}", run.stdout);
    assert!(run.stdout.contains("appendonly yes"), "{}", run.stdout);
}

#[test]
fn a_cluster_is_told_from_a_server() {
    let node = RedisServer::start("--cluster-enabled yes");
    let stage = Stage::on(&node);
    let run = check(&stage, "job=mail").expect(78);
    assert!(run.stdout.contains("node of a cluster"), "{}", run.stdout);
    let run = check(&stage, "job=mail&cluster").expect(78);
    let told = run.stdout + &run.stderr;
    assert!(told.contains("put it into braces"), "{told}");
}

#[test]
fn too_few_replicas_are_told() {
    let server = RedisServer::start("");
    let run = check(&Stage::on(&server), "job=mail&wait=1").expect(69);
    assert!(run.stdout.contains("0 replicas"), "{}", run.stdout);
}

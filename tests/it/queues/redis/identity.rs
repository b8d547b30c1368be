//! Which queue of jobs a URL means, whatever it is spelled like.

use crate::support::redis_stage::Stage;

#[test]
fn jobs_are_not_passed_on_to_where_they_come_from() {
    let stage = Stage::new();
    stage.publish("job=mail", "stdin:").stdin("{\"n\":1}\n").run().expect(0);
    let elsewhere = |parameters: &str| {
        let spelled = stage.url(parameters).replace("127.0.0.1", "localhost");
        let program = stage.sandbox.subscribe().arg("--from").arg(stage.url("job=mail,other"));
        program.arg("--to").arg(format!("forward:{spelled}"))
    };
    for parameters in ["job=mail", "job=other&unique", "delay=1h"] {
        let run = elsewhere(parameters).run().expect(2);
        assert!(run.stderr.contains("they are the same queue"), "{parameters}: {}", run.stderr);
    }
    elsewhere("job=third").run().expect(0);
    let job = stage.jobs("@jobs:third").remove(0);
    assert_eq!((&job["name"], &job["args"]["n"]), (&"third".into(), &1.into()));
    assert!(stage.members("@jobs:mail").is_empty());
}

#[test]
fn what_waits_in_the_spool_goes_where_it_was_meant_to() {
    let stage = Stage::new();
    let nobody = stage.url("job=mail&unique").replace(&stage.address, "127.0.0.1:1");
    let lost = stage.sandbox.publish().args("stdin: --to").arg(&nobody);
    lost.stdin("{\"n\":1}\n").run().expect(75);
    let other = stage.publish("job=other", "stdin:").stdin("{\"n\":2}\n").run().expect(0);
    assert!(!other.stderr.contains("drained"), "{}", other.stderr);
    assert!(stage.members("@jobs:mail").is_empty() && stage.members("@jobs:other").len() == 1);
}

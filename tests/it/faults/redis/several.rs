//! A cluster, and a primary that its replica takes the place of.

use super::{done, end_with_all, lines, worker};
use crate::support::redis_cluster::{Cluster, Sentinel};
use crate::support::redis_stage::Stage;

const COUNT: usize = 200;

#[test]
fn jobs_go_through_a_cluster_by_a_node_that_does_not_have_them() {
    let cluster = Cluster::start();
    let stage = Stage::in_cluster(&cluster);
    stage.publish("job=mail", "stdin:").stdin(lines(COUNT)).run().expect(0);
    assert_eq!(stage.members("@jobs:mail").len(), COUNT);
    stage.publish("job=mail&delay=1s", "stdin:").stdin("{\"late\":1}\n").run().expect(0);
    let subscribe = worker(&stage, "job=mail&max-concurrency=2");
    end_with_all(&stage, subscribe, COUNT + 1);
}

#[test]
fn a_namespace_without_braces_is_refused_in_a_cluster() {
    let cluster = Cluster::start();
    let mut stage = Stage::in_cluster(&cluster);
    stage.namespace = "bare".to_owned();
    stage.publish("job=mail", "stdin:").stdin(lines(1)).run().expect(78);
}

#[test]
fn jobs_that_the_replica_has_outlast_the_primary() {
    let mut sentinel = Sentinel::start();
    let stage = Stage::behind(&sentinel);
    stage.publish("job=mail&wait=1", "stdin:").stdin(lines(COUNT)).run().expect(0);
    let mut subscribe = worker(&stage, "job=mail&max-concurrency=2");
    subscribe.wait_until("some are done", |_| done(&stage).len() > 20);
    sentinel.fail_over();
    stage.connect_again(sentinel.primary());
    // Who comes later asks the sentinel, and is told of the new one.
    stage.publish("job=mail", "stdin:").stdin("{\"late\":1}\n").run().expect(0);
    end_with_all(&stage, subscribe, COUNT + 1);
}

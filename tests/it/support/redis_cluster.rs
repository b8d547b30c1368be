//! Several Redis servers that are one: a cluster; a primary with its replica and a sentinel.

use crate::support::redis_server::{RedisServer, free_port, wait_for};
use std::collections::HashMap;
use std::process::Command;

/// Three nodes, which share the slots.
pub struct Cluster {
    nodes: Vec<RedisServer>,
}

impl Cluster {
    /// Starts the nodes, joins them, and waits until each knows all slots.
    pub fn start() -> Self {
        let nodes: Vec<_> = (0..3).map(|_| node()).collect();
        let cluster = Self { nodes };
        cluster.join();
        for node in &cluster.nodes {
            wait_for("the cluster is whole", || {
                let info: String =
                    redis::from_redis_value(ask(node, &["CLUSTER", "INFO"])?).ok()?;
                info.contains("cluster_state:ok").then_some(())
            });
        }
        cluster
    }

    fn join(&self) {
        let mut join = Command::new("redis-cli");
        join.args(["--cluster", "create"]).args(self.nodes.iter().map(RedisServer::address));
        let output = join.arg("--cluster-yes").output().expect("`redis-cli` is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    /// The node that has the keys whose names begin so, in braces: `owner("{a}")`.
    pub fn owner(&self, beginning: &str) -> &RedisServer {
        // The others say that it has moved.
        let has = |node: &&RedisServer| ask(node, &["EXISTS", beginning]).is_some();
        self.nodes.iter().find(has).expect("each slot is somewhere")
    }

    /// A node that has other keys.
    pub fn other(&self, beginning: &str) -> &RedisServer {
        let owner = self.owner(beginning).address();
        self.nodes.iter().find(|node| node.address() != owner).expect("there are three")
    }
}

fn node() -> RedisServer {
    let bus = free_port();
    RedisServer::start(&format!(
        "--cluster-enabled yes --cluster-config-file nodes.conf --cluster-port {bus} \
         --cluster-node-timeout 5000"
    ))
}

/// What sentinels call the primary here.
pub const MASTER: &str = "main";

/// A primary, its replica, and a sentinel that makes a primary of the replica when the other is gone.
pub struct Sentinel {
    primary: Option<RedisServer>,
    replica: RedisServer,
    sentinel: RedisServer,
}

impl Sentinel {
    /// Starts all three, and waits until the replica has what the primary has, and the sentinel knows.
    pub fn start() -> Self {
        let primary = RedisServer::start("");
        let replica = RedisServer::start(&format!("--replicaof 127.0.0.1 {}", primary.port()));
        let sentinel = RedisServer::start_with(
            &format!(
                "sentinel monitor {MASTER} 127.0.0.1 {} 1\n\
                 sentinel down-after-milliseconds {MASTER} 1000\n\
                 sentinel failover-timeout {MASTER} 3000\n",
                primary.port()
            ),
            "--sentinel",
        );
        let all = Self { primary: Some(primary), replica, sentinel };
        all.wait_until_joined();
        all
    }

    fn wait_until_joined(&self) {
        wait_for("the replica is whole", || {
            let info = ask(&self.replica, &["INFO", "replication"])?;
            let info: String = redis::from_redis_value(info).ok()?;
            info.contains("master_link_status:up").then_some(())
        });
        wait_for("the sentinel knows the replica", || {
            let known = ask(&self.sentinel, &["SENTINEL", "REPLICAS", MASTER])?;
            let known: Vec<redis::Value> = redis::from_redis_value(known).ok()?;
            (known.len() == 1).then_some(())
        });
    }

    /// `host:port` of the sentinel.
    pub fn address(&self) -> String {
        self.sentinel.address()
    }

    /// The server that is the primary now.
    pub fn primary(&self) -> &RedisServer {
        self.primary.as_ref().unwrap_or(&self.replica)
    }

    /// Ends the primary, and waits until the sentinel has made one of the replica, and says so.
    pub fn fail_over(&mut self) {
        self.primary = None;
        let port = self.replica.port().to_string();
        wait_for("the sentinel names the replica", || {
            let master = ask(&self.sentinel, &["SENTINEL", "MASTER", MASTER])?;
            let master: HashMap<String, String> = redis::from_redis_value(master).ok()?;
            // What the old one was called down by is told of the name until all is over.
            (master["port"] == port && !master["flags"].contains("down")).then_some(())
        });
    }
}

/// The answer to a command, where it is no error.
fn ask(server: &RedisServer, words: &[&str]) -> Option<redis::Value> {
    let mut cmd = redis::Cmd::new();
    cmd.arg(words);
    cmd.query(&mut server.connect()).ok()
}

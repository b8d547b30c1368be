//! What `queue check` finds out about a server and what we may do there; nothing is changed.

use super::client::Redis;
use super::info::Info;
use super::name::Name;
use super::options::RedisOptions;
use super::rights;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::preflight::Finding;
use crate::queues::Side;

/// Older servers lack commands that we use.
const OLDEST: (u64, u64) = (6, 2);

/// Looks at a queue as `publish` or `subscribe` will use it.
pub(super) async fn look(
    options: &RedisOptions,
    side: Side,
    environment: &Environment,
) -> Result<Vec<Finding>> {
    let name = &options.name;
    let redis = Redis::connect(name, environment).await?;
    let failed =
        |error: super::error::ServiceError| -> Error { error.to_error("cannot look at", name) };
    redis.query::<()>(&redis::cmd("PING")).await.map_err(failed)?;
    let mut findings = Vec::new();
    match Info::ask(&redis).await.map_err(failed)? {
        Some(info) => findings.extend(of_server(options, &info)),
        None => findings.push(hidden(name)),
    }
    findings.extend(rights::findings(&redis, options, side).await.map_err(failed)?);
    Ok(findings)
}

fn hidden(name: &Name) -> Finding {
    Finding::unknown(format!("{name} answers; what server it is we may not ask"))
        .hint("it needs the right `INFO`; the work itself does not")
}

/// What the facts of a server mean for a queue.
fn of_server(options: &RedisOptions, info: &Info) -> Vec<Finding> {
    let all = [
        Some(version(&options.name, info)),
        role(info),
        cluster(options, info),
        Some(eviction(info)),
        Some(persistence(info)),
        options.replicas.map(|wanted| replicas(wanted, info)),
    ];
    all.into_iter().flatten().collect()
}

fn version(name: &Name, info: &Info) -> Finding {
    let version = info.get("redis_version");
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or_default());
    let number = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    match number < OLDEST {
        false => Finding::ok(format!("{name} answers: version {version}")),
        true => {
            let what = format!("{name} answers: version {version} is too old");
            let (major, minor) = OLDEST;
            let hint = format!("it needs {major}.{minor} or later");
            Finding::wrong(Kind::Configuration, what).hint(hint)
        }
    }
}

fn role(info: &Info) -> Option<Finding> {
    (info.get("role") == "slave").then(|| {
        Finding::wrong(Kind::Configuration, "it is a replica, which takes no writes")
            .hint("name its master, or sentinels: `redis+sentinel://HOST,HOST/MASTER/DB`")
    })
}

fn cluster(options: &RedisOptions, info: &Info) -> Option<Finding> {
    let wrong = |what: &str, hint: &str| Finding::wrong(Kind::Configuration, what).hint(hint);
    match (info.is_on("cluster_enabled"), options.name.server.is_cluster()) {
        (true, false) => Some(wrong(
            "it is a node of a cluster",
            "add `cluster` to the URL, and put the namespace into braces",
        )),
        (false, true) => Some(wrong("it is no cluster", "leave `cluster` out of the URL")),
        _ => None,
    }
}

/// What a server does that is full.
fn eviction(info: &Info) -> Finding {
    match info.get("maxmemory_policy") {
        "" => Finding::unknown("whether it drops keys when its memory is full"),
        "noeviction" => Finding::ok("it drops nothing when its memory is full"),
        policy => Finding::unknown(format!(
            "it drops keys when its memory is full: `maxmemory-policy` is `{policy}`"
        ))
        .hint("jobs may be lost: set `maxmemory-policy noeviction`"),
    }
}

/// What is left when the server dies.
fn persistence(info: &Info) -> Finding {
    if info.get("aof_last_write_status") == "err" || info.get("rdb_last_bgsave_status") == "err" {
        return Finding::wrong(Kind::Unreachable, "it could not write to its disk the last time")
            .hint("it may refuse jobs until it can: look at its log and at its disk");
    }
    match info.is_on("aof_enabled") {
        true => Finding::ok("it keeps what it takes in an append-only file"),
        false => Finding::unknown("it keeps no append-only file")
            .hint("what it took last is lost when it dies: set `appendonly yes`"),
    }
}

fn replicas(wanted: u32, info: &Info) -> Finding {
    let there = info.number("connected_slaves");
    match there >= u64::from(wanted) {
        true => Finding::ok(format!("it has {there} replicas; `wait` wants {wanted}")),
        false => Finding::wrong(
            Kind::Unreachable,
            format!("it has {there} replicas, and `wait` wants {wanted}"),
        )
        .hint("nothing counts as published until as many are there"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::Location;
    use crate::preflight::Standing;

    fn found(url: &str, facts: &str) -> Vec<(Standing, String)> {
        let options = RedisOptions::of(Location::parse(url).unwrap()).unwrap();
        let findings = of_server(&options, &Info::of(facts));
        findings.into_iter().map(|finding| (finding.standing, finding.what)).collect()
    }

    fn has(url: &str, facts: &str, standing: Standing, part: &str) -> bool {
        found(url, facts).iter().any(|(its, what)| *its == standing && what.contains(part))
    }

    #[test]
    fn a_good_server_has_nothing_wrong() {
        let facts = "# Server\r\nredis_version:7.0.15\r\nrole:master\r\ncluster_enabled:0\r\n\
                     maxmemory_policy:noeviction\r\naof_enabled:1\r\naof_last_write_status:ok\r\n\
                     rdb_last_bgsave_status:ok\r\nconnected_slaves:2\r\n";
        let found = found("redis://h?wait=2", facts);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found.iter().all(|(standing, _)| *standing == Standing::Ok), "{found:?}");
    }

    #[test]
    fn what_loses_jobs_is_told() {
        let (wrong, unknown) = (Standing::Wrong, Standing::Unknown);
        for (url, facts, standing, part) in [
            ("redis://h", "redis_version:6.0.16", wrong, "too old"),
            ("redis://h", "role:slave", wrong, "replica"),
            ("redis://h", "cluster_enabled:1", wrong, "node of a cluster"),
            ("redis://h?cluster&namespace={a}", "cluster_enabled:0", wrong, "no cluster"),
            ("redis://h", "maxmemory_policy:allkeys-lru", unknown, "allkeys-lru"),
            ("redis://h", "aof_enabled:0", unknown, "append-only"),
            ("redis://h", "aof_enabled:1\nrdb_last_bgsave_status:err", wrong, "disk"),
            ("redis://h?wait=2", "connected_slaves:1", wrong, "1 replicas"),
        ] {
            assert!(has(url, facts, standing, part), "{facts}: {:?}", found(url, facts));
        }
    }
}

//! What of a URL is for receiving: the jobs that are worked on, and how.

use super::options::RedisOptions;
use super::pool::cron::Cron;
use super::pool::periodic::{Entry, Periodic};
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::queues::Options;
use chrono_tz::Tz;

/// A job that is received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WorkedJob {
    pub(super) name: String,
    /// How often its name comes first, beside those of others.
    pub(super) priority: u32,
}

/// What a pool works on.
#[derive(Debug)]
pub(super) struct Worked {
    /// Each name once.
    pub(super) jobs: Vec<WorkedJob>,
    /// How many of a name run at once over all pools, where the URL says so.
    pub(super) max_concurrency: Option<u32>,
    /// What the clock enqueues.
    pub(super) periodic: Periodic,
}

impl Worked {
    /// Reads what the URL says of receiving.
    ///
    /// # Errors
    /// `Usage` where it names no job, or a parameter is for publishing; `Configuration` where a lease
    /// was asked for.
    pub(super) fn of(parsed: &RedisOptions, options: &Options) -> Result<Self> {
        refuse_lease(options)?;
        refuse_others(parsed)?;
        let mut jobs = Vec::<WorkedJob>::new();
        for name in &parsed.jobs {
            let given = parsed.priorities.iter().find(|(job, _)| job == name);
            let priority = given.map_or(1, |(_, priority)| *priority);
            if jobs.iter().all(|job| job.name != *name) {
                jobs.push(WorkedJob { name: name.clone(), priority });
            }
        }
        if jobs.is_empty() {
            return Err(Error::new(Kind::Usage, format!("cannot receive from {}", parsed.name))
                .because_of("the URL names no job")
                .hint("add `job=NAME`, or several: `job=a,b`"));
        }
        let periodic = periodic(parsed, options)?;
        Ok(Self { jobs, max_concurrency: parsed.max_concurrency, periodic })
    }
}

fn periodic(parsed: &RedisOptions, options: &Options) -> Result<Periodic> {
    let entries = parsed.periodic.iter().map(|(job, spec)| {
        let (job, spec) = (job.clone(), spec.clone());
        Ok(Entry { job, cron: Cron::parse(&spec)?, spec })
    });
    let entries = entries.collect::<Result<_>>()?;
    Ok(Periodic { entries, zone: local_zone(&options.environment)? })
}

/// The zone that the clock of this machine goes by: `TZ`, else what the system says, else UTC.
fn local_zone(environment: &Environment) -> Result<Tz> {
    if let Some(name) = environment.get("TZ")?.filter(|name| !name.is_empty()) {
        let zone = name.trim_start_matches(':').parse();
        return zone.map_err(|_| {
            Error::new(Kind::Configuration, format!("`TZ={name}` is no time zone"))
                .hint("name one as `Asia/Tokyo`")
        });
    }
    let link = std::fs::read_link("/etc/localtime").unwrap_or_default();
    let name = link.to_str().and_then(|link| link.split_once("zoneinfo/")).map(|(_, name)| name);
    Ok(name.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC))
}

/// A pool's jobs are its own as long as its heart beats, which others judge, too.
fn refuse_lease(options: &Options) -> Result<()> {
    if !options.lease_is_given {
        return Ok(());
    }
    Err(Error::new(Kind::Configuration, "a job in Redis has no lease of its own")
        .because_of(
            "all that a pool of workers has is its own until 10 seconds after its last heartbeat",
        )
        .hint("leave `--lease` out"))
}

fn refuse_others(parsed: &RedisOptions) -> Result<()> {
    let wrong = |what: String, hint: &str| Err(Error::new(Kind::Usage, what).hint(hint));
    let publishes = [
        ("unique", parsed.unique.is_some()),
        ("delay", parsed.delay.is_some()),
        ("wait", parsed.replicas.is_some()),
    ];
    if let Some((name, _)) = publishes.into_iter().find(|(_, given)| *given) {
        return wrong(format!("`{name}` is for `publish`"), "leave it out of the URL");
    }
    let unknown = parsed.priorities.iter().find(|(name, _)| !parsed.jobs.contains(name));
    if let Some((name, _)) = unknown {
        let what = format!("`priority` names `{name}`, which is not received");
        return wrong(what, "name it in `job`, too");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::Location;
    use std::time::Duration;

    fn options() -> Options {
        Options::new(Environment::default(), std::path::PathBuf::new())
    }

    fn read(query: &str) -> Result<Worked> {
        let url = Location::parse(&format!("redis://h?{query}")).unwrap();
        Worked::of(&RedisOptions::of(url)?, &options())
    }

    #[test]
    fn each_job_has_its_priority() {
        let worked = read("job=a,b,a&priority=b:7").unwrap();
        let jobs: Vec<_> = worked.jobs.iter().map(|it| (it.name.as_str(), it.priority)).collect();
        assert_eq!(jobs, [("a", 1), ("b", 7)]);
        assert_eq!(worked.max_concurrency, None);
    }

    #[test]
    fn the_clock_goes_by_the_zone_of_the_machine() {
        let zone = |name| local_zone(&Environment::from_iter([("TZ", name)]));
        assert_eq!(zone("Asia/Tokyo").unwrap(), Tz::Asia__Tokyo);
        assert_eq!(zone("Nowhere").unwrap_err().kind(), Kind::Configuration);
        let worked = read("job=a&periodic=a:0 30 2 * * *;b:@hourly").unwrap();
        assert_eq!(worked.periodic.entries.len(), 2);
        assert_eq!(read("job=a&periodic=a:30 2 * * *").unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn what_is_not_for_receiving_is_refused() {
        for query in ["", "job=a&unique", "job=a&delay=1s", "job=a&wait=1", "job=a&priority=b:1"] {
            assert_eq!(read(query).unwrap_err().kind(), Kind::Usage, "{query}");
        }
        let url = Location::parse("redis://h?job=a").unwrap();
        let lease = Duration::from_secs(60);
        let options = Options { lease, lease_is_given: true, ..options() };
        let refused = Worked::of(&RedisOptions::of(url).unwrap(), &options).unwrap_err();
        assert_eq!(refused.kind(), Kind::Configuration);
    }
}

//! What a queue of jobs is, whatever its URL is spelled like, and under which name something is kept
//! for it.

use super::client::Redis;
use super::options::{RedisOptions, Unique};
use super::server::{Form, Host, Server};
use crate::environment::Environment;
use crate::error::Result;
use crate::identity::{Identity, Key, endpoint};

/// Under which name something is kept for a queue. What is kept for a while and published then goes
/// into the same jobs, as unique and as late as it would have.
pub(super) fn key(options: &RedisOptions) -> Key {
    let jobs = options.jobs.join(",");
    let unique = match &options.unique {
        None => String::new(),
        Some(Unique::Args) => " unique".to_owned(),
        Some(Unique::Fields(names)) => format!(" unique by {}", names.join(",")),
    };
    let delay = options.delay.map(|delay| format!(" after {}ms", delay.as_millis()));
    Key::new(format!("{} jobs {jobs}{unique}{}", namespace(options), delay.unwrap_or_default()))
}

/// What a queue is, a name for each job; the server is asked which one it is, and where it does not
/// answer, what the URL says counts.
pub(super) async fn identity(
    options: &RedisOptions,
    environment: &Environment,
) -> Result<Identity> {
    let mut namespaces = vec![namespace(options)];
    if let Some(id) = run_id(options, environment).await {
        namespaces.push(format!(
            "redis server {id} db {} {}",
            options.name.server.db,
            keys(options)
        ));
    }
    let names =
        namespaces.iter().flat_map(|space| jobs(options).map(move |job| format!("{space} {job}")));
    let mut names: Vec<_> = names.collect();
    let first = Identity::named(names.remove(0));
    Ok(names.into_iter().fold(first, |identity, name| identity.also(Some(name))))
}

/// Whether both URLs name the same namespace of the same server.
pub(super) async fn shares_keys(
    one: &RedisOptions,
    other: &RedisOptions,
    environment: &Environment,
) -> Result<bool> {
    let bare = |options: &RedisOptions| RedisOptions { jobs: Vec::new(), ..options.clone() };
    let one = identity(&bare(one), environment).await?;
    Ok(one.is(&identity(&bare(other), environment).await?))
}

/// The jobs of a queue; one without a name stands for those of no other URL.
fn jobs(options: &RedisOptions) -> impl Iterator<Item = String> {
    let some = options.jobs.iter().map(|job| format!("job {job}"));
    let all = options.jobs.is_empty().then(|| "all jobs".to_owned());
    some.chain(all)
}

/// Server, database and namespace.
fn namespace(options: &RedisOptions) -> String {
    format!("{} {}", server(&options.name.server), keys(options))
}

fn keys(options: &RedisOptions) -> String {
    format!("keys `{}`", options.keys().prefix())
}

/// One way to write each host.
fn server(server: &Server) -> String {
    let host = |host: &Host| endpoint(&host.to_string()).trim_start_matches("http://").to_owned();
    let mut hosts: Vec<_> = server.hosts.iter().map(host).collect();
    hosts.sort();
    let master = match &server.form {
        Form::Sentinels(master) => format!(" master {master}"),
        Form::One | Form::Cluster => String::new(),
    };
    format!("redis {}{master} db {}", hosts.join(","), server.db)
}

/// What a server calls itself for as long as it runs; `None` where it does not say.
async fn run_id(options: &RedisOptions, environment: &Environment) -> Option<String> {
    let redis = Redis::connect(&options.name, environment).await.ok()?;
    let info: String = redis.query(redis::cmd("INFO").arg("server")).await.ok()?;
    let id = info.lines().find_map(|line| line.strip_prefix("run_id:"))?;
    Some(id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::Location;

    fn key_of(url: &str) -> String {
        let options = RedisOptions::of(Location::parse(url).unwrap()).unwrap();
        key(&options).name().to_owned()
    }

    #[test]
    fn a_key_tells_what_becomes_of_what_is_kept_under_it() {
        assert_eq!(
            key_of("redis://LOCALHOST/?job=a&wait=2&cluster=false"),
            "redis 127.0.0.1:6379 db 0 keys `work:` jobs a"
        );
        assert_eq!(key_of("redis://127.0.0.1:6379/0?job=a"), key_of("redis://localhost?job=a"));
        let keys = [
            key_of("redis://h?job=a"),
            key_of("redis://h?job=b"),
            key_of("redis://h/1?job=a"),
            key_of("redis://h:7/?job=a"),
            key_of("redis://h?job=a&namespace=n"),
            key_of("redis://h?job=a&unique"),
            key_of("redis://h?job=a&unique=x"),
            key_of("redis://h?job=a&delay=1s"),
            key_of("redis+sentinel://h:6379/m?job=a"),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{key}");
        }
    }
}

//! What the URL of a queue of jobs says.

use super::NAMESPACE;
use super::keys::Keys;
use super::name::Name;
use super::server::Server;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use std::time::Duration;

/// The parameters of a queue's URL.
pub(super) const PARAMETERS: &[&str] = &[
    "cluster",
    "delay",
    "job",
    "max-concurrency",
    "namespace",
    "periodic",
    "priority",
    "unique",
    "wait",
];

/// More than this are a typing error.
const MOST_REPLICAS: u32 = 100;
/// The highest limit that makes sense.
const MOST_AT_ONCE: u32 = 1_000_000;
/// The highest priority, as the original has it.
const HIGHEST_PRIORITY: u32 = 100_000;

/// What a URL says.
#[derive(Debug, Clone)]
pub(super) struct RedisOptions {
    pub(super) name: Name,
    /// The names of the jobs, as they were written; none where the URL says none.
    pub(super) jobs: Vec<String>,
    pub(super) unique: Option<Unique>,
    /// How long a job waits, where its message says no time.
    pub(super) delay: Option<Duration>,
    /// How many replicas must have what is published.
    pub(super) replicas: Option<u32>,
    /// How often the name of a job comes first.
    pub(super) priorities: Vec<(String, u32)>,
    /// How many jobs of one name run at once, over all pools.
    pub(super) max_concurrency: Option<u32>,
    /// Names and times of what is enqueued by the clock.
    pub(super) periodic: Vec<(String, String)>,
}

/// What keeps a job out while another one like it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unique {
    /// All its arguments.
    Args,
    /// The arguments of these names; later ones of the others win.
    Fields(Vec<String>),
}

impl RedisOptions {
    /// Reads `redis://HOST:PORT/DB?namespace=NAME&job=NAME`.
    pub(super) fn of(mut url: Location) -> Result<Self> {
        let server = Server::of(&mut url)?;
        let namespace = namespace(&mut url)?;
        if server.is_cluster() && !has_hash_tag(&namespace) {
            return Err(scattered(&namespace));
        }
        let options = Self {
            name: Name { server, namespace },
            jobs: jobs(&mut url)?,
            unique: unique(&mut url)?,
            delay: url.duration("delay")?,
            replicas: url.number("wait", 1..=MOST_REPLICAS)?,
            priorities: priorities(&mut url)?,
            max_concurrency: url.number("max-concurrency", 0..=MOST_AT_ONCE)?,
            periodic: periodic(&mut url)?,
        };
        url.finish(PARAMETERS)?;
        Ok(options)
    }

    /// The keys of the namespace.
    pub(super) fn keys(&self) -> Keys {
        Keys::of(&self.name.namespace)
    }
}

/// The namespace; an empty one is written `namespace=:`, which begins no key with anything.
fn namespace(url: &mut Location) -> Result<String> {
    let given = url.take("namespace")?;
    Ok(match given.as_deref() {
        None => NAMESPACE.to_owned(),
        Some(":") => String::new(),
        Some(name) => name.to_owned(),
    })
}

/// Whether a cluster keeps all keys of a namespace on one node: it looks at what stands in braces.
fn has_hash_tag(namespace: &str) -> bool {
    let tag = namespace.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    tag.is_some_and(|(tag, _)| !tag.is_empty())
}

fn scattered(namespace: &str) -> Error {
    let what = format!("the namespace `{namespace}` cannot be in a cluster");
    Error::new(Kind::Configuration, what)
        .because_of("its keys would be on several nodes, and a script reaches those of one")
        .hint(format!("put it into braces: `namespace={{{namespace}}}`"))
}

fn jobs(url: &mut Location) -> Result<Vec<String>> {
    let Some(text) = url.take("job")? else { return Ok(Vec::new()) };
    text.split(',').map(|name| job(name.trim())).collect()
}

/// How the keys of a job end that are no list of jobs.
const OF_KEYS: [&str; 5] = [":inprogress", ":lock", ":lock_info", ":max_concurrency", ":paused"];

/// Why no job may have this name, if so: it stands in lists with commas between, and in keys.
pub(super) fn name_refusal(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("it is empty"),
        name if name.contains(',') => Some("a comma stands between two names"),
        name if OF_KEYS.iter().any(|end| name.ends_with(end)) => {
            Some("a key of another job ends so")
        }
        _ => None,
    }
}

/// The name of a job, as the URL gives it.
fn job(name: &str) -> Result<String> {
    match name_refusal(name) {
        None => Ok(name.to_owned()),
        Some(why) => {
            Err(Error::new(Kind::Usage, format!("`{name}` cannot name a job")).because_of(why))
        }
    }
}

fn unique(url: &mut Location) -> Result<Option<Unique>> {
    match url.get("unique") {
        None | Some("" | "true" | "false") => Ok(url.flag("unique")?.then_some(Unique::Args)),
        Some(_) => {
            let fields = url.take("unique")?.unwrap_or_default();
            let fields: Vec<_> = fields.split(',').map(|it| it.trim().to_owned()).collect();
            match fields.iter().any(String::is_empty) {
                false => Ok(Some(Unique::Fields(fields))),
                true => Err(Error::new(Kind::Usage, "`unique` names a field without a name")
                    .hint("write `unique=FIELD,FIELD`, or `unique` alone for all arguments")),
            }
        }
    }
}

fn priorities(url: &mut Location) -> Result<Vec<(String, u32)>> {
    let Some(text) = url.take("priority")? else { return Ok(Vec::new()) };
    let read = |pair: &str| {
        let (name, number) = pair.rsplit_once(':')?;
        let number = number.trim().parse().ok().filter(|it| (1..=HIGHEST_PRIORITY).contains(it))?;
        Some((name.trim().to_owned(), number))
    };
    let pairs = text.split(',').map(read).collect::<Option<Vec<_>>>();
    pairs.ok_or_else(|| {
        Error::new(Kind::Usage, format!("`priority={text}` gives no priorities"))
            .hint(format!("write `priority=a:100,b:1`, each from 1 to {HIGHEST_PRIORITY}"))
    })
}

fn periodic(url: &mut Location) -> Result<Vec<(String, String)>> {
    let Some(text) = url.take("periodic")? else { return Ok(Vec::new()) };
    let read = |entry: &str| {
        let (name, spec) = entry.rsplit_once(':')?;
        Some((job(name.trim()).ok()?, spec.trim().to_owned()))
    };
    let entries = text.split(';').map(read).collect::<Option<Vec<_>>>();
    entries.ok_or_else(|| {
        Error::new(Kind::Usage, format!("`periodic={text}` gives no times"))
            .hint("write `periodic=a:0 30 2 * * *;b:@hourly`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<RedisOptions> {
        RedisOptions::of(Location::parse(&format!("redis://h?{query}")).unwrap())
    }

    #[test]
    fn all_that_a_url_may_say_is_read() {
        let options = read(
            "namespace=gv&job=a,b&unique=x,y&delay=10s&wait=2&priority=a:100,b:1&max-concurrency=3\
             &periodic=a:0 30 2 * * *;b:@hourly",
        )
        .unwrap();
        assert_eq!(options.keys().prefix(), "gv:");
        assert_eq!(options.jobs, ["a", "b"]);
        assert_eq!(options.unique, Some(Unique::Fields(vec!["x".to_owned(), "y".to_owned()])));
        assert_eq!(options.delay, Some(Duration::from_secs(10)));
        assert_eq!((options.replicas, options.max_concurrency), (Some(2), Some(3)));
        assert_eq!(options.priorities, [("a".to_owned(), 100), ("b".to_owned(), 1)]);
        let [first, second] = &options.periodic[..] else { panic!("there are two") };
        assert_eq!((first.1.as_str(), second.1.as_str()), ("0 30 2 * * *", "@hourly"));
        assert_eq!(read("unique").unwrap().unique, Some(Unique::Args));
        assert_eq!(read("").unwrap().name.namespace, NAMESPACE);
        assert_eq!(read("namespace=:").unwrap().keys().prefix(), "");
    }

    #[test]
    fn a_name_may_have_colons() {
        let options = read("job=mail:send&priority=mail:send:7&periodic=mail:send:@daily").unwrap();
        let name = "mail:send".to_owned();
        assert_eq!(options.jobs, ["mail:send"]);
        assert_eq!(options.priorities, [(name.clone(), 7)]);
        assert_eq!(options.periodic, [(name, "@daily".to_owned())]);
    }

    #[test]
    fn a_cluster_wants_its_namespace_in_braces() {
        for (namespace, fits) in [("{a}", true), ("a{b}:", true), ("a", false), ("{}a", false)] {
            let options = read(&format!("cluster&namespace={namespace}"));
            assert_eq!(options.is_ok(), fits, "{namespace}");
            let kind = options.err().map(|error| error.kind());
            assert_eq!(kind.is_some_and(|kind| kind == Kind::Configuration), !fits, "{namespace}");
        }
        assert!(read("namespace=a").is_ok(), "a single server has all keys");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for query in [
            "job=a:lock",
            "job=a:17:inprogress",
            "unique=a,,b",
            "job=a,,b",
            "priority=a",
            "priority=a:0",
            "priority=a:100001",
            "periodic=a",
            "periodic=:@hourly",
            "wait=0",
            "max-concurrency=-1",
            "delay=soon",
            "que=a",
        ] {
            assert_eq!(read(query).err().map(|it| it.kind()), Some(Kind::Usage), "{query}");
        }
    }
}

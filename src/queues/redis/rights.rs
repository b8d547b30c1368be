//! Whether our user may send the commands that we need, on the keys that we need. The server is asked
//! what it would say to each; none is carried out.

use super::client::Redis;
use super::error::{ErrorClass, ServiceError};
use super::options::RedisOptions;
use crate::error::Kind;
use crate::preflight::Finding;
use crate::queues::Side;
use redis::{FromRedisValue as _, Pipeline, Value};

/// A command with as many words as it needs.
type Words = Vec<String>;

/// What the server says of our rights.
pub(super) async fn findings(
    redis: &Redis,
    options: &RedisOptions,
    side: Side,
) -> Result<Vec<Finding>, ServiceError> {
    let mut who = redis::cmd("ACL");
    let user: String = match redis.query(who.arg("WHOAMI")).await {
        Ok(user) => user,
        Err(error) if error.may_pass() => return Err(error),
        Err(_) => return Ok(vec![unknown()]),
    };
    let commands = commands(options, side);
    let answers = redis.each(&dry_run(&user, &commands)).await?;
    Ok(judge(&user, answers))
}

/// A server before 7.0 cannot be asked, and nobody may ask without the right to.
fn unknown() -> Finding {
    Finding::unknown("whether we have the rights that we need")
        .hint("the server does not say: the first job will")
}

fn dry_run(user: &str, commands: &[Words]) -> Pipeline {
    let mut pipeline = redis::pipe();
    for words in commands {
        pipeline.cmd("ACL").arg("DRYRUN").arg(user).arg(words);
    }
    pipeline
}

fn judge(user: &str, answers: Vec<Result<Value, ServiceError>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for answer in answers {
        match answer.map(String::from_redis_value) {
            Ok(Ok(text)) if text == "OK" => {}
            // What the server says names the command and the key.
            Ok(Ok(text)) => {
                let no = ServiceError::new(ErrorClass::Forbidden, &text).reason;
                findings.push(Finding::wrong(Kind::Credentials, no));
            }
            _ => return vec![unknown()],
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(format!("the user `{user}` has the rights that we need")));
    }
    findings
}

/// What is sent for one job of the queue.
fn commands(options: &RedisOptions, side: Side) -> Vec<Words> {
    let keys = options.keys();
    let job = options.jobs.first().map_or("any", String::as_str);
    let (known, ready, scheduled) = (keys.known_jobs(), keys.ready(job), keys.scheduled());
    let of_publisher = [
        words(&["SADD", &known, "x"]),
        words(&["LPUSH", &ready, "x"]),
        words(&["ZADD", &scheduled, "1", "x"]),
    ];
    let unique = format!("{}unique:{job}:", keys.prefix());
    let of_unique = [
        words(&["EVAL", "return 1", "2", &ready, &unique]),
        words(&["EXISTS", &unique]),
        words(&["SET", &unique, "x"]),
    ];
    let lock = format!("{ready}:lock");
    let of_subscriber = [
        words(&["EVALSHA", "x", "2", &ready, &lock]),
        words(&["RPOPLPUSH", &ready, &format!("{ready}:x:inprogress")]),
        words(&["LREM", &format!("{ready}:x:inprogress"), "1", "x"]),
        words(&["INCRBY", &lock, "1"]),
        words(&["HINCRBY", &format!("{ready}:lock_info"), "x", "1"]),
        words(&["HSET", &format!("{}worker_pools:x", keys.prefix()), "x", "1"]),
        words(&["ZREM", &format!("{}retry", keys.prefix()), "x"]),
        words(&["ZADD", &format!("{}dead", keys.prefix()), "1", "x"]),
        words(&["DEL", &unique]),
    ];
    match side {
        Side::Into if options.unique.is_some() => [&of_publisher[..], &of_unique].concat(),
        Side::Into => of_publisher.to_vec(),
        Side::From => [&of_publisher[..], &of_subscriber].concat(),
    }
}

fn words(words: &[&str]) -> Words {
    words.iter().map(|word| (*word).to_owned()).collect()
}

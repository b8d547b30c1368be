//! Works on the sets by time, a page at a time.

use super::inspector::Inspector;
use super::job::Job;
use super::looked::Looked;
use super::member::Member;
use super::{fetch, scripts};
use crate::error::Result;
use redis::ScriptInvocation;

/// The most members that are read or changed at once.
pub(super) const PAGE: usize = 200;

/// About so many bytes of members are read at once.
const PAGE_BYTES: usize = 16 << 20;

/// A part of a set.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    /// The member behind which it begins; `None`: with the first.
    pub(super) after: Option<Member>,
    /// The member that it goes up to; `None`: to the last.
    pub(super) upto: Option<Member>,
}

impl Part {
    fn goes_up_to(&self, member: &Member) -> bool {
        self.upto.as_ref().is_none_or(|upto| member.is_up_to(upto))
    }
}

/// What became of a member that was to leave its set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Left {
    /// The member has left it.
    Done,
    /// The member is where it was; the reason.
    Kept(String),
    /// Somebody else took it meanwhile.
    Gone,
}

impl From<i64> for Left {
    /// What a script has answered.
    fn from(answer: i64) -> Self {
        match answer {
            0 => Self::Gone,
            1 => Self::Done,
            _ => Self::Kept("what should be the list of its job is none".to_owned()),
        }
    }
}

/// What a job is when it comes back to its ready list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comeback {
    /// The job is as if it had never failed.
    Fresh,
    /// The failures of the job still count.
    Tried,
}

impl Comeback {
    fn bytes(self, job: &Job<'_>, now: i64) -> Vec<u8> {
        match self {
            Self::Fresh => job.fresh(now),
            Self::Tried => job.at(now),
        }
    }
}

impl Inspector {
    /// The first members of a part of a set that are wanted, at most so many; none at the end.
    pub(super) async fn members(
        &self,
        set: &str,
        mut part: Part,
        max: usize,
        wanted: impl Fn(&Looked) -> bool,
    ) -> Result<Vec<(Member, Looked)>> {
        loop {
            let page = self.page(set, part.after.as_ref(), PAGE).await?;
            let Some(last) = page.last().cloned() else { return Ok(Vec::new()) };
            let members = page.into_iter().filter(|member| part.goes_up_to(member));
            let looked = members.map(|member| {
                let looked = Looked::at(&member.bytes);
                (member, looked)
            });
            let found: Vec<_> = looked.filter(|(_, it)| wanted(it)).take(max).collect();
            if !found.is_empty() || !part.goes_up_to(&last) {
                return Ok(found);
            }
            part.after = Some(last);
        }
    }

    /// At most so many members of a set behind one of them, which need not be there any more; fewer
    /// where these are large already, and none at the end.
    pub(super) async fn page(
        &self,
        set: &str,
        after: Option<&Member>,
        max: usize,
    ) -> Result<Vec<Member>> {
        let mut script = scripts::PAGE.key(set);
        script.arg(max).arg(PAGE_BYTES);
        if let Some(Member { bytes, score }) = after {
            script.arg(score.to_string()).arg(&bytes[..]);
        }
        let members: Vec<(Vec<u8>, f64)> = self.invoke(&script).await?;
        Ok(members.into_iter().map(Member::from).collect())
    }

    /// The last member of a set.
    pub(super) async fn last_of(&self, set: &str) -> Result<Option<Member>> {
        let cmd = redis::cmd("ZRANGE").arg(set).arg(-1).arg(-1).arg("WITHSCORES").take();
        let members: Vec<(Vec<u8>, f64)> = self.query(&cmd).await?;
        Ok(members.into_iter().next().map(Member::from))
    }

    /// Moves members of a set to the left ends of their ready lists. Those that are no jobs, and those
    /// of names that nobody has ever known, stay.
    pub(super) async fn put_back(
        &self,
        set: &str,
        members: &[Member],
        comeback: Comeback,
    ) -> Result<Vec<Left>> {
        let (known, now) = (self.known().await?, self.now());
        let mut script = scripts::PUT_BACK.key(set);
        let mut answers = Vec::with_capacity(members.len());
        let mut lists = 0;
        for Member { bytes, .. } in members {
            answers.push(match readable(bytes, &known) {
                Err(why) => Some(Left::Kept(why)),
                Ok(job) => {
                    lists += 1;
                    script.key(self.keys.ready(&job.name));
                    script.arg(&bytes[..]).arg(comeback.bytes(&job, now));
                    None
                }
            });
        }
        let moved: Vec<i64> = if lists == 0 { Vec::new() } else { self.invoke(&script).await? };
        let mut moved = moved.into_iter().map(Left::from);
        Ok(answers.into_iter().filter_map(|answer| answer.or_else(|| moved.next())).collect())
    }

    /// Forgets members of a set; where they wait for their time, the keys that kept others like them
    /// out are freed.
    pub(super) async fn forget(&self, set: &str, members: &[Member]) -> Result<Vec<Left>> {
        let mut script = scripts::DROP.key(set);
        let frees = set == self.keys.scheduled();
        for Member { bytes, .. } in members {
            let key = if frees { self.unique_key(bytes) } else { None };
            script.key(key.as_deref().unwrap_or(set)).arg(&bytes[..]);
        }
        let removed: Vec<i64> = match members {
            [] => Vec::new(),
            _ => self.invoke(&script).await?,
        };
        Ok(removed.into_iter().map(Left::from).collect())
    }

    /// The key that keeps others like a job out; `None` where it has none, or is no job.
    pub(super) fn unique_key(&self, bytes: &[u8]) -> Option<String> {
        fetch::unique_key(&self.keys, &Job::parse(bytes).ok()?)
    }

    /// Runs a script.
    pub(super) async fn invoke<T: redis::FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T> {
        self.redis.invoke(script).await.map_err(|error| self.failed(&error))
    }
}

/// A job that can go to a ready list, or why it cannot.
fn readable<'j>(bytes: &'j [u8], known: &[String]) -> Result<Job<'j>, String> {
    let job = Job::parse(bytes).map_err(|poison| crate::queues::not_put_back(&poison.0))?;
    match known.contains(&job.name) {
        true => Ok(job),
        false => Err("nobody has ever known a job of its name".to_owned()),
    }
}

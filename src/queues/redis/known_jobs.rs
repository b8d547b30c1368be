//! The set of the names of all jobs, which must know a name before its first job is enqueued: whoever
//! looks for jobs looks there.

use super::client::Redis;
use super::error::ServiceError;
use super::keys::Keys;
use super::parts::Placed;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// For how long nobody is told again of a name, as with the original: a set that was lost, say by a
/// failover, is whole again by then.
const REMEMBERED: Duration = Duration::from_secs(300);

/// The names that this process has told, and when.
#[derive(Debug, Default)]
pub(super) struct KnownJobs(Mutex<HashMap<String, Instant>>);

impl KnownJobs {
    /// Adds the names of these jobs to the set, but those that were added a while ago.
    ///
    /// Who comes meanwhile waits: a batch that needs to tell nothing more would otherwise be in the
    /// list before an earlier one.
    pub(super) async fn tell(
        &self,
        redis: &Redis,
        keys: &Keys,
        jobs: &[Placed],
    ) -> Result<(), ServiceError> {
        let mut told = self.0.lock().await;
        let now = Instant::now();
        let is_new =
            |name: &&str| told.get(*name).is_none_or(|at| now.duration_since(*at) >= REMEMBERED);
        let names: BTreeSet<_> = jobs.iter().map(|(_, job)| job.name.as_str()).collect();
        let new: Vec<_> = names.into_iter().filter(is_new).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut cmd = redis::cmd("SADD");
        cmd.arg(keys.known_jobs()).arg(&new);
        redis.query::<u64>(&cmd).await?;
        told.extend(new.into_iter().map(|name| (name.to_owned(), now)));
        Ok(())
    }
}

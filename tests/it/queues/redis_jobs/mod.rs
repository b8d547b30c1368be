//! Jobs of gocraft/work that `subscribe` works on, as they stand in Redis before and after.

mod due;
mod killed;
mod limits;
mod observed;
mod reaping;
mod settling;
mod unique;

use crate::support::process::Process;
use crate::support::redis_stage::Stage;
use serde_json::Value;

/// A job as somebody's own program may write it.
fn job(name: &str, id: &str) -> String {
    format!(r#"{{"name":"{name}","id":"{id}","t":1700000000,"args":{{"id":"{id}"}}}}"#)
}

impl Stage {
    /// Makes these ready, the first one the next.
    fn enqueue_raw(&self, name: &str, jobs: &[String]) {
        let list = format!("@jobs:{name}");
        for job in jobs {
            self.ask::<i64>(&["LPUSH", &list, job]);
        }
        self.ask::<i64>(&["SADD", "@known_jobs", name]);
    }

    /// Works on all that is ready, by a shell's script; gives what it wrote.
    #[track_caller]
    fn work_by(&self, parameters: &str, words: &str, script: &str, code: i32) -> String {
        let program = self.subscribe(parameters).args(words);
        program.args("-- sh -c").arg(script).run().expect(code).stdout
    }

    /// Begins to follow, by a shell's script.
    fn follow(&self, parameters: &str, words: &str, script: &str) -> Process {
        let program = self.subscribe(parameters).args(words).arg("--follow");
        Process::start(program.args("-- sh -c").arg(script), String::new(), false)
    }

    /// The fields of a job that is the only one in a list or a set.
    #[track_caller]
    fn only(&self, key: &str) -> Value {
        let mut jobs = self.jobs(key);
        assert_eq!(jobs.len(), 1, "{key}: {jobs:?}");
        jobs.remove(0)
    }
}

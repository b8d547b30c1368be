//! Which call a request is, by its method and its path. A call that is none of the usual ones stands
//! behind a colon at the end.

use super::names::Location;
use crate::serve::taskqueue::failure::{Failure, Reason};
use crate::serve::taskqueue::{Operation, percent};
use axum::http::Method;

/// What all paths of calls begin with.
const BASE: &str = "/v2beta2/projects/";

/// A call, and where its queue is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Where the queue is.
    pub location: Location,
    /// What to do with it.
    pub action: Action,
}

/// What a call does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Shows the queues.
    ListQueues,
    /// Makes a queue.
    CreateQueue,
    /// Does something with the queue of this name.
    Queue(String, OnQueue),
    /// Does something with tasks of the queue of this name.
    Tasks(String, OnTasks),
}

/// What is done with a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnQueue {
    /// Shows it.
    Get,
    /// Sets it otherwise.
    Patch,
    /// Deletes what it holds.
    Purge,
    /// Lets nothing be leased from it.
    Pause,
    /// Lets it be leased from again.
    Resume,
}

/// What is done with tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnTasks {
    /// Shows some.
    List,
    /// Adds one.
    Create,
    /// Leases some.
    Lease,
    /// Shows the one of this name.
    Get(String),
    /// Deletes it, whoever has it leased.
    Delete(String),
    /// Deletes it, under a lease.
    Acknowledge(String),
    /// Lets its lease end later.
    Renew(String),
    /// Ends its lease.
    Cancel(String),
}

impl Call {
    /// Finds the call.
    pub fn find(method: &Method, path: &str) -> Result<Self, Failure> {
        let segments = percent::segments(path.strip_prefix(BASE).unwrap_or_default())?;
        let [project, locations, location, queues, rest @ ..] = segments.as_slice() else {
            return Err(nowhere());
        };
        let whole = !project.is_empty() && locations == "locations" && !location.is_empty();
        if !whole || queues != "queues" {
            return Err(nowhere());
        }
        let location = Location { project: project.clone(), location: location.clone() };
        Ok(Self { location, action: action(method, rest)? })
    }

    /// What the call is called.
    pub(super) fn operation(&self) -> Operation {
        Operation(match &self.action {
            Action::ListQueues => "cloudtasks.queues.list",
            Action::CreateQueue => "cloudtasks.queues.create",
            Action::Queue(_, OnQueue::Get) => "cloudtasks.queues.get",
            Action::Queue(_, OnQueue::Patch) => "cloudtasks.queues.patch",
            Action::Queue(_, OnQueue::Purge) => "cloudtasks.queues.purge",
            Action::Queue(_, OnQueue::Pause) => "cloudtasks.queues.pause",
            Action::Queue(_, OnQueue::Resume) => "cloudtasks.queues.resume",
            Action::Tasks(_, OnTasks::List) => "cloudtasks.tasks.list",
            Action::Tasks(_, OnTasks::Create) => "cloudtasks.tasks.create",
            Action::Tasks(_, OnTasks::Lease) => "cloudtasks.tasks.lease",
            Action::Tasks(_, OnTasks::Get(_)) => "cloudtasks.tasks.get",
            Action::Tasks(_, OnTasks::Delete(_)) => "cloudtasks.tasks.delete",
            Action::Tasks(_, OnTasks::Acknowledge(_)) => "cloudtasks.tasks.acknowledge",
            Action::Tasks(_, OnTasks::Renew(_)) => "cloudtasks.tasks.renewLease",
            Action::Tasks(_, OnTasks::Cancel(_)) => "cloudtasks.tasks.cancelLease",
        })
    }
}

/// What is done with what stands behind the queues in a path.
fn action(method: &Method, rest: &[String]) -> Result<Action, Failure> {
    match rest {
        [] => match *method {
            Method::GET => Ok(Action::ListQueues),
            Method::POST => Ok(Action::CreateQueue),
            _ => Err(no_method()),
        },
        [queue] => {
            let (queue, verb) = split(queue, &["purge", "pause", "resume"]);
            Ok(Action::Queue(named(queue)?, on_queue(method, verb)?))
        }
        [queue, tasks] if split(tasks, &["lease"]) == ("tasks", Some("lease")) => {
            post(method, Action::Tasks(named(queue)?, OnTasks::Lease))
        }
        [queue, tasks] if tasks == "tasks" => {
            let on_tasks = match *method {
                Method::GET => OnTasks::List,
                Method::POST => OnTasks::Create,
                _ => return Err(no_method()),
            };
            Ok(Action::Tasks(named(queue)?, on_tasks))
        }
        // Whoever publishes by other ways may give a name with slashes.
        [queue, tasks, task @ ..] if tasks == "tasks" => {
            Ok(Action::Tasks(named(queue)?, on_task(method, &task.join("/"))?))
        }
        _ => Err(nowhere()),
    }
}

fn on_queue(method: &Method, verb: Option<&str>) -> Result<OnQueue, Failure> {
    match (method, verb) {
        (&Method::GET, None) => Ok(OnQueue::Get),
        (&Method::PATCH, None) => Ok(OnQueue::Patch),
        (&Method::DELETE, None) => {
            let message = "Queues are not deleted here, but by the program `queue`";
            Err(Failure::new(Reason::Unsupported, message))
        }
        (&Method::POST, Some("purge")) => Ok(OnQueue::Purge),
        (&Method::POST, Some("pause")) => Ok(OnQueue::Pause),
        (&Method::POST, Some("resume")) => Ok(OnQueue::Resume),
        _ => Err(no_method()),
    }
}

fn on_task(method: &Method, last: &str) -> Result<OnTasks, Failure> {
    let (name, verb) = split(last, &["acknowledge", "renewLease", "cancelLease", "run"]);
    let name = named(name)?;
    match verb {
        None => match *method {
            Method::GET => Ok(OnTasks::Get(name)),
            Method::DELETE => Ok(OnTasks::Delete(name)),
            _ => Err(no_method()),
        },
        Some("acknowledge") => post(method, OnTasks::Acknowledge(name)),
        Some("renewLease") => post(method, OnTasks::Renew(name)),
        Some("cancelLease") => post(method, OnTasks::Cancel(name)),
        Some(_) => Err(Failure::new(Reason::QueueMode, "Tasks of a pull queue are not run")),
    }
}

/// A segment without the verb behind its last colon, where that is one of these.
fn split<'s>(segment: &'s str, verbs: &[&str]) -> (&'s str, Option<&'s str>) {
    match segment.rsplit_once(':') {
        Some((name, verb)) if verbs.contains(&verb) => (name, Some(verb)),
        _ => (segment, None),
    }
}

fn post<T>(method: &Method, found: T) -> Result<T, Failure> {
    if method == Method::POST { Ok(found) } else { Err(no_method()) }
}

fn named(name: &str) -> Result<String, Failure> {
    if name.is_empty() { Err(nowhere()) } else { Ok(name.to_owned()) }
}

fn nowhere() -> Failure {
    Failure::missing("There is no such call")
}

fn no_method() -> Failure {
    Failure::new(Reason::Method, "There is no such method here")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(method: &str, path: &str) -> Result<Action, Reason> {
        let path = format!("{BASE}p/locations/l/{path}");
        let call = Call::find(&method.parse().unwrap(), &path).map_err(|failure| failure.reason)?;
        assert_eq!(call.location.task("q", "t"), "projects/p/locations/l/queues/q/tasks/t");
        Ok(call.action)
    }

    #[test]
    fn each_call_on_queues_has_its_method_and_path() {
        let queue = |on| Action::Queue("q".to_owned(), on);
        for (method, path, action) in [
            ("GET", "queues", Action::ListQueues),
            ("GET", "queues/", Action::ListQueues),
            ("POST", "queues", Action::CreateQueue),
            ("GET", "queues/q", queue(OnQueue::Get)),
            ("PATCH", "queues/q", queue(OnQueue::Patch)),
            ("POST", "queues/q:purge", queue(OnQueue::Purge)),
            ("POST", "queues/q%3Apause", queue(OnQueue::Pause)),
            ("POST", "queues/q:resume", queue(OnQueue::Resume)),
            ("GET", "queues/q:other", Action::Queue("q:other".to_owned(), OnQueue::Get)),
        ] {
            assert_eq!(find(method, path), Ok(action), "{method} {path}");
        }
    }

    #[test]
    fn each_call_on_tasks_has_its_method_and_path() {
        let t = || "t".to_owned();
        for (method, path, on_tasks) in [
            ("GET", "queues/q/tasks", OnTasks::List),
            ("POST", "queues/q/tasks", OnTasks::Create),
            ("POST", "queues/q/tasks:lease", OnTasks::Lease),
            ("POST", "queues/q/tasks%3alease", OnTasks::Lease),
            ("GET", "queues/q/tasks/t", OnTasks::Get(t())),
            ("DELETE", "queues/q/tasks/t", OnTasks::Delete(t())),
            ("POST", "queues/q/tasks/t:acknowledge", OnTasks::Acknowledge(t())),
            ("POST", "queues/q/tasks/t:renewLease", OnTasks::Renew(t())),
            ("POST", "queues/q/tasks/t:cancelLease", OnTasks::Cancel(t())),
            ("GET", "queues/q/tasks/a:b", OnTasks::Get("a:b".to_owned())),
            ("GET", "queues/q/tasks/a/b%2Fc", OnTasks::Get("a/b/c".to_owned())),
            ("POST", "queues/q/tasks/a:run:acknowledge", OnTasks::Acknowledge("a:run".to_owned())),
        ] {
            let action = Action::Tasks("q".to_owned(), on_tasks);
            assert_eq!(find(method, path), Ok(action), "{method} {path}");
        }
    }

    #[test]
    fn what_is_no_call_has_a_reason() {
        for (method, path, reason) in [
            ("GET", "", Reason::Missing),
            ("GET", "tasks", Reason::Missing),
            ("PUT", "queues", Reason::Method),
            ("DELETE", "queues/q", Reason::Unsupported),
            ("POST", "queues/q", Reason::Method),
            ("GET", "queues/q:purge", Reason::Method),
            ("POST", "queues/q:delete", Reason::Method),
            ("POST", "queues/:purge", Reason::Missing),
            ("GET", "queues//tasks", Reason::Missing),
            ("GET", "queues/q/jobs", Reason::Missing),
            ("GET", "queues/q/tasks:lease", Reason::Method),
            ("POST", "queues/q/tasks:release", Reason::Missing),
            ("POST", "queues/q/tasks/t", Reason::Method),
            ("GET", "queues/q/tasks/t:acknowledge", Reason::Method),
            ("POST", "queues/q/tasks/:acknowledge", Reason::Missing),
            ("POST", "queues/q/tasks/t:run", Reason::QueueMode),
            ("GET", "queues/%ff", Reason::Invalid),
        ] {
            assert_eq!(find(method, path), Err(reason), "{method} {path}");
        }
        for path in ["", "p", "p/locations", "p/locations/l", "/locations/l/queues", "p/x/l/queues"]
        {
            let call = Call::find(&Method::GET, &format!("{BASE}{path}"));
            assert_eq!(call.unwrap_err().reason, Reason::Missing, "{path}");
        }
    }
}

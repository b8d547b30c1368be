//! Which call a request is, by its method and its path.

use crate::serve::taskqueue::failure::{Failure, Reason};
use crate::serve::taskqueue::{Operation, percent};
use axum::http::Method;

/// What all paths of calls begin with.
const BASE: &str = "/taskqueue/v1beta2/projects/";

/// A call, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The project, as the client calls it.
    pub project: String,
    /// The queue's name.
    pub queue: String,
    /// What to do.
    pub action: Action,
}

/// What a call does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Shows the queue.
    GetQueue,
    /// Shows its first tasks.
    List,
    /// Adds a task.
    Insert,
    /// Leases tasks.
    Lease,
    /// Shows the task of this name.
    Get(String),
    /// Deletes it.
    Delete(String),
    /// Changes its lease; the task need not say which one it means.
    Patch(String),
    /// Changes its lease, which the task has to name.
    Update(String),
}

impl Call {
    /// Finds the call.
    pub fn find(method: &Method, path: &str) -> Result<Self, Failure> {
        let segments = percent::segments(path.strip_prefix(BASE).unwrap_or_default())?;
        let [project, collection, queue, rest @ ..] = segments.as_slice() else {
            return Err(nowhere());
        };
        if collection != "taskqueues" || project.is_empty() || queue.is_empty() {
            return Err(nowhere());
        }
        if project.contains('/') {
            return Err(Failure::invalid("The name of a project has no slash"));
        }
        let action = action(method, rest)?;
        Ok(Self { project: project.clone(), queue: queue.clone(), action })
    }

    /// The queue's name with its project's.
    pub(super) fn long_name(&self) -> String {
        format!("projects/{}/taskqueues/{}", self.project, self.queue)
    }

    /// What the call is called.
    pub(super) fn operation(&self) -> Operation {
        Operation(match self.action {
            Action::GetQueue => "taskqueue.taskqueues.get",
            Action::List => "taskqueue.tasks.list",
            Action::Insert => "taskqueue.tasks.insert",
            Action::Lease => "taskqueue.tasks.lease",
            Action::Get(_) => "taskqueue.tasks.get",
            Action::Delete(_) => "taskqueue.tasks.delete",
            Action::Patch(_) => "taskqueue.tasks.patch",
            Action::Update(_) => "taskqueue.tasks.update",
        })
    }
}

/// What is done with what stands behind the queue in a path.
fn action(method: &Method, rest: &[String]) -> Result<Action, Failure> {
    match rest {
        [] if method == Method::GET => Ok(Action::GetQueue),
        [tasks] if tasks == "tasks" => match *method {
            Method::GET => Ok(Action::List),
            Method::POST => Ok(Action::Insert),
            _ => Err(no_method()),
        },
        [tasks, lease] if tasks == "tasks" && lease == "lease" && method == Method::POST => {
            Ok(Action::Lease)
        }
        // Whoever publishes by other ways may give a name with slashes.
        [tasks, name @ ..] if tasks == "tasks" => with_task(method, name.join("/")),
        [] => Err(no_method()),
        _ => Err(nowhere()),
    }
}

fn with_task(method: &Method, name: String) -> Result<Action, Failure> {
    match *method {
        Method::GET => Ok(Action::Get(name)),
        Method::DELETE => Ok(Action::Delete(name)),
        Method::PATCH => Ok(Action::Patch(name)),
        Method::POST => Ok(Action::Update(name)),
        _ => Err(no_method()),
    }
}

fn nowhere() -> Failure {
    Failure::missing("Not Found")
}

/// The failure of a call that there is, by a method that it does not have.
pub(super) fn no_method() -> Failure {
    Failure::new(Reason::Method, "Method Not Allowed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(method: &str, path: &str) -> Result<Call, Reason> {
        let method = method.parse().unwrap();
        Call::find(&method, &format!("{BASE}{path}")).map_err(|failure| failure.reason)
    }

    #[test]
    fn each_call_has_its_method_and_path() {
        let task = || "t-1".to_owned();
        for (method, path, action) in [
            ("GET", "p/taskqueues/q", Action::GetQueue),
            ("GET", "p/taskqueues/q/", Action::GetQueue),
            ("GET", "p/taskqueues/q/tasks", Action::List),
            ("POST", "p/taskqueues/q/tasks", Action::Insert),
            ("POST", "p/taskqueues/q/tasks/", Action::Insert),
            ("POST", "p/taskqueues/q/tasks/lease", Action::Lease),
            ("POST", "p/taskqueues/q/tasks/lease/", Action::Lease),
            ("GET", "p/taskqueues/q/tasks/lease", Action::Get("lease".to_owned())),
            ("GET", "p/taskqueues/q/tasks/t-1", Action::Get(task())),
            ("DELETE", "p/taskqueues/q/tasks/t-1", Action::Delete(task())),
            ("PATCH", "p/taskqueues/q/tasks/t-1/", Action::Patch(task())),
            ("POST", "p/taskqueues/q/tasks/t-1", Action::Update(task())),
            ("GET", "p/taskqueues/q/tasks/a%2Fb", Action::Get("a/b".to_owned())),
            ("GET", "p/taskqueues/q/tasks/a/b", Action::Get("a/b".to_owned())),
        ] {
            let call = Call { project: "p".to_owned(), queue: "q".to_owned(), action };
            assert_eq!(find(method, path), Ok(call), "{method} {path}");
        }
    }

    #[test]
    fn a_project_may_be_marked_and_encoded() {
        for project in ["s~p", "s%7Ep", "s%7ep"] {
            let call = find("GET", &format!("{project}/taskqueues/q")).unwrap();
            assert_eq!(call.long_name(), "projects/s~p/taskqueues/q");
        }
    }

    #[test]
    fn what_is_no_call_has_a_reason() {
        for (method, path, reason) in [
            ("GET", "", Reason::Missing),
            ("GET", "p", Reason::Missing),
            ("GET", "p/taskqueues", Reason::Missing),
            ("GET", "p/taskqueues/", Reason::Missing),
            ("GET", "p/queues/q", Reason::Missing),
            ("GET", "/taskqueues/q", Reason::Missing),
            ("GET", "p/taskqueues/q/jobs", Reason::Missing),
            ("POST", "p/taskqueues/q", Reason::Method),
            ("PUT", "p/taskqueues/q/tasks", Reason::Method),
            ("DELETE", "p/taskqueues/q/tasks", Reason::Method),
            ("PUT", "p/taskqueues/q/tasks/t", Reason::Method),
            ("GET", "a%2Fb/taskqueues/q", Reason::Invalid),
            ("GET", "p/taskqueues/%ff", Reason::Invalid),
            ("GET", "p/taskqueues/%", Reason::Invalid),
        ] {
            assert_eq!(find(method, path), Err(reason), "{method} {path}");
        }
    }
}

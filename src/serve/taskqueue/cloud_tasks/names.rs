//! The long names of queues and tasks, as paths and bodies have them.

use crate::serve::taskqueue::failure::Failure;

/// Where the queues are, as the client calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The project.
    pub project: String,
    /// The region.
    pub location: String,
}

impl Location {
    /// The long name of the location.
    pub(super) fn name(&self) -> String {
        format!("projects/{}/locations/{}", self.project, self.location)
    }

    /// The long name of a queue.
    pub(super) fn queue(&self, queue: &str) -> String {
        format!("{}/queues/{queue}", self.name())
    }

    /// The long name of a task.
    pub(super) fn task(&self, queue: &str, task: &str) -> String {
        format!("{}/tasks/{task}", self.queue(queue))
    }
}

/// Whether a field says what the path says; it need not be there.
pub(super) fn same(field: &str, given: Option<&str>, path: &str) -> Result<(), Failure> {
    match given.is_none_or(|given| given.is_empty() || given == path) {
        true => Ok(()),
        false => Err(Failure::invalid(format!("The field {field} is not what the path says"))),
    }
}

/// The last part of a long name that must begin so.
pub(super) fn last<'n>(field: &str, name: &'n str, parent: &str) -> Result<&'n str, Failure> {
    let last = name.strip_prefix(parent).and_then(|rest| rest.strip_prefix('/'));
    last.ok_or_else(|| Failure::invalid(format!("The field {field} does not begin with {parent}/")))
}

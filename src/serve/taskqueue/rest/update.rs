//! Changes of leases: what a task has to say of the lease that it means.

use super::lease::seconds;
use super::route::Call;
use super::task::TaskInput;
use crate::queues::{Change, Task, Tasks};
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::input::Int64;
use crate::serve::taskqueue::operations;
use crate::serve::taskqueue::query::Query;

/// Patches a task: its queue has to be named, its lease need not be.
pub(super) async fn patch(
    queue: &dyn Tasks,
    call: &Call,
    (name, task): (&str, &TaskInput),
    query: &Query,
) -> Result<Task, Failure> {
    let time = seconds(query, "newLeaseSeconds")?;
    required("queueName", task.queue_name.as_deref().filter(|name| !name.is_empty()))?;
    validate(call, name, task)?;
    let eta = task.lease_timestamp.map(|Int64(eta)| eta);
    operations::change(queue, name, eta, Change::Extend(time)).await
}

/// Updates a task, which has to say its name and the lease that it means.
pub(super) async fn update(
    queue: &dyn Tasks,
    call: &Call,
    (name, task): (&str, &TaskInput),
    query: &Query,
) -> Result<Task, Failure> {
    let time = seconds(query, "newLeaseSeconds")?;
    required("id", task.name())?;
    let Int64(eta) = required("leaseTimestamp", task.lease_timestamp)?;
    validate(call, name, task)?;
    operations::change(queue, name, Some(eta), Change::Extend(time)).await
}

fn required<T>(field: &str, value: Option<T>) -> Result<T, Failure> {
    value.ok_or_else(|| Failure::invalid(format!("The field {field} is required")))
}

/// Whether what the task says of its name and queue is what the path says.
fn validate(call: &Call, name: &str, task: &TaskInput) -> Result<(), Failure> {
    task.validate_queue(call)?;
    match task.name().is_none_or(|given| given == name) {
        true => Ok(()),
        false => Err(Failure::invalid("The task's id is not that of the request")),
    }
}

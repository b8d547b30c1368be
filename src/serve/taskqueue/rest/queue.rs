//! Queues as this API shows them.

use super::route::Call;
use crate::queues::{TaskStats, Tasks};
use crate::serve::taskqueue::failure::Failure;
use crate::serve::taskqueue::query::Query;
use crate::serve::taskqueue::{Acl, Served};
use serde::Serialize;

/// A queue that is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QueueAnswer {
    kind: &'static str,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_leases: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<StatsAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acl: Option<AclAnswer>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatsAnswer {
    total_tasks: u64,
    oldest_task: String,
    leased_last_minute: String,
    leased_last_hour: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AclAnswer {
    consumer_emails: Vec<String>,
    producer_emails: Vec<String>,
}

/// Shows a queue; how much is in it only where that is wanted.
pub(super) async fn get(
    served: &Served,
    queue: &dyn Tasks,
    call: &Call,
    query: &Query,
) -> Result<QueueAnswer, Failure> {
    let wants_stats = query.flag(&["getStats"])?.unwrap_or(false);
    let stats = if wants_stats { Some(stats(queue.stats().await?)) } else { None };
    Ok(QueueAnswer {
        kind: "taskqueues#taskqueue",
        id: call.long_name(),
        max_leases: queue.settings().await?.limits.leases,
        stats,
        acl: served.declared.acl.get(&call.queue).map(acl),
    })
}

/// Whole numbers of 64 bits are strings; the time is in seconds here, and 0 where there is no task.
fn stats(stats: TaskStats) -> StatsAnswer {
    StatsAnswer {
        total_tasks: stats.tasks,
        oldest_task: stats.oldest_eta.map_or(0, |eta| eta.div_euclid(1_000_000)).to_string(),
        leased_last_minute: stats.leased_last_minute.to_string(),
        leased_last_hour: stats.leased_last_hour.to_string(),
    }
}

fn acl(acl: &Acl) -> AclAnswer {
    AclAnswer { consumer_emails: acl.users.clone(), producer_emails: acl.writers.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_queue_is_written_as_clients_read_it() {
        let numbers = TaskStats {
            tasks: 3,
            leased: 1,
            oldest_eta: Some(1_500_000_000_999_999),
            leased_last_minute: 4,
            leased_last_hour: 5,
            ..TaskStats::default()
        };
        let users = Acl { users: vec!["a@b".to_owned()], writers: vec![] };
        let queue = QueueAnswer {
            kind: "taskqueues#taskqueue",
            id: "projects/p/taskqueues/q".to_owned(),
            max_leases: Some(7),
            stats: Some(stats(numbers)),
            acl: Some(acl(&users)),
        };
        let expected = json!({
            "kind": "taskqueues#taskqueue",
            "id": "projects/p/taskqueues/q",
            "maxLeases": 7,
            "stats": {
                "totalTasks": 3,
                "oldestTask": "1500000000",
                "leasedLastMinute": "4",
                "leasedLastHour": "5",
            },
            "acl": {"consumerEmails": ["a@b"], "producerEmails": []},
        });
        assert_eq!(serde_json::to_value(queue).unwrap(), expected);
    }

    #[test]
    fn an_empty_queue_has_no_oldest_task() {
        assert_eq!(stats(TaskStats::default()).oldest_task, "0");
    }
}

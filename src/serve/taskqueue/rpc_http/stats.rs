//! `FetchQueueStats`.

use super::error::Fault;
use super::messages::{QueueStats, RecentLeases, StatsRequest, StatsResponse};
use super::queue::find;
use crate::queues::TaskStats;
use crate::serve::taskqueue::Served;

/// The most queues of a call.
const MOST: usize = 1000;

/// `FetchQueueStats`.
pub(super) async fn stats(served: &Served, request: StatsRequest) -> Result<StatsResponse, Fault> {
    if request.queues.len() > MOST {
        return Err(Fault::invalid(format!("a call tells of at most {MOST} queues")));
    }
    let mut queues = Vec::with_capacity(request.queues.len());
    for name in &request.queues {
        let queue = find(served, name).await?;
        queues.push(told(queue.stats().await?));
    }
    Ok(StatsResponse { queues })
}

fn told(stats: TaskStats) -> QueueStats {
    let small = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    QueueStats {
        tasks: small(stats.tasks),
        oldest_eta: stats.oldest_eta.unwrap_or(-1),
        recent: Some(RecentLeases {
            last_minute: count(stats.leased_last_minute),
            last_hour: count(stats.leased_last_hour),
            sampling_seconds: 60.0,
            in_flight: Some(small(stats.leased)),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;

    #[test]
    fn an_empty_queue_has_no_oldest_task_and_all_required_fields() {
        let response = StatsResponse { queues: vec![told(TaskStats::default())] };
        let mut bytes = b"\x0b\x10\x00\x18".to_vec();
        bytes.extend([0xff; 9]);
        bytes.push(1); // -1
        bytes.extend(b"\x22\x0f\x08\x00\x10\x00\x19\0\0\0\0\0\0\x4e\x40\x20\x00\x0c");
        assert_eq!(response.encode_to_vec(), bytes);
    }

    #[test]
    fn what_is_beyond_32_bits_is_as_much_as_they_hold() {
        let stats = TaskStats { tasks: u64::MAX, leased: 7, ..TaskStats::default() };
        let told = told(stats);
        assert_eq!(told.tasks, i32::MAX);
        assert_eq!(told.recent.unwrap().in_flight, Some(7));
    }
}

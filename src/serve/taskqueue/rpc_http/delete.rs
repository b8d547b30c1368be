//! `Delete` and `PurgeQueue`.

use super::error::{Code, Fault};
use super::messages::{DeleteRequest, DeleteResponse, PurgeRequest, PurgeResponse};
use super::queue::{find, text_of};
use crate::queues::Deleted;
use crate::serve::taskqueue::Served;

/// The most names of a call.
const MOST: usize = 1000;

/// `Delete`: whoever has a task leased, it is deleted.
pub(super) async fn delete(
    served: &Served,
    request: DeleteRequest,
) -> Result<DeleteResponse, Fault> {
    if request.names.len() > MOST {
        let why = format!("a call deletes at most {MOST} tasks");
        return Err(Fault::Application(Code::TooManyTasks, why));
    }
    let queue = match find(served, request.queue.as_deref().unwrap_or_default()).await {
        Ok(queue) => queue,
        // Each task is told that there is no such queue.
        Err(Fault::Application(code @ Code::UnknownQueue, _)) => {
            return Ok(DeleteResponse { results: vec![code.number(); request.names.len()] });
        }
        Err(fault) => return Err(fault),
    };
    let names: Vec<_> = request.names.iter().map(|name| text_of(name)).collect();
    let deleted = queue.delete(names.iter().flatten().map(ToString::to_string).collect()).await?;
    let mut deleted = deleted.into_iter().map(code);
    let result = |name: Option<&str>| match name {
        Some(_) => deleted.next().unwrap_or(Code::InternalError),
        None => Code::InvalidTaskName,
    };
    Ok(DeleteResponse { results: names.into_iter().map(result).map(Code::number).collect() })
}

fn code(deleted: Deleted) -> Code {
    match deleted {
        Deleted::Done => Code::Ok,
        Deleted::Unknown => Code::UnknownTask,
        Deleted::Before => Code::TombstonedTask,
    }
}

/// `PurgeQueue`.
pub(super) async fn purge(served: &Served, request: PurgeRequest) -> Result<PurgeResponse, Fault> {
    let queue = find(served, request.queue.as_deref().unwrap_or_default()).await?;
    queue.purge().await?;
    Ok(PurgeResponse {})
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;

    #[test]
    fn what_became_of_a_task_has_its_code() {
        for (deleted, expected) in [
            (Deleted::Done, Code::Ok),
            (Deleted::Unknown, Code::UnknownTask),
            (Deleted::Before, Code::TombstonedTask),
        ] {
            assert_eq!(code(deleted), expected);
        }
    }

    #[test]
    fn a_result_of_zero_is_written_too() {
        let response = DeleteResponse { results: vec![0, 14] };
        assert_eq!(response.encode_to_vec(), b"\x18\x00\x18\x0e");
    }
}

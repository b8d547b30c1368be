//! Calls: read, and carried out.

use super::error::{Fault, RpcCode};
use super::messages::{
    AddRequest, BulkAddRequest, DeleteRequest, LeaseRequest, ModifyLeaseRequest, PurgeRequest,
    StatsRequest,
};
use super::queue::shown;
use super::{add, delete, lease, stats, wire};
use crate::serve::taskqueue::{Operation, Served};
use bytes::Bytes;
use prost::Message;

/// The only service that is served.
const SERVICE: &str = "taskqueue";

/// A call of the service. All that its message must hold is there; whether the values are within
/// their limits is not known.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// `Add`.
    Add(AddRequest),
    /// `BulkAdd`.
    BulkAdd(BulkAddRequest),
    /// `QueryAndOwnTasks`.
    Lease(LeaseRequest),
    /// `ModifyTaskLease`.
    ModifyLease(ModifyLeaseRequest),
    /// `Delete`.
    Delete(DeleteRequest),
    /// `PurgeQueue`.
    Purge(PurgeRequest),
    /// `FetchQueueStats`.
    Stats(StatsRequest),
}

impl Call {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// What cannot be read, and calls of other services and methods.
    pub fn parse(body: Bytes) -> Result<Self, Fault> {
        let request = wire::Request::decode(body).map_err(Fault::unreadable)?;
        let (Some(service), Some(method), Some(message)) =
            (request.service, request.method, request.message)
        else {
            return Err(Fault::unreadable("it lacks its service, its method or its message"));
        };
        let call = match (service.as_str(), method.as_str()) {
            (SERVICE, "Add") => Self::Add(read(message)?),
            (SERVICE, "BulkAdd") => Self::BulkAdd(read(message)?),
            (SERVICE, "QueryAndOwnTasks") => Self::Lease(read(message)?),
            (SERVICE, "ModifyTaskLease") => Self::ModifyLease(read(message)?),
            (SERVICE, "Delete") => Self::Delete(read(message)?),
            (SERVICE, "PurgeQueue") => Self::Purge(read(message)?),
            (SERVICE, "FetchQueueStats") => Self::Stats(read(message)?),
            _ => return Err(not_served(&service, &method)),
        };
        call.lacking()
            .map_or(Ok(call), |field| Err(Fault::unreadable(format!("its `{field}` is missing"))))
    }

    /// The first field that must be there and is not, by its name in the original.
    fn lacking(&self) -> Option<&'static str> {
        match self {
            Self::Add(request) => lacking_in_task(request),
            Self::BulkAdd(request) => request.tasks.iter().find_map(lacking_in_task),
            Self::Lease(request) => first_absent(&[
                ("queue_name", request.queue.is_some()),
                ("lease_seconds", request.seconds.is_some()),
                ("max_tasks", request.max.is_some()),
            ]),
            Self::ModifyLease(request) => first_absent(&[
                ("queue_name", request.queue.is_some()),
                ("task_name", request.name.is_some()),
                ("eta_usec", request.eta.is_some()),
                ("lease_seconds", request.seconds.is_some()),
            ]),
            Self::Delete(request) => first_absent(&[("queue_name", request.queue.is_some())]),
            Self::Purge(request) => first_absent(&[("queue_name", request.queue.is_some())]),
            Self::Stats(_) => None,
        }
    }

    /// What it is to whoever counts calls.
    pub(super) fn operation(&self) -> Operation {
        Operation(match self {
            Self::Add(_) => "rpc_http.Add",
            Self::BulkAdd(_) => "rpc_http.BulkAdd",
            Self::Lease(_) => "rpc_http.QueryAndOwnTasks",
            Self::ModifyLease(_) => "rpc_http.ModifyTaskLease",
            Self::Delete(_) => "rpc_http.Delete",
            Self::Purge(_) => "rpc_http.PurgeQueue",
            Self::Stats(_) => "rpc_http.FetchQueueStats",
        })
    }

    /// Carries it out; gives the message of the answer.
    pub(super) async fn run(self, served: &Served) -> Result<Bytes, Fault> {
        Ok(match self {
            Self::Add(request) => written(&add::one(served, request).await?),
            Self::BulkAdd(request) => written(&add::several(served, request).await?),
            Self::Lease(request) => written(&lease::lease(served, request).await?),
            Self::ModifyLease(request) => written(&lease::modify(served, request).await?),
            Self::Delete(request) => written(&delete::delete(served, request).await?),
            Self::Purge(request) => written(&delete::purge(served, request).await?),
            Self::Stats(request) => written(&stats::stats(served, request).await?),
        })
    }
}

fn lacking_in_task(task: &AddRequest) -> Option<&'static str> {
    first_absent(&[
        ("queue_name", task.queue.is_some()),
        ("task_name", task.name.is_some()),
        ("eta_usec", task.eta.is_some()),
    ])
}

fn first_absent(fields: &[(&'static str, bool)]) -> Option<&'static str> {
    fields.iter().find(|(_, is_there)| !is_there).map(|(name, _)| *name)
}

fn read<M: Message + Default>(message: Bytes) -> Result<M, Fault> {
    M::decode(message).map_err(Fault::unreadable)
}

fn written(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

fn not_served(service: &str, method: &str) -> Fault {
    let (service, method) = (shown(service.as_bytes()), shown(method.as_bytes()));
    let why = format!("`{service}.{method}` is not served here: only pull queues of `{SERVICE}`");
    Fault::Rpc(RpcCode::CallNotFound, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(service: &str, method: &str, message: impl Message) -> Bytes {
        let request = wire::Request {
            service: Some(service.to_owned()),
            method: Some(method.to_owned()),
            message: Some(written(&message)),
        };
        written(&request)
    }

    fn add() -> AddRequest {
        AddRequest {
            queue: Some("q".into()),
            name: Some("".into()),
            eta: Some(0),
            ..AddRequest::default()
        }
    }

    #[test]
    fn a_call_is_read_by_its_method() {
        let lease = LeaseRequest {
            queue: Some("q".into()),
            seconds: Some(3600.0),
            max: Some(100),
            group_by_tag: Some(true),
            tag: Some("".into()),
        };
        let modify = ModifyLeaseRequest {
            queue: Some("q".into()),
            name: Some("t".into()),
            eta: Some(1),
            seconds: Some(0.0),
        };
        let names = vec!["a".into(), "b".into()];
        let delete = DeleteRequest { queue: Some("q".into()), names };
        let purge = PurgeRequest { queue: Some("q".into()) };
        let stats = StatsRequest { queues: vec!["q".into()] };
        let bulk = BulkAddRequest { tasks: vec![add(), add()] };
        for (method, call, bytes) in [
            ("Add", Call::Add(add()), written(&add())),
            ("BulkAdd", Call::BulkAdd(bulk.clone()), written(&bulk)),
            ("QueryAndOwnTasks", Call::Lease(lease.clone()), written(&lease)),
            ("ModifyTaskLease", Call::ModifyLease(modify.clone()), written(&modify)),
            ("Delete", Call::Delete(delete.clone()), written(&delete)),
            ("PurgeQueue", Call::Purge(purge.clone()), written(&purge)),
            ("FetchQueueStats", Call::Stats(stats.clone()), written(&stats)),
        ] {
            let request = wire::Request {
                service: Some(SERVICE.to_owned()),
                method: Some(method.to_owned()),
                message: Some(bytes),
            };
            assert_eq!(Call::parse(written(&request)), Ok(call), "{method}");
        }
    }

    #[test]
    fn what_a_go_client_sends_is_read() {
        // By `golang/appengine` 1.6.8: `Add` of "Hello world" into `pull-queue`, with its ticket.
        let mut message = b"\x0a\x0apull-queue\x12\x00\x18\x80\x89\x7a".to_vec();
        message.extend(b"\x4a\x0bHello world\x90\x01\x01\x9a\x01\x06render");
        let mut body = b"\x12\x09taskqueue\x1a\x03Add\x22".to_vec();
        body.push(u8::try_from(message.len()).unwrap());
        body.extend(message);
        body.extend(b"\x2a\x06ticket");
        let Ok(Call::Add(add)) = Call::parse(body.into()) else { panic!("an `Add`") };
        assert_eq!(add.queue.as_deref(), Some(&b"pull-queue"[..]));
        assert_eq!(add.name.as_deref(), Some(&b""[..]));
        assert_eq!(add.eta, Some(2_000_000));
        assert_eq!(add.body.as_deref(), Some(&b"Hello world"[..]));
        assert_eq!(add.mode, Some(super::super::messages::PULL));
        assert_eq!(add.tag.as_deref(), Some(&b"render"[..]));
    }

    #[test]
    fn groups_and_fields_that_nobody_needs_are_passed_over() {
        // A header of a push task, which is a group, and a field of a later version.
        let mut message = written(&add()).to_vec();
        message.extend(b"\x33\x3a\x01k\x42\x01v\x34\xf8\x7f\x05");
        let request = wire::Request {
            service: Some(SERVICE.to_owned()),
            method: Some("Add".to_owned()),
            message: Some(message.into()),
        };
        assert_eq!(Call::parse(written(&request)), Ok(Call::Add(add())));
    }

    #[test]
    fn calls_that_are_not_served_are_named() {
        for (service, method) in [
            ("taskqueue", "UpdateQueue"),
            ("taskqueue", "add"),
            ("logservice", "Flush"),
            ("datastore_v3", "Get"),
            ("", ""),
        ] {
            let fault = Call::parse(body(service, method, add())).unwrap_err();
            let Fault::Rpc(RpcCode::CallNotFound, why) = fault else { panic!("{fault:?}") };
            assert!(why.starts_with(&format!("`{service}.{method}`")), "{why}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let unread = |body: Bytes| match Call::parse(body) {
            Err(Fault::Rpc(RpcCode::ParseError, why)) => why,
            other => panic!("{other:?}"),
        };
        for body in [&b""[..], b"\x12", b"GET / HTTP/1.1", b"\x12\x09taskqueue", b"\xff\xff\xff"] {
            unread(Bytes::from_static(body));
        }
        let half = Bytes::from_static(b"\x0a\x7fq");
        let request = wire::Request {
            service: Some(SERVICE.to_owned()),
            method: Some("Delete".to_owned()),
            message: Some(half),
        };
        unread(written(&request));
        let without_eta = AddRequest { eta: None, ..add() };
        assert!(unread(body(SERVICE, "Add", without_eta.clone())).contains("`eta_usec`"));
        let bulk = BulkAddRequest { tasks: vec![add(), without_eta] };
        assert!(unread(body(SERVICE, "BulkAdd", bulk)).contains("`eta_usec`"));
        for (method, field) in [
            ("Add", "queue_name"),
            ("QueryAndOwnTasks", "queue_name"),
            ("ModifyTaskLease", "queue_name"),
            ("Delete", "queue_name"),
            ("PurgeQueue", "queue_name"),
        ] {
            let why = unread(body(SERVICE, method, StatsRequest::default()));
            assert!(why.contains(field), "{method}: {why}");
        }
    }
}

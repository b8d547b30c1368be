//! Calls as they are on the wire, and their answers.

use crate::support::serving::Serving;
use kakehi::serve::taskqueue::rpc_http::messages::AddRequest;
use prost::Message;

/// What stands around a call.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Request {
    #[prost(string, required, tag = "2")]
    pub service: String,
    #[prost(string, required, tag = "3")]
    pub method: String,
    #[prost(bytes = "vec", required, tag = "4")]
    pub message: Vec<u8>,
    #[prost(string, optional, tag = "5")]
    pub ticket: Option<String>,
}

/// What stands around an answer.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Response {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub message: Option<Vec<u8>>,
    #[prost(message, optional, tag = "3")]
    pub application_error: Option<Failed>,
    #[prost(message, optional, tag = "5")]
    pub rpc_error: Option<Failed>,
}

/// An error of either kind.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Failed {
    #[prost(int32, required, tag = "1")]
    pub code: i32,
    #[prost(string, optional, tag = "2")]
    pub detail: Option<String>,
}

impl Response {
    /// The numbers of the application error and of the RPC error.
    pub fn codes(&self) -> (Option<i32>, Option<i32>) {
        let code = |failed: &Option<Failed>| failed.as_ref().map(|it| it.code);
        (code(&self.application_error), code(&self.rpc_error))
    }
}

/// Posts a body, and reads the answer, which has status 200 whatever became of the call.
pub(super) async fn post(serving: &Serving, body: Vec<u8>, deadline: &str) -> Response {
    let request = reqwest::Client::new()
        .post(serving.url("/rpc_http"))
        .header("Content-Type", "application/octet-stream")
        .header("X-Google-RPC-Service-Deadline", deadline)
        .body(body);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    Response::decode(answer.bytes().await.expect("a body")).expect("a response")
}

/// Makes a call.
pub(super) async fn call(serving: &Serving, method: &str, message: &impl Message) -> Response {
    post(serving, body(method, message), "60").await
}

/// Makes a call that must not fail.
pub(super) async fn done<M: Message + Default>(
    serving: &Serving,
    method: &str,
    message: &impl Message,
) -> M {
    let response = call(serving, method, message).await;
    let message = response.message.as_deref();
    M::decode(message.unwrap_or_else(|| panic!("{method}: {response:?}"))).expect("a message")
}

/// The body of a call.
pub(super) fn body(method: &str, message: &impl Message) -> Vec<u8> {
    let request = Request {
        service: "taskqueue".to_owned(),
        method: method.to_owned(),
        message: message.encode_to_vec(),
        ticket: Some("ticket".to_owned()),
    };
    request.encode_to_vec()
}

/// A pull task for `pull-queue`, with this name.
pub(super) fn task(name: &'static str) -> AddRequest {
    AddRequest {
        queue: Some("pull-queue".into()),
        name: Some(name.into()),
        eta: Some(0),
        body: Some("hello".into()),
        mode: Some(1),
        ..AddRequest::default()
    }
}

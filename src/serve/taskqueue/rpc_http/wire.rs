//! What stands around every call of App Engine's RPC: the service and the method, or what failed.
//!
//! Protocol Buffers, version 2. What a request must hold is optional here, so that what is missing can
//! be told from what is empty; what an answer must hold is written always.

use bytes::Bytes;

/// A call.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Request {
    /// The service: `taskqueue`.
    #[prost(string, optional, tag = "2")]
    pub service: Option<String>,
    /// The method: `Add`.
    #[prost(string, optional, tag = "3")]
    pub method: Option<String>,
    /// The method's own message.
    #[prost(bytes = "bytes", optional, tag = "4")]
    pub message: Option<Bytes>,
}

/// The answer to a call: one of its fields.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Response {
    /// The method's own message.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub message: Option<Bytes>,
    /// What the service says that failed.
    #[prost(message, optional, tag = "3")]
    pub application_error: Option<ApplicationError>,
    /// Why the call never came to the service.
    #[prost(message, optional, tag = "5")]
    pub rpc_error: Option<RpcError>,
}

/// What the service says that failed.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ApplicationError {
    /// A number of [`super::error::Code`].
    #[prost(int32, required, tag = "1")]
    pub code: i32,
    /// The reason in words.
    #[prost(string, required, tag = "2")]
    pub detail: String,
}

/// Why a call never came to the service.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RpcError {
    /// A number of [`super::error::RpcCode`].
    #[prost(int32, required, tag = "1")]
    pub code: i32,
    /// The reason in words.
    #[prost(string, optional, tag = "2")]
    pub detail: Option<String>,
}

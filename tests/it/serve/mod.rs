//! What is served over HTTP.

mod http_server;
mod program;
mod rpc_http;

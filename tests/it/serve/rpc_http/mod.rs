//! `/rpc_http`: App Engine's RPC, with Google's clients and byte by byte.

mod clients;
mod codes;
mod queue_yaml;
mod wire;

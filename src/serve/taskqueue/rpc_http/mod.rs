//! App Engine's own RPC, as `golang/appengine` and `appengine-python-standard` speak it: a POST of
//! Protocol Buffers to `/rpc_http`, answered with status 200 whether the call failed or not.
//!
//! These clients send no token, so this is served on loopback addresses only. What belongs to no
//! pull queue (push tasks, transactions, other services) is refused by the codes that these clients
//! know.

mod add;
mod call;
mod delete;
mod error;
mod lease;
pub mod messages;
mod queue;
mod stats;
mod wire;

pub use add::new_task;
pub use call::Call;
pub use error::{Code, Fault, RpcCode};
pub use lease::{Leasing, leasing};

use super::Served;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, post};
use prost::Message as _;
use std::time::Duration;

/// Where these clients call, on the host and the port of `API_HOST` and `API_PORT`.
pub const PATH: &str = "/rpc_http";

/// In how many seconds the client wants its answer.
const DEADLINE: &str = "x-google-rpc-service-deadline";

/// What these clients wait for themselves, where nobody tells them otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest that is worked on a call.
const LONGEST: Duration = Duration::from_secs(3600);

/// Why nobody is served from elsewhere.
const ELSEWHERE: &str = "`/rpc_http` is served on a loopback address only: its clients send no \
                         token. Use the REST API `taskqueue/v1beta2` from other machines.\n";

/// The route of the RPC, for a server that listens on a loopback address.
pub fn routes(served: Served) -> Router {
    Router::new().route(PATH, post(answer)).with_state(served)
}

/// The route for a server that listens on any other address: nobody is served, and told why.
pub fn elsewhere() -> Router {
    Router::new().route(PATH, any(|| async { (StatusCode::FORBIDDEN, ELSEWHERE) }))
}

/// A refusal by the server itself, before any call was read: what is wrong with the request goes out
/// as these clients read it, and who may not call at all gets the status.
pub fn refusal(status: StatusCode, reason: &str) -> Response {
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => RpcCode::RequestTooLarge,
        StatusCode::BAD_REQUEST => RpcCode::ParseError,
        _ => return (status, format!("{reason}\n")).into_response(),
    };
    sent(&Fault::Rpc(code, reason.to_owned()).into_response())
}

async fn answer(State(served): State<Served>, headers: HeaderMap, body: Bytes) -> Response {
    let call = match Call::parse(body) {
        Ok(call) => call,
        Err(fault) => return sent(&fault.into_response()),
    };
    let operation = call.operation();
    let mut response = sent(&match run(call, &served, time(&headers)).await {
        Ok(message) => wire::Response { message: Some(message), ..wire::Response::default() },
        Err(fault) => fault.into_response(),
    });
    response.extensions_mut().insert(operation);
    response
}

fn sent(response: &wire::Response) -> Response {
    ([(CONTENT_TYPE, "application/octet-stream")], response.encode_to_vec()).into_response()
}

/// Carries out a call, and gives up after the time. A lease is not broken off: what it has leased
/// already would be nobody's until its time is over.
async fn run(call: Call, served: &Served, time: Duration) -> Result<Bytes, Fault> {
    if matches!(call, Call::Lease(_)) {
        return call.run(served).await;
    }
    let done = tokio::time::timeout(time, call.run(served)).await;
    done.unwrap_or_else(|_| {
        let why = format!("not done within the {time:?} that the client gives");
        Err(Fault::Rpc(RpcCode::DeadlineExceeded, why))
    })
}

/// How long the client waits. What is no time is left out, as an unknown header is.
fn time(headers: &HeaderMap) -> Duration {
    let text = headers.get(DEADLINE).and_then(|value| value.to_str().ok());
    let seconds = text.and_then(|text| text.trim().parse::<f64>().ok());
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| !time.is_zero()).unwrap_or(PATIENCE).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_the_time_that_its_client_gives() {
        for (text, seconds) in [
            ("5", 5.0),
            ("0.25", 0.25),
            (" 60 ", 60.0),
            ("1e9", 3600.0),
            ("0", 60.0),
            ("-1", 60.0),
            ("NaN", 60.0),
            ("inf", 60.0),
            ("soon", 60.0),
            ("", 60.0),
        ] {
            let headers =
                HeaderMap::from_iter([(DEADLINE.parse().unwrap(), text.parse().unwrap())]);
            assert_eq!(time(&headers), Duration::from_secs_f64(seconds), "{text}");
        }
        assert_eq!(time(&HeaderMap::new()), PATIENCE);
    }
}

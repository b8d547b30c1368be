//! The body of a request, whole and within its limits before anybody works on it.

use super::room::Share;
use super::{Limits, Refusal};
use axum::body::{Body, HttpBody as _};
use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use tokio::time::timeout;

/// Reads a body to its end; a large one takes its share of the room as it comes.
pub(super) async fn read(body: Body, limits: &Limits, share: &mut Share) -> Result<Bytes, Refusal> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let max = limits.body_bytes;
    let told = body.size_hint().lower();
    let read = match usize::try_from(told) {
        Ok(told) if told <= max => timeout(limits.body_time, collect(body, max, share)).await,
        _ => Ok(Err(too_large(max))),
    };
    let late = |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body took too long");
    let read = read.map_err(late).and_then(|read| read);
    read.map_err(|refusal| Refusal { unread: true, ..refusal })
}

async fn collect(body: Body, max: usize, share: &mut Share) -> Result<Bytes, Refusal> {
    let broken = |_| Refusal::new(StatusCode::BAD_REQUEST, "the body broke off, or is misframed");
    let mut parts = body.into_data_stream();
    let Some(first) = parts.try_next().await.map_err(broken)? else { return Ok(Bytes::new()) };
    let mut whole = BytesMut::from(first);
    while whole.len() <= max {
        match parts.try_next().await.map_err(broken)? {
            Some(part) => {
                share.reach(whole.len() + part.len())?;
                whole.extend_from_slice(&part);
            }
            None => return Ok(whole.freeze()),
        }
    }
    Err(too_large(max))
}

/// The refusal of a body of more bytes than this.
pub(super) fn too_large(max: usize) -> Refusal {
    let reason = format!("the body has more than {max} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, reason)
}

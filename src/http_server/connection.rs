//! One connection, from its first byte to its end.

use super::Limits;
use super::connections::Slot;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt::set_tcp_user_timeout;
use std::convert::Infallible;
use std::future::poll_fn;
use std::time::Duration;
use tokio::io::{AsyncWriteExt as _, copy, sink};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a client may still send what nobody reads, so that it comes to read its answer: where
/// the connection ends before, the system takes the answer back.
const LINGERING: Duration = Duration::from_secs(10);

/// How many bytes the head of a request has at most.
const HEAD_BYTES: usize = 64 << 10;

/// What a connection needs.
#[derive(Debug, Clone)]
pub(super) struct Conditions {
    pub(super) router: Router,
    pub(super) limits: Limits,
    /// No further request is taken.
    pub(super) stopping: CancellationToken,
    /// What is being served is cut off.
    pub(super) cut: CancellationToken,
}

/// Serves a connection until its client, its time or the server ends it.
pub(super) async fn serve(stream: TcpStream, slot: Slot, conditions: Conditions) {
    tokio::select! {
        () = conditions.cut.cancelled() => {}
        () = slot.evicted() => {}
        () = converse(stream, &slot, &conditions) => {}
    }
}

async fn converse(stream: TcpStream, slot: &Slot, conditions: &Conditions) {
    prepare(&stream, &conditions.limits);
    let router = conditions.router.clone();
    let answering = slot.clone();
    let service =
        service_fn(move |request| Box::pin(answer(router.clone(), request, answering.clone())));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(conditions.limits.head_time);
    builder.max_buf_size(HEAD_BYTES);
    let mut connection = builder.serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        // Whoever is answered from then on is told that this was the last answer.
        biased;
        () = conditions.stopping.cancelled() => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
        ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => ended,
    };
    let is_unread = slot.is_unread() || ended.is_err_and(|error| error.is_parse());
    close(connection.into_parts().io.into_inner(), is_unread).await;
}

/// Answers go out at once, and a client that takes nothing of them loses the connection. Where the
/// system does not do one of these, all else works.
fn prepare(stream: &TcpStream, limits: &Limits) {
    let _ = stream.set_nodelay(true);
    let milliseconds = u32::try_from(limits.answer_time.as_millis()).unwrap_or(u32::MAX);
    let _ = set_tcp_user_timeout(stream, milliseconds);
}

async fn answer(
    router: Router,
    request: Request<Incoming>,
    slot: Slot,
) -> Result<Response, Infallible> {
    let _turn = slot.waits_for_us();
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(slot);
    tower::ServiceExt::oneshot(router, request).await
}

async fn close(mut stream: TcpStream, is_unread: bool) {
    if stream.shutdown().await.is_ok() && is_unread {
        // Whether it was read to its end or not: there is nothing more to do for this client.
        let _ = timeout(LINGERING, copy(&mut stream, &mut sink())).await;
    }
}

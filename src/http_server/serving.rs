//! A server at work: it takes connections until it is told to stop, and then finishes what it has.

use super::connection::{self, Conditions};
use super::connections::Connections;
use super::{Server, descriptors};
use axum::Router;
use axum::http::header::{AUTHORIZATION, COOKIE};
use std::convert::Infallible;
use std::io;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;

/// How long to wait where the system has no connection to give: it may be out of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`, and then what is being served until `end` at most.
pub(super) async fn serve(
    server: Server,
    router: Router,
    stop: impl Future<Output = ()>,
    end: impl Future<Output = ()>,
) {
    let Server { listener, mut limits, stopping, .. } = server;
    limits.connections = descriptors::allow(limits.connections);
    let router = router.layer(SetSensitiveRequestHeadersLayer::new([AUTHORIZATION, COOKIE]));
    let cut = CancellationToken::new();
    let conditions = Conditions { router, limits, stopping, cut };
    let tasks = TaskTracker::new();
    tokio::select! {
        () = stop => {}
        never = accept(&listener, &tasks, &conditions) => match never {},
    }
    drop(listener);
    finish(&tasks, &conditions, end).await;
}

/// Takes connections, each into a task of its own.
async fn accept(
    listener: &TcpListener,
    tasks: &TaskTracker,
    conditions: &Conditions,
) -> Infallible {
    let connections = Connections::new(conditions.limits.connections);
    loop {
        let stream = next(listener, &connections).await;
        let open = connections.admit().await;
        let conditions = conditions.clone();
        tasks.spawn(async move {
            // Dropped at the end: another connection has the slot from then on.
            let open = open;
            connection::serve(stream, open.slot.clone(), conditions).await;
        });
    }
}

/// The next connection; the system's failures are waited out.
async fn next(listener: &TcpListener, connections: &Connections) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // The client has gone already.
            Err(cause) if cause.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(cause) => {
                tracing::warn!("cannot take a connection: {cause}");
                connections.evict_stalest();
                sleep(PAUSE).await;
            }
        }
    }
}

/// Waits for what is being served, and cuts off what is not done by the end.
async fn finish(tasks: &TaskTracker, conditions: &Conditions, end: impl Future<Output = ()>) {
    conditions.stopping.cancel();
    tasks.close();
    tokio::select! {
        () = tasks.wait() => return,
        () = end => {}
    }
    tracing::warn!("the grace is over: {} connections are cut off", tasks.len());
    conditions.cut.cancel();
    tasks.wait().await;
}

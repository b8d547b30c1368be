//! What stands before every handler: who is let in, and the whole body within its limits.

use super::access::Access;
use super::connections::Slot;
use super::origin::is_own_page;
use super::refusal::{ErrorFormat, Refusal};
use super::room::{Room, Share};
use super::{Limits, Token, body, gunzip};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use std::any::Any;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// Lets requests in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Guard {
    access: Arc<Access>,
    limits: Limits,
    room: Room,
    shows: Shows,
    port: u16,
}

/// What a request has to show besides a name of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// The server's token, where there is one.
    Token,
    /// No more than that: the router asks for the rest itself.
    Name,
}

impl Guard {
    pub(super) fn new(access: Arc<Access>, limits: Limits, port: u16) -> Self {
        let room = Room::new(limits.large_bodies_bytes);
        Self { access, limits, room, shows: Shows::Token, port }
    }

    /// A guard that asks for no token: whoever knows the server by its name is let in, and no page of
    /// another server. The router behind it asks for the token in its own way.
    pub fn by_name(&self) -> Self {
        Self { shows: Shows::Name, ..self.clone() }
    }

    /// Whether a request that was let in says that it comes from a page of this very server: one on
    /// another port of the same machine is none.
    pub fn is_own_page(&self, headers: &HeaderMap) -> bool {
        is_own_page(headers, self.port)
    }

    /// What each client has to show; `None` where that is nothing.
    pub fn token(&self) -> Option<&Token> {
        self.access.token()
    }

    /// Has a router see only requests of those who may, each with its whole body, unpacked. What is
    /// refused, and a handler that panics, is told in the format of the protocol that it serves.
    pub fn protect(&self, router: Router, format: ErrorFormat) -> Router {
        router
            // The body is within the limits by then.
            .layer(DefaultBodyLimit::disable())
            .layer(CatchPanicLayer::custom(move |_: Box<dyn Any + Send>| bug(format)))
            .layer(from_fn_with_state((self.clone(), format), pass))
    }

    /// Refuses a request that is not for this server, comes from a page of another one or does not
    /// show what it has to. Its body is not looked at.
    fn verify(&self, head: &Parts) -> Result<(), Refusal> {
        self.access.verify_names(head)?;
        match self.shows {
            Shows::Token => self.access.verify_token(&head.headers),
            Shows::Name => Ok(()),
        }
    }

    /// The request as the handler sees it, and what its body takes of the room.
    async fn admit(&self, request: Request) -> Result<(Request, Share), Refusal> {
        let (mut head, body) = request.into_parts();
        let slot = head.extensions.get::<Slot>().cloned();
        let unread = !axum::body::HttpBody::is_end_stream(&body);
        self.verify(&head).map_err(|refusal| Refusal { unread, ..refusal })?;
        let mut share = self.room.share();
        let body = {
            let _waiting = slot.as_ref().map(Slot::waits_for_client);
            body::read(body, &self.limits, &mut share).await?
        };
        let body = gunzip::unpack(&mut head.headers, body, self.limits.body_bytes)?;
        share.reach(body.len())?;
        Ok((Request::from_parts(head, Body::from(body)), share))
    }
}

async fn pass(
    State((guard, format)): State<(Guard, ErrorFormat)>,
    request: Request,
    next: Next,
) -> Response {
    let slot = request.extensions().get::<Slot>().cloned();
    match guard.admit(request).await {
        Ok((request, _share)) => next.run(request).await,
        Err(refusal) => {
            if let Some(slot) = slot.filter(|_| refusal.unread) {
                slot.leave_unread();
            }
            refusal.answer(format)
        }
    }
}

/// The answer where a handler panicked: the next request may well be served.
fn bug(format: ErrorFormat) -> Response {
    tracing::error!("a request failed by a bug of ours");
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "a bug of the server").answer(format)
}

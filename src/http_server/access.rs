//! Who is let in.

use super::names::Names;
use super::{Refusal, Token, Words};
use crate::error::Result;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use std::net::IpAddr;

/// What a request has to show.
#[derive(Debug)]
pub(super) struct Access {
    names: Names,
    token: Option<Token>,
}

impl Access {
    /// The rules of a server that listens at an address, which was given in these words.
    pub(super) fn new(
        ip: IpAddr,
        listen: &str,
        hosts: &[String],
        token: Option<Token>,
        words: Words,
    ) -> Result<Self> {
        Ok(Self { names: Names::new(ip, listen, hosts, words)?, token })
    }

    /// Refuses a request that is not for this server, or comes from a page of another one.
    pub(super) fn verify_names(&self, head: &Parts) -> Result<(), Refusal> {
        self.names.verify(head)
    }

    /// Refuses a request that does not show the token.
    pub(super) fn verify_token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        self.token.as_ref().map_or(Ok(()), |token| token.verify(headers))
    }

    /// What clients have to show.
    pub(super) fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }
}

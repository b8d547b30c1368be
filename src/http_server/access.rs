//! Who is let in.

use super::names::Names;
use super::{Refusal, Token, Words};
use crate::error::Result;
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

    /// Refuses a request that is not for this server, comes from a page of another one or does not
    /// show the token. Its body is not looked at.
    pub(super) fn verify(&self, head: &Parts) -> Result<(), Refusal> {
        self.names.verify(head)?;
        self.token.as_ref().map_or(Ok(()), |token| token.verify(&head.headers))
    }
}

//! Nature's cloud, as the list of sources knows it.

use super::options::{NatureRemoOptions, PARAMETERS};
use super::{Limits, open, prepare};
use crate::error::{Error, Kind, Result};
use crate::identity::{self, Identity};
use crate::location::Location;
use crate::preflight::Finding;
use crate::sources::{Backend, Options, Source};
use crate::text;
use async_trait::async_trait;
use secrecy::ExposeSecret as _;

/// The kind of source that is an account at Nature's cloud.
pub struct NatureRemoBackend;

#[async_trait]
impl Backend for NatureRemoBackend {
    fn parameters(&self) -> Vec<&'static str> {
        PARAMETERS.to_vec()
    }

    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Source>> {
        open(url, options)
    }

    /// The account and what is asked of it.
    fn identity(&self, url: &Location, options: &Options) -> Result<Identity> {
        let environment = &options.environment;
        let parsed = NatureRemoOptions::of(url.clone())?;
        let mode = if parsed.wants_changes { "changes" } else { "snapshot" };
        let endpoint = match &parsed.endpoint {
            Some(endpoint) => endpoint,
            None => environment.get("NATURE_REMO_ENDPOINT")?.unwrap_or("Nature"),
        };
        let token = environment.secret("NATURE_REMO_TOKEN")?;
        let account = token.map(|token| text::short_name(token.expose_secret().trim()));
        let account = account.unwrap_or_default();
        let endpoint = identity::endpoint(endpoint);
        let mode = format!("{mode}{}", if parsed.meter { " and meters" } else { "" });
        Ok(Identity::named(format!("nature-remo {mode} of {account} at {endpoint}")))
    }

    /// Asks once for the devices, which proves the token.
    async fn preflight(&self, url: Location, options: &Options) -> Result<Vec<Finding>> {
        look(url, options).await
    }
}

async fn look(url: Location, options: &Options) -> Result<Vec<Finding>> {
    let limits = Limits { tries: 1, ..Limits::default() };
    let source = prepare(url, options, limits)?;
    let devices = source.api.devices().await?;
    let devices: Vec<serde::de::IgnoredAny> = serde_json::from_str(&devices).map_err(|cause| {
        Error::new(Kind::Unreachable, "the answer of Nature's API is no list of devices")
            .because_of(format!("line {}, column {}", cause.line(), cause.column()))
    })?;
    let what = format!("Nature's API takes the token, and shows {} devices", devices.len());
    Ok(vec![Finding::ok(what)])
}

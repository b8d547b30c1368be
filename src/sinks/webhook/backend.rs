//! Webhooks, as the list of sinks knows them.

use super::Webhook;
use super::options::{PARAMETERS, WebhookOptions};
use super::row::Row;
use super::signature::Signer;
use crate::clients::http;
use crate::error::{Error, Kind, Result};
use crate::identity::Identity;
use crate::location::Location;
use crate::preflight::Finding;
use crate::sinks::{Backend, Defaults, Options, Sink};
use crate::text;
use async_trait::async_trait;
use std::sync::{Arc, Mutex};

/// The kind of sink that sends each message to a webhook.
pub struct WebhookBackend;

#[async_trait]
impl Backend for WebhookBackend {
    fn parameters(&self) -> Vec<&'static str> {
        PARAMETERS.to_vec()
    }

    /// Nothing is sent yet.
    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Sink>> {
        open(url, options).map(|webhook| Box::new(webhook) as Box<dyn Sink>)
    }

    /// The address, which may be a secret, by its digest.
    fn identity(&self, url: &Location, options: &Options) -> Result<Identity> {
        let WebhookOptions { url, .. } = WebhookOptions::read(url.clone(), &options.environment)?;
        Ok(Identity::named(format!("webhook {}", text::digest(url.as_str()))))
    }

    /// The host alone: the rest of the address may be a secret.
    fn describe(&self, url: &Location, options: &Options) -> Option<String> {
        let options = WebhookOptions::read(url.clone(), &options.environment).ok();
        let host = options.and_then(|options| options.url.host_str().map(str::to_owned));
        Some(format!("webhook {}", host.unwrap_or_default()).trim_end().to_owned())
    }

    /// Makes a connection, and sends nothing: whatever is sent may be taken for a message.
    async fn preflight(&self, url: Location, options: &Options) -> Result<Vec<Finding>> {
        let what = self.describe(&url, options).unwrap_or_default();
        let webhook = open(url, options)?;
        webhook.ping().await?;
        Ok(vec![Finding::ok(format!(
            "`{what}` can be connected to; what it takes shows when it is sent"
        ))])
    }

    /// Each message is a request of its own.
    fn defaults(&self) -> Defaults {
        Defaults { batch: 1, ..Defaults::default() }
    }
}

fn open(url: Location, options: &Options) -> Result<Webhook> {
    let settings = WebhookOptions::read(url, &options.environment)?;
    let WebhookOptions { url, addresses, content, secret } = settings;
    let signer = secret.as_ref().map(Signer::new).transpose()?;
    let builder = http::builder(&url, options.write_timeout, &options.environment)?;
    let client = builder.dns_resolver(Arc::new(addresses)).build().map_err(|cause| {
        Error::new(Kind::Configuration, "cannot set up HTTP").because(cause.without_url())
    })?;
    let (clock, row) = (options.clock.clone(), Mutex::new(Row::default()));
    Ok(Webhook { url, client, addresses, content, signer, clock, row })
}

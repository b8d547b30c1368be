//! A server for requests, as the list of sources knows it.

use super::options::{ListenOptions, SERVER, UPLOAD, address};
use super::upload::Uploads;
use crate::error::Result;
use crate::http_server::Server;
use crate::identity::Identity;
use crate::location::Location;
use crate::preflight::Finding;
use crate::sources::{Backend, Options, Source, lines};
use async_trait::async_trait;

/// The kind of source that is an HTTP server.
pub struct ListenBackend;

#[async_trait]
impl Backend for ListenBackend {
    fn parameters(&self) -> Vec<&'static str> {
        [lines::PARAMETERS, SERVER, UPLOAD].concat()
    }

    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Source>> {
        Ok(Box::new(super::open(url, options).await?))
    }

    fn identity(&self, url: &Location, _options: &Options) -> Result<Identity> {
        let (listen, path) = address(url)?;
        Ok(Identity::named(format!("listen {listen}{path}")))
    }

    /// Takes the address and gives it up again, and looks whether the store answers.
    async fn preflight(&self, url: Location, options: &Options) -> Result<Vec<Finding>> {
        let parsed = ListenOptions::of(url, options)?;
        let server = Server::bind(parsed.server()).await?;
        let free = format!("`{}` can be listened at", server.address());
        let mut findings = vec![Finding::ok(free)];
        if let Some(upload) = parsed.upload {
            let uploads = Uploads::open(upload, parsed.max_size, &options.environment).await?;
            findings.push(uploads.store().preflight().await);
        }
        Ok(findings)
    }

    fn watches(&self, _url: &Location) -> bool {
        true
    }
}

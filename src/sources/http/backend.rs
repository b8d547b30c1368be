//! A JSON API, as the list of sources knows it.

use super::options::{HttpOptions, PARAMETERS, shown};
use super::{Http, limits, open};
use crate::clients::http::Limits;
use crate::error::Result;
use crate::identity::Identity;
use crate::location::Location;
use crate::preflight::Finding;
use crate::sources::{Backend, Options, Source};
use crate::text;
use async_trait::async_trait;

/// How many items a look names that would be refused.
const NAMED: usize = 10;

/// The kind of source that is a JSON API.
pub struct HttpBackend;

#[async_trait]
impl Backend for HttpBackend {
    fn parameters(&self) -> Vec<&'static str> {
        PARAMETERS.to_vec()
    }

    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Source>> {
        open(url, options)
    }

    /// The URL with the API's parameters, which may be secrets and are told by a digest.
    fn identity(&self, url: &Location, _options: &Options) -> Result<Identity> {
        let parsed = HttpOptions::of(url.clone())?;
        let query = text::short_name(parsed.url.query().unwrap_or_default());
        Ok(Identity::named(format!("http {} {query}", shown(&parsed.url))))
    }

    /// Asks once, and looks what the answer would become.
    async fn preflight(&self, url: Location, options: &Options) -> Result<Vec<Finding>> {
        look(url, options).await
    }
}

async fn look(url: Location, options: &Options) -> Result<Vec<Finding>> {
    let limits = Limits { tries: 1, ..limits() };
    let parsed = HttpOptions { state: None, ..HttpOptions::of(url)? };
    let name = shown(&parsed.url);
    let mut source = Http::new(parsed, options, limits)?;
    source.poll().await?;
    let messages: usize = source.ready.iter().map(|batch| batch.messages.len()).sum();
    let refused: Vec<_> = source.ready.iter().flat_map(|batch| &batch.refused).collect();
    let items = messages + refused.len();
    let mut findings = vec![Finding::ok(format!("`{name}` answers with {items} items"))];
    findings.extend(refused.iter().take(NAMED).map(|refusal| {
        Finding::unknown(format!("{} would be refused: {}", refusal.position, refusal.reason))
    }));
    Ok(findings)
}

//! Stands in for `tls.rs` in a build without the feature `https`.

use crate::error::Result;
use crate::location::missing_feature;
use reqwest::ClientBuilder;
use url::Url;

/// Refuses an endpoint that is reached by https.
///
/// # Errors
/// `Configuration` with the command that makes a build which has it.
pub fn prepare(builder: ClientBuilder, endpoint: &Url) -> Result<ClientBuilder> {
    match endpoint.scheme() {
        "http" => Ok(builder),
        _ => Err(missing_feature("https", "https")),
    }
}

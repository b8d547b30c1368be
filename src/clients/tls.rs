//! What a connection by HTTPS needs.

use crate::error::Result;
use reqwest::ClientBuilder;
use url::Url;

/// Makes the builder of a client fit for this endpoint: the system's certificates are loaded for
/// https only, since that is most of the work of making a client.
pub fn prepare(builder: ClientBuilder, endpoint: &Url) -> Result<ClientBuilder> {
    Ok(match endpoint.scheme() {
        "http" => builder.tls_certs_only([]),
        _ => builder,
    })
}

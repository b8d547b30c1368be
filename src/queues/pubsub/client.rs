//! Where the service is and who we are there.

use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::identity;
use google_cloud_auth::credentials::{Builder, Credentials, anonymous};
use google_cloud_gax::client_builder::Error as BuildError;

/// What to do about credentials that are missing or refused.
pub(super) const LOG_IN: &str = "run `gcloud auth application-default login`, or set \
     `GOOGLE_APPLICATION_CREDENTIALS` to a key file";

/// Where the service is unless an emulator is named.
const GOOGLE: &str = "Google";

/// An endpoint, where it is not Google's own, and credentials. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) endpoint: Option<String>,
    pub(super) credentials: Credentials,
}

impl Connection {
    /// The emulator that `PUBSUB_EMULATOR_HOST` names, anonymously; else Google, with Application
    /// Default Credentials, which the client looks for by itself: `GOOGLE_APPLICATION_CREDENTIALS`,
    /// then the file of `gcloud`, then the metadata server. Nothing is sent yet.
    pub(super) fn open(environment: &Environment) -> Result<Self> {
        if let Some(endpoint) = endpoint(environment)? {
            let credentials = anonymous::Builder::new().build();
            return Ok(Self { endpoint: Some(endpoint), credentials });
        }
        let credentials = Builder::default().build().map_err(|cause| {
            Error::new(Kind::Configuration, "cannot load the credentials for Pub/Sub")
                .because(cause)
                .hint(LOG_IN)
        })?;
        Ok(Self { endpoint: None, credentials })
    }

    /// Where `open` would connect to, without its credentials: `Google`, or the emulator's
    /// `HOST:PORT`.
    pub(super) fn address(environment: &Environment) -> Result<String> {
        Ok(match endpoint(environment)? {
            None => GOOGLE.to_owned(),
            Some(endpoint) => bare(&identity::endpoint(&endpoint)),
        })
    }

    /// What older versions called where `open` would connect to, which may have secrets in it: they
    /// knew it as it was spelled.
    pub(super) fn older_addresses(environment: &Environment) -> Result<Vec<String>> {
        Ok(match endpoint(environment)? {
            None => vec![GOOGLE.to_owned()],
            Some(endpoint) => identity::spellings(&endpoint).iter().map(|it| bare(it)).collect(),
        })
    }

    /// Whether this leads to the emulator, and not to Google.
    pub(super) fn is_emulator(&self) -> bool {
        self.endpoint.is_some()
    }

    /// The error for a client that could not be built; no network is involved yet.
    pub(super) fn cannot_build(&self, cause: BuildError) -> Error {
        let error = Error::new(Kind::Configuration, "cannot set up the client of Pub/Sub");
        let error = error.because(cause);
        match &self.endpoint {
            Some(_) => error.hint("set `PUBSUB_EMULATOR_HOST` to `HOST:PORT`"),
            None => error,
        }
    }
}

/// An endpoint as older versions kept it: without its scheme.
fn bare(endpoint: &str) -> String {
    endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned()
}

fn endpoint(environment: &Environment) -> Result<Option<String>> {
    let host = environment.get("PUBSUB_EMULATOR_HOST")?;
    Ok(host.map(|host| match host.contains("://") {
        true => host.to_owned(),
        false => format!("http://{host}"),
    }))
}

//! The clouds' stores, each set up by its own variables.

use super::failure::{self, NoCredentials};
use crate::clients::aws;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use object_store::aws::{AmazonS3Builder, AwsCredential};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, ClientOptions, CredentialProvider, ObjectStore, RetryConfig};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Credentials are asked for again after this time: those of a role or a login change, and their
/// providers give none that ends sooner.
const FRESH: Duration = Duration::from_secs(60);

/// What to do about credentials that are missing or refused.
pub(super) fn log_in(place: &str) -> &'static str {
    match place.split(':').next() {
        Some("s3") => aws::LOG_IN,
        Some("gs") => "set `GOOGLE_APPLICATION_CREDENTIALS` to the credentials' file",
        _ => {
            "set `AZURE_STORAGE_ACCOUNT_NAME` and `AZURE_STORAGE_ACCOUNT_KEY`, or another login of Azure's"
        }
    }
}

/// A bucket of S3, or of another service at an endpoint: that one is asked by path, since its name
/// has no subdomains as a rule.
pub(super) async fn s3(bucket: &str, environment: &Environment) -> Result<Arc<dyn ObjectStore>> {
    let config = aws::load(environment, "S3").await?;
    let endpoint = config.endpoint_url();
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_client_options(client())
        .with_retry(retry())
        // A dot in a name is no part of a wildcard's certificate.
        .with_virtual_hosted_style_request(endpoint.is_none() && !bucket.contains('.'));
    if let Some(region) = config.region() {
        builder = builder.with_region(region.as_ref());
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    if let Some(provider) = config.credentials_provider() {
        let credentials = Credentials { provider, last: Mutex::default() };
        builder = builder.with_credentials(Arc::new(credentials));
    }
    builder.build().map(arc).map_err(|error| unusable("s3", &error))
}

/// A bucket of Google Cloud Storage.
pub(super) fn gs(bucket: &str, environment: &Environment) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(bucket)
        .with_client_options(client())
        .with_retry(retry());
    for (name, value) in environment.starting_with("GOOGLE_") {
        if let Ok(key) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(key, value);
        }
    }
    builder.build().map(arc).map_err(|error| unusable("gs", &error))
}

/// A container of Azure's blob storage.
pub(super) fn az(container: &str, environment: &Environment) -> Result<Arc<dyn ObjectStore>> {
    let mut builder =
        MicrosoftAzureBuilder::new().with_client_options(client()).with_retry(retry());
    let managed = environment.starting_with("IDENTITY_ENDPOINT");
    for (name, value) in environment.starting_with("AZURE_").chain(managed) {
        if let Ok(key) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(key, value);
        }
    }
    let builder = builder.with_container_name(container);
    builder.build().map(arc).map_err(|error| unusable("az", &error))
}

fn arc<S: ObjectStore>(store: S) -> Arc<dyn ObjectStore> {
    Arc::new(store)
}

/// The whole of a request is bounded by who makes it, who knows how many bytes it moves.
fn client() -> ClientOptions {
    ClientOptions::new().with_connect_timeout(Duration::from_secs(5)).with_timeout_disabled()
}

/// A few tries: whoever asks for an object has a patience and a next run of its own.
fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig { max_backoff: Duration::from_secs(1), ..BackoffConfig::default() },
        max_retries: 2,
        retry_timeout: Duration::from_secs(10),
    }
}

/// The error of a store that cannot be set up. Only what the system said of the cause is shown: the
/// rest may tell of a key, letter by letter.
fn unusable(scheme: &str, error: &object_store::Error) -> Error {
    let why = match failure::find::<std::io::Error>(error) {
        Some(error) => format!("the credentials' file cannot be read: {error}"),
        None => "one of its settings in the environment is missing, or makes no sense".to_owned(),
    };
    Error::new(Kind::Configuration, format!("cannot set up `{scheme}:`"))
        .because_of(why)
        .hint(log_in(scheme))
}

/// AWS's own credentials for `object_store`.
#[derive(Debug)]
struct Credentials {
    provider: SharedCredentialsProvider,
    last: Mutex<Option<(Instant, Arc<AwsCredential>)>>,
}

#[async_trait]
impl CredentialProvider for Credentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut last = self.last.lock().await;
        if let Some((at, credential)) = &*last
            && at.elapsed() < FRESH
        {
            return Ok(credential.clone());
        }
        let found = self.provider.provide_credentials().await.map_err(|error| {
            let source = Box::new(NoCredentials(error.to_string()));
            object_store::Error::Generic { store: "S3", source }
        })?;
        let credential = Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        });
        *last = Some((Instant::now(), credential.clone()));
        Ok(credential)
    }
}

//! AWS's settings, as its own tools read them: variables first, then the profile's files, then what
//! the machine says of itself.

use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_types::SdkConfig;

/// What to do about credentials that are missing or refused.
pub const LOG_IN: &str = "set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or `AWS_PROFILE`, or \
     run `aws sso login`";

/// Region, credentials and endpoint for a service, by the name that it has in variables: `SQS`, `S3`.
/// Reads the profile's files, and asks the machine's own metadata service where nothing else says
/// the region; sends nothing to the service.
pub async fn load(environment: &Environment, service: &str) -> Result<SdkConfig> {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
    if let Some(profile) = environment.get("AWS_PROFILE")? {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region(environment)? {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if let Some(credentials) = credentials(environment)? {
        loader = loader.credentials_provider(credentials);
    }
    if let Some(endpoint) = endpoint(environment, service)? {
        loader = loader.endpoint_url(endpoint);
    }
    let config = loader.load().await;
    match config.region() {
        Some(_) => Ok(config),
        None => Err(Error::new(Kind::Configuration, "it is not said in which region AWS is meant")
            .because_of("no variable, no profile and no metadata service names one")
            .hint("set `AWS_REGION`, for instance to `ap-northeast-1`")),
    }
}

/// The region that the variables name.
pub fn region(environment: &Environment) -> Result<Option<&str>> {
    Ok(match environment.get("AWS_REGION")? {
        Some(region) => Some(region),
        None => environment.get("AWS_DEFAULT_REGION")?,
    })
}

/// The endpoint that the variables name for a service: `AWS_ENDPOINT_URL_SQS`, else
/// `AWS_ENDPOINT_URL`.
pub fn endpoint<'a>(environment: &'a Environment, service: &str) -> Result<Option<&'a str>> {
    Ok(match environment.get(&format!("AWS_ENDPOINT_URL_{service}"))? {
        Some(endpoint) => Some(endpoint),
        None => environment.get("AWS_ENDPOINT_URL")?,
    })
}

/// The credentials that the variables name.
fn credentials(environment: &Environment) -> Result<Option<Credentials>> {
    let (key, secret) =
        (environment.get("AWS_ACCESS_KEY_ID")?, environment.get("AWS_SECRET_ACCESS_KEY")?);
    let (Some(key), Some(secret)) = (key, secret) else { return Ok(None) };
    let token = environment.get("AWS_SESSION_TOKEN")?.map(str::to_owned);
    Ok(Some(Credentials::new(key, secret, token, None, "the environment")))
}

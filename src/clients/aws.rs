//! AWS's settings, as its own tools read them: variables first, then the profile's files, then what
//! the machine says of itself.

use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::text;
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
    load_in(environment, service, None).await
}

/// Loads the settings for a service whose URL names its region.
pub async fn load_in(
    environment: &Environment,
    service: &str,
    its_region: Option<&str>,
) -> Result<SdkConfig> {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
    if let Some(profile) = environment.get("AWS_PROFILE")? {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = its_region.or(region(environment)?) {
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

/// What tells accounts apart, without asking: the profile; else the account that an access key id
/// holds, which stays the same while temporary keys come and go, as a digest.
pub fn account(environment: &Environment) -> Result<String> {
    if let Some(key) = environment.get("AWS_ACCESS_KEY_ID")? {
        let account = account_in(key);
        let digest = text::short_name(account.as_deref().unwrap_or(key.as_bytes()));
        return Ok(format!("key `{digest}`"));
    }
    Ok(match environment.get("AWS_PROFILE")? {
        Some(profile) => format!("profile `{profile}`"),
        None => "the default profile".to_owned(),
    })
}

/// The account in an access key id, which is in its letters from the fifth on, in base32; `None`
/// where it is no id of Amazon's.
fn account_in(key: &str) -> Option<Vec<u8>> {
    /// Without the first bit, and without those that belong to the key.
    const MASK: u64 = 0x7fff_ffff_ff80;
    let letters = key.strip_prefix("AKIA").or(key.strip_prefix("ASIA"))?.as_bytes();
    if letters.len() < 16 {
        return None;
    }
    let mut bits: u64 = 0;
    for letter in &letters[..10] {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u64::from(value);
    }
    // Ten letters are 50 bits: the first six bytes count.
    Some((bits >> 2 & MASK).to_be_bytes().to_vec())
}

/// The credentials that the variables name.
fn credentials(environment: &Environment) -> Result<Option<Credentials>> {
    let (key, secret) =
        (environment.get("AWS_ACCESS_KEY_ID")?, environment.get("AWS_SECRET_ACCESS_KEY")?);
    let (Some(key), Some(secret)) = (key, secret) else { return Ok(None) };
    let token = environment.get("AWS_SESSION_TOKEN")?.map(str::to_owned);
    Ok(Some(Credentials::new(key, secret, token, None, "the environment")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account_of(variables: &[(&str, &str)]) -> String {
        account(&variables.iter().copied().collect()).unwrap()
    }

    #[test]
    fn an_account_is_told_apart_by_its_profile_or_by_its_key_which_is_not_shown() {
        assert_eq!(account_of(&[]), "the default profile");
        assert_eq!(account_of(&[("AWS_PROFILE", "work")]), "profile `work`");
        let key = |key| account_of(&[("AWS_ACCESS_KEY_ID", key), ("AWS_PROFILE", "work")]);
        assert!(!key("test").contains("test"));
        assert_ne!(key("test"), key("other"));
    }

    #[test]
    fn temporary_keys_of_one_account_name_one_account() {
        // The account is in the first ten letters behind the prefix, but for their last bits.
        let key = |key: &str| account_in(key);
        let first = key("ASIAQNZGKIQYAAAAAAAA");
        assert!(first.is_some());
        assert_eq!(first, key("ASIAQNZGKIQYBBBBBBBB"));
        assert_eq!(first, key("AKIAQNZGKIQYPPPPPPPP"));
        assert_ne!(first, key("AKIAQAZGKIQYPPPPPPPP"));
        for rubbish in ["", "AKIA", "AKIAQNZGKIQ", "AROAQNZGKIQY77777777", "AKIAqnzgkiqy77777777"] {
            assert_eq!(key(rubbish), None, "{rubbish}");
        }
    }
}

//! The questions to Nature's API.

use super::super::Options;
use super::Limits;
use crate::clients::http::{Answer, Failure, Getter, Hints, bearer, text, token};
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use secrecy::SecretString;
use url::Url;

const TOKEN: &str = "NATURE_REMO_TOKEN";
/// What to do where there is no usable token.
pub(super) const WHERE_TOKENS_ARE: &str = "make a token at https://home.nature.global, put it into a file of mode 0600, and set `NATURE_REMO_TOKEN_FILE` to its path";
const HINTS: Hints = Hints {
    credentials: WHERE_TOKENS_ARE,
    busy: "ask less often: an account has 30 requests in 5 minutes for all its programs",
    refused: "check the endpoint; redirects are not followed",
    strange: "check that it is Nature's API which answers there",
};

/// The token from the environment or its file. It can switch every appliance of the house.
///
/// # Errors
/// `Configuration` where there is none, or where it is not one word of ASCII.
pub(super) fn needed_token(environment: &Environment) -> Result<SecretString> {
    token(environment, TOKEN, "`nature-remo:`", WHERE_TOKENS_ARE)?.ok_or_else(|| {
        Error::new(Kind::Configuration, "`nature-remo:` needs a token")
            .because_of("neither `NATURE_REMO_TOKEN` nor `NATURE_REMO_TOKEN_FILE` is set")
            .hint(WHERE_TOKENS_ARE)
    })
}

/// A server, and the right to ask it.
pub(super) struct Api {
    getter: Getter,
    endpoint: Url,
    headers: HeaderMap,
}

impl Api {
    pub(super) fn new(
        endpoint: &Url,
        token: &SecretString,
        limits: Limits,
        options: &Options,
    ) -> Result<Self> {
        let getter = Getter::new(endpoint, limits, &options.environment, options.clock.clone())?;
        let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer(token))]);
        Ok(Self { getter, endpoint: endpoint.clone(), headers })
    }

    /// The devices of the account, as the API gave them: JSON, or at least UTF-8.
    ///
    /// # Errors
    /// `Credentials` for a token that was refused; `Unreachable` where no try gave a usable
    /// answer, or where the rate limit asks for more patience than there is; `Failed` for any
    /// other refusal.
    pub(super) async fn devices(&self) -> Result<String> {
        self.get("devices").await
    }

    /// The appliances of the account, as [`devices`](Self::devices) gives devices.
    ///
    /// # Errors
    /// Those of [`devices`](Self::devices).
    pub(super) async fn appliances(&self) -> Result<String> {
        self.get("appliances").await
    }

    async fn get(&self, what: &str) -> Result<String> {
        let mut url = self.endpoint.clone();
        url.set_path(&format!("{}/1/{what}", url.path().trim_end_matches('/')));
        match self.getter.get(&url, &self.headers).await {
            // A wrong byte in one device's name shall not cost the readings of all.
            Ok(Answer::Json { body, .. }) => Ok(text(&body).into_owned()),
            // No condition was set.
            Ok(Answer::NotModified) => Ok("null".to_owned()),
            Err(failure) => Err(self.error(what, failure)),
        }
    }

    fn error(&self, what: &str, failure: Failure) -> Error {
        let (kind, hint) = failure.remedy(&HINTS);
        let host = self.endpoint.origin().ascii_serialization();
        Error::new(kind, format!("cannot read the {what} at `{host}`")).because(failure).hint(hint)
    }
}

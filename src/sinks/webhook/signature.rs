//! Signatures as Standard Webhooks has them: whoever has the secret knows that a request is ours, and
//! how old it is. <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use crate::error::{Error, Kind, Result};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// What a secret begins with where it is written as other programs write it.
const PREFIX: &str = "whsec_";

/// The shortest and the longest key, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// Signs requests.
pub(super) struct Signer {
    key: Hmac<Sha256>,
}

impl Signer {
    /// A signer with a secret: base64, with or without `whsec_` before it.
    ///
    /// # Errors
    /// `Configuration` for what is none.
    pub(super) fn new(secret: &SecretString) -> Result<Self> {
        let text = secret.expose_secret().trim();
        let key = BASE64_STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text));
        let key = key.ok().filter(|key| LENGTHS.contains(&key.len()));
        let key = key.and_then(|key| Hmac::new_from_slice(&key).ok());
        key.map(|key| Self { key }).ok_or_else(|| {
            Error::new(Kind::Configuration, "`WEBHOOK_SECRET` is no secret of a webhook").hint(
                "it is 24 to 64 random bytes in base64, with or without `whsec_` before them: \
                 `openssl rand -base64 32`",
            )
        })
    }

    /// The headers of a request with this id, at this time, with this body.
    pub(super) fn headers(&self, id: &str, now: DateTime<Utc>, body: &[u8]) -> HeaderMap {
        let timestamp = now.timestamp().to_string();
        let mut signed = self.key.clone();
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            signed.update(part);
        }
        let signature = format!("v1,{}", BASE64_STANDARD.encode(signed.finalize().into_bytes()));
        let headers = [(ID, id), (TIMESTAMP, &timestamp), (SIGNATURE, &signature)];
        let headers = headers.map(|(name, value)| (name, HeaderValue::from_str(value)));
        headers.into_iter().filter_map(|(name, value)| Some((name, value.ok()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(secret: &str) -> Result<Signer> {
        Signer::new(&secret.to_owned().into())
    }

    #[test]
    fn a_signature_is_what_others_compute() {
        // Of the specification's own libraries.
        let signer = signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let now = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let headers = signer.headers(id, now, br#"{"test": 2432232314}"#);
        assert_eq!(headers[ID], id);
        assert_eq!(headers[TIMESTAMP], "1614265330");
        assert_eq!(headers[SIGNATURE], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_shown() {
        for secret in ["", "hunter2", "whsec_", "whsec_hunter2!", "aHVudGVyMg==", &"A".repeat(120)]
        {
            let error = signer(secret).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), Kind::Configuration);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}

//! Google's Text-to-Speech.

use super::encoding::Encoding;
use super::engine::{Engine, Unspoken};
use crate::clients::http::{self, RateLimit};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::location::{self, Location};
use crate::sinks::Options;
use crate::text;
use async_trait::async_trait;
use bytes::Bytes;
use google_cloud_auth::credentials::{Builder, Credentials, anonymous, api_key_credentials};
use google_cloud_gax::error::Error as GaxError;
use google_cloud_gax::options::RequestOptionsBuilder as _;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_texttospeech_v1::client::TextToSpeech;
use google_cloud_texttospeech_v1::model::{
    AudioConfig, AudioEncoding, SynthesisInput, VoiceSelectionParams,
};
use secrecy::ExposeSecret as _;
use std::time::Duration;
use tokio::time::timeout;

/// The most bytes of a text.
pub(super) const MAX_BYTES: usize = 5000;

const KEY: &str = "GOOGLE_API_KEY";

/// What to do about credentials that are missing or refused.
const LOG_IN: &str = "set `GOOGLE_API_KEY_FILE` to a file with an API key of Text-to-Speech, or run \
                      `gcloud auth application-default login`";

/// How many voices an error names.
const SHOWN_VOICES: usize = 8;

/// What the URL says of this engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GoogleOptions {
    pub(super) voice: Option<String>,
    pub(super) language: String,
    pub(super) endpoint: Option<String>,
}

impl GoogleOptions {
    /// Takes `voice=NAME`, `language=CODE` and `endpoint=URL` out of a URL.
    pub(super) fn take(url: &mut Location) -> Result<Self> {
        let voice = url.take("voice")?;
        let language = url.take("language")?.or_else(|| voice.as_deref().and_then(language_of));
        let language = language.ok_or_else(|| {
            Error::new(Kind::Usage, "the engine `google` needs a voice or a language")
                .hint("write `voice=ja-JP-Neural2-B`, or `language=ja-JP` for any voice of it")
        })?;
        Ok(Self { voice, language, endpoint: url.take("endpoint")? })
    }
}

/// The language that the name of a voice begins with: `ja-JP` of `ja-JP-Neural2-B`.
fn language_of(voice: &str) -> Option<String> {
    let (language, rest) = voice.split_once('-')?;
    let (region, _) = rest.split_once('-')?;
    Some(format!("{language}-{region}"))
}

/// A client of the service.
pub(super) struct Google {
    client: TextToSpeech,
    options: GoogleOptions,
    encoding: AudioEncoding,
    limit: Duration,
    clock: Clock,
}

impl Google {
    /// Nothing is sent yet.
    pub(super) async fn open(
        google: &GoogleOptions,
        encoding: Encoding,
        options: &Options,
    ) -> Result<Self> {
        let mut builder = TextToSpeech::builder().with_retry_policy(NeverRetry);
        let mut is_local = false;
        if let Some(text) = &google.endpoint {
            let endpoint = http::parse_endpoint("`endpoint`", text)?;
            is_local = endpoint.scheme() == "http";
            builder = builder.with_endpoint(endpoint.as_str().trim_end_matches('/'));
        }
        let credentials = credentials(&options.environment, is_local)?;
        let client = builder.with_credentials(credentials).build().await.map_err(|cause| {
            Error::new(Kind::Configuration, "cannot set up the client of Text-to-Speech")
                .because(cause)
                .hint("look at `endpoint`")
        })?;
        let (limit, clock) = (options.write_timeout, options.clock.clone());
        Ok(Self { client, options: google.clone(), encoding: of(encoding), limit, clock })
    }

    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, GaxError>>,
    ) -> Result<T, Unspoken> {
        match timeout(self.limit, work).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(unspoken(&error, &self.clock)),
            Err(_) => Err(Unspoken::Lost(format!("Google gave no answer in {:?}", self.limit))),
        }
    }
}

#[async_trait]
impl Engine for Google {
    /// Lists the voices of the language, which costs nothing.
    async fn ping(&self) -> Result<()> {
        let request = self.client.list_voices().set_language_code(&self.options.language);
        let voices = async {
            match request.with_attempt_timeout(self.limit).send().await {
                Ok(answer) => Ok(answer.voices),
                Err(error) if lists_none(&error) => Ok(Vec::new()),
                Err(error) => Err(error),
            }
        };
        let voices = self.in_time(voices).await.map_err(cannot_be_used)?;
        let Some(voice) = &self.options.voice else { return Ok(()) };
        let names: Vec<_> = voices.iter().map(|voice| voice.name.as_str()).collect();
        if names.is_empty() || names.contains(&voice.as_str()) {
            return Ok(());
        }
        let shown = location::list(&names[..names.len().min(SHOWN_VOICES)]);
        Err(Error::new(Kind::Configuration, format!("Google has no voice `{voice}`"))
            .hint(format!("take another one, for instance of {shown}")))
    }

    async fn speak(&self, text: &str) -> Result<Bytes, Unspoken> {
        let GoogleOptions { voice, language, .. } = &self.options;
        let mut selected = VoiceSelectionParams::new().set_language_code(language);
        if let Some(voice) = voice {
            selected = selected.set_name(voice);
        }
        let request = self
            .client
            .synthesize_speech()
            .set_input(SynthesisInput::new().set_text(text))
            .set_voice(selected)
            .set_audio_config(AudioConfig::new().set_audio_encoding(self.encoding.clone()))
            .with_attempt_timeout(self.limit);
        Ok(self.in_time(request.send()).await?.audio_content)
    }
}

/// An API key; else none for a server on this machine, which is no service of Google's; else what the
/// client finds by itself: a key file, the login of `gcloud`, the metadata server.
fn credentials(environment: &Environment, is_local: bool) -> Result<Credentials> {
    if let Some(key) = http::token(environment, KEY, "`speech:`", LOG_IN)? {
        return Ok(api_key_credentials::Builder::new(key.expose_secret()).build());
    }
    if is_local {
        return Ok(anonymous::Builder::new().build());
    }
    Builder::default().build().map_err(|cause| {
        Error::new(Kind::Configuration, "cannot load the credentials for Text-to-Speech")
            .because(cause)
            .hint(LOG_IN)
    })
}

fn of(encoding: Encoding) -> AudioEncoding {
    match encoding {
        Encoding::Alaw => AudioEncoding::Alaw,
        Encoding::M4a => AudioEncoding::M4A,
        Encoding::Mp3 => AudioEncoding::Mp3,
        Encoding::Mulaw => AudioEncoding::Mulaw,
        Encoding::Ogg => AudioEncoding::OggOpus,
        Encoding::Pcm => AudioEncoding::Pcm,
        Encoding::Wav => AudioEncoding::Linear16,
    }
}

/// Whether a service that lists no voices may speak all the same.
fn lists_none(error: &GaxError) -> bool {
    matches!(error.http_status_code(), Some(404 | 405 | 501))
}

fn cannot_be_used(why: Unspoken) -> Error {
    let what = "cannot use Google's Text-to-Speech";
    match why {
        Unspoken::Denied(why) => Error::new(Kind::Credentials, what).because_of(why).hint(LOG_IN),
        Unspoken::Busy(why, _) | Unspoken::Lost(why) => Error::new(Kind::Unreachable, what)
            .because_of(why)
            .hint("look at the network and at `endpoint`, or try again later"),
        Unspoken::Refused(why) | Unspoken::Failed(why) => Error::new(Kind::Configuration, what)
            .because_of(why)
            .hint("look at `voice`, `language` and `endpoint`"),
    }
}

/// What an error of the client means.
fn unspoken(error: &GaxError, clock: &Clock) -> Unspoken {
    if error.is_authentication() {
        return Unspoken::Denied("there are no credentials, or they cannot be used".to_owned());
    }
    let Some(status) = error.http_status_code() else {
        return match error.is_deserialization() {
            true => Unspoken::Failed("Google's answer cannot be read".to_owned()),
            false => Unspoken::Lost(format!("Google cannot be reached: {}", root(error))),
        };
    };
    let said = error.status().map(|status| status.message.clone()).unwrap_or_default();
    let why = format!("Google answered {status}{}", shown(&said));
    let wait = error.http_headers().and_then(|it| RateLimit::of(it).wait(clock.now()));
    let lower = said.to_ascii_lowercase();
    match status {
        401 | 403 => Unspoken::Denied(why),
        // A key that is wrong has this status, too, and it is no text's fault.
        400 if lower.contains("api key") => Unspoken::Denied(why),
        400 if lower.contains("voice") => Unspoken::Busy(why, None),
        400 | 413 => Unspoken::Refused(why),
        429 | 500.. => Unspoken::Busy(why, wait),
        _ => Unspoken::Busy(why, wait),
    }
}

/// What Google said, as far as no part of a text can be in it: it repeats sentences in quotes.
fn shown(said: &str) -> String {
    let plain = said.split(['"', '“', '「', ':']).next().unwrap_or_default();
    match text::one_line(plain, 200) {
        words if words.is_empty() || !words.is_ascii() => String::new(),
        words => format!(": {words}"),
    }
}

/// The innermost cause, which holds no address.
fn root(error: &GaxError) -> String {
    anyhow::Chain::new(error).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use google_cloud_gax::error::rpc::Status;
    use reqwest::header::{HeaderMap, RETRY_AFTER};

    fn answered(status: u16, message: &str, after: Option<&'static str>) -> Unspoken {
        let mut headers = HeaderMap::new();
        if let Some(after) = after {
            headers.insert(RETRY_AFTER, after.parse().unwrap());
        }
        let said = Status::default().set_message(message);
        let error = GaxError::service_with_http_metadata(said, Some(status), Some(headers));
        unspoken(&error, &Clock::system())
    }

    #[test]
    fn a_text_is_to_blame_for_one_answer_only() {
        assert!(matches!(answered(400, "INVALID", None), Unspoken::Refused(_)));
        for status in [401, 403] {
            assert!(matches!(answered(status, "no", None), Unspoken::Denied(_)), "{status}");
        }
        let key = answered(400, "API key not valid. Please pass a valid API key.", None);
        assert!(matches!(key, Unspoken::Denied(_)), "{key:?}");
        let voice = answered(400, "Voice 'ja-JP-X' does not exist.", None);
        assert!(matches!(voice, Unspoken::Busy(..)), "{voice:?}");
        for status in [429, 500, 503] {
            let busy = answered(status, "later", Some("7"));
            let wait = Some(Duration::from_secs(7));
            assert!(matches!(&busy, Unspoken::Busy(_, it) if *it == wait), "{busy:?}");
        }
        for error in [GaxError::io("no route"), GaxError::timeout("10 s")] {
            assert!(matches!(unspoken(&error, &Clock::system()), Unspoken::Lost(_)));
        }
    }

    #[test]
    fn no_text_is_repeated() {
        for said in [
            "This sentence is too long: 東京の天気",
            "Sentence starting with \"hello secret\" is too long.",
            "東京の天気 is bad",
        ] {
            let Unspoken::Refused(why) = answered(400, said, None) else { panic!("{said}") };
            assert!(!why.contains("東京") && !why.contains("secret"), "{why}");
        }
    }

    #[test]
    fn a_voice_tells_its_language() {
        let take = |query: &str| {
            GoogleOptions::take(&mut Location::parse(&format!("speech:x?{query}")).unwrap())
        };
        assert_eq!(take("voice=ja-JP-Neural2-B").unwrap().language, "ja-JP");
        assert_eq!(take("voice=x&language=en-GB").unwrap().language, "en-GB");
        assert_eq!(take("language=ja-JP").unwrap().voice, None);
        assert_eq!(take("").unwrap_err().kind(), Kind::Usage);
        assert_eq!(take("voice=Takumi").unwrap_err().kind(), Kind::Usage);
    }
}

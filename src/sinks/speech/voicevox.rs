//! VOICEVOX ENGINE, and what speaks as it does: AivisSpeech, SHAREVOX.

use super::engine::{Engine, Unspoken};
use crate::clients::http::{self, RateLimit, read_body};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::sinks::Options;
use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, Response};
use serde::Deserialize;
use url::Url;

/// Where the engine listens by itself.
const ENDPOINT: &str = "http://127.0.0.1:50021";

/// The longest answer, in bytes.
const MAX_ANSWER: usize = 64 << 20;

/// What the URL says of this engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VoicevoxOptions {
    /// The number of a style of a speaker.
    speaker: u32,
    endpoint: Url,
}

impl VoicevoxOptions {
    /// Takes `voice=NUMBER` and `endpoint=URL` out of a URL. Where it may be `insecure`, the engine is
    /// on any machine by plain http.
    pub(super) fn take(url: &mut Location, insecure: bool) -> Result<Self> {
        let speaker = url.number("voice", 0..=u32::MAX)?.ok_or_else(|| {
            Error::new(Kind::Usage, "the engine `voicevox` needs a voice")
                .hint("write `voice=3`: the numbers are at `/speakers` of the engine")
        })?;
        let endpoint = url.take("endpoint")?;
        let endpoint = endpoint.as_deref().unwrap_or(ENDPOINT);
        let endpoint = http::parse_resource("`endpoint`", endpoint, insecure)?;
        Ok(Self { speaker, endpoint })
    }
}

/// A client of an engine.
pub(super) struct Voicevox {
    client: Client,
    options: VoicevoxOptions,
    clock: Clock,
}

/// One who speaks, as the engine lists them.
#[derive(Deserialize)]
struct Speaker {
    styles: Vec<Style>,
}

#[derive(Deserialize)]
struct Style {
    id: u32,
}

impl Voicevox {
    pub(super) fn open(voicevox: &VoicevoxOptions, options: &Options) -> Result<Self> {
        let endpoint = &voicevox.endpoint;
        let client = http::client(endpoint, options.write_timeout, &options.environment)?;
        Ok(Self { client, options: voicevox.clone(), clock: options.clock.clone() })
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Vec<u8>, Unspoken> {
        let mut url = self.options.endpoint.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.client.request(method, url).header(CONTENT_TYPE, "application/json");
        let answer = request.body(body).send().await;
        let answer = answer.map_err(|error| self.lost(&error.without_url()))?;
        if !answer.status().is_success() {
            return Err(self.refused(&answer));
        }
        let read = read_body(answer, MAX_ANSWER).await;
        read.map_err(|error| Unspoken::Lost(format!("{}: {error}", self.name())))
    }

    fn name(&self) -> String {
        format!("the engine at `{}`", self.options.endpoint.origin().ascii_serialization())
    }

    fn lost(&self, error: &reqwest::Error) -> Unspoken {
        let cause = anyhow::Chain::new(error).last().map(ToString::to_string).unwrap_or_default();
        Unspoken::Lost(format!("{} cannot be reached: {cause}", self.name()))
    }

    /// What a status means. The body is not told: it repeats the text.
    fn refused(&self, answer: &Response) -> Unspoken {
        let why = format!("{} answered {}", self.name(), answer.status());
        match answer.status().as_u16() {
            400 | 413 | 422 => Unspoken::Refused(why),
            401 | 403 => Unspoken::Denied(why),
            _ => Unspoken::Busy(why, RateLimit::of(answer.headers()).wait(self.clock.now())),
        }
    }

    fn cannot_be_used(&self, why: Unspoken) -> Error {
        let (kind, why) = match why {
            Unspoken::Denied(why) => (Kind::Credentials, why),
            Unspoken::Busy(why, _)
            | Unspoken::Lost(why)
            | Unspoken::Refused(why)
            | Unspoken::Failed(why) => (Kind::Unreachable, why),
        };
        let hint = "start the engine, or name it: `endpoint=http://127.0.0.1:50021`";
        Error::new(kind, "cannot use VOICEVOX").because_of(why).hint(hint)
    }
}

#[async_trait]
impl Engine for Voicevox {
    /// Asks for the version, and whether there is such a voice.
    async fn ping(&self) -> Result<()> {
        let get = |path| self.ask(Method::GET, path, &[], Vec::new());
        get("/version").await.map_err(|why| self.cannot_be_used(why))?;
        // An engine that does not list its voices may have this one.
        let listed = get("/speakers").await.unwrap_or_default();
        let Ok(speakers) = serde_json::from_slice::<Vec<Speaker>>(&listed) else { return Ok(()) };
        let voice = self.options.speaker;
        let mut ids = speakers.iter().flat_map(|speaker| &speaker.styles).map(|style| style.id);
        match ids.any(|id| id == voice) {
            true => Ok(()),
            false => {
                Err(Error::new(Kind::Configuration, format!("VOICEVOX has no voice `{voice}`"))
                    .hint("take one of the numbers at `/speakers` of the engine"))
            }
        }
    }

    async fn speak(&self, text: &str) -> Result<Bytes, Unspoken> {
        let speaker = self.options.speaker.to_string();
        let query = [("text", text), ("speaker", speaker.as_str())];
        let query = self.ask(Method::POST, "/audio_query", &query, Vec::new()).await?;
        let speaker = [("speaker", speaker.as_str())];
        self.ask(Method::POST, "/synthesis", &speaker, query).await.map(Bytes::from)
    }
}

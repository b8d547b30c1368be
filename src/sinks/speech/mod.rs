//! `speech:STORE-URL`: each message spoken, and its sound put into an object store.
//!
//! What is said, and under which key it is stored, are templates over the message's body, and over
//! the weather of its day where that is wanted. Who speaks is an engine. A key is known before
//! anything is asked: an object that is there makes its message a duplicate and costs nothing. What
//! was spoken is kept until it is stored (`kept`), so that no words are paid for twice.

mod audio;
mod backend;
mod command;
mod encoding;
mod engine;
mod engines;
mod forecast;
mod google;
mod kept;
mod key;
mod options;
mod turns;
mod voicevox;
mod weather;

pub use backend::SpeechBackend;

use super::side_by_side::side_by_side;
use super::{Outcome, Sink};
use crate::clients::object_store::{Answer, Failure, Store};
use crate::clock::Clock;
use crate::error::Result;
use crate::message::{Delivery, Message};
use crate::preflight::Finding;
use crate::template::Values;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use engine::{Engine, Unspoken};
use kept::Kept;
use options::SpeechOptions;
use turns::Turns;
use weather::{Forecasts, Unknown};

/// How many messages of one write are worked on at once.
const AT_ONCE: usize = 8;

/// What templates call the weather.
const WEATHER: &str = "weather";

/// The field of a body that says when it is announced.
const AT: &str = "at";

/// What speaks, and where the sound goes.
struct Speech {
    store: Store,
    settings: SpeechOptions,
    engine: Box<dyn Engine>,
    /// All that decides how a text sounds.
    voice: String,
    weather: Option<Forecasts>,
    turns: Turns,
    kept: Kept,
    clock: Clock,
}

#[async_trait]
impl Sink for Speech {
    /// Asks the store and the engine. The forecast is asked for when there is a message.
    async fn ping(&self) -> Result<()> {
        self.ping_store().await?;
        self.engine.ping().await
    }

    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        side_by_side(batch, AT_ONCE, |message| self.answer(message)).await
    }

    /// No order matters: each key is an object of its own.
    fn ordered(&self) -> bool {
        false
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.engine.close().await;
        Ok(())
    }
}

impl Speech {
    async fn ping_store(&self) -> Result<()> {
        let failed = |failure: &Failure| {
            self.store.error(format!("`{}` cannot be spoken into", self.store), failure)
        };
        self.store.ping().await.map(drop).map_err(|failure| failed(&failure))
    }

    /// How each of the three that are asked stands.
    async fn preflight(&self) -> Vec<Finding> {
        let found = |what: String, answer: Result<()>| match answer {
            Ok(()) => Finding::ok(what),
            Err(error) => Finding::of(&error),
        };
        let mut findings = vec![
            found(format!("`{}` answers", self.store), self.ping_store().await),
            found("the engine answers".to_owned(), self.engine.ping().await),
        ];
        if let Some(weather) = &self.weather {
            let answer = weather.ping().await.map(drop);
            findings.push(found("there is a forecast for the area".to_owned(), answer));
        }
        findings
    }

    async fn answer(&self, message: &Message) -> Outcome {
        self.announce(message).await.unwrap_or_else(|outcome| outcome)
    }

    /// Speaks one message into its object, unless that is there.
    async fn announce(&self, message: &Message) -> Result<Outcome, Outcome> {
        let mut values = Values::of_body(&message.body).map_err(Outcome::Reject)?;
        let late = !self.settings.key.uses(WEATHER);
        if !late {
            values = self.with_weather(values, message).await?;
        }
        let key = self.settings.key.of(&values).map_err(Outcome::Reject)?;
        let _turn = self.turns.wait(&key).await;
        if self.is_there(&key).await? {
            return Ok(Outcome::Duplicate);
        }
        // What is stored needs no weather any more, which may be over.
        if late {
            values = self.with_weather(values, message).await?;
        }
        let text = self.text(&values).map_err(Outcome::Reject)?;
        self.speak(&key, &text).await
    }

    async fn speak(&self, key: &str, text: &str) -> Result<Outcome, Outcome> {
        let file = self.kept.file(&[&self.store.to_string(), key, &self.voice, text]);
        let sound = match kept::read(&file).await {
            Some(sound) => sound,
            None => {
                let sound = self.engine.speak(text).await.map_err(Unspoken::outcome)?;
                validate(&sound)?;
                kept::keep(&file, &sound).await;
                sound
            }
        };
        fail::fail_point!("speech-spoken");
        let content_type = self.settings.key.encoding().content_type();
        let put = self.store.put(key, sound, Some(content_type)).await;
        put.map_err(|failure| self.outcome_of(&failure))?;
        kept::drop(&file).await;
        fail::fail_point!("speech-stored");
        Ok(Outcome::Stored)
    }

    /// Whether there is such an object. A store that hides what is missing cannot tell: then it is
    /// spoken once more, and put over itself.
    async fn is_there(&self, key: &str) -> Result<bool, Outcome> {
        match self.store.exists(key).await {
            Ok(there) => Ok(there),
            Err(failure @ Failure::Denied(_)) => match self.store.ping().await {
                Ok(Answer::Guarded) => Ok(false),
                _ => Err(self.outcome_of(&failure)),
            },
            Err(failure) => Err(self.outcome_of(&failure)),
        }
    }

    async fn with_weather(&self, values: Values, message: &Message) -> Result<Values, Outcome> {
        let Some(forecasts) = &self.weather else { return Ok(values) };
        let at = self.time_of(message, &values).map_err(Outcome::Reject)?;
        match forecasts.at(at).await {
            Ok(weather) => Ok(values.with(WEATHER, &weather)),
            Err(Unknown::Never(why)) => Err(Outcome::Reject(why)),
            Err(Unknown::NotNow(why, wait)) => Err(Unspoken::Busy(why, wait).outcome()),
        }
    }

    /// When the message is announced; else when it was published, which is the same however often it
    /// is delivered.
    fn time_of(&self, message: &Message, values: &Values) -> Result<DateTime<FixedOffset>, String> {
        if !values.has(AT) {
            let published = message.published_at.unwrap_or_else(|| self.clock.now());
            return Ok(published.fixed_offset());
        }
        let at = values.text(AT).and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        at.ok_or_else(|| format!("the field `{AT}` is no time with an offset (RFC 3339)"))
    }

    /// What is said: something, and not too much.
    fn text(&self, values: &Values) -> Result<String, String> {
        let text = self.settings.text.render(values)?;
        let (text, most) = (text.trim(), self.settings.max_bytes);
        match text.len() {
            0 => Err("there is nothing to say: its text is empty".to_owned()),
            bytes if bytes > most => {
                Err(format!("its text has {bytes} bytes, and {most} are the most (`max-bytes`)"))
            }
            _ => Ok(text.to_owned()),
        }
    }

    /// The outcome of a failure of the store: what the store says about itself is no message's fault;
    /// a connection that broke may be.
    fn outcome_of(&self, failure: &Failure) -> Outcome {
        if failure.is_the_objects() {
            return Outcome::Reject(failure.to_string());
        }
        let why = format!("`{}` is unavailable: {failure}", self.store);
        match failure {
            Failure::Unavailable(_) => Outcome::ConnectionLost(why),
            Failure::Denied(_) => Outcome::Denied(why),
            _ => Outcome::Unavailable(why),
        }
    }
}

/// Sound without anything to hear is never stored.
fn validate(sound: &Bytes) -> Result<(), Outcome> {
    match audio::is_empty(sound) {
        true => Err(Outcome::Retry("the engine gave no sound".to_owned())),
        false => Ok(()),
    }
}

//! The engines that there are.

use super::command::Command;
use super::engine::Engine;
use super::google::Google;
use super::options::{EngineOptions, SpeechOptions};
use super::voicevox::Voicevox;
use crate::error::Result;
use crate::sinks::Options;

/// Opens the engine that the URL names.
pub(super) async fn open(speech: &SpeechOptions, options: &Options) -> Result<Box<dyn Engine>> {
    let encoding = speech.key.encoding();
    Ok(match &speech.engine {
        EngineOptions::Google(google) => Box::new(Google::open(google, encoding, options).await?),
        EngineOptions::Voicevox(voicevox) => Box::new(Voicevox::open(voicevox, options)?),
        EngineOptions::Command(words) => Box::new(Command::open(words, options)?),
    })
}

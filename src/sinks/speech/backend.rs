//! Speech in an object store, as the list of sinks knows it.

use super::kept::Kept;
use super::options::{EngineOptions, SpeechOptions, parameters};
use super::turns::Turns;
use super::weather::Forecasts;
use super::{Speech, engines};
use crate::clients::object_store::Store;
use crate::error::Result;
use crate::identity::{self, Identity};
use crate::location::Location;
use crate::preflight::Finding;
use crate::sinks::{Backend, Defaults, Options, Sink};
use async_trait::async_trait;

/// The kind of sink that speaks each message into an object store.
pub struct SpeechBackend;

#[async_trait]
impl Backend for SpeechBackend {
    fn parameters(&self) -> Vec<&'static str> {
        parameters()
    }

    fn has_path(&self) -> bool {
        true
    }

    /// Nobody is asked for anything yet.
    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Sink>> {
        Ok(Box::new(open(url, options).await?))
    }

    /// The store, and the names in it.
    fn identity(&self, url: &Location, options: &Options) -> Result<Identity> {
        let SpeechOptions { store, key, .. } = SpeechOptions::read(url.clone())?;
        let store = identity::of_store(&store, &options.environment)?;
        Ok(store.of_kind(&format!("speech {} in", key.source())))
    }

    fn describe(&self, url: &Location, _options: &Options) -> Option<String> {
        let SpeechOptions { store, engine, .. } = SpeechOptions::read(url.clone()).ok()?;
        Some(format!("speech {store} by {}", name(&engine)))
    }

    /// Looks at the store, the engine and the weather.
    async fn preflight(&self, url: Location, options: &Options) -> Result<Vec<Finding>> {
        let speech = open(url, options).await?;
        let findings = speech.preflight().await;
        Box::new(speech).close().await.map(|()| findings)
    }

    /// Each message takes the engine some work.
    fn defaults(&self) -> Defaults {
        Defaults { batch: 10, ..Defaults::default() }
    }
}

async fn open(url: Location, options: &Options) -> Result<Speech> {
    let settings = SpeechOptions::read(url)?;
    let store = Store::open(&settings.store, &options.environment).await?;
    let forecasts = settings.weather.clone().map(|it| Forecasts::open(it, options));
    Ok(Speech {
        store: store.with_patience(options.write_timeout),
        voice: format!("{:?} {:?}", settings.engine, settings.key.encoding()),
        engine: engines::open(&settings, options).await?,
        weather: forecasts.transpose()?,
        turns: Turns::default(),
        kept: Kept::open(options.data_dir.join("speech"), options.clock.now().into()),
        clock: options.clock.clone(),
        settings,
    })
}

fn name(engine: &EngineOptions) -> &'static str {
    match engine {
        EngineOptions::Google(_) => "Google",
        EngineOptions::Voicevox(_) => "VOICEVOX",
        EngineOptions::Command(_) => "a command",
    }
}

//! `stdin:`: lines of JSON, published while they come.

use super::lines::input::{Descriptor, Input, Plain};
use super::lines::{self, Brake, LineForm, LineStream};
use super::{Backend, Batch, Options, Source, Stop};
use crate::descriptors::Standard;
use crate::error::{Error, Kind, Result};
use crate::identity::Identity;
use crate::location::Location;
use async_trait::async_trait;
use std::io::{self, IsTerminal as _, Read};
use std::sync::Arc;

/// The kind of source that is our standard input.
pub struct StdinBackend;

#[async_trait]
impl Backend for StdinBackend {
    fn parameters(&self) -> Vec<&'static str> {
        lines::PARAMETERS.to_vec()
    }

    async fn open(&self, url: Location, options: &Options) -> Result<Box<dyn Source>> {
        open(url, options)
    }

    fn identity(&self, _url: &Location, _options: &Options) -> Result<Identity> {
        Ok(Identity::named("stdin"))
    }

    fn repeats(&self) -> bool {
        false
    }
}

/// Opens standard input.
///
/// `?id=FIELD`, `?group=FIELD` and `?tag=FIELD` take the id, the group and the tag from a field of
/// each line, `?delay=FIELD` the time for which it waits, in seconds or with a unit; `?envelope` takes whole messages, `?max-line=BYTES` refuses longer lines.
///
/// # Errors
/// `Usage` where standard input is a terminal, or for a parameter that cannot be; `Configuration`
/// where it is closed: that is no empty input.
pub fn open(url: Location, options: &Options) -> Result<Box<dyn Source>> {
    let input = io::stdin();
    if input.is_terminal() {
        return Err(Error::new(Kind::Usage, "`stdin:` is a terminal")
            .because_of("messages are expected there, one line of JSON each")
            .hint("pipe them in, for instance `cat readings.jsonl | publish stdin:`"));
    }
    let brake = brake()?;
    let input = Descriptor::new(Standard::Input.open()?.into(), brake.clone());
    let input = Box::new(input.map_err(|cause| failed().because(cause))?);
    Ok(Box::new(Stdin(stream(url, options, (input, brake), true)?)))
}

/// Opens any bytes as if they were standard input. A read of theirs that waits cannot be called off:
/// what it gives after `stop` with [`Stop::Now`] is lost.
///
/// # Errors
/// `Usage` for a parameter that cannot be.
pub fn from_reader(
    url: Location,
    options: &Options,
    input: Box<dyn Read + Send>,
) -> Result<Box<dyn Source>> {
    let brake = brake()?;
    let input = Box::new(Plain { input, brake: brake.clone() });
    Ok(Box::new(Stdin(stream(url, options, (input, brake), false)?)))
}

fn brake() -> Result<Arc<Brake>> {
    Brake::new().map(Arc::new).map_err(|cause| failed().because(cause))
}

fn stream(
    mut url: Location,
    options: &Options,
    input: (Box<dyn Input>, Arc<Brake>),
    is_woken: bool,
) -> Result<LineStream> {
    if !url.rest().is_empty() {
        return Err(Error::new(Kind::Usage, format!("`{url}` names something after `stdin:`"))
            .hint("write `stdin:`, and redirect the file: `publish stdin: < FILE`"));
    }
    let form = LineForm::take(&mut url)?;
    url.finish(lines::PARAMETERS)?;
    Ok(LineStream::new("`stdin:`", &form, options, input, is_woken))
}

fn failed() -> Error {
    Error::new(Kind::Failed, "cannot read `stdin:`")
}

struct Stdin(LineStream);

#[async_trait]
impl Source for Stdin {
    /// What has come, as soon as anything has; to a stream the ticks are all one.
    async fn read(&mut self, _tick: u64) -> Result<Option<Batch>> {
        self.0.read().await
    }

    /// Nothing to do: what was read from a pipe cannot be read again.
    async fn commit(&mut self, _batch: u64) -> Result<()> {
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    fn stop(&mut self, how: Stop) {
        self.0.stop(how);
    }

    /// An empty input is one that ends.
    fn nothing(&self) -> Option<String> {
        None
    }
}

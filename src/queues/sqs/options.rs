//! What the URL of a queue says: which one, the attribute that carries the ids, how many receivers.

use super::client::Queue;
use super::codec::Codec;
use super::name::Name;
use super::{GROUP_ATTRIBUTE, MORE_ATTRIBUTE, TAG_ATTRIBUTE, limits};
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::message::ID_ATTRIBUTE;
use crate::queues::Options;

/// Requests for messages at once where the URL does not say.
const RECEIVERS: usize = 3;

/// More than this are a typing error.
const MOST_RECEIVERS: usize = 64;

/// The parameters of a queue's URL.
pub(super) const PARAMETERS: &[&str] = &["id-attribute", "receivers"];

/// What a URL says.
pub(super) struct SqsOptions {
    pub(super) name: Name,
    pub(super) id_attribute: String,
    pub(super) receivers: usize,
}

impl SqsOptions {
    /// Reads `sqs:NAME?id-attribute=NAME&receivers=N`.
    pub(super) fn of(mut url: Location) -> Result<Self> {
        let name = Name::of(&url)?;
        let id_attribute = id_attribute(&mut url)?;
        let receivers = url.number("receivers", 1..=MOST_RECEIVERS)?.unwrap_or(RECEIVERS);
        url.finish(PARAMETERS)?;
        Ok(Self { name, id_attribute, receivers })
    }

    /// How messages travel through the queue.
    pub(super) fn codec(&self) -> Codec {
        Codec {
            id_attribute: self.id_attribute.clone(),
            fifo: self.name.is_fifo(),
            queue: self.name.short().to_owned(),
        }
    }

    /// The way to the queue; nothing is sent yet.
    pub(super) async fn queue(&self, options: &Options) -> Result<Queue> {
        Queue::open(self.name.clone(), &options.environment).await
    }

    /// The way to the queue, which is made where that is asked for.
    pub(super) async fn open(&self, options: &Options) -> Result<Queue> {
        let queue = self.queue(options).await?;
        if options.create && queue.create().await? {
            tracing::info!("made {}", queue.name);
        }
        Ok(queue)
    }
}

/// The attribute that carries the id.
fn id_attribute(url: &mut Location) -> Result<String> {
    let name = url.take("id-attribute")?.unwrap_or_else(|| ID_ATTRIBUTE.to_owned());
    if [TAG_ATTRIBUTE, GROUP_ATTRIBUTE, MORE_ATTRIBUTE].contains(&name.as_str()) {
        return Err(Error::new(
            Kind::Usage,
            format!("`{name}` carries something else than the id"),
        ));
    }
    match limits::name_refusal(&name) {
        None => Ok(name),
        Some(why) => {
            Err(Error::new(Kind::Usage, format!("`{name}` cannot carry the id")).because_of(why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_url_says_is_checked() {
        for text in [
            "sqs:a?receivers=0",
            "sqs:a?receivers=65",
            "sqs:a?receivers=many",
            "sqs:a?id-attribute=kakehi-tag",
            "sqs:a?id-attribute=a%20b",
            "sqs:a?id-attribute=AWS.id",
            "sqs:a?streams=2",
        ] {
            let error = SqsOptions::of(Location::parse(text).unwrap()).err().unwrap();
            assert_eq!(error.kind(), Kind::Usage, "{text}");
        }
    }
}

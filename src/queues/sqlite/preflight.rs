//! What a look at an embedded queue finds before it is used.

use super::error::no_file;
use super::lookup::{find, number_of};
use super::options::SqliteOptions;
use super::schema::SCHEMA;
use crate::clients::sqlite::{self, Reader};
use crate::error::Result;
use crate::location::Location;
use crate::preflight::Finding;
use crate::queues::Options;

/// Whether a queue could be published to, and whether it is there already.
pub async fn publisher(url: Location, options: &Options) -> Result<Vec<Finding>> {
    let place = SqliteOptions::of(url, options)?;
    let mut findings = sqlite::preflight(&place.path, &SCHEMA).await?;
    // Of a file that is not there yet it says one thing only.
    if findings.len() > 1 {
        let reader = Reader::open(&place.path, &SCHEMA).await?;
        let wanted = place.name.clone();
        let found = reader.read(move |c| find(c, &wanted)).await?;
        let name = &place.name;
        findings.push(match found.map(|(_, topic)| place.expect_topic(topic.as_deref())) {
            Some(Ok(())) => Finding::ok(format!("the queue `{name}` is in it")),
            Some(Err(error)) => Finding::of(&error),
            None => Finding::unknown(format!("the queue `{name}` is not in it yet"))
                .hint("it is made by whoever uses it first: is this its name?"),
        });
    }
    Ok(findings)
}

/// Whether a queue could be received from: it must be there.
pub async fn subscriber(url: Location, options: &Options) -> Result<Vec<Finding>> {
    let place = SqliteOptions::of(url, options)?;
    let Some(reader) = Reader::open_if_there(&place.path, &SCHEMA).await? else {
        return Ok(vec![Finding::of(&no_file(&place))]);
    };
    let mut findings = sqlite::preflight(&place.path, &SCHEMA).await?;
    findings.push(match number_of(&reader, &place).await {
        Ok(_) => Finding::ok(format!("the queue `{}` is in it", place.name)),
        Err(error) => Finding::of(&error),
    });
    Ok(findings)
}

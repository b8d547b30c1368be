//! What a connection string says about compression.

use crate::error::{Error, Kind, Result};
use crate::location::Location;

/// The methods that MongoDB's drivers compress with. Ours uses none: they are an offer to the
/// server, which does without where nobody makes it.
const COMPRESSORS: &[&str] = &["snappy", "zlib", "zstd"];

/// Takes the parameters for compression out of the URL: what is known is not done, and told at `-v`.
pub(super) fn leave_out(url: &mut Location) -> Result<()> {
    let asked = url.remaining().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    for name in asked {
        if name.eq_ignore_ascii_case("zlibCompressionLevel") {
            url.take(&name)?;
        }
        if name.eq_ignore_ascii_case("compressors") {
            known_compressors(&url.take(&name)?.unwrap_or_default())?;
            tracing::info!(
                "what is said to MongoDB is not compressed, whatever `compressors` says"
            );
        }
    }
    Ok(())
}

fn known_compressors(list: &str) -> Result<()> {
    let unknown = list.split(',').map(str::trim).find(|name| !COMPRESSORS.contains(name));
    match unknown {
        None => Ok(()),
        Some(name) => Err(Error::new(Kind::Usage, format!("`compressors={name}` is unknown"))
            .because_of("MongoDB knows `snappy`, `zlib` and `zstd`")
            .hint("leave `compressors` away: this program sends everything as it is")),
    }
}

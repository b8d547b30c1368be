//! What the sink's URL says.

use super::fit::{Fit, Size};
use super::picture::Recipe;
use crate::clients::object_store;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::text;

/// The parameters of a URL.
pub(super) const PARAMETERS: &[&str] = &["size", "fit", "prefix", "max-bytes", "max-pixels"];

/// The largest side of a thumbnail, in pixels.
const LARGEST_SIDE: u32 = 4096;

/// The largest picture unless the URL says otherwise, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// The most pixels of a picture unless the URL says otherwise. What is not JPEG is decoded as a
/// whole, into up to eight bytes a pixel.
const MAX_PIXELS: u64 = 100_000_000;

/// The most that a limit can be.
const MOST: u64 = 0xffff_ffff;

/// All that the sink needs.
#[derive(Debug)]
pub(super) struct ThumbnailOptions {
    pub(super) store: Location,
    pub(super) recipe: Recipe,
    /// What stands before the key of a picture in that of its thumbnail.
    pub(super) prefix: String,
    pub(super) max_bytes: u64,
    pub(super) max_pixels: u64,
}

impl ThumbnailOptions {
    pub(super) fn read(mut url: Location) -> Result<Self> {
        let size = match url.take("size")? {
            Some(text) => size(&text)?,
            None => Size::new(100, 100),
        };
        let fits = [("exact", Fit::Exact), ("contain", Fit::Contain), ("cover", Fit::Cover)];
        let fit = url.choice("fit", &fits)?.unwrap_or(Fit::Exact);
        let prefix = url.take("prefix")?.unwrap_or_else(|| "thumbnail/".to_owned());
        validate_prefix(&prefix)?;
        let max_bytes = url.bytes("max-bytes", 1..=MOST)?.unwrap_or(MAX_BYTES);
        let max_pixels = url.number("max-pixels", 1..=MOST)?.unwrap_or(MAX_PIXELS);
        url.finish(PARAMETERS)?;
        let recipe = Recipe { size, fit };
        Ok(Self { store: store_of(&url)?, recipe, prefix, max_bytes, max_pixels })
    }
}

/// A store's URL, or the bare path of a folder.
fn store_of(url: &Location) -> Result<Location> {
    if url.rest().is_empty() {
        return Err(Error::new(Kind::Usage, format!("`{url}` names no store"))
            .hint("write `thumbnail:FOLDER` or `thumbnail:s3://BUCKET`"));
    }
    match url.clone().inner() {
        Ok(store) => Ok(store),
        Err(_) => Location::parse(&format!("file:{}", url.rest())),
    }
}

fn size(text: &str) -> Result<Size> {
    let side = |text: &str| text.parse().ok().filter(|side| (1..=LARGEST_SIDE).contains(side));
    let sides = text.split_once('x').and_then(|(w, h)| Some(Size::new(side(w)?, side(h)?)));
    sides.ok_or_else(|| {
        Error::new(Kind::Usage, format!("`size={text}` is no size"))
            .hint(format!("write `size=WIDTHxHEIGHT`, each from 1 to {LARGEST_SIDE} pixels"))
    })
}

/// Fails unless every key with this prefix before it is still a key of the store.
fn validate_prefix(prefix: &str) -> Result<()> {
    let checked = match prefix {
        "" => Err("without it a thumbnail would have the key of its picture".to_owned()),
        prefix => object_store::validate_key(&format!("{prefix}x")),
    };
    checked.map_err(|why| {
        let what = format!("`prefix={}` cannot be used", text::visible(prefix.as_bytes()));
        Error::new(Kind::Usage, what)
            .because_of(why)
            .hint("write it as a folder in the store: `prefix=thumbnail/`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<ThumbnailOptions> {
        ThumbnailOptions::read(Location::parse(url)?)
    }

    #[test]
    fn the_default_is_the_seeds() {
        let settings = read("thumbnail:pictures").unwrap();
        assert_eq!(settings.recipe, Recipe { size: Size::new(100, 100), fit: Fit::Exact });
        assert_eq!(settings.prefix, "thumbnail/");
    }

    #[test]
    fn a_store_is_a_url_or_a_folder() {
        for (url, store) in [
            ("thumbnail:pictures", "file:pictures"),
            ("thumbnail:/srv/a b?fit=cover", "file:/srv/a b"),
            ("thumbnail:./a:b", "file:./a:b"),
            ("thumbnail:file:pictures", "file:pictures"),
            ("thumbnail:s3://photos/2026?size=20x30", "s3://photos/2026"),
        ] {
            assert_eq!(read(url).unwrap().store.to_string(), store, "{url}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for query in [
            "size=100",
            "size=0x100",
            "size=100x4097",
            "size=-1x5",
            "size=axb",
            "size=",
            "fit=fill",
            "prefix=",
            "prefix=../x",
            "prefix=/x",
            "prefix=a//b",
            "prefix=%0A",
            "prefix=./",
            "prefix=%1b[2J/",
            "max-bytes=0",
            "max-pixels=many",
            "quality=9",
        ] {
            let error = read(&format!("thumbnail:s3://photos?{query}")).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{query}");
            assert!(!error.to_string().contains('\x1b'), "{query}");
        }
        assert_eq!(read("thumbnail:").unwrap_err().kind(), Kind::Usage);
    }
}

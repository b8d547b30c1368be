//! A picture, from bytes to the bytes of its thumbnail. Pure: nothing is read, and nothing kept.

use super::fit::{Cut, Fit, Size};
use super::format::{self, Damage, Decoded, Facts};
use super::{encode, gif, jpeg, other, profile, resize};
use bytes::Bytes;
use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat};

/// Which thumbnail is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipe {
    /// The size that is wanted.
    pub size: Size,
    /// What to do where the picture has other proportions.
    pub fit: Fit,
}

/// A thumbnail, in the format of its picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// The thumbnail's file.
    pub bytes: Vec<u8>,
    /// The thumbnail's media type.
    pub content_type: &'static str,
    /// What is odd about its picture, though nothing is missing.
    pub remark: Option<&'static str>,
}

/// A picture of which the headers have been read.
#[derive(Debug)]
pub struct Picture {
    bytes: Bytes,
    format: ImageFormat,
    facts: Facts,
}

impl Picture {
    /// Reads its headers. What is no picture, or has more pixels than this, is refused with the
    /// reason.
    pub fn open(bytes: Bytes, most_pixels: u64) -> Result<Self, String> {
        let format = format::of(&bytes)?;
        let facts = match format {
            ImageFormat::Jpeg => jpeg::look(&bytes),
            ImageFormat::Gif => gif::look(&bytes),
            _ => other::look(&bytes, format, most_pixels),
        };
        let facts = facts.map_err(|damage| damage.of(format))?;
        let Size { width, height } = facts.size;
        match facts.size.pixels() {
            0 => Err("it has no pixels".to_owned()),
            pixels if pixels > most_pixels => Err(format!(
                "it has {width} x {height} pixels, which is more than `max-pixels={most_pixels}`"
            )),
            _ => Ok(Self { bytes, format, facts }),
        }
    }

    /// The memory that making its thumbnail takes, besides the picture's own bytes.
    pub fn memory(&self, recipe: Recipe) -> u64 {
        let size = self.facts.size;
        let pixels = match self.format {
            ImageFormat::Jpeg => {
                let eighths = u64::from(self.cut(recipe).eighths());
                let side = |length: u32| (u64::from(length) * eighths).div_ceil(8);
                side(size.width) * side(size.height)
            }
            _ => size.pixels(),
        };
        // While it is made smaller one direction comes first.
        let between = u64::from(size.width.max(size.height))
            * u64::from(recipe.size.width.max(recipe.size.height));
        (pixels + between) * self.facts.bytes_per_pixel + self.facts.decoder_bytes
    }

    /// Makes its thumbnail. A picture that cannot be decoded is refused with the reason.
    pub fn thumbnail(&self, recipe: Recipe) -> Result<Thumbnail, String> {
        let cut = self.cut(recipe);
        let Decoded { picture, was_ink, remark } =
            self.decode(&cut, recipe).map_err(|damage| damage.of(self.format))?;
        let scaled = Size::new(picture.width(), picture.height());
        let mut small = resize::lanczos(picture, cut.of_scaled(self.facts.size, scaled))?;
        small.apply_orientation(self.facts.orientation);
        let profile = self.facts.profile.as_deref().filter(|_| !was_ink);
        let bytes = self.encode(eight_bits(small), profile)?;
        Ok(Thumbnail { bytes, content_type: self.format.to_mime_type(), remark })
    }

    fn decode(&self, cut: &Cut, recipe: Recipe) -> Result<Decoded, Damage> {
        match self.format {
            ImageFormat::Jpeg => jpeg::decode(&self.bytes, cut, self.facts.profile.as_deref()),
            ImageFormat::Gif => gif::decode(&self.bytes, self.memory(recipe)),
            format => other::decode(&self.bytes, format, self.memory(recipe)),
        }
    }

    /// Which part of the picture becomes the thumbnail. The picture is turned when it is small: a
    /// side that will be a width is still a height.
    fn cut(&self, recipe: Recipe) -> Cut {
        let size = if self.is_turned() { recipe.size.turned() } else { recipe.size };
        recipe.fit.cut(self.facts.size, size)
    }

    fn is_turned(&self) -> bool {
        use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        matches!(self.facts.orientation, Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH)
    }

    /// A thumbnail means its colours as its picture does, or those of sRGB.
    fn encode(&self, picture: DynamicImage, profile: Option<&[u8]>) -> Result<Vec<u8>, String> {
        let can_be_kept =
            |profile: &&[u8]| profile.len() <= profile::KEPT && self.format != ImageFormat::Gif;
        let kept = profile.filter(can_be_kept);
        let picture = match profile {
            Some(profile) if kept.is_none() => {
                profile::in_srgb(&picture, profile).unwrap_or(picture)
            }
            _ => picture,
        };
        encode::encode(picture, self.format, kept.map(<[u8]>::to_vec)).map_err(|_| {
            format!("its thumbnail cannot be written as {}", format::name(self.format))
        })
    }
}

/// A thumbnail is looked at, not worked on.
fn eight_bits(picture: DynamicImage) -> DynamicImage {
    match picture {
        DynamicImage::ImageLuma16(_) => picture.into_luma8().into(),
        DynamicImage::ImageLumaA16(_) => picture.into_luma_alpha8().into(),
        DynamicImage::ImageRgb16(_) => picture.into_rgb8().into(),
        DynamicImage::ImageRgba16(_) => picture.into_rgba8().into(),
        picture => picture,
    }
}

//! PNG and WebP, by the `image` crate.

use super::fit::Size;
use super::format::{Damage, Decoded, Facts};
use super::parts::Parts;
use super::{png, webp};
use image::error::ImageError;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use std::io::ErrorKind;

/// What a decoder may need that does not grow with the picture.
const SMALL_CHANGE: u64 = 16 << 20;

/// The most bytes that a pixel has: four channels of 16 bits.
const LARGEST_PIXEL: u64 = 8;

/// What its headers say. Nothing is decoded.
pub(super) fn look(bytes: &[u8], format: ImageFormat, most_pixels: u64) -> Result<Facts, Damage> {
    let (picture, _) = parts(bytes, format);
    let mut decoder = decoder(picture, format, most_pixels.saturating_mul(LARGEST_PIXEL))?;
    let (width, height) = decoder.dimensions();
    let pixels = decoder.total_bytes();
    Ok(Facts {
        size: Size::new(width, height),
        // What cannot be read there is no reason to refuse what can be seen.
        orientation: orientation(&mut decoder).unwrap_or(Orientation::NoTransforms),
        profile: decoder.icc_profile().ok().flatten(),
        // PNG comes line by line; a frame of WebP is put together and then copied.
        decoder_bytes: if format == ImageFormat::Png { 0 } else { pixels.saturating_mul(3) / 2 },
        bytes_per_pixel: decoder.color_type().bytes_per_pixel().into(),
    })
}

/// Decodes it, the first frame where there are several.
pub(super) fn decode(bytes: &[u8], format: ImageFormat, memory: u64) -> Result<Decoded, Damage> {
    let (picture, is_cut) = parts(bytes, format);
    let decoder = decoder(picture, format, memory)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(|cause| damage(&cause))?;
    let remark = is_cut.then_some("its last chunk is missing; its pixels are all there");
    Ok(Decoded { remark, ..picture.into() })
}

/// The picture without what follows it, and whether its end is missing.
fn parts(bytes: &[u8], format: ImageFormat) -> (Parts<'_>, bool) {
    match format {
        ImageFormat::Png => png::picture(bytes),
        _ => (webp::picture(bytes), false),
    }
}

fn decoder(
    picture: Parts<'_>,
    format: ImageFormat,
    memory: u64,
) -> Result<impl ImageDecoder + '_, Damage> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(memory.saturating_add(SMALL_CHANGE));
    let mut reader = ImageReader::with_format(picture, format);
    reader.limits(limits);
    reader.into_decoder().map_err(|cause| damage(&cause))
}

/// As Exif tells it; some programs write the head of JPEG's block before it.
fn orientation(decoder: &mut impl ImageDecoder) -> Option<Orientation> {
    let exif = decoder.exif_metadata().ok()??;
    Orientation::from_exif_chunk(exif.strip_prefix(b"Exif\0\0").unwrap_or(&exif))
}

/// The libraries' own words may quote what is in the picture.
fn damage(cause: &ImageError) -> Damage {
    match cause {
        ImageError::IoError(cause) if cause.kind() == ErrorKind::UnexpectedEof => Damage::Truncated,
        ImageError::Unsupported(_) => Damage::Unsupported,
        ImageError::Limits(_) => Damage::Bomb,
        _ => Damage::Damaged,
    }
}

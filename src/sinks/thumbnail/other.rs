//! What is not JPEG: PNG, WebP and GIF, by the `image` crate. And writing, for all of them.

use super::fit::Size;
use super::picture::{Damage, Facts, KEPT_PROFILE};
use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::error::ImageError;
use image::metadata::Orientation;
use image::{
    DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits, RgbaImage,
};
use std::io::{Cursor, ErrorKind};

/// As the seed writes them.
const JPEG_QUALITY: u8 = 95;

/// What a decoder may need that does not grow with the picture.
const SMALL_CHANGE: u64 = 16 << 20;

/// The most bytes that a pixel has: four channels of 16 bits.
const LARGEST_PIXEL: u64 = 8;

/// What its headers say. Nothing is decoded.
pub(super) fn look(bytes: &[u8], format: ImageFormat, most_pixels: u64) -> Result<Facts, Damage> {
    let mut decoder = decoder(bytes, format, most_pixels.saturating_mul(LARGEST_PIXEL))?;
    let (width, height) = decoder.dimensions();
    let pixels = decoder.total_bytes();
    let profile = decoder.icc_profile().ok().flatten().filter(|it| it.len() <= KEPT_PROFILE);
    Ok(Facts {
        size: Size::new(width, height),
        // What cannot be read there is no reason to refuse what can be seen.
        orientation: decoder.orientation().unwrap_or(Orientation::NoTransforms),
        profile,
        // PNG comes line by line; the others put a frame together and then copy it.
        held: if format == ImageFormat::Png { 0 } else { pixels.saturating_mul(3) / 2 },
        bytes_per_pixel: decoder.color_type().bytes_per_pixel().into(),
    })
}

/// Decodes it, the first frame where there are several.
pub(super) fn decode(
    bytes: &[u8],
    format: ImageFormat,
    memory: u64,
) -> Result<DynamicImage, Damage> {
    let decoder = decoder(bytes, format, memory)?;
    DynamicImage::from_decoder(decoder).map_err(|cause| damage(&cause))
}

fn decoder(
    bytes: &[u8],
    format: ImageFormat,
    memory: u64,
) -> Result<impl ImageDecoder + '_, Damage> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(memory.saturating_add(SMALL_CHANGE));
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    reader.into_decoder().map_err(|cause| damage(&cause))
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

/// Writes it in this format.
pub(super) fn encode(
    picture: DynamicImage,
    format: ImageFormat,
    profile: Option<Vec<u8>>,
) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    // An encoder that keeps no profile says so, and the picture is good without it.
    let profile = profile.unwrap_or_default();
    match format {
        ImageFormat::Jpeg => {
            let mut encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
            keep(&mut encoder, profile);
            picture.write_with_encoder(encoder)?;
        }
        ImageFormat::Png => {
            let mut encoder = PngEncoder::new(&mut bytes);
            keep(&mut encoder, profile);
            picture.write_with_encoder(encoder)?;
        }
        ImageFormat::WebP => {
            let mut encoder = WebPEncoder::new_lossless(&mut bytes);
            keep(&mut encoder, profile);
            picture.write_with_encoder(encoder)?;
        }
        _ => {
            let picture = all_or_nothing(picture);
            let (width, height) = picture.dimensions();
            let mut encoder = GifEncoder::new(&mut bytes);
            encoder.encode(&picture, width, height, image::ExtendedColorType::Rgba8)?;
        }
    }
    Ok(bytes)
}

fn keep(encoder: &mut impl ImageEncoder, profile: Vec<u8>) {
    if !profile.is_empty() {
        let _ = encoder.set_icc_profile(profile);
    }
}

/// In GIF a pixel can be seen, or it cannot.
fn all_or_nothing(picture: DynamicImage) -> RgbaImage {
    let mut picture = picture.into_rgba8();
    for pixel in picture.pixels_mut() {
        pixel[3] = if pixel[3] < 128 { 0 } else { 255 };
    }
    picture
}

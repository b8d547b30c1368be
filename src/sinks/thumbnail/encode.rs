//! Writing a thumbnail, in the format of its picture.

use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::error::ImageError;
use image::{DynamicImage, ImageEncoder, ImageFormat, RgbaImage};

/// The quality of thumbnails in JPEG, from 1 to 100: that of the programs this one replaces.
const JPEG_QUALITY: u8 = 95;

/// Writes a picture in this format, which keeps the profile if it can.
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

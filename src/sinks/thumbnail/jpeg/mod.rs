//! JPEG by libjpeg, which leaves out while it decodes what a thumbnail does not need.
//!
//! libjpeg takes what is missing for grey and only warns; here such a picture is refused. What it warns
//! of and what leaves a whole picture all the same makes a thumbnail, and a remark.

mod blocks;
mod ink;
mod layout;
mod libjpeg;
mod segments;

use super::fit::{Cut, Size};
use super::format::{Damage, Decoded, Facts};
use super::means::{self, Means};
use super::profile;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use layout::Layout;
use libjpeg::{Decoder, Warnings};
use mozjpeg::{ColorSpace, CompInfo, CompInfoExt as _, Marker};

/// What its headers say. Nothing is decoded.
pub(super) fn look(bytes: &[u8]) -> Result<Facts, Damage> {
    let layout = Layout::of(bytes);
    layout.ensure_decodable()?;
    let looked = libjpeg::run(layout.picture(bytes), |decoder| {
        let is_ink = is_ink(&decoder);
        let samples = decoder.components().len() as u64;
        Ok(Facts {
            size: size(decoder.size()).ok_or(Damage::Damaged)?,
            orientation: orientation(&decoder).unwrap_or(Orientation::NoTransforms),
            profile: profile(&decoder),
            decoder_bytes: if layout.keeps_coefficients { coefficients(&decoder) } else { 0 },
            // Ink becomes light in a second place where a profile says how.
            bytes_per_pixel: if is_ink { samples + 3 } else { samples },
        })
    });
    Ok(looked.map_err(|damage| layout.blame(damage))?.0)
}

/// Decodes so many eighths of it. With ink goes its profile.
pub(super) fn decode(bytes: &[u8], cut: &Cut, profile: Option<&[u8]>) -> Result<Decoded, Damage> {
    let layout = Layout::of(bytes);
    let decoded = libjpeg::run(layout.picture(bytes), |decoder| {
        let is_ink = is_ink(&decoder);
        if cut.eighths() == 1
            && let Some(picture) = quickly(bytes, &decoder)
        {
            return Ok((picture, is_ink));
        }
        slowly(decoder, cut.eighths(), profile).map(|picture| (picture, is_ink))
    });
    let ((picture, was_ink), warnings) = decoded.map_err(|damage| layout.blame(damage))?;
    if warnings.of_pixels && !blocks::are_whole(bytes) {
        return Err(layout.blame(Damage::Damaged));
    }
    Ok(Decoded { picture, was_ink, remark: remark(&layout, warnings) })
}

fn slowly(
    mut decoder: Decoder<'_>,
    eighths: u8,
    profile: Option<&[u8]>,
) -> Result<DynamicImage, Damage> {
    decoder.scale(eighths);
    let space = match decoder.color_space() {
        ColorSpace::JCS_GRAYSCALE => ColorSpace::JCS_GRAYSCALE,
        _ if is_ink(&decoder) => ColorSpace::JCS_CMYK,
        _ => ColorSpace::JCS_RGB,
    };
    let read = libjpeg::at_pixels(|| {
        let mut decoder = decoder.to_colorspace(space)?;
        let pixels = decoder.read_scanlines::<u8>()?;
        std::io::Result::Ok((decoder, pixels))
    });
    let (decoder, pixels) = read.map_err(|_| Damage::Damaged)?;
    let Size { width, height } =
        size((decoder.width(), decoder.height())).ok_or(Damage::Damaged)?;
    libjpeg::finish(decoder);
    let picture = match space {
        ColorSpace::JCS_GRAYSCALE => {
            GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8)
        }
        ColorSpace::JCS_CMYK => RgbImage::from_raw(width, height, ink::light(pixels, profile))
            .map(DynamicImage::ImageRgb8),
        _ => RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
    };
    picture.ok_or(Damage::Damaged)
}

fn remark(layout: &Layout, warnings: Warnings) -> Option<&'static str> {
    match layout.end {
        None => Some("the marker of its end is missing; its pixels are all there"),
        Some(_) if warnings.of_pixels || warnings.of_others => {
            Some("it is not written as JPEG should be; its pixels are all there")
        }
        Some(_) => None,
    }
}

impl Layout {
    /// What has no end was cut off, whatever else it made the decoder say.
    fn blame(&self, damage: Damage) -> Damage {
        match (damage, self.end) {
            (Damage::Damaged, None) => Damage::Truncated,
            _ => damage,
        }
    }
}

/// An eighth of it, where it is of the common kind and in good order.
fn quickly(bytes: &[u8], decoder: &Decoder<'_>) -> Option<DynamicImage> {
    let is_known =
        matches!(decoder.color_space(), ColorSpace::JCS_GRAYSCALE | ColorSpace::JCS_YCbCr);
    let Means { size: Size { width, height }, is_grey, samples } =
        is_known.then(|| means::of(bytes)).flatten()?;
    match is_grey {
        true => GrayImage::from_raw(width, height, samples).map(DynamicImage::ImageLuma8),
        false => RgbImage::from_raw(width, height, samples).map(DynamicImage::ImageRgb8),
    }
}

fn size((width, height): (usize, usize)) -> Option<Size> {
    Some(Size::new(width.try_into().ok()?, height.try_into().ok()?))
}

fn is_ink(decoder: &Decoder<'_>) -> bool {
    matches!(decoder.color_space(), ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK)
}

/// What stands in these markers, behind what it must begin with.
fn markers<'d>(
    decoder: &'d Decoder<'_>,
    marker: Marker,
    begins: &'d [u8],
) -> impl Iterator<Item = &'d [u8]> {
    let found = decoder.markers().filter(move |one| one.marker == marker);
    found.filter_map(move |one| one.data.strip_prefix(begins))
}

fn orientation(decoder: &Decoder<'_>) -> Option<Orientation> {
    Orientation::from_exif_chunk(markers(decoder, Marker::APP(1), b"Exif\0\0").next()?)
}

fn profile(decoder: &Decoder<'_>) -> Option<Vec<u8>> {
    profile::joined(markers(decoder, Marker::APP(2), b"ICC_PROFILE\0"))
}

/// What libjpeg keeps where it cannot decode line by line: two bytes per sample.
fn coefficients(decoder: &Decoder<'_>) -> u64 {
    let of = |it: &CompInfo| (it.width_in_blocks() * it.height_in_blocks() * 64 * 2) as u64;
    decoder.components().iter().map(of).sum()
}

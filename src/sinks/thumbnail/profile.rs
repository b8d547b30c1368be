//! Colour profiles: what the numbers of a picture's colours mean.
//!
//! A small one goes along into the thumbnail. A large one would be more than the thumbnail itself: the
//! colours become those of sRGB, which is what a picture without a profile has. One that cannot be read
//! is no reason to refuse what can be seen.

use image::{DynamicImage, GenericImageView as _, RgbImage, RgbaImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The largest profile that is kept, in bytes: those of cameras and screens have a few hundred.
pub(super) const KEPT: usize = 16 << 10;

/// A larger one than this is not read, in bytes: those of printers have one or two million.
const READ: usize = 8 << 20;

/// A profile from its pieces, each with its number, from 1, and how many there are. All must be there
/// once; they may come in any order.
pub(super) fn joined<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Option<Vec<u8>> {
    let split = |piece: &'p [u8]| match piece {
        [number, count, rest @ ..] => Some((*number, *count, rest)),
        _ => None,
    };
    let mut pieces: Vec<_> = pieces.map(split).collect::<Option<_>>()?;
    pieces.sort_by_key(|(number, ..)| *number);
    let count = pieces.len();
    let is_its_turn = |(at, piece): (usize, &(u8, u8, &[u8]))| {
        usize::from(piece.0) == at + 1 && usize::from(piece.1) == count
    };
    let are_all_there = count > 0 && pieces.iter().enumerate().all(is_its_turn);
    are_all_there.then(|| pieces.iter().flat_map(|(.., rest)| *rest).copied().collect())
}

/// The picture in the colours of sRGB.
pub(super) fn in_srgb(picture: &DynamicImage, profile: &[u8]) -> Option<DynamicImage> {
    let (width, height) = picture.dimensions();
    let rgb = |from, space| {
        let pixels = converted(picture.as_bytes(), profile, space, from, Layout::Rgb)?;
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::from)
    };
    let rgba = |from, space| {
        let pixels = converted(picture.as_bytes(), profile, space, from, Layout::Rgba)?;
        RgbaImage::from_raw(width, height, pixels).map(DynamicImage::from)
    };
    match picture {
        DynamicImage::ImageLuma8(_) => rgb(Layout::Gray, DataColorSpace::Gray),
        DynamicImage::ImageLumaA8(_) => rgba(Layout::GrayAlpha, DataColorSpace::Gray),
        DynamicImage::ImageRgb8(_) => rgb(Layout::Rgb, DataColorSpace::Rgb),
        DynamicImage::ImageRgba8(_) => rgba(Layout::Rgba, DataColorSpace::Rgb),
        _ => None,
    }
}

/// Ink that stands upside down, four bytes a pixel, as light, three bytes a pixel.
pub(super) fn light_of_ink(pixels: &[u8], profile: &[u8]) -> Option<Vec<u8>> {
    let ink: Vec<_> = pixels.iter().map(|value| 255 - value).collect();
    converted(&ink, profile, DataColorSpace::Cmyk, Layout::Rgba, Layout::Rgb)
}

/// Colours of this profile as those of sRGB, where it is one for such colours.
fn converted(
    pixels: &[u8],
    profile: &[u8],
    space: DataColorSpace,
    from: Layout,
    to: Layout,
) -> Option<Vec<u8>> {
    let convert = || {
        let profile = ColorProfile::new_from_slice(profile).ok()?;
        let transform = (profile.color_space == space).then(|| {
            let options = TransformOptions::default();
            profile.create_transform_8bit(from, &ColorProfile::new_srgb(), to, options)
        });
        let transform = transform?.ok()?;
        let mut converted = vec![0; pixels.len() / from.channels() * to.channels()];
        transform.transform(pixels, &mut converted).ok()?;
        Some(converted)
    };
    // What spoils its reader is as useless as what its reader refuses.
    let is_readable = profile.len() <= READ;
    is_readable.then(|| catch_unwind(AssertUnwindSafe(convert)).ok().flatten()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined_of(pieces: &[&[u8]]) -> Option<Vec<u8>> {
        joined(pieces.iter().copied())
    }

    #[test]
    fn a_profile_is_joined_from_all_its_pieces_in_any_order() {
        assert_eq!(joined_of(&[b"\x01\x01abc"]).as_deref(), Some(&b"abc"[..]));
        let joined = joined_of(&[b"\x02\x03b", b"\x03\x03c", b"\x01\x03a"]);
        assert_eq!(joined.as_deref(), Some(&b"abc"[..]));
        let broken: [&[&[u8]]; 7] = [
            &[],
            &[b"\x01"],
            &[b"\x01\x02a"],
            &[b"\x01\x02a", b"\x01\x02a"],
            &[b"\x01\x02a", b"\x03\x02b"],
            &[b"\x00\x02a", b"\x01\x02b"],
            &[b"\x01\x02a", b"\x02\x03b"],
        ];
        for pieces in broken {
            assert_eq!(joined_of(pieces), None, "{pieces:?}");
        }
    }

    #[test]
    fn what_is_no_profile_or_one_for_other_colours_converts_nothing() {
        let grey = DynamicImage::new_luma8(4, 4);
        let rgb = DynamicImage::new_rgb8(4, 4);
        let srgb = ColorProfile::new_srgb().encode().unwrap();
        assert_eq!(in_srgb(&rgb, b"rubbish"), None);
        assert_eq!(in_srgb(&grey, &srgb), None);
        assert_eq!(light_of_ink(&[0; 64], &srgb), None);
        assert_eq!(in_srgb(&rgb, &srgb), Some(rgb));
    }
}

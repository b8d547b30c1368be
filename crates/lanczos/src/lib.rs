//! Makes a picture smaller, or larger, with the Lanczos filter.

use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4, U16, U16x2, U16x3, U16x4};
use fast_image_resize::{
    IntoImageViewMut, MulDiv, PixelTrait, ResizeError, ResizeOptions, Resizer,
};
use image::{ColorType, DynamicImage};
use std::error::Error;

/// A part of a picture, in pixels of it and their fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

/// Resizes a part of a picture to so many pixels in width and height. What can be seen through counts as
/// little as it is seen.
///
/// # Errors
///
/// Where the part is not within the picture, or colours have neither 8 nor 16 bits.
pub fn resize(
    mut picture: DynamicImage,
    part: Part,
    (width, height): (u32, u32),
) -> Result<DynamicImage, Box<dyn Error + Send + Sync>> {
    let mut small = DynamicImage::new(width, height, picture.color());
    // By the kinds of pixels that decoders give, and not by all that the library knows: each is compiled
    // with all its filters, for every kind of processor.
    let fill = match picture.color() {
        ColorType::L8 => fill::<U8>,
        ColorType::La8 => fill::<U8x2>,
        ColorType::Rgb8 => fill::<U8x3>,
        ColorType::Rgba8 => fill::<U8x4>,
        ColorType::L16 => fill::<U16>,
        ColorType::La16 => fill::<U16x2>,
        ColorType::Rgb16 => fill::<U16x3>,
        ColorType::Rgba16 => fill::<U16x4>,
        other => return Err(format!("its colours are {other:?}").into()),
    };
    fill(&mut picture, part, &mut small)?;
    Ok(small)
}

/// Fills the small picture with a part of the large one, which is of no use afterwards.
fn fill<P: PixelTrait>(
    picture: &mut DynamicImage,
    part: Part,
    small: &mut DynamicImage,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    // Both to be written to: with views of one type, the library's code for a kind of pixels is there once.
    let (Some(mut picture), Some(mut small)) =
        (picture.image_view_mut::<P>(), small.image_view_mut::<P>())
    else {
        return Err(ResizeError::PixelTypesAreDifferent.into());
    };
    let options = ResizeOptions::new()
        .crop(part.left, part.top, part.width, part.height)
        // In place below: a second picture of this size would take as much memory again.
        .use_alpha(false);
    let alpha = MulDiv::new();
    let translucent = alpha.is_supported(P::pixel_type());
    if translucent {
        alpha.multiply_alpha_inplace_typed(&mut picture)?;
    }
    Resizer::new().resize_typed(&picture, &mut small, &options)?;
    if translucent {
        alpha.divide_alpha_inplace_typed(&mut small)?;
    }
    Ok(())
}

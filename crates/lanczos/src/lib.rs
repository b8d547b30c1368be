//! Makes a picture smaller, or larger, with the Lanczos filter.

use fast_image_resize::{MulDiv, ResizeOptions, Resizer};
use image::DynamicImage;
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
/// Where the part is not within the picture.
pub fn resize(
    mut picture: DynamicImage,
    part: Part,
    (width, height): (u32, u32),
) -> Result<DynamicImage, Box<dyn Error + Send + Sync>> {
    let mut small = DynamicImage::new(width, height, picture.color());
    let options = ResizeOptions::new()
        .crop(part.left, part.top, part.width, part.height)
        // In place below: a second picture of this size would take as much memory again.
        .use_alpha(false);
    let alpha = MulDiv::new();
    let translucent = picture.color().has_alpha();
    if translucent {
        alpha.multiply_alpha_inplace(&mut picture)?;
    }
    Resizer::new().resize(&picture, &mut small, &options)?;
    if translucent {
        alpha.divide_alpha_inplace(&mut small)?;
    }
    Ok(small)
}

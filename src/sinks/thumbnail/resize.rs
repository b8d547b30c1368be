//! Makes a picture smaller, or larger, with the Lanczos filter.

use super::fit::Cut;
use fast_image_resize::{MulDiv, ResizeOptions, Resizer};
use image::DynamicImage;

/// Resizes this part of a picture to the size that it is to have. What can be seen through counts
/// as little as it is seen.
pub(super) fn lanczos(mut picture: DynamicImage, cut: Cut) -> Result<DynamicImage, String> {
    let failed = |cause: &dyn std::fmt::Display| format!("it cannot be made smaller: {cause}");
    let mut small = DynamicImage::new(cut.to.width, cut.to.height, picture.color());
    let options = ResizeOptions::new()
        .crop(cut.left, cut.top, cut.width, cut.height)
        // In place below: a second picture of this size would take as much memory again.
        .use_alpha(false);
    let alpha = MulDiv::new();
    let translucent = picture.color().has_alpha();
    if translucent {
        alpha.multiply_alpha_inplace(&mut picture).map_err(|cause| failed(&cause))?;
    }
    Resizer::new().resize(&picture, &mut small, &options).map_err(|cause| failed(&cause))?;
    if translucent {
        alpha.divide_alpha_inplace(&mut small).map_err(|cause| failed(&cause))?;
    }
    Ok(small)
}

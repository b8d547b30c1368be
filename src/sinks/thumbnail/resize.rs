//! Makes a picture smaller, or larger.

use super::fit::Cut;
use image::DynamicImage;
use kakehi_lanczos::Part;

/// Resizes this part of a picture to the size that it is to have, with the Lanczos filter.
pub(super) fn lanczos(picture: DynamicImage, cut: Cut) -> Result<DynamicImage, String> {
    let part = Part { left: cut.left, top: cut.top, width: cut.width, height: cut.height };
    kakehi_lanczos::resize(picture, part, (cut.to.width, cut.to.height))
        .map_err(|cause| format!("it cannot be made smaller: {cause}"))
}

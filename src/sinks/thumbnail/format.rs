//! What formats have in common: which one a picture has, what its headers say, its pixels, and why it
//! is refused. Nothing here knows a codec.

use super::fit::Size;
use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat};

/// Why a picture is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    Empty,
    Truncated,
    Damaged,
    Unsupported,
    /// Decoding it takes more than a file of its size may.
    Bomb,
}

/// What a picture's headers say.
#[derive(Debug)]
pub(super) struct Facts {
    /// As it is stored.
    pub(super) size: Size,
    /// How it is to be turned to be seen.
    pub(super) orientation: Orientation,
    /// What its colours mean.
    pub(super) profile: Option<Vec<u8>>,
    /// The memory that its decoder needs besides the pixels that it gives, in bytes.
    pub(super) decoder_bytes: u64,
    pub(super) bytes_per_pixel: u64,
}

/// The pixels of a picture.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) picture: DynamicImage,
    /// Whether the colours were ink (CMYK), which the profile, if any, has made light.
    pub(super) was_ink: bool,
    pub(super) remark: Option<&'static str>,
}

impl From<DynamicImage> for Decoded {
    fn from(picture: DynamicImage) -> Self {
        Self { picture, was_ink: false, remark: None }
    }
}

/// The format of a file, by what it begins with: names and what is said about it may be wrong. The
/// error is for people.
pub(super) fn of(bytes: &[u8]) -> Result<ImageFormat, String> {
    if bytes.is_empty() {
        return Err("it is empty".to_owned());
    }
    match image::guess_format(bytes) {
        Ok(
            format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP | ImageFormat::Gif),
        ) => Ok(format),
        Ok(_) | Err(_) => Err("it is no JPEG, PNG, WebP or GIF".to_owned()),
    }
}

/// What people call it.
pub(super) fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Png => "PNG",
        ImageFormat::WebP => "WebP",
        _ => "GIF",
    }
}

impl Damage {
    /// The reason, for people.
    pub(super) fn of(self, format: ImageFormat) -> String {
        let name = name(format);
        match self {
            Self::Empty => "it has no pixels".to_owned(),
            Self::Truncated => format!("it is a {name} that ends too early"),
            Self::Damaged => format!("it is a damaged {name}"),
            Self::Unsupported => format!("it is a {name} of a kind that is not known here"),
            Self::Bomb => format!("it is a {name} that would take too much to decode"),
        }
    }
}

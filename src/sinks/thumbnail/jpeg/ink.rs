//! From ink to light.

use crate::sinks::thumbnail::profile;

/// Ink becomes light, four bytes a pixel three; as its profile says, where it has one that can be read.
///
/// JPEG says nowhere which end of the scale is ink. Adobe's programs write it upside down, 255 is none,
/// and everybody else reads and writes it so, too, with or without Adobe's marker.
pub(super) fn light(mut pixels: Vec<u8>, profile: Option<&[u8]>) -> Vec<u8> {
    if let Some(light) = profile.and_then(|profile| profile::light_of_ink(&pixels, profile)) {
        return light;
    }
    let count = pixels.len() / 4;
    for at in 0..count {
        let black = u16::from(pixels[4 * at + 3]);
        for channel in 0..3 {
            let value = (u16::from(pixels[4 * at + channel]) * black + 127) / 255;
            pixels[3 * at + channel] = value as u8; // at most 255
        }
    }
    pixels.truncate(3 * count);
    pixels
}

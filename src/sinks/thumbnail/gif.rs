//! GIF: its first frame, on its screen.

use super::fit::Size;
use super::format::{Damage, Decoded, Facts};
use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError, MemoryLimit};
use image::metadata::Orientation;
use image::{DynamicImage, RgbaImage, imageops};
use std::io::ErrorKind;
use std::num::NonZeroU64;

/// What a decoder may need that does not grow with the picture, in bytes.
const SMALL_CHANGE: u64 = 16 << 20;

/// Where a frame lies on its screen.
struct Position {
    left: u32,
    top: u32,
    frame: Size,
}

/// What its headers say. Nothing is decoded.
pub(super) fn look(bytes: &[u8]) -> Result<Facts, Damage> {
    let (decoder, position) = opened(bytes, SMALL_CHANGE)?;
    Ok(Facts {
        size: position.screen(&decoder),
        orientation: Orientation::NoTransforms,
        // Nobody heeds one in a GIF.
        profile: None,
        // The frame, as numbers of colours and as colours.
        decoder_bytes: position.frame.pixels().saturating_mul(5),
        bytes_per_pixel: 4,
    })
}

/// Decodes its first frame. Of what follows it nothing is read.
pub(super) fn decode(bytes: &[u8], memory: u64) -> Result<Decoded, Damage> {
    let (mut decoder, position) = opened(bytes, memory)?;
    let Size { width, height } = position.screen(&decoder);
    let mut pixels = vec![0; decoder.buffer_size()];
    decoder.read_into_buffer(&mut pixels).map_err(damage)?;
    let frame = RgbaImage::from_raw(position.frame.width, position.frame.height, pixels);
    let frame = frame.ok_or(Damage::Damaged)?;
    if (width, height) == frame.dimensions() {
        return Ok(DynamicImage::from(frame).into());
    }
    let mut screen = RgbaImage::new(width, height);
    imageops::replace(&mut screen, &frame, position.left.into(), position.top.into());
    Ok(DynamicImage::from(screen).into())
}

/// A decoder in front of the first frame that has pixels.
fn opened(bytes: &[u8], memory: u64) -> Result<(Decoder<&[u8]>, Position), Damage> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.allow_unknown_blocks(true);
    let memory = NonZeroU64::new(memory).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes);
    options.set_memory_limit(memory);
    let mut decoder = options.read_info(bytes).map_err(damage)?;
    loop {
        let frame = decoder.next_frame_info().map_err(damage)?.ok_or(Damage::Empty)?;
        let position = Position {
            left: frame.left.into(),
            top: frame.top.into(),
            frame: Size::new(frame.width.into(), frame.height.into()),
        };
        if position.frame.pixels() > 0 {
            return Ok((decoder, position));
        }
    }
}

impl Position {
    /// The screen, enlarged to where the frame lies: what it says of itself is often wrong, and 0.
    fn screen(&self, decoder: &Decoder<&[u8]>) -> Size {
        Size::new(
            u32::from(decoder.width()).max(self.left + self.frame.width),
            u32::from(decoder.height()).max(self.top + self.frame.height),
        )
    }
}

fn damage(cause: DecodingError) -> Damage {
    match cause {
        DecodingError::Io(cause) if cause.kind() == ErrorKind::UnexpectedEof => Damage::Truncated,
        DecodingError::MemoryLimit | DecodingError::OutOfMemory => Damage::Bomb,
        _ => Damage::Damaged,
    }
}

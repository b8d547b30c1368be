//! Where a WebP file ends, and what its header promises without need.

use super::parts::Parts;

/// Each byte, to point at.
const BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut at = 0;
    while at < 256 {
        bytes[at] = at as u8;
        at += 1;
    }
    bytes
};

/// Where the flags of the extended kind stand, and where its chunks begin.
const FLAGS: usize = 20;
const CHUNKS: usize = 30;

const ALPHA: u8 = 0x10;
const EXIF: u8 = 0x08;
const XMP: u8 = 0x04;
const ANIMATION: u8 = 0x02;

/// The picture as long as it says it is. What its header announces and what is not there, and is not
/// needed for its colours, is no longer announced: the decoder would refuse it.
pub(super) fn picture(bytes: &[u8]) -> Parts<'_> {
    let whole = match bytes.get(4..8).and_then(|size| size.first_chunk()) {
        Some(size) => {
            let size = u32::from_le_bytes(*size) as usize;
            let end = size.saturating_add(8 + size % 2);
            &bytes[..end.min(bytes.len())]
        }
        None => bytes,
    };
    if whole.len() < CHUNKS || &whole[12..16] != b"VP8X" {
        return Parts::new([whole, &[], &[]]);
    }
    let (head, rest) = whole.split_at(FLAGS);
    let flags = usize::from(rest[0] & !in_vain(rest[0], &whole[CHUNKS..]));
    Parts::new([head, &BYTES[flags..=flags], &rest[1..]])
}

/// The flags of what these chunks do not hold.
fn in_vain(flags: u8, chunks: &[u8]) -> u8 {
    let mut missing = ALPHA | EXIF | XMP;
    let mut rest = chunks;
    while let Some((head, behind)) = rest.split_first_chunk::<8>() {
        match &head[..4] {
            b"ALPH" | b"VP8L" => missing &= !ALPHA,
            b"EXIF" => missing &= !EXIF,
            b"XMP " => missing &= !XMP,
            _ => {}
        }
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        rest = behind.get(size.saturating_add(size % 2)..).unwrap_or_default();
    }
    // The frames of an animation have chunks of their own.
    if flags & ANIMATION != 0 { missing & !ALPHA } else { missing }
}

//! Where a PNG file ends.

use super::parts::Parts;

/// The last chunk, which says nothing but that it is the last one.
const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";

/// A length, a kind and a checksum.
const FRAME: usize = 12;

/// The picture up to its last chunk, and whether that one is missing. Where all other chunks are whole
/// the decoder is given one: it tells by itself whether all pixels are there.
pub(super) fn picture(bytes: &[u8]) -> (Parts<'_>, bool) {
    let mut at = 8;
    while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= FRAME) {
        let length = u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        if &rest[4..8] == b"IEND" {
            return (Parts::new([&bytes[..at], END, &[]]), false);
        }
        at = at.saturating_add(length).saturating_add(FRAME);
    }
    match bytes.get(at..) {
        Some(rest) if END.starts_with(rest) => (Parts::new([&bytes[..at], END, &[]]), true),
        _ => (Parts::new([bytes, &[], &[]]), false),
    }
}

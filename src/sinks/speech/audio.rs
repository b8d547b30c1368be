//! Is there any sound in it?

/// The shortest that counts as sound, in bytes of samples: what engines write for no words at all is
/// shorter.
const SHORTEST: usize = 400;

/// Whether there is nothing to hear: no bytes, or a WAV file of next to no samples.
pub(super) fn is_empty(bytes: &[u8]) -> bool {
    bytes.is_empty() || samples(bytes).is_some_and(|samples| samples < SHORTEST)
}

/// How many bytes of samples a WAV file has; `None` where it is none.
fn samples(bytes: &[u8]) -> Option<usize> {
    let (head, mut rest) = bytes.split_at_checked(12)?;
    if !head.starts_with(b"RIFF") || !head.ends_with(b"WAVE") {
        return None;
    }
    while let Some((chunk, after)) = rest.split_at_checked(8) {
        let size = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]) as usize;
        if chunk.starts_with(b"data") {
            // Who writes into a pipe does not know the size when it is written.
            return Some(if size == 0 { after.len() } else { size.min(after.len()) });
        }
        rest = after.get(size.saturating_add(size % 2)..).unwrap_or_default();
    }
    Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(declared: u32, samples: usize) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
        bytes.extend([0; 16]);
        bytes.extend(b"LIST\x03\0\0\0abc\0data");
        bytes.extend(declared.to_le_bytes());
        bytes.extend(vec![7; samples]);
        bytes
    }

    #[test]
    fn silence_is_told_from_sound() {
        assert!(is_empty(b""));
        assert!(is_empty(&wav(308, 308)), "what espeak-ng makes of nothing");
        assert!(is_empty(&wav(0, 0)));
        assert!(is_empty(b"RIFF\0\0\0\0WAVE"));
        assert!(!is_empty(&wav(1000, 1000)));
        for unknown in [0, 0x7fff_f000, u32::MAX] {
            assert!(!is_empty(&wav(unknown, 1000)), "its size was not known");
            assert!(is_empty(&wav(unknown, 10)));
        }
        assert!(!is_empty(b"ID3"), "what is no WAV is not looked into");
    }

    #[test]
    fn a_chunk_of_any_size_is_no_harm() {
        for size in [0, 1, 8, u32::MAX] {
            let mut bytes = b"RIFF\0\0\0\0WAVEjunk".to_vec();
            bytes.extend(size.to_le_bytes());
            bytes.extend([0; 9]);
            assert!(is_empty(&bytes));
        }
    }
}

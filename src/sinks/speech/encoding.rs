//! How the sound is written: its content type, and the ending of its name.

/// A way to write sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Alaw,
    M4a,
    Mp3,
    Mulaw,
    Ogg,
    Pcm,
    Wav,
}
use Encoding::*;

impl Encoding {
    /// What a URL may call them, Google's own words included.
    pub(super) const WORDS: &'static [(&'static str, Encoding)] = &[
        ("mp3", Mp3),
        ("wav", Wav),
        ("ogg", Ogg),
        ("m4a", M4a),
        ("alaw", Alaw),
        ("mulaw", Mulaw),
        ("pcm", Pcm),
        ("linear16", Wav),
        ("ogg_opus", Ogg),
    ];

    /// The encodings that endings stand for.
    const ENDINGS: &'static [(&'static str, Encoding)] =
        &[("mp3", Mp3), ("wav", Wav), ("ogg", Ogg), ("opus", Ogg), ("m4a", M4a), ("pcm", Pcm)];

    /// The encoding that the ending of a name stands for, where it is one of sound.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        let known = Self::ENDINGS.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known));
        known.map(|(_, encoding)| *encoding)
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Alaw | Mulaw | Wav => "audio/wav",
            M4a => "audio/mp4",
            Mp3 => "audio/mpeg",
            Ogg => "audio/ogg",
            Pcm => "audio/L16",
        }
    }

    /// The ending of a name, without its dot.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Alaw | Mulaw | Wav => "wav",
            M4a => "m4a",
            Mp3 => "mp3",
            Ogg => "ogg",
            Pcm => "pcm",
        }
    }

    /// Whether a file of this other encoding ends alike.
    pub(super) fn ends_as(self, other: Self) -> bool {
        self.ending() == other.ending()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_tell_the_encoding() {
        for (name, encoding) in [
            ("u/weather.mp3", Some(Mp3)),
            ("a.WAV", Some(Wav)),
            ("a.b.opus", Some(Ogg)),
            ("a.mp3.txt", None),
            ("mp3", None),
            ("2026-11-26T18:53:00.5+09:00", None),
            ("", None),
        ] {
            assert_eq!(Encoding::of_name(name), encoding, "{name}");
        }
        for (_, encoding) in Encoding::WORDS {
            let named = Encoding::of_name(&format!("x.{}", encoding.ending())).unwrap();
            assert!(named.ends_as(*encoding), "{encoding:?}");
        }
    }
}

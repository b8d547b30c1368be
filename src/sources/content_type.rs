//! What a file is: by the ending of its name, else by its first bytes.

/// Content types by the ending of the name.
const ENDINGS: &[(&str, &str)] = &[
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("csv", "text/csv"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("heic", "image/heic"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("jsonl", "application/jsonl"),
    ("md", "text/markdown"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webp", "image/webp"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];

/// Content types by the first bytes; a dot stands for any one.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"RIFF....WEBP", "image/webp"),
    (b"%PDF-", "application/pdf"),
];

/// The media type of what nobody knows.
pub(super) const UNKNOWN: &str = "application/octet-stream";

/// The media type that the first bytes tell, where they do.
pub(super) fn of_content(content: &[u8]) -> Option<&'static str> {
    find(BEGINNINGS, |beginning| begins(content, beginning))
}

/// The ending of a name that files of this type have, without its dot.
pub(super) fn ending(content_type: &str) -> Option<&'static str> {
    let shortest =
        ENDINGS.iter().filter(|(_, known)| *known == content_type).min_by_key(|it| it.0.len());
    shortest.map(|(ending, _)| *ending)
}

/// A media type in small letters and without its parameters; `None` where it is none.
pub(super) fn essence(text: &str) -> Option<String> {
    let kind = text.split(';').next()?.trim().to_ascii_lowercase();
    let (kind_of, of) = kind.split_once('/')?;
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|it| it.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&it))
    };
    (is_word(kind_of) && is_word(of)).then_some(kind)
}

/// The media type of a file with this key and content.
pub(super) fn of(key: &str, content: &[u8]) -> &'static str {
    let name = key.rsplit('/').next().unwrap_or(key);
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let by_name = ending.and_then(|ending| find(ENDINGS, |known| *known == ending));
    by_name.or_else(|| of_content(content)).unwrap_or(UNKNOWN)
}

fn find<K>(table: &[(K, &'static str)], fits: impl Fn(&K) -> bool) -> Option<&'static str> {
    table.iter().find(|(known, _)| fits(known)).map(|(_, found)| *found)
}

fn begins(content: &[u8], beginning: &[u8]) -> bool {
    let fits = |(byte, wanted): (&u8, &u8)| *wanted == b'.' || byte == wanted;
    content.len() >= beginning.len() && content.iter().zip(beginning).all(fits)
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn the_name_says_it_or_else_the_content() {
        for (key, content, found) in [
            ("a/b.JPG", &b""[..], "image/jpeg"),
            ("a.jpg/b", b"\x89PNG\r\n\x1a\n...", "image/png"),
            ("a", b"RIFF\x01\x02\x03\x04WEBPVP8", "image/webp"),
            ("a.dat", b"\xff\xd8\xff\xe0", "image/jpeg"),
            ("a.dat", b"RIFF1234WAVE", "application/octet-stream"),
            ("", b"", "application/octet-stream"),
        ] {
            assert_eq!(of(key, content), found, "{key}");
        }
    }
}

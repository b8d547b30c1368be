//! Bodies that travel in gzip.

use super::Refusal;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use std::io::Read as _;

/// The body as it was before it was packed, of at most so many bytes; the headers then tell of that.
pub(super) fn unpack(headers: &mut HeaderMap, body: Bytes, max: usize) -> Result<Bytes, Refusal> {
    match packing(headers)? {
        Packing::Plain => return Ok(body),
        Packing::Gzip => {}
    }
    // A body that is not there is not packed either.
    let plain = if body.is_empty() { body } else { gunzip(&body, max)?.into() };
    headers.remove(CONTENT_ENCODING);
    headers.insert(CONTENT_LENGTH, plain.len().into());
    Ok(plain)
}

/// How a body is packed.
enum Packing {
    Plain,
    Gzip,
}

fn packing(headers: &HeaderMap) -> Result<Packing, Refusal> {
    let mut named = headers.get_all(CONTENT_ENCODING).iter();
    let (first, second) = (named.next(), named.next());
    let is =
        |word: &str| first.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(word.as_bytes()));
    match (first, second) {
        (None, _) => Ok(Packing::Plain),
        (Some(_), None) if is("identity") || is("") => Ok(Packing::Plain),
        (Some(_), None) if is("gzip") || is("x-gzip") => Ok(Packing::Gzip),
        _ => Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body is encoded in another way than gzip",
        )),
    }
}

fn gunzip(packed: &[u8], max: usize) -> Result<Vec<u8>, Refusal> {
    let mut plain = Vec::new();
    let most = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let read = MultiGzDecoder::new(packed).take(most).read_to_end(&mut plain);
    match read {
        Ok(count) if count > max => Err(super::body::too_large(max)),
        Ok(_) => Ok(plain),
        Err(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the body is not gzip, or not whole")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    const MAX: usize = 1000;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).expect("memory");
        encoder.finish().expect("memory")
    }

    /// What becomes of a body with this encoding: its bytes, or the status of the refusal.
    fn told(encoding: &str, body: &[u8]) -> Result<Vec<u8>, u16> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, encoding.parse().expect("a header"));
        let body = unpack(&mut headers, Bytes::copy_from_slice(body), MAX);
        let body = body.map_err(|refusal| refusal.status.as_u16())?;
        if headers.contains_key(CONTENT_LENGTH) {
            assert_eq!(headers[CONTENT_LENGTH], body.len().to_string());
            assert!(!headers.contains_key(CONTENT_ENCODING));
        }
        Ok(body.to_vec())
    }

    #[test]
    fn a_packed_body_is_unpacked() {
        let whole = [b'a'; MAX];
        assert_eq!(told("gzip", &gzip(&whole)), Ok(whole.to_vec()));
        assert_eq!(told("X-GZIP", &gzip(b"")), Ok(vec![]));
        assert_eq!(told("gzip", b""), Ok(vec![]));
        assert_eq!(told("gzip", &[gzip(b"a"), gzip(b"b")].concat()), Ok(b"ab".to_vec()));
        assert_eq!(told("identity", b"plain"), Ok(b"plain".to_vec()));
        assert_eq!(told("", b"plain"), Ok(b"plain".to_vec()));
    }

    #[test]
    fn what_unpacks_to_more_than_may_be_is_refused() {
        assert_eq!(told("gzip", &gzip(&[0; MAX + 1])), Err(413));
        assert_eq!(told("gzip", &gzip(&vec![0; 100 << 20])), Err(413));
        let halves = [gzip(&[0; MAX]), gzip(&[0; 1])].concat();
        assert_eq!(told("gzip", &halves), Err(413));
    }

    #[test]
    fn what_is_not_gzip_is_refused() {
        let whole = gzip(b"a whole text");
        assert_eq!(told("gzip", b"{}"), Err(400));
        assert_eq!(told("gzip", &whole[..whole.len() - 1]), Err(400));
        assert_eq!(told("gzip", &[&whole[..], b"more"].concat()), Err(400));
        for other in ["deflate", "br", "gzip, gzip", "zstd"] {
            assert_eq!(told(other, &whole), Err(415), "{other}");
        }
    }
}

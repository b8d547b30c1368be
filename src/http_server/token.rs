//! The token that clients show: read from a file, never kept, and compared in constant time.

use super::Refusal;
use crate::error::{Error, Kind, Result};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use subtle::ConstantTimeEq as _;

/// The shortest token, in bytes.
const SHORTEST: usize = 16;

/// A token, by its digest alone: however long it is, a comparison takes the same time.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// Reads a file that holds a token on one line.
    ///
    /// # Errors
    /// `Configuration` where it cannot be read, or holds anything else; what it holds is not told.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = || {
            let what = format!("cannot use the token in `{}`", path.display());
            let hint = "write one on a line of its own: `openssl rand -hex 32 > FILE`";
            Error::new(Kind::Configuration, what).hint(hint)
        };
        let content = std::fs::read(path).map_err(|cause| failed().because_of_file(cause, path))?;
        Self::parse(&content).map_err(|why| failed().because_of(why))
    }

    fn parse(content: &[u8]) -> Result<Self, String> {
        let line = content.strip_suffix(b"\n").unwrap_or(content);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.iter().all(u8::is_ascii_graphic) {
            return Err("it has characters that no header can carry, or blanks".to_owned());
        }
        if line.len() < SHORTEST {
            return Err(format!("it is shorter than {SHORTEST} bytes"));
        }
        Ok(Self(Sha256::digest(line).into()))
    }

    /// Refuses a request that does not show the token.
    ///
    /// # Errors
    /// 401 where its header is missing, or shows another one.
    pub fn verify(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut shown = headers.get_all(AUTHORIZATION).iter();
        let is_it = match (shown.next(), shown.next()) {
            (Some(header), None) => bearer(header).is_some_and(|token| self.is(token)),
            _ => false,
        };
        let reason = "show the server's token: `Authorization: Bearer TOKEN`";
        is_it.then_some(()).ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED, reason))
    }

    /// Whether this is the token; how much of it is right, the time that it takes does not tell.
    pub fn is(&self, token: &[u8]) -> bool {
        let digest: [u8; 32] = Sha256::digest(token).into();
        self.0.ct_eq(&digest).into()
    }
}

/// Shows nothing of the token.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// What stands behind the word `Bearer`, which may be spelled in any letters.
fn bearer(header: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = header.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    #[test]
    fn a_token_has_sixteen_bytes_on_one_line() {
        for content in [TOKEN.to_owned(), format!("{TOKEN}\n"), format!("{TOKEN}\r\n")] {
            assert!(Token::parse(content.as_bytes()).is_ok_and(|it| it.is(TOKEN.as_bytes())));
        }
        for content in [
            "",
            "\n",
            &TOKEN[1..],
            "0123456789abcde\n",
            "0123456789 abcdef",
            "0123456789abcdef\n\n",
            "0123456789abcdef\nx",
            "0123456789abcdé0",
        ] {
            let told = Token::parse(content.as_bytes()).err();
            assert!(told.is_some_and(|why| !why.contains("0123")), "{content:?}");
        }
    }

    #[test]
    fn only_one_header_with_the_whole_token_will_do() {
        let token = Token::parse(TOKEN.as_bytes()).expect("a token");
        let right = format!("Bearer {TOKEN}");
        for (shown, may) in [
            (vec![right.clone()], true),
            (vec![format!("bEARER  {TOKEN} ")], true),
            (vec![], false),
            (vec![right.clone(), right.clone()], false),
            (vec![TOKEN.to_owned()], false),
            (vec![format!("Basic {TOKEN}")], false),
            (vec![format!("Bearer{TOKEN}")], false),
            (vec![format!("Bearer {TOKEN}0")], false),
            (vec![format!("Bearer {}", &TOKEN[1..])], false),
            (vec!["Bearer ".to_owned()], false),
            (vec![String::new()], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in &shown {
                headers.append(AUTHORIZATION, value.parse().expect("a header"));
            }
            let told = token.verify(&headers).map_err(|refusal| refusal.status.as_u16());
            assert_eq!(told, if may { Ok(()) } else { Err(401) }, "{shown:?}");
        }
    }
}

//! What the URL of `listen:` says.

use crate::error::{Error, Kind, Result};
use crate::http_server::{self, Limits, Token, Words};
use crate::location::Location;
use crate::sources::Options;
use crate::sources::lines::{self, LineForm};
use std::path::Path;
use std::time::Duration;

/// The variable that names the file of the token.
const TOKEN_FILE: &str = "KAKEHI_TOKEN_FILE";
/// The largest body of JSON, in bytes, unless `?max-size` says otherwise: what Cloud Pub/Sub takes.
const MAX_JSON: usize = 10_000_000;
/// The largest file, in bytes, unless `?max-size` says otherwise.
const MAX_FILE: usize = 64 << 20;
/// How many bytes a form may have beside its file.
const FORM: usize = 1 << 20;
/// How long a file may take to come.
const FILE_TIME: Duration = Duration::from_secs(300);
/// How many bytes of large bodies there may be at once, at least.
const ROOM: usize = 128 << 20;

/// What the server's options are called here.
const WORDS: Words =
    Words { listen: "`listen:ADDRESS:PORT/PATH`", token: "`token-file=FILE`", host: "host=" };

/// What a URL says.
pub(super) struct ListenOptions {
    listen: String,
    /// The path that requests go to.
    pub(super) path: String,
    hosts: Vec<String>,
    token: Option<Token>,
    /// The largest body, or file, in bytes.
    pub(super) max_size: usize,
    /// What JSON is taken as.
    pub(super) form: LineForm,
    /// Files go there.
    pub(super) upload: Option<UploadOptions>,
}

/// What becomes of files.
pub(super) struct UploadOptions {
    /// The object store that they are put into.
    pub(super) store: Location,
    /// What stands before each key.
    pub(super) prefix: String,
    /// The message is the bare key.
    pub(super) bare_key: bool,
    /// The media types that are taken, `image/*` for all of a kind; all, where none is named.
    pub(super) accept: Vec<String>,
}

pub(super) const UPLOAD: &[&str] = &["store", "prefix", "body", "accept"];
pub(super) const SERVER: &[&str] = &["host", "token-file", "max-size"];

impl ListenOptions {
    /// Reads `listen:ADDRESS:PORT/PATH?host=NAME,NAME&token-file=FILE&max-size=BYTES`, with the
    /// parameters of lines or with `store=URL&prefix=TEXT&body=key&accept=TYPE,TYPE`.
    pub(super) fn of(mut url: Location, options: &Options) -> Result<Self> {
        let (listen, path) = address(&url)?;
        let list = |text: Option<String>| -> Vec<String> {
            text.iter().flat_map(|text| text.split(',')).map(str::to_owned).collect()
        };
        let hosts = list(url.take("host")?);
        let token = url.take("token-file")?;
        let token = token.as_deref().map(Path::new);
        let token = token.or(options.environment.os(TOKEN_FILE).map(Path::new));
        let upload = match url.take("store")? {
            None => None,
            Some(store) => Some(UploadOptions {
                store: Location::parse(&store)?,
                prefix: url.take("prefix")?.unwrap_or_default(),
                bare_key: url.choice("body", &[("key", true), ("json", false)])? == Some(true),
                accept: list(url.take("accept")?),
            }),
        };
        let default = if upload.is_some() { MAX_FILE } else { MAX_JSON };
        let max_size = url.bytes("max-size", 1..=usize::MAX / 4)?.unwrap_or(default);
        let form = if upload.is_some() { LineForm::plain() } else { LineForm::take(&mut url)? };
        url.finish(&match upload.is_some() {
            true => [UPLOAD, SERVER].concat(),
            false => [lines::PARAMETERS, SERVER, &["store"]].concat(),
        })?;
        let token = token.map(Token::read).transpose()?;
        Ok(Self { listen, path, hosts, token, max_size, form, upload })
    }

    /// How to listen, and to whom.
    pub(super) fn server(&self) -> http_server::Options {
        let default = Limits::default();
        let (body_bytes, body_time) = match self.upload {
            Some(_) => (self.max_size + FORM, FILE_TIME),
            None => (self.max_size, default.body_time),
        };
        let large_bodies_bytes = ROOM.max(2 * body_bytes);
        http_server::Options {
            listen: self.listen.clone(),
            hosts: self.hosts.clone(),
            token: self.token.clone(),
            limits: Limits { body_bytes, body_time, large_bodies_bytes, ..default },
            words: WORDS,
        }
    }
}

/// The address and the path of a URL, which need not be asked anything for that.
pub(super) fn address(url: &Location) -> Result<(String, String)> {
    let whole = url.path()?;
    let whole = whole.trim_start_matches("//");
    let (listen, path) = match whole.find('/') {
        Some(at) => whole.split_at(at),
        None => (whole, "/"),
    };
    if listen.is_empty() || !listen.contains(':') {
        return Err(Error::new(Kind::Usage, format!("`{url}` names no address and port"))
            .hint("write `listen:127.0.0.1:8080/upload`"));
    }
    Ok((listen.to_owned(), path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    fn read(text: &str) -> Result<ListenOptions> {
        let options = Options::new(Environment::default(), "data".into());
        ListenOptions::of(Location::parse(text).unwrap(), &options)
    }

    #[test]
    fn what_the_url_says_is_told_with_its_defaults() {
        let json = read("listen:127.0.0.1:8080/events/x?id=id").unwrap();
        assert_eq!((&*json.listen, &*json.path), ("127.0.0.1:8080", "/events/x"));
        assert_eq!((json.max_size, json.server().limits.body_bytes), (MAX_JSON, MAX_JSON));
        let file =
            read("listen:[::1]:0?store=file:s&body=key&accept=image/*,a/b&host=a,b").unwrap();
        assert_eq!((&*file.listen, &*file.path), ("[::1]:0", "/"));
        assert_eq!(file.hosts, ["a", "b"]);
        let upload = file.upload.unwrap();
        assert_eq!((upload.bare_key, upload.accept.len()), (true, 2));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in [
            "listen:",
            "listen:/upload",
            "listen:localhost/x",
            "listen:127.0.0.1:1/?body=key",
            "listen:127.0.0.1:1/?store=s3:&id=id",
            "listen:127.0.0.1:1/?store=file:s&id=id",
            "listen:127.0.0.1:1/?store=file:s&body=name",
            "listen:127.0.0.1:1/?max-size=0",
        ] {
            assert_eq!(read(text).err().map(|it| it.kind()), Some(Kind::Usage), "{text}");
        }
    }
}

//! Object stores: one way to read and write whole objects in S3, Google Cloud Storage, Azure's blobs
//! or a local folder, for a source that fills a store and a sink that works in one.
//!
//! A key is relative to the place that the store's URL names, its prefix included: two ends that are
//! given the same URL mean the same object by the same key.

mod clouds;
mod exists;
mod failure;
mod key;
mod local;
mod preflight;

pub use failure::Failure;

use crate::clients::aws;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::identity;
use crate::location::Location;
use crate::redact;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use key::Key;
use local::Folder;
use object_store::path::Path;
use object_store::{
    Attribute, GetResult, GetResultPayload, ObjectStore, ObjectStoreExt as _, PutOptions,
};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The schemes of a store's URL.
pub const SCHEMES: &[&str] = &["file", "s3", "gs", "az"];

/// How long an answer may take, besides what its bytes need.
const PATIENCE: Duration = Duration::from_secs(30);
/// The slowest line that is waited for, in bytes a second.
const SLOWEST: u64 = 64 << 10;
/// What is asked for to see whether a store answers; nobody has such an object.
const NOBODYS: &str = ".kakehi-check";

/// One opened place for objects. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    identity: String,
    /// What older versions called the place; there may be secrets in it.
    older: Vec<String>,
    bucket: Option<String>,
    /// What stands before every key, without a slash at its end.
    prefix: String,
    objects: Arc<dyn ObjectStore>,
    /// Where the objects are files.
    folder: Option<Folder>,
    patience: Duration,
}

/// What was got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// All of it.
    pub bytes: Bytes,
    /// As whoever put it there said; a local folder does not keep it.
    pub content_type: Option<String>,
}

/// What a store answers to [`Store::ping`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The store can be read from.
    Yes,
    /// The store knows the credentials, and does not show them what is missing: rights for single
    /// objects look the same.
    Guarded,
}

/// Whether this could be a key in any store, as far as its letters tell; else what is wrong with it,
/// as half a sentence.
pub fn validate_key(text: &str) -> Result<(), String> {
    Key::parse(text).map(drop)
}

impl Store {
    /// Opens `s3://BUCKET`, `gs://BUCKET`, `az://CONTAINER`, each with `/PREFIX` where one is
    /// wanted, or `file:PATH`, a folder that must be there. Nothing is sent to the store.
    ///
    /// AWS is set up as its own tools are, `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` included;
    /// Google's and Azure's variables are those that begin with `GOOGLE_` and `AZURE_`.
    ///
    /// # Errors
    /// `Usage` for a URL that names no store, `Configuration` for a folder or a setting that is
    /// missing.
    pub async fn open(url: &Location, environment: &Environment) -> Result<Self> {
        url.finish(&[])?;
        if url.scheme() == "file" {
            let (folder, objects) = local::open(url)?;
            return Ok(Self::new(url, None, String::new(), objects, Some(folder)));
        }
        let (bucket, prefix) = match url.scheme() {
            "s3" | "gs" | "az" => bucket(url)?,
            _ => return Err(url.unknown_scheme("store", SCHEMES)),
        };
        let objects = match url.scheme() {
            "s3" => clouds::s3(&bucket, environment).await,
            "gs" => clouds::gs(&bucket, environment),
            _ => clouds::az(&bucket, environment),
        }?;
        let mut store = Self::new(url, Some(bucket), prefix, objects, None);
        if url.scheme() == "s3"
            && let Some(endpoint) = aws::endpoint(environment, "S3")?
        {
            store.identity = format!("{url} at {}", identity::endpoint(endpoint));
            // Older versions knew it as it was spelled, but for what stands before an `@`.
            let spelled = identity::spellings(endpoint).into_iter();
            let address = spelled.map(|it| redact::behind_user(&it).to_owned());
            store.older = address.map(|address| format!("{url} at {address}")).collect();
        }
        Ok(store)
    }

    fn new(
        url: &Location,
        bucket: Option<String>,
        prefix: String,
        objects: Arc<dyn ObjectStore>,
        folder: Option<Folder>,
    ) -> Self {
        let (identity, older, patience) = (url.to_string(), Vec::new(), PATIENCE);
        Self { identity, older, bucket, prefix, objects, folder, patience }
    }

    /// Sets the patience: how long an answer may take besides its bytes.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The bucket or container, where the store has one.
    pub fn bucket(&self) -> Option<&str> {
        self.bucket.as_deref()
    }

    /// What older versions called the place, for what is kept under such names.
    pub fn older_identities(&self) -> &[String] {
        &self.older
    }

    /// What stands before every key of its URL; empty where nothing does.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The folder without links, where its objects are files.
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.folder.as_ref().map(Folder::path)
    }

    /// Whether something could have this key, as far as its letters tell; nothing is asked.
    pub fn accepts(&self, key: &str) -> Result<(), Failure> {
        self.path(key).map(drop)
    }

    /// An object, where it has at most so many bytes; of a larger one nothing is read.
    pub async fn get(&self, key: &str, max_bytes: u64) -> Result<Object, Failure> {
        let path = self.path(key)?;
        if let Some(folder) = &self.folder {
            folder.readable(path.as_ref()).await.map_err(|failure| self.of_one(failure))?;
        }
        let whole = async {
            let got = self.objects.get(&path).await.map_err(|error| self.failure(&error))?;
            if got.meta.size > max_bytes {
                return Err(Failure::TooLarge { size: got.meta.size, limit: max_bytes });
            }
            let content_type = got.attributes.get(&Attribute::ContentType).map(|it| it.to_string());
            let bytes = self.read(got, max_bytes).await?;
            Ok(Object { bytes, content_type })
        };
        self.in_time(max_bytes, whole).await.map_err(|failure| self.of_one(failure))
    }

    /// A file that may not be read is no fault of the folder's.
    fn of_one(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Denied(why) if self.folder.is_some() => Failure::Refused(why),
            other => other,
        }
    }

    /// What the answer promised: a store that sends more or less is not believed.
    async fn read(&self, got: GetResult, max_bytes: u64) -> Result<Bytes, Failure> {
        let size = got.meta.size;
        let bytes = match got {
            GetResult { payload: GetResultPayload::File(file, _), .. } => {
                local::read(file, size).await?
            }
            streamed => self.collect(streamed, max_bytes).await?,
        };
        match bytes.len() as u64 {
            more if more > max_bytes => Err(Failure::TooLarge { size: more, limit: max_bytes }),
            came if came != size => {
                Err(Failure::Unavailable(format!("{came} of {size} bytes came")))
            }
            _ => Ok(bytes),
        }
    }

    /// What comes over the network, or a little more than what may.
    async fn collect(&self, got: GetResult, max_bytes: u64) -> Result<Bytes, Failure> {
        let mut bytes = BytesMut::with_capacity(got.meta.size as usize); // no more than `max_bytes`
        let mut pieces = got.into_stream();
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece.map_err(|error| self.failure(&error))?);
            if bytes.len() as u64 > max_bytes {
                break;
            }
        }
        Ok(bytes.freeze())
    }

    /// Puts an object there as a whole, over another of its key. When this is well, it is durable:
    /// in a local folder, file and folder are synced to the disk before and after the renaming.
    pub async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        content_type: Option<&str>,
    ) -> Result<(), Failure> {
        let path = self.path(key)?;
        let mut options = PutOptions::default();
        match (&self.folder, content_type) {
            (Some(folder), _) => folder.writable(path.as_ref()).await?,
            (None, Some(content_type)) => {
                options.attributes.insert(Attribute::ContentType, content_type.to_owned().into());
            }
            (None, None) => {}
        }
        let size = bytes.len() as u64;
        let put = async {
            let answer = self.objects.put_opts(&path, bytes.into(), options).await;
            match answer {
                Ok(_) => Ok(()),
                // Nothing can be missing from a put but the place itself.
                Err(error) => Err(match self.failure(&error) {
                    Failure::Missing => Failure::Gone("the store does not know it".to_owned()),
                    other => other,
                }),
            }
        };
        self.in_time(size, put).await
    }

    /// Proves that the store answers, knows the credentials and has the bucket; writes nothing.
    pub async fn ping(&self) -> Result<Answer, Failure> {
        if let Some(folder) = &self.folder {
            return folder.ping().await.map(|()| Answer::Yes);
        }
        let path = self.path(NOBODYS)?;
        let look = async {
            match self.objects.get(&path).await {
                Ok(_) => Ok(Answer::Yes),
                Err(error) if failure::is_guarded(&error) => Ok(Answer::Guarded),
                Err(error) => match self.failure(&error) {
                    Failure::Missing => Ok(Answer::Yes),
                    other => Err(other),
                },
            }
        };
        self.in_time(0, look).await
    }

    /// An error for a person: what could not be done, and why.
    pub fn error(&self, what: impl Into<String>, failure: &Failure) -> Error {
        let error = Error::new(failure.kind(), what).because_of(failure);
        match self.remedy(failure) {
            Some(remedy) => error.hint(remedy),
            None => error,
        }
    }

    fn remedy(&self, failure: &Failure) -> Option<&'static str> {
        match (failure, self.bucket.is_some()) {
            (Failure::Unavailable(_), true) => {
                Some("check the network and the endpoint, or try again later")
            }
            (Failure::Unavailable(_), false) => Some("see that the disk is there and works"),
            (Failure::NoRoom(_), false) => Some("see that the disk has room and may be written to"),
            (Failure::NoRoom(_), true) => Some("see its quota and its room, or try again later"),
            (Failure::Gone(_), true) => Some("make it first, or check its name"),
            (Failure::Gone(_), false) => Some("make the folder, or see that its disk is there"),
            (Failure::Denied(_), false) => Some("see who may write into the folder"),
            (Failure::Denied(_), true) => Some(clouds::log_in(&self.identity)),
            _ => None,
        }
    }

    fn path(&self, key: &str) -> Result<Path, Failure> {
        let path = Key::parse(key).map_err(Failure::BadKey)?.below(&self.prefix);
        match &self.folder {
            Some(_) if local::is_in_the_making(&path) => {
                let why = "a local folder has such names, `#` and digits, for files in the making";
                Err(Failure::BadKey(why.to_owned()))
            }
            _ => Ok(path),
        }
    }

    fn failure(&self, error: &object_store::Error) -> Failure {
        match &self.folder {
            Some(folder) => folder.failure(error),
            None => failure::of(error),
        }
    }

    /// A bound on everything, since a line may stall or drip.
    async fn in_time<T>(
        &self,
        bytes: u64,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let bound = self.patience.saturating_add(Duration::from_secs(bytes / SLOWEST));
        match tokio::time::timeout(bound, work).await {
            Ok(answer) => answer,
            Err(_) => {
                let why = format!(
                    "there was no whole answer within {}",
                    humantime::format_duration(bound)
                );
                Err(Failure::Unavailable(why))
            }
        }
    }
}

/// The place as its URL, with the endpoint where that is not the cloud's own; no secret is in it.
impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.identity)
    }
}

/// As `Display`: a client's settings are nobody's business.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({self})")
    }
}

/// Bucket and prefix of `//BUCKET/PREFIX`.
fn bucket(url: &Location) -> Result<(String, String)> {
    let refused = |why: &str| {
        let what = format!("`{url}` names no store");
        let form = format!("write it as `{}://BUCKET` or `{0}://BUCKET/PREFIX`", url.scheme());
        Error::new(Kind::Usage, what).because_of(why).hint(form)
    };
    let path = url.path()?;
    let path = path.strip_prefix("//").ok_or_else(|| refused("it has no `//`"))?;
    let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if bucket.is_empty() || !bucket.chars().all(legal) {
        return Err(refused("a bucket's name is letters, digits, `-`, `_` and `.`"));
    }
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    if !prefix.is_empty() {
        Key::parse(prefix).map_err(|why| refused(&format!("of its prefix, {why}")))?;
    }
    Ok((bucket.to_owned(), prefix.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_may_have_a_prefix() {
        for (url, bucket, prefix) in [
            ("s3://photos", "photos", ""),
            ("s3://photos/", "photos", ""),
            ("gs://photos/2026/", "photos", "2026"),
            ("az://photos/a%20b/c", "photos", "a b/c"),
        ] {
            let found = super::bucket(&Location::parse(url).unwrap()).unwrap();
            assert_eq!(found, (bucket.to_owned(), prefix.to_owned()), "{url}");
        }
    }

    #[test]
    fn what_names_no_bucket_is_refused() {
        for url in ["s3:", "s3:photos", "s3://", "s3:///a", "s3://a b", "s3://a/../b", "s3://a//b"]
        {
            let error = super::bucket(&Location::parse(url).unwrap()).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{url}");
        }
        let error = super::bucket(&Location::parse("s3://me:hunter2@host").unwrap()).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

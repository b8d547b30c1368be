//! What the URL of an embedded queue says: which file, which queue in it, what it receives besides,
//! how long ids count.

use crate::error::{Error, Kind, Result};
use crate::hint;
use crate::identity::{FileIdentity, Identity, Key};
use crate::location::Location;
use crate::queues::Options;
use crate::text;
use percent_encoding::{AsciiSet, CONTROLS, percent_encode, utf8_percent_encode};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

/// The parameters of a URL.
pub const PARAMETERS: &[&str] = &["queue", "topic", "dedupe"];

/// What means something in a URL.
const RESERVED: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'&').add(b'#');

/// Where an embedded queue is.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The file.
    pub path: PathBuf,
    /// The queue's name in the file.
    pub name: String,
    /// The queue whose messages come here, too.
    pub topic: Option<String>,
    /// How long an id counts after its message is done.
    pub remember: Duration,
}

impl SqliteOptions {
    /// Reads `sqlite:PATH?queue=NAME&topic=NAME&dedupe=DURATION`.
    pub fn of(mut url: Location, options: &Options) -> Result<Self> {
        let name = url.take("queue")?.unwrap_or_else(|| "default".to_owned());
        let topic = url.take("topic")?;
        if topic.as_ref() == Some(&name) {
            return Err(Error::new(Kind::Usage, format!("`topic={name}` is the queue itself"))
                .hint(
                    "`queue=` names the queue, and `topic=` another one whose messages come too",
                ));
        }
        let remember = url.duration("dedupe")?.unwrap_or_default();
        url.finish(PARAMETERS)?;
        let path = match url.file() {
            path if path.as_os_str().is_empty() => options.data_dir.join("queue.db"),
            path => path,
        };
        Ok(Self { path, name, topic, remember })
    }

    /// Under which name something is kept for the queue: the file's path without links, and the
    /// queue's name.
    pub fn key(&self) -> Result<Key> {
        let path = text::of_name(self.file()?.path());
        Ok(Key::new(format!("sqlite:{path}?queue={}", self.name)))
    }

    /// What the queue is, whatever its file is called.
    pub fn identity(&self) -> Result<Identity> {
        Ok(Identity::in_file(self.file()?, &self.name).of_kind("queue"))
    }

    /// The file that the queue is in.
    pub fn file(&self) -> Result<FileIdentity> {
        FileIdentity::of(&self.path).map_err(|cause| {
            let what = format!("cannot tell where `{}` is", text::of_name(&self.path));
            let error = Error::new(Kind::Configuration, what).because(cause);
            error.hint("name the file by its full path")
        })
    }

    /// The URL of file and queue, without other parameters.
    pub fn url(&self) -> String {
        let path = percent_encode(self.path.as_os_str().as_bytes(), RESERVED);
        format!("sqlite:{path}?queue={}", utf8_percent_encode(&self.name, RESERVED))
    }

    /// Refuses a queue that is there with another topic than the one that the URL names.
    pub fn expect_topic(&self, topic: Option<&str>) -> Result<()> {
        let Some(wanted) = &self.topic else { return Ok(()) };
        if topic == Some(wanted) {
            return Ok(());
        }
        let name = &self.name;
        let because = match topic {
            Some(topic) => format!("it is there, and its topic is `{topic}`"),
            None => "it is there, and has no topic".to_owned(),
        };
        Err(Error::new(
            Kind::Configuration,
            format!("`{name}` is no queue of the topic `{wanted}`"),
        )
        .because_of(because)
        .hint(format!(
            "name another queue, or delete this one first: {}",
            hint::command(["queue", "delete", &self.url(), "--yes"])
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    #[test]
    fn a_file_has_one_place_whatever_it_is_called_and_before_it_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        std::os::unix::fs::symlink(root.join("real"), root.join("link")).unwrap();
        let options = Options::new(Environment::default(), root.clone());
        let place = |text: &str| {
            let text = text.replace("ROOT", root.to_str().unwrap());
            let queue = SqliteOptions::of(Location::parse(&text).unwrap(), &options).unwrap();
            queue.key().unwrap().name().to_owned()
        };
        let expected = format!("sqlite:{}/real/q.db?queue=default", root.display());
        for made in [false, true] {
            if made {
                std::fs::write(root.join("real/q.db"), "").unwrap();
            }
            for text in [
                "sqlite:ROOT/real/q.db",
                "sqlite:ROOT/link/q.db?dedupe=1h",
                "sqlite:ROOT/link/./q.db",
            ] {
                assert_eq!(place(text), expected, "{text}, made: {made}");
            }
        }
        assert_ne!(place("sqlite:ROOT/real/q.db?queue=other"), expected);
        assert_eq!(place("sqlite:"), format!("sqlite:{}/queue.db?queue=default", root.display()));
        assert!(place("sqlite:ROOT/not/there/q.db").ends_with("/not/there/q.db?queue=default"));
    }
}

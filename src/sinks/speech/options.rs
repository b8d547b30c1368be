//! What the sink's URL says.

use super::encoding::Encoding;
use super::google::{self, GoogleOptions};
use super::key::Key;
use super::voicevox::VoicevoxOptions;
use super::weather::WeatherOptions;
use crate::error::{Error, Kind, Result};
use crate::location::Location;
use crate::template::Template;
use std::path::Path;

/// The most that `max-bytes` can be.
const MOST: usize = 1 << 20;

/// What a hint shows of a whole URL.
const FORM: &str =
    "write `speech:STORE?engine=google&voice=ja-JP-Neural2-B&key={{uid}}.mp3&text=...`";

/// All that the sink needs.
pub(super) struct SpeechOptions {
    pub(super) store: Location,
    pub(super) key: Key,
    pub(super) text: Template,
    pub(super) weather: Option<WeatherOptions>,
    pub(super) engine: EngineOptions,
    /// The most bytes of a text.
    pub(super) max_bytes: usize,
}

/// The parameters that all engines have.
const OURS: &[&str] = &[
    "engine",
    "key",
    "text",
    "text-file",
    "encoding",
    "max-bytes",
    "weather",
    "area",
    "station",
    "insecure",
];

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EngineOptions {
    Google(GoogleOptions),
    Voicevox(VoicevoxOptions),
    /// A program and its arguments.
    Command(Vec<String>),
}

/// The engines by their names.
#[derive(Debug, Clone, Copy)]
enum Name {
    Google,
    Voicevox,
    Command,
}

impl Name {
    const WORDS: &'static [(&'static str, Name)] =
        &[("google", Name::Google), ("voicevox", Name::Voicevox), ("command", Name::Command)];

    /// How the engine writes where nobody says.
    fn encoding(self) -> Encoding {
        match self {
            Name::Google => Encoding::Mp3,
            Name::Voicevox | Name::Command => Encoding::Wav,
        }
    }

    /// What only this engine takes.
    fn parameters(self) -> &'static [&'static str] {
        match self {
            Name::Google => &["voice", "language", "endpoint"],
            Name::Voicevox => &["voice", "endpoint"],
            Name::Command => &["command"],
        }
    }
}

impl SpeechOptions {
    pub(super) fn read(mut url: Location) -> Result<Self> {
        let name = url.choice("engine", Name::WORDS)?;
        let name = name.ok_or_else(|| missing("an engine", "engine", &url))?;
        let insecure = url.flag("insecure")?;
        let engine = engine(name, &mut url, insecure)?;
        let key = url.take("key")?.ok_or_else(|| missing("a key", "key", &url))?;
        let encoding = url.choice("encoding", Encoding::WORDS)?;
        let key = Key::new(Template::parse("key", &key)?, encoding, name.encoding())?;
        let text = text(&mut url)?;
        let weather = WeatherOptions::take(&mut url, insecure)?;
        let most = url.number("max-bytes", 1..=most(name))?;
        let max_bytes = most.unwrap_or(google::MAX_BYTES);
        finish(&url, name)?;
        validate(name, &key)?;
        Ok(Self { store: store_of(&url)?, key, text, weather, engine, max_bytes })
    }
}

fn engine(name: Name, url: &mut Location, insecure: bool) -> Result<EngineOptions> {
    Ok(match name {
        Name::Google => EngineOptions::Google(GoogleOptions::take(url)?),
        Name::Voicevox => EngineOptions::Voicevox(VoicevoxOptions::take(url, insecure)?),
        Name::Command => EngineOptions::Command(command(url)?),
    })
}

fn command(url: &mut Location) -> Result<Vec<String>> {
    let hint = "write `command=PROGRAM ARGS...`, with quotes as in a shell: it gets the text on its \
                standard input, and writes the sound to its standard output";
    let refused = |what: &str| Error::new(Kind::Usage, what).hint(hint);
    let text = url.take("command")?;
    let text = text.ok_or_else(|| refused("the engine `command` needs a command"))?;
    let words = shlex::split(&text).filter(|words| !words.is_empty());
    words.ok_or_else(|| refused("`command` is no command"))
}

/// The template of what is said.
fn text(url: &mut Location) -> Result<Template> {
    match (url.take("text")?, url.take("text-file")?) {
        (Some(text), None) => Template::parse("text", &text),
        (None, Some(path)) => Template::read("text-file", Path::new(&path)),
        (None, None) => Err(missing("something to say", "text", url)),
        (Some(_), Some(_)) => Err(Error::new(Kind::Usage, "`text` and `text-file` are both given")
            .hint("leave one of the two out")),
    }
}

fn most(name: Name) -> usize {
    match name {
        Name::Google => google::MAX_BYTES,
        Name::Voicevox | Name::Command => MOST,
    }
}

/// VOICEVOX writes WAV, and what a command writes nobody knows.
fn validate(name: Name, key: &Key) -> Result<()> {
    match name {
        Name::Voicevox if key.encoding() != Encoding::Wav => {
            Err(Error::new(Kind::Usage, "the engine `voicevox` writes WAV only")
                .hint("let `key` end in `.wav`, and leave `encoding` out"))
        }
        _ => Ok(()),
    }
}

fn missing(what: &str, name: &str, url: &Location) -> Error {
    Error::new(Kind::Usage, format!("`speech:` needs {what}: `{name}=`"))
        .hint(format!("{FORM}{}", url.cut_hint()))
}

fn finish(url: &Location, name: Name) -> Result<()> {
    url.finish(&[OURS, name.parameters()].concat())
}

/// The parameters of a URL, whoever speaks.
pub(super) fn parameters() -> Vec<&'static str> {
    let mut all = OURS.to_vec();
    for (_, name) in Name::WORDS {
        let more = name.parameters().iter().filter(|it| !all.contains(it));
        all.extend(more.copied().collect::<Vec<_>>());
    }
    all
}

/// A store's URL, or the bare path of a folder.
fn store_of(url: &Location) -> Result<Location> {
    if url.rest().is_empty() {
        return Err(Error::new(Kind::Usage, format!("`{url}` names no store"))
            .hint("write `speech:FOLDER?...` or `speech:s3://BUCKET?...`"));
    }
    match url.clone().inner() {
        Ok(store) => Ok(store),
        Err(_) => Location::parse(&format!("file:{}", url.rest())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOGLE: &str = "engine=google&voice=ja-JP-Neural2-B";

    fn read(url: &str) -> Result<SpeechOptions> {
        SpeechOptions::read(Location::parse(url)?)
    }

    #[test]
    fn the_issues_url_is_understood() {
        let speech = read(&format!(
            "speech:s3://clocky?{GOOGLE}&key={{{{uid}}}}/{{{{type}}}}/{{{{at}}}}.mp3&text={{{{x}}}}&weather=jma&area=130010"
        ));
        let speech = speech.unwrap();
        assert_eq!(speech.store.to_string(), "s3://clocky");
        assert_eq!((speech.key.encoding(), speech.max_bytes), (Encoding::Mp3, 5000));
        assert!(speech.weather.is_some());
    }

    #[test]
    fn engines_have_their_own_parameters_and_encodings() {
        let folder =
            read("speech:out?engine=command&command=sh -c 'a b' c&key={{u}}&text=x").unwrap();
        let words = ["sh", "-c", "a b", "c"].map(str::to_owned).to_vec();
        assert_eq!(folder.engine, EngineOptions::Command(words));
        assert_eq!(
            (folder.store.to_string().as_str(), folder.key.encoding()),
            ("file:out", Encoding::Wav)
        );
        let voicevox =
            read("speech:out?engine=voicevox&voice=3&key={{u}}&text=x&max-bytes=9").unwrap();
        assert_eq!((voicevox.max_bytes, voicevox.key.encoding()), (9, Encoding::Wav));
    }

    #[test]
    fn plain_http_leaves_this_machine_only_where_that_is_asked_for() {
        let voicevox =
            "speech:out?engine=voicevox&voice=3&key=a&text=b&endpoint=http://voices:50021";
        let weather =
            "speech:out?engine=command&command=cat&key=a&text=b&area=1&weather=http://w/?a=b";
        let google = "speech:out?engine=google&language=ja&key=a&text=b&endpoint=http://voices";
        for url in [voicevox, weather] {
            assert_eq!(read(url).map(drop).unwrap_err().kind(), Kind::Configuration, "{url}");
            assert!(read(&format!("{url}&insecure")).is_ok(), "{url}");
        }
        assert!(read(google).is_ok(), "its key is never sent so: opening it refuses that");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for query in [
            "",
            "engine=siri&key=a&text=b",
            "key=a&text=b",
            "engine=google&key=a&text=b",
            &format!("{GOOGLE}&text=b"),
            &format!("{GOOGLE}&key=a"),
            &format!("{GOOGLE}&key=a&text=b&text-file=c"),
            &format!("{GOOGLE}&key={{{{&text=b"),
            &format!("{GOOGLE}&key=a&text={{{{"),
            &format!("{GOOGLE}&key=a.mp3&text=b&encoding=wav"),
            &format!("{GOOGLE}&key=a&text=b&encoding=flac"),
            &format!("{GOOGLE}&key=a&text=b&max-bytes=5001"),
            &format!("{GOOGLE}&key=a&text=b&command=x"),
            &format!("{GOOGLE}&key=a&text=b&area=130010"),
            "engine=voicevox&key=a&text=b",
            "engine=voicevox&voice=x&key=a&text=b",
            "engine=voicevox&voice=1&key=a.mp3&text=b",
            "engine=command&key=a&text=b",
            "engine=command&command='&key=a&text=b",
        ] {
            let error = read(&format!("speech:s3://b?{query}")).map(drop).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{query}");
            assert!(error.remedy().is_some(), "{query}");
        }
        let error = read(&format!("speech:?{GOOGLE}&key=a&text=b")).map(drop).unwrap_err();
        assert!(error.to_string().contains("names no store"), "{error}");
        let cut = read("speech:s3://b?engine=google").map(drop).unwrap_err();
        assert!(cut.to_string().contains("voice"), "{cut}");
    }
}

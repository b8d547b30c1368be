//! From a URL and the environment to what the driver must know.

use super::compression;
use super::document::Rules;
use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use crate::location::{Location, list};
use crate::sinks::{Conflict, Options};
use mongodb::error::ErrorKind;
use mongodb::options::{Acknowledgment, ClientOptions, Credential, WriteConcern};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;

/// The parameters that are ours; all others are the driver's.
pub(super) const PARAMETERS: &[&str] = &["collection", "dates", "conflict"];

/// How long to look for a server that can be written to, unless the URL says so itself.
const SERVER_SELECTION: Duration = Duration::from_secs(5);

/// How long one connection attempt may take, unless the URL says so itself.
const CONNECT: Duration = Duration::from_secs(5);

/// Options of the connection string that are secrets: in a URL they would be seen.
const SECRET_OPTIONS: &[&str] = &["tlscertificatekeyfilepassword", "proxypassword"];

/// All that the sink needs of its URL and the environment.
#[derive(Debug)]
pub(crate) struct MongoDbOptions {
    pub(super) client: ClientOptions,
    pub(super) database: String,
    pub(super) collection: String,
    pub(super) rules: Rules,
    pub(super) conflict: Conflict,
    /// What to do where the login is refused, but for what the user may do.
    pub(super) login: String,
}

impl MongoDbOptions {
    /// Reads the options. For `mongodb+srv:` this asks the name server.
    pub(crate) async fn read(mut url: Location, options: &Options) -> Result<Self> {
        refuse_secrets(&url)?;
        let login = login_hint(&url);
        let collection = url.take("collection")?.unwrap_or_else(|| "messages".to_owned());
        let rules = match url.take("dates")? {
            Some(keys) => Rules::new(keys.split(',').map(str::trim)),
            None => Rules::default(),
        };
        let conflict = Conflict::take(&mut url)?;
        compression::leave_out(&mut url)?;
        let mut client = parse(&url, &options.environment, options.write_timeout).await?;
        fill_in(&mut client, options.write_timeout);
        if client.write_concern.as_ref().and_then(|wish| wish.w.as_ref())
            == Some(&Acknowledgment::Nodes(0))
        {
            return Err(Error::new(Kind::Usage, "`w=0` cannot be used")
                .because_of("MongoDB would confirm nothing, and messages could be lost")
                .hint("leave `w` away: the default is `majority`"));
        }
        let database = client.default_database.clone().ok_or_else(|| {
            Error::new(Kind::Usage, format!("`{url}` names no database"))
                .hint("write `mongodb://HOST/DATABASE?collection=NAME`")
        })?;
        Ok(Self { client, database, collection, rules, conflict, login })
    }
}

/// Refuses user, password and other secrets in the URL, and prints no part of it.
fn refuse_secrets(url: &Location) -> Result<()> {
    // A password with a raw `?` or `&` in it spills over into the parameters.
    let spilt = |(name, value): (&str, Option<&str>)| {
        name.contains('@') || value.is_some_and(|value| value.contains('@'))
    };
    if url.rest().contains('@') || url.remaining().any(spilt) {
        return Err(Error::new(Kind::Usage, "the MongoDB URL holds a user or a password")
            .because_of("everybody who can list processes sees it (it has an `@`)")
            .hint(
                "set `MONGODB_USERNAME` and `MONGODB_PASSWORD` or `MONGODB_PASSWORD_FILE` as they \
                 are, nothing escaped, and leave them out of the URL",
            ));
    }
    let secret = |name: &str| SECRET_OPTIONS.contains(&name.to_ascii_lowercase().as_str());
    match url.remaining().find(|(name, _)| secret(name)) {
        Some((name, _)) => Err(Error::new(Kind::Usage, format!("`{name}` cannot be used"))
            .because_of("a secret in a URL can be seen by everybody who can list processes")
            .hint("use a key file without a password that only its owner can read")),
        None => Ok(()),
    }
}

/// In which database the user is looked for: that of the URL, or the one that it names for this.
fn login_hint(url: &Location) -> String {
    let typed = url.remaining().find(|(name, _)| name.eq_ignore_ascii_case("authSource"));
    match typed {
        Some((_, source)) => {
            let source = source.unwrap_or_default();
            format!("`authSource={source}` says that the user was created in `{source}`")
        }
        None => format!(
            "where it was created in another database, add `authSource=admin`{}",
            url.cut_hint()
        ),
    }
}

/// The driver's reading of the URL, with our user and password.
///
/// The driver is given stand-ins for them: it then honours every option that concerns them, and no
/// error of its can hold them.
async fn parse(
    url: &Location,
    environment: &Environment,
    limit: Duration,
) -> Result<ClientOptions> {
    let username = environment.get("MONGODB_USERNAME")?;
    let password = environment.secret("MONGODB_PASSWORD")?;
    let stand_in = match (username, &password) {
        (None, None) => "",
        (Some(_), None) => "user@",
        (Some(_), Some(_)) => "user:password@",
        (None, Some(_)) => {
            return Err(Error::new(
                Kind::Configuration,
                "a password for MongoDB is set, but no user",
            )
            .hint("set `MONGODB_USERNAME` too"));
        }
    };
    let text = connection_string(url, stand_in)?;
    let mut client = match tokio::time::timeout(limit, ClientOptions::parse(text)).await {
        Ok(parsed) => parsed.map_err(|cause| refused(url, &cause))?,
        Err(_) => return Err(no_name(url).because_of("the name server did not answer in time")),
    };
    if let Some(credential) = client.credential.as_mut() {
        fill_in_credential(credential, username, password)?;
    }
    Ok(client)
}

fn fill_in_credential(
    credential: &mut Credential,
    username: Option<&str>,
    password: Option<SecretString>,
) -> Result<()> {
    if username.is_some() && password.is_none() && credential.mechanism.is_none() {
        return Err(Error::new(Kind::Configuration, "a user for MongoDB is set, but no password")
            .hint("set `MONGODB_PASSWORD` or `MONGODB_PASSWORD_FILE` too"));
    }
    credential.username = username.map(str::to_owned);
    credential.password = password.map(|password| password.expose_secret().to_owned());
    Ok(())
}

/// The URL as the driver wants it, without our parameters.
fn connection_string(url: &Location, userinfo: &str) -> Result<String> {
    let Some(rest) = url.rest().strip_prefix("//") else {
        return Err(Error::new(Kind::Usage, format!("`{url}` names no server"))
            .hint("write `mongodb://HOST/DATABASE?collection=NAME`"));
    };
    let mut text = format!("{}://{userinfo}{rest}", url.scheme());
    for (at, (name, value)) in url.remaining().enumerate() {
        text.push(if at == 0 { '?' } else { '&' });
        text.extend(utf8_percent_encode(name, NON_ALPHANUMERIC));
        if let Some(value) = value {
            text.push('=');
            text.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
    }
    Ok(text)
}

fn no_name(url: &Location) -> Error {
    Error::new(Kind::Unreachable, format!("cannot look up `{url}`"))
        .hint("check the host's name and the network")
}

/// Why the driver refused the connection string.
fn refused(url: &Location, cause: &mongodb::error::Error) -> Error {
    let malformed = |message: &str| {
        Error::new(Kind::Usage, format!("`{url}` is not a MongoDB URL")).because_of(message).hint(
            format!(
                "`{}:` knows {} and the options of MongoDB's connection string",
                url.scheme(),
                list(PARAMETERS)
            ),
        )
    };
    match cause.kind.as_ref() {
        ErrorKind::DnsResolve { message, .. } => no_name(url).because_of(message),
        ErrorKind::Io(cause) => no_name(url).because_of(cause),
        ErrorKind::InvalidArgument { message, .. } => malformed(message),
        other => malformed(&other.to_string()),
    }
}

/// Our defaults, where the URL is silent: a write counts when it would survive a crash of the
/// server and a change of primary.
fn fill_in(client: &mut ClientOptions, write_timeout: Duration) {
    client.app_name.get_or_insert_with(|| "kakehi".to_owned());
    client.server_selection_timeout.get_or_insert(SERVER_SELECTION);
    client.connect_timeout.get_or_insert(CONNECT);
    let wish = client.write_concern.get_or_insert_with(WriteConcern::default);
    wish.w.get_or_insert(Acknowledgment::Majority);
    wish.journal.get_or_insert(true);
    // Without it a server that cannot reach its majority would wait for ever after we gave up.
    wish.w_timeout.get_or_insert(write_timeout);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "p@ss:/w%rd?#[]&=";

    fn options(variables: &[(&str, &str)]) -> Options {
        Options::new(variables.iter().copied().collect(), "/nonexistent".into())
    }

    async fn read(url: &str, variables: &[(&str, &str)]) -> Result<MongoDbOptions> {
        MongoDbOptions::read(Location::parse(url)?, &options(variables)).await
    }

    async fn refusal(url: &str, variables: &[(&str, &str)]) -> Error {
        let error = read(url, variables).await.unwrap_err();
        assert!(!error.to_string().contains("p@ss"), "{error}");
        assert!(!error.to_string().contains("w%rd"), "{error}");
        error
    }

    #[tokio::test]
    async fn a_url_says_what_is_ours_and_the_driver_gets_the_rest() {
        let url = "mongodb://a:1,b:2/house?collection=readings&dates=at,%20on&conflict=keep\
                   &replicaSet=rs&authSource=admin&tls=false";
        let settings = read(url, &[]).await.unwrap();
        assert_eq!(settings.database, "house");
        assert_eq!(settings.collection, "readings");
        assert_eq!(settings.rules, Rules::new(["at", "on"]));
        assert_eq!(settings.conflict, Conflict::Keep);
        assert_eq!(settings.client.repl_set_name.as_deref(), Some("rs"));
        assert_eq!(settings.client.hosts.len(), 2);
    }

    #[tokio::test]
    async fn a_write_survives_unless_the_url_wants_less() {
        let strict = read("mongodb://h/d", &[]).await.unwrap();
        let wish = strict.client.write_concern.unwrap();
        assert_eq!((wish.w, wish.journal), (Some(Acknowledgment::Majority), Some(true)));
        assert_eq!(strict.client.server_selection_timeout, Some(SERVER_SELECTION));
        assert_eq!(strict.collection, "messages");

        let url = "mongodb://h/d?w=1&journal=false&serverSelectionTimeoutMS=70&connectTimeoutMS=80";
        let loose = read(url, &[]).await.unwrap();
        let wish = loose.client.write_concern.unwrap();
        assert_eq!((wish.w, wish.journal), (Some(Acknowledgment::Nodes(1)), Some(false)));
        assert_eq!(loose.client.server_selection_timeout, Some(Duration::from_millis(70)));
        assert_eq!(loose.client.connect_timeout, Some(Duration::from_millis(80)));
    }

    #[tokio::test]
    async fn user_and_password_come_from_the_environment_as_they_are() {
        let variables = [("MONGODB_USERNAME", "user@home:1"), ("MONGODB_PASSWORD", SECRET)];
        let settings = read("mongodb://h/d?authSource=admin", &variables).await.unwrap();
        assert!(!format!("{settings:?}").contains("p@ss"));
        let credential = settings.client.credential.unwrap();
        assert_eq!(credential.username.as_deref(), Some("user@home:1"));
        assert_eq!(credential.password.as_deref(), Some(SECRET));
        assert_eq!(credential.source.as_deref(), Some("admin"));
    }

    #[tokio::test]
    async fn the_hint_for_a_refused_login_knows_what_was_typed() {
        let hint = async |url: &str| read(url, &[]).await.unwrap().login;
        let typed = hint("mongodb://h/d?authsource=other&collection=c").await;
        assert_eq!(typed, "`authSource=other` says that the user was created in `other`");
        let bare = hint("mongodb://h/d").await;
        assert!(bare.ends_with("add `authSource=admin`"), "{bare}");
        let cut = hint("mongodb://h/d?collection=c").await;
        assert!(cut.contains("add `authSource=admin`; a shell cuts"), "{cut}");
    }

    #[tokio::test]
    async fn secrets_in_the_url_are_refused_and_not_repeated() {
        for url in [
            "mongodb://me:p@ss@h/d",
            "mongodb://me@h/d",
            "mongodb://me:x?p@ss@h/d",
            "mongodb://me:x?a=p@ss@h/d",
            "mongodb://h/d?tlsCertificateKeyFilePassword=w%25rd",
        ] {
            assert_eq!(refusal(url, &[]).await.kind(), Kind::Usage, "{url}");
        }
    }

    #[tokio::test]
    async fn compression_is_left_out_and_what_nobody_knows_is_named() {
        let url = "mongodb://h/d?compressors=zstd,snappy&zlibCompressionLevel=3&w=1";
        let settings = read(url, &[]).await.unwrap();
        assert_eq!(settings.client.write_concern.unwrap().w, Some(Acknowledgment::Nodes(1)));
        for url in ["mongodb://h/d?compressors=gzip", "mongodb://h/d?compressors=zlib,lz4"] {
            let error = refusal(url, &[]).await;
            assert_eq!(error.kind(), Kind::Usage, "{url}");
            assert!(error.to_string().contains("hint: leave `compressors` away"), "{error}");
        }
    }

    #[tokio::test]
    async fn half_a_login_is_refused() {
        for variables in [[("MONGODB_USERNAME", "me")], [("MONGODB_PASSWORD", SECRET)]] {
            let error = refusal("mongodb://h/d", &variables).await;
            assert_eq!(error.kind(), Kind::Configuration);
        }
    }

    #[tokio::test]
    async fn what_the_driver_does_not_know_is_a_usage_error() {
        let variables = [("MONGODB_USERNAME", "me"), ("MONGODB_PASSWORD", SECRET)];
        for url in [
            "mongodb:h/d",
            "mongodb://h",
            "mongodb://h/",
            "mongodb://h:port/d",
            "mongodb://h/d?colection=x",
            "mongodb://h/d?journal",
            "mongodb://h/d?journal=maybe",
            "mongodb://h/d?conflict=x",
            "mongodb://h/d?w=0&journal=false",
            "mongodb+srv://h:1/d",
        ] {
            assert_eq!(refusal(url, &variables).await.kind(), Kind::Usage, "{url}");
        }
        let error = refusal("mongodb://h/d?colection=x", &[]).await.to_string();
        assert!(error.contains("`collection`"), "{error}");
    }
}

//! The real servers, by address. `tests/run.sh` starts them and sets these variables; a test that
//! needs one and has none fails with how to get it, and never skips.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

/// How long what was in the hands of a program that was killed may take to come again. The emulator
/// never notices that a stream has ended: each lease it offers a part of the messages to it anew. Nor
/// does it keep to what a stream may hold: what it offers beyond that waits unread until its lease is
/// over, and is then acknowledged in vain, and delivered again.
pub const EMULATOR_PATIENCE: Duration = Duration::from_secs(400);

/// `host:port` of a Pub/Sub emulator.
pub fn pubsub_emulator() -> String {
    required("TEST_PUBSUB_EMULATOR_HOST", "the Pub/Sub emulator")
}

/// `http://host:port` of a server that speaks SQS.
pub fn sqs() -> String {
    required("TEST_SQS_ENDPOINT", "a server that speaks SQS")
}

/// What a program needs to speak with it: any credentials do.
pub fn sqs_variables() -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL", sqs()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ]
}

/// `http://host:port` of a server that speaks S3.
pub fn s3() -> String {
    required("TEST_S3_ENDPOINT", "a server that speaks S3")
}

/// A Python that has Pillow and Google's clients.
pub fn python() -> String {
    required("TEST_PYTHON", "a Python with Pillow and Google's clients")
}

/// The folder of Google's clients in Go: each program in `v1` and in `v2`.
pub fn go_clients() -> PathBuf {
    required("TEST_GO_CLIENTS", "Google's clients in Go").into()
}

/// The file of a Japanese voice for Open JTalk.
pub fn open_jtalk_voice() -> String {
    required("TEST_OPEN_JTALK_VOICE", "Open JTalk and a voice")
}

/// `host:port` of a Redis without a password.
pub fn redis() -> String {
    required("TEST_REDIS_HOST", "Redis")
}

/// `host:port` of a MariaDB.
pub fn mariadb() -> String {
    required("TEST_MARIADB_HOST", "MariaDB")
}

/// `host:port` of a PostgreSQL.
pub fn postgres() -> String {
    required("TEST_POSTGRES_HOST", "PostgreSQL")
}

/// Who we are at both of them, and may make databases: user and password.
pub fn sql_login() -> (String, String) {
    let login = "who may make databases";
    (required("TEST_SQL_USERNAME", login), env::var("TEST_SQL_PASSWORD").unwrap_or_default())
}

/// The folder of PostgreSQL's own programs, for servers of a test's own.
pub fn postgres_programs() -> PathBuf {
    required("TEST_POSTGRES_PROGRAMS", "PostgreSQL's programs").into()
}

/// `host:port` of a driver of Chromium.
pub fn webdriver() -> String {
    required("TEST_WEBDRIVER_HOST", "Chromium and its driver")
}

/// The browser that the driver opens: Chromium without a screen, which starts in a third of the time.
pub fn browser() -> String {
    required("TEST_BROWSER", "Chromium's headless shell")
}

/// The file of axe-core, which finds out whether everybody can use a page.
pub fn axe() -> PathBuf {
    required("TEST_AXE", "axe-core").into()
}

/// The folder of gocraft/work's programs, and of ours on it: see `tests/clients/gocraft`.
pub fn gocraft() -> PathBuf {
    required("TEST_GOCRAFT", "gocraft/work").into()
}

/// Where MongoDB listens, and who we are there. The password is raw: not percent-encoded.
#[derive(Debug, Clone)]
pub struct Mongo {
    /// `host:port`, or several with commas.
    pub hosts: String,
    pub username: Option<String>,
    pub password: Option<String>,
}

/// The server that speaks MongoDB's protocol: `TEST_MONGODB_URI`, with user and password in it
/// (percent-encoded) or raw in `TEST_MONGODB_USERNAME` and `TEST_MONGODB_PASSWORD`.
pub fn mongodb() -> Mongo {
    let uri = required("TEST_MONGODB_URI", "MongoDB");
    let rest = uri.strip_prefix("mongodb://").expect("TEST_MONGODB_URI begins with mongodb://");
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let (userinfo, hosts) = match authority.rsplit_once('@') {
        Some((userinfo, hosts)) => (Some(userinfo), hosts),
        None => (None, authority),
    };
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(text).decode_utf8().expect("UTF-8").into_owned()
    };
    let (username, password) = match userinfo.and_then(|info| info.split_once(':')) {
        Some((user, password)) => (Some(decode(user)), Some(decode(password))),
        None => (env::var("TEST_MONGODB_USERNAME").ok(), env::var("TEST_MONGODB_PASSWORD").ok()),
    };
    Mongo { hosts: hosts.to_owned(), username, password }
}

/// The address; the first one where there are several. `tests/each.py` gives each test one of them.
fn required(variable: &str, what: &str) -> String {
    let addresses = env::var(variable).unwrap_or_else(|_| {
        panic!("`{variable}` is not set: this test needs {what}. `bash tests/run.sh` starts it.")
    });
    addresses.split(' ').next().unwrap_or_default().to_owned()
}

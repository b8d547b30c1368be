//! The sink `mongodb:` on a real server.

use crate::support::proxy::{Proxy, poison};
use crate::support::sandbox::Sandbox;
use crate::support::services::{self, Mongo};
use crate::support::sink_options::sink_options;
use ::mongodb::bson::{Bson, DateTime, Document, doc};
use ::mongodb::options::{ClientOptions, Credential, IndexOptions};
use ::mongodb::{Client, Collection, IndexModel};
use kakehi::clock::Clock;
use kakehi::environment::Environment;
use kakehi::message::{Delivery, Message, Receipt};
use kakehi::queues::{self, Select};
use kakehi::report::{Counters, Summary};
use kakehi::retry::Limits;
use kakehi::sinks::{self, Options, Outcome, Sink};
use kakehi::subscribe::{DeadLetters, Mode, Parts, Plan, Rehearsal, subscribe};
use kakehi::{Error, Kind, Location};
use std::time::Duration;

const DATABASE: &str = "kakehi_test";

/// A collection of our own on the server, and who we are there.
struct Bed {
    sandbox: Sandbox,
    server: Mongo,
    client: Client,
    collection: Collection<Document>,
}

impl Bed {
    async fn new() -> Self {
        let server = services::mongodb();
        let mut settings =
            ClientOptions::parse(format!("mongodb://{}/", server.hosts)).await.unwrap();
        settings.credential = server.username.clone().map(|username| {
            let password = server.password.clone();
            Credential::builder().username(username).password(password).build()
        });
        let client = Client::with_options(settings).unwrap();
        let name = format!("sink_{}", uuid::Uuid::now_v7().simple());
        let collection = client.database(DATABASE).collection(&name);
        Self { sandbox: Sandbox::new(), server, client, collection }
    }

    /// The sink's URL by way of `hosts`, with more parameters.
    fn url(&self, hosts: &str, more: &str) -> Location {
        let direct = if hosts == self.server.hosts { "" } else { "&directConnection=true" };
        let source = if self.server.username.is_some() { "&authSource=admin" } else { "" };
        let name = self.collection.name();
        Location::parse(&format!(
            "mongodb://{hosts}/{DATABASE}?collection={name}{source}{direct}{more}"
        ))
        .unwrap()
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        let username = self.server.username.as_deref().map(|user| ("MONGODB_USERNAME", user));
        let password = self.server.password.as_deref().map(|word| ("MONGODB_PASSWORD", word));
        username.into_iter().chain(password).collect()
    }

    fn options(&self) -> Options {
        sink_options(&self.sandbox, &self.variables())
    }

    async fn sink(&self, more: &str) -> Box<dyn Sink> {
        sinks::open(self.url(&self.server.hosts, more), &self.options()).await.unwrap()
    }

    /// The sink behind a proxy: quick to give up.
    async fn sink_behind(&self, hosts: &str) -> Box<dyn Sink> {
        let more = "&serverSelectionTimeoutMS=1000&connectTimeoutMS=1000&heartbeatFrequencyMS=500";
        let options = Options { write_timeout: Duration::from_secs(3), ..self.options() };
        sinks::open(self.url(hosts, more), &options).await.unwrap()
    }

    async fn stored(&self, id: &str) -> Option<Document> {
        self.collection.find_one(doc! { "_id": id }).await.unwrap()
    }

    async fn count(&self) -> u64 {
        self.collection.count_documents(doc! {}).await.unwrap()
    }

    async fn is_ferretdb(&self) -> bool {
        let info = self.client.database("admin").run_command(doc! { "buildInfo": 1 }).await;
        info.unwrap().contains_key("ferretdbVersion")
    }

    async fn end(self, sinks: impl IntoIterator<Item = Box<dyn Sink>>) {
        for sink in sinks {
            sink.close().await.unwrap();
        }
        self.collection.drop().await.unwrap();
        self.client.shutdown().await;
    }
}

fn delivery(id: &str, body: impl Into<Vec<u8>>) -> Delivery {
    let message = Message::new(id, body.into());
    Delivery { message, attempts: None, lost: 0, receipt: Receipt("".into()) }
}

fn batch(count: usize) -> Vec<Delivery> {
    (0..count).map(|n| delivery(&format!("id-{n}"), format!(r#"{{"n":{n},"val":{n}}}"#))).collect()
}

#[track_caller]
fn assert_unavailable(outcomes: &[Outcome], count: usize) {
    assert_eq!(outcomes.len(), count);
    for outcome in outcomes {
        assert!(matches!(outcome, Outcome::Unavailable(_)), "{outcome:?}");
    }
}

#[track_caller]
fn assert_lost(outcomes: &[Outcome], count: usize) {
    assert_eq!(outcomes.len(), count);
    for outcome in outcomes {
        assert!(matches!(outcome, Outcome::ConnectionLost(_)), "{outcome:?}");
    }
}

#[track_caller]
fn assert_rejected(outcome: &Outcome, reason: &str) {
    match outcome {
        Outcome::Reject(why) => assert!(why.contains(reason), "{why}"),
        other => panic!("{other:?} is no rejection"),
    }
}

#[tokio::test]
async fn a_reading_is_stored_with_the_types_that_charts_need() {
    let bed = Bed::new().await;
    let sink = bed.sink("").await;
    sink.ping().await.unwrap();
    assert!(!sink.ordered());
    let body = r#"{"name":"Tom's \"room\" 🏠","temperature_offset":1,"online":true,
        "newest_events":{"te":{"val":16,"created_at":"2025-02-15T17:49:42Z"}},
        "request_at":"2025-02-16T02:49:42.5+09:00"}"#;
    assert_eq!(sink.write(&[delivery("a", body)]).await, [Outcome::Stored]);
    let at = |millis| Bson::DateTime(DateTime::from_millis(millis));
    let expected = doc! {
        "_id": "a", "name": "Tom's \"room\" 🏠", "temperature_offset": 1_i64, "online": true,
        "newest_events": { "te": { "val": 16.0, "created_at": at(1_739_641_782_000) } },
        "request_at": at(1_739_641_782_500),
    };
    assert_eq!(bed.stored("a").await.unwrap(), expected, "types included");
    bed.end([sink]).await;
}

#[tokio::test]
async fn a_message_that_is_redelivered_is_a_duplicate() {
    let bed = Bed::new().await;
    let sink = bed.sink("").await;
    let messages = batch(50);
    assert_eq!(sink.write(&messages[..20]).await, vec![Outcome::Stored; 20]);
    // Somebody adds to a document, or rewrites a number as the same one of another type.
    let change = doc! { "$set": { "seen": true, "n": 3.0 } };
    bed.collection.update_one(doc! { "_id": "id-3" }, change).await.unwrap();
    let mut expected = vec![Outcome::Duplicate; 20];
    expected.resize(50, Outcome::Stored);
    assert_eq!(sink.write(&messages).await, expected);
    assert_eq!(sink.write(&messages).await, vec![Outcome::Duplicate; 50]);
    assert_eq!(bed.count().await, 50);
    assert!(bed.stored("id-3").await.unwrap().contains_key("seen"));
    bed.end([sink]).await;
}

#[tokio::test]
async fn another_document_under_the_same_id_is_rejected_kept_or_replaced() {
    let bed = Bed::new().await;
    let (strict, keep, replace) =
        (bed.sink("").await, bed.sink("&conflict=keep").await, bed.sink("&conflict=replace").await);
    assert!(replace.ordered(), "what is written last stands");
    let n = async |id| bed.stored(id).await.unwrap().get_i64("n").unwrap();

    let twice =
        [delivery("a", r#"{"n":1}"#), delivery("a", r#"{"n":1}"#), delivery("a", r#"{"n":2}"#)];
    let outcomes = strict.write(&twice).await;
    assert_eq!(outcomes[..2], [Outcome::Stored, Outcome::Duplicate]);
    assert_rejected(&outcomes[2], "another document is stored under this id");
    assert_eq!(n("a").await, 1);

    let other = [delivery("a", r#"{"n":2}"#), delivery("b", r#"{"n":7}"#)];
    assert_eq!(keep.write(&other).await, [Outcome::Duplicate, Outcome::Stored]);
    assert_eq!(n("a").await, 1);

    let turns: Vec<_> = [2, 3, 2, 2].map(|n| delivery("a", format!(r#"{{"n":{n}}}"#))).into();
    let outcomes = replace.write(&turns).await;
    let [stored, duplicate] = [Outcome::Stored, Outcome::Duplicate];
    assert_eq!(outcomes, [stored.clone(), stored.clone(), stored, duplicate]);
    assert_eq!((n("a").await, n("b").await), (2, 7));
    bed.end([strict, keep, replace]).await;
}

#[tokio::test]
async fn a_key_that_is_there_under_another_id_is_rejected_by_every_rule() {
    let bed = Bed::new().await;
    let unique = IndexOptions::builder().unique(true).build();
    let index = IndexModel::builder().keys(doc! { "serial": 1 }).options(unique).build();
    bed.collection.create_index(index).await.unwrap();
    let mut sinks = Vec::new();
    for (at, rule) in ["", "&conflict=keep", "&conflict=replace"].into_iter().enumerate() {
        let sink = bed.sink(rule).await;
        let good = delivery(&format!("good-{at}"), format!(r#"{{"serial":"s-{at}"}}"#));
        let bad = delivery(&format!("bad-{at}"), r#"{"serial":"s-0"}"#);
        let outcomes = sink.write(&[good, bad]).await;
        assert_eq!(outcomes[0], Outcome::Stored);
        assert_rejected(&outcomes[1], "unique index");
        sinks.push(sink);
    }
    assert_eq!(bed.count().await, 3);
    bed.end(sinks).await;
}

#[tokio::test]
async fn bad_documents_are_rejected_alone_and_without_their_content() {
    let bed = Bed::new().await;
    if !bed.is_ferretdb().await {
        // What FerretDB refuses by itself, MongoDB refuses where it is told to.
        let rule = doc! { "$expr": { "$not": [{ "$isArray": { "$arrayElemAt": ["$a", 0] } }] } };
        let database = bed.client.database(DATABASE);
        database.create_collection(bed.collection.name()).validator(rule).await.unwrap();
    }
    let sink = bed.sink("").await;
    let huge = format!(r#"{{"a":"{}"}}"#, "x".repeat(16 * 1024 * 1024));
    let messages = [
        delivery("good-0", r#"{"n":0}"#),
        delivery("text", "secret"),
        delivery("nested", r#"{"a":[["secret"]]}"#),
        delivery("good-1", r#"{"n":1}"#),
        delivery("huge", huge),
        delivery("twice", r#"{"a":1,"a":"secret"}"#),
        delivery("good-2", r#"{"n":2}"#),
    ];
    let outcomes = sink.write(&messages).await;
    for good in [0, 3, 6] {
        assert_eq!(outcomes[good], Outcome::Stored);
    }
    assert_rejected(&outcomes[1], "not a JSON object");
    assert_rejected(&outcomes[2], "MongoDB refused it");
    assert_rejected(&outcomes[4], "too large");
    assert_rejected(&outcomes[5], "the key `a` twice");
    assert!(!format!("{outcomes:?}").contains("secret"), "{outcomes:?}");
    assert_eq!(bed.count().await, 3);
    assert_eq!(sink.write(&messages[1..2]).await.len(), 1, "a batch with nothing good in it");
    assert!(sink.write(&[]).await.is_empty());

    // A key that the server may take or refuse: either way it stands alone.
    let outcomes = sink.write(&[delivery("d", r#"{"$a":"secret"}"#), delivery("e", "{}")]).await;
    assert_eq!(outcomes[1], Outcome::Stored);
    if bed.is_ferretdb().await {
        assert_rejected(&outcomes[0], "BadValue (code 2)");
    }
    sink.ping().await.unwrap();
    bed.end([sink]).await;
}

#[tokio::test]
async fn a_wrong_or_missing_password_is_told_as_such_and_never_shown() {
    let bed = Bed::new().await;
    let (Some(user), Some(password)) = (&bed.server.username, &bed.server.password) else {
        panic!("this test needs a server with a login: set TEST_MONGODB_USERNAME and _PASSWORD");
    };
    let wrong = format!("{password}x");
    let wrong = vec![("MONGODB_USERNAME", user.as_str()), ("MONGODB_PASSWORD", wrong.as_str())];
    for variables in [wrong, Vec::new()] {
        let options = Options { environment: variables.into_iter().collect(), ..bed.options() };
        let url = bed.url(&bed.server.hosts, "");
        let sink = sinks::open(url, &options).await.unwrap();
        let error = sink.ping().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Credentials, "{error}");
        assert!(error.to_string().contains("MONGODB_PASSWORD_FILE"), "{error}");
        assert_hidden(&error, password);

        let outcomes = sink.write(&batch(3)).await;
        assert_unavailable(&outcomes, 3);
        assert!(!format!("{outcomes:?} {options:?}").contains(password.as_str()));
        assert_eq!(sink.ping().await.unwrap_err().kind(), Kind::Credentials);
        sink.close().await.unwrap();
    }
    bed.end([]).await;
}

#[track_caller]
fn assert_hidden(error: &Error, secret: &str) {
    assert!(!format!("{error} {error:?} {}", error.one_line()).contains(secret), "{error}");
}

#[tokio::test]
async fn a_password_from_a_file_opens_the_door() {
    let bed = Bed::new().await;
    let password = bed.server.password.clone().unwrap_or_default();
    let path = bed.sandbox.write("password", format!("{password}\n"));
    let path = path.to_str().unwrap().to_owned();
    let mut variables = bed.variables();
    variables.retain(|(name, _)| *name != "MONGODB_PASSWORD");
    if bed.server.username.is_some() {
        variables.push(("MONGODB_PASSWORD_FILE", &path));
    }
    let options = sink_options(&bed.sandbox, &variables);
    let sink = sinks::open(bed.url(&bed.server.hosts, ""), &options).await.unwrap();
    sink.ping().await.unwrap();
    bed.end([sink]).await;
}

#[tokio::test]
async fn an_outage_before_and_after_a_batch_loses_nothing() {
    let bed = Bed::new().await;
    let proxy = Proxy::start(&bed.server.hosts);
    let sink = bed.sink_behind(&proxy.address()).await;
    proxy.cut();
    let error = sink.ping().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable, "{error}");
    assert!(error.to_string().contains(&proxy.address()), "it names the server: {error}");
    assert_lost(&sink.write(&batch(3)).await, 3);

    proxy.restore();
    until_reachable(&*sink).await;
    assert_eq!(sink.write(&batch(3)).await, vec![Outcome::Stored; 3]);
    proxy.cut();
    assert_lost(&sink.write(&batch(5)).await, 5);
    proxy.restore();
    until_reachable(&*sink).await;
    let [duplicate, stored] = [Outcome::Duplicate, Outcome::Stored];
    let expected = [vec![duplicate; 3], vec![stored; 2]].concat();
    assert_eq!(sink.write(&batch(5)).await, expected);
    bed.end([sink]).await;
}

/// The driver looks for its server every half second in these tests.
async fn until_reachable(sink: &dyn Sink) {
    let mut last = None;
    for _ in 0..20 {
        match sink.ping().await {
            Ok(()) => return,
            Err(error) => last = Some(error),
        }
    }
    panic!("it does not come back: {last:?}");
}

#[tokio::test]
async fn a_batch_whose_answer_is_lost_is_stored_once() {
    let bed = Bed::new().await;
    let proxy = Proxy::start(&bed.server.hosts);
    let sink = bed.sink_behind(&proxy.address()).await;
    sink.ping().await.unwrap();
    proxy.mute();
    let messages = batch(200);
    let (outcomes, ()) = tokio::join!(sink.write(&messages), async {
        while bed.count().await < 200 {
            tokio::task::yield_now().await;
        }
        proxy.cut();
    });
    assert_lost(&outcomes, 200);
    proxy.restore();
    until_reachable(&*sink).await;
    assert_eq!(sink.write(&messages).await, vec![Outcome::Duplicate; 200]);
    assert_eq!(bed.count().await, 200);
    bed.end([sink]).await;
}

#[tokio::test]
async fn a_server_that_stalls_is_given_up_in_time() {
    let bed = Bed::new().await;
    let proxy = Proxy::start(&bed.server.hosts);
    let sink = bed.sink_behind(&proxy.address()).await;
    sink.ping().await.unwrap();
    proxy.stall();
    assert_lost(&sink.write(&batch(3)).await, 3);
    assert_eq!(sink.ping().await.unwrap_err().kind(), Kind::Unreachable);
    sink.close().await.unwrap();
    bed.end([]).await;
}

#[tokio::test]
async fn a_message_that_breaks_the_connection_fails_its_batch_while_the_check_succeeds() {
    let bed = Bed::new().await;
    let poison = poison::proxy(&bed.server.hosts, "hemlock");
    let sink = bed.sink_behind(&poison.address()).await;
    let mut messages = batch(9);
    messages.push(delivery("bad", r#"{"cup":"hemlock"}"#));
    for _ in 0..2 {
        sink.ping().await.unwrap();
        assert_lost(&sink.write(&messages).await, 10);
    }
    sink.ping().await.unwrap();
    assert_eq!(sink.write(&messages[..5]).await, vec![Outcome::Stored; 5], "a half without it");
    assert_eq!(bed.count().await, 5);
    bed.end([sink]).await;
}

#[tokio::test]
async fn the_loop_finds_the_one_message_that_breaks_the_connection() {
    let bed = Bed::new().await;
    let poison = poison::proxy(&bed.server.hosts, "hemlock");
    let sink = bed.sink_behind(&poison.address()).await;
    let mut messages: Vec<_> = batch(20).into_iter().map(|one| one.message).collect();
    messages.insert(13, delivery("bad", r#"{"cup":"hemlock"}"#).message);
    let (result, summary) = drain(&messages, &*sink).await;
    assert_eq!(result.unwrap_err().kind(), Kind::Rejected);
    assert_eq!((summary.stored + summary.duplicate, summary.dead), (20, 1), "{summary:?}");
    assert_eq!(bed.count().await, 20);
    bed.end([sink]).await;
}

/// Publishes to a queue of its own and drains that into the sink; a message has one attempt.
async fn drain(messages: &[Message], sink: &dyn Sink) -> (kakehi::Result<()>, Summary) {
    let url = Location::parse(&format!("memory:{}", uuid::Uuid::now_v7())).unwrap();
    let options = queues::Options {
        lease: Duration::from_secs(30),
        in_flight: 100,
        in_flight_bytes: 1 << 20,
        max_messages: None,
        publish_timeout: Duration::from_secs(1),
        hold: true,
        passes_on: false,
        create: false,
        environment: Environment::default(),
        data_dir: std::path::PathBuf::new(),
        clock: Clock::system(),
        ..queues::Options::new(Default::default(), Default::default())
    };
    let publisher = queues::open_publisher(url.clone(), &options).await.unwrap();
    publisher.publish(messages).await.unwrap();
    let queue = queues::open_subscriber(url.clone(), &options).await.unwrap();
    let plan = Plan {
        mode: Mode::Drain,
        rehearsal: Rehearsal::No,
        batch: 100,
        batch_bytes: 1 << 20,
        concurrency: 2,
        in_flight: 100,
        in_flight_bytes: 1 << 20,
        max_messages: None,
        max_time: None,
        idle: Duration::ZERO,
        lease: options.lease,
        grace: Duration::from_secs(5),
        select: Select::Any,
        retries: Limits { max_attempts: 1, ..Limits::default() },
        max_deliveries: None,
        transform: None,
        rate: None,
    };
    let dead = DeadLetters::new(None, url.to_string(), options);
    let counters = Counters::default();
    let (plan, counters) = (&plan, &counters);
    let parts = Parts { queue: &*queue, sink, dead: &dead, attempts: None, plan, counters };
    let result = subscribe(parts, std::future::pending()).await;
    queue.close().await.unwrap();
    (result, counters.summary(Duration::ZERO))
}

#[tokio::test]
async fn nobody_listening_is_told_with_what_to_do() {
    let sandbox = Sandbox::new();
    let url = "mongodb://127.0.0.1:1/d?serverSelectionTimeoutMS=500";
    let sink =
        sinks::open(Location::parse(url).unwrap(), &sink_options(&sandbox, &[])).await.unwrap();
    let error = sink.ping().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
    let text = error.to_string();
    assert!(text.starts_with("cannot reach MongoDB at `127.0.0.1:1`\n  because: "), "{text}");
    assert!(text.contains("onnection refused"), "the cause: {text}");
    assert!(text.contains("\n  hint: "), "{text}");
    assert!(text.lines().all(|line| line.len() < 200), "no page of driver state: {text}");
    assert_lost(&sink.write(&batch(2)).await, 2);
    sink.close().await.unwrap();
}

//! SQS through our traits and through `subscribe`, against a loop of single calls of Amazon's own
//! client, on the same server in the same run: `cargo bench --bench sqs`, the server being that of
//! `TEST_SQS_ENDPOINT`.
//!
//! Prints messages a second, their ratios, and how many calls of the API a message took: those are
//! counted on a line of our own to the server. Asserts nothing: a busy machine is no failure.

#[path = "../tests/it/support/services.rs"]
#[allow(dead_code)]
mod services;

use aws_sdk_sqs::Client;
use kakehi::clients::aws;
use kakehi::environment::Environment;
use kakehi::queues::{self, Options, Receive, Select, Subscriber, Verdict};
use kakehi::{Location, Message};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How many messages there are, for both: the server's own work grows with what a queue holds.
const MESSAGES: usize = 1000;
const BODY: usize = 150;

/// What each call of the API holds once.
const CALL: &[u8] = b"x-amz-target: AmazonSQS.";

#[tokio::main]
async fn main() {
    let line = Line::open().await;
    println!("{MESSAGES} messages of {BODY} bytes");
    println!("{:>44} {:>9} {:>14}", "", "/s", "calls/message");
    let bare = send_one_by_one(&line).await;
    line.print("bare client, each sent alone", bare, None);
    let ours = publish(&line, "").await;
    line.print("ours, standard queue", ours, Some(bare));
    let ours = publish(&line, ".fifo").await;
    line.print("ours, FIFO queue, no groups", ours, Some(bare));
    let bare = receive_one_by_one(&line).await;
    line.print("bare client, each received and deleted alone", bare, None);
    for receivers in [1, 3, 8] {
        let ours = receive(&line, receivers).await;
        line.print(&format!("ours, {receivers} receivers"), ours, Some(bare));
    }
    let program = subscribe(&line).await;
    line.print("`subscribe` into `sqlite:`, its start included", program, Some(bare));
}

/// A way to the server on which calls are counted.
struct Line {
    endpoint: String,
    calls: Arc<AtomicUsize>,
}

/// Messages a second, and calls a message.
#[derive(Clone, Copy)]
struct Rate {
    messages: f64,
    calls: f64,
}

impl Line {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = calls.clone();
        let server = services::sqs().trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, server.clone(), counter.clone()));
            }
        });
        Self { endpoint, calls }
    }

    fn variables(&self) -> [(&'static str, String); 4] {
        services::sqs_variables().map(|(name, value)| match name {
            "AWS_ENDPOINT_URL" => (name, self.endpoint.clone()),
            _ => (name, value),
        })
    }

    fn options(&self) -> Options {
        let environment = Environment::from_iter(self.variables());
        Options {
            lease: Duration::from_secs(600),
            publish_timeout: Duration::from_secs(60),
            create: true,
            ..Options::new(environment, Default::default())
        }
    }

    async fn client(&self) -> Client {
        let environment = Environment::from_iter(self.variables());
        Client::new(&aws::load(&environment, "SQS").await.expect("settings"))
    }

    /// How fast this did the messages; what is set up before `begun` does not count.
    fn rate(&self, begun: (Instant, usize)) -> Rate {
        let (start, before) = begun;
        let calls = self.calls.load(Ordering::SeqCst) - before;
        Rate {
            messages: MESSAGES as f64 / start.elapsed().as_secs_f64(),
            calls: calls as f64 / MESSAGES as f64,
        }
    }

    fn begin(&self) -> (Instant, usize) {
        (Instant::now(), self.calls.load(Ordering::SeqCst))
    }

    fn print(&self, what: &str, rate: Rate, reference: Option<Rate>) {
        let Rate { messages, calls } = rate;
        let ratio = reference.map(|to| format!("   x{:.1}", messages / to.messages));
        println!("{what:>44} {messages:>9.0} {calls:>14.2}{}", ratio.unwrap_or_default());
    }
}

/// Carries a connection to the server and back, and counts the calls in it.
async fn forward(client: TcpStream, server: String, calls: Arc<AtomicUsize>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let mut from_client = Counting { reader: from_client, tail: Vec::new(), calls };
        while let Some(bytes) = from_client.read().await {
            if to_server.write_all(&bytes).await.is_err() {
                break;
            }
        }
        to_server.shutdown().await.ok();
    };
    // Whoever goes first ends it: there is nobody left to tell.
    tokio::join!(up, async { tokio::io::copy(&mut from_server, &mut to_client).await.ok() });
}

struct Counting<R> {
    reader: R,
    /// The end of what was read: a call may begin in it.
    tail: Vec<u8>,
    calls: Arc<AtomicUsize>,
}

impl<R: AsyncRead + Unpin> Counting<R> {
    async fn read(&mut self) -> Option<Vec<u8>> {
        let mut piece = vec![0; 64 << 10];
        let count = self.reader.read(&mut piece).await.ok().filter(|count| *count > 0)?;
        piece.truncate(count);
        let seen = [std::mem::take(&mut self.tail), piece.clone()].concat();
        let hits = seen.windows(CALL.len()).filter(|it| it.eq_ignore_ascii_case(CALL)).count();
        self.calls.fetch_add(hits, Ordering::SeqCst);
        self.tail = seen[seen.len().saturating_sub(CALL.len() - 1)..].to_vec();
        Some(piece)
    }
}

fn body() -> String {
    format!("{{\"n\":\"{}\"}}", "x".repeat(BODY - 8))
}

fn name(ending: &str) -> String {
    format!("bench-{}{ending}", uuid::Uuid::now_v7().simple())
}

async fn send_one_by_one(line: &Line) -> Rate {
    let client = line.client().await;
    let made = client.create_queue().queue_name(name("")).send().await.expect("it is made");
    let url = made.queue_url.expect("a URL");
    let begun = line.begin();
    for _ in 0..MESSAGES {
        client.send_message().queue_url(&url).message_body(body()).send().await.expect("sent");
    }
    line.rate(begun)
}

async fn publish(line: &Line, ending: &str) -> Rate {
    let (rate, _) = filled(line, ending).await;
    rate
}

/// A new queue with the messages in it, and how fast they went there.
async fn filled(line: &Line, ending: &str) -> (Rate, String) {
    let name = name(ending);
    let url = Location::parse(&format!("sqs:{name}")).expect("a URL");
    let publisher = queues::open_publisher(url, &line.options()).await.expect("a queue");
    let messages: Vec<_> = (0..MESSAGES).map(|n| Message::new(n.to_string(), body())).collect();
    let begun = line.begin();
    for batch in messages.chunks(500) {
        publisher.publish(batch).await.expect("published");
    }
    (line.rate(begun), name)
}

async fn receive_one_by_one(line: &Line) -> Rate {
    let (_, name) = filled(line, "").await;
    let client = line.client().await;
    let url = client.get_queue_url().queue_name(name).send().await.expect("an answer").queue_url;
    let url = url.expect("a URL");
    let begun = line.begin();
    let mut left = MESSAGES;
    while left > 0 {
        let request = client.receive_message().queue_url(&url).wait_time_seconds(1);
        let answer = request.message_attribute_names("All").send().await.expect("received");
        for message in answer.messages.unwrap_or_default() {
            let handle = message.receipt_handle.expect("a handle");
            let request = client.delete_message().queue_url(&url).receipt_handle(handle);
            request.send().await.expect("deleted");
            left -= 1;
        }
    }
    line.rate(begun)
}

async fn receive(line: &Line, receivers: usize) -> Rate {
    let (_, name) = filled(line, "").await;
    let url = Location::parse(&format!("sqs:{name}?receivers={receivers}")).expect("a URL");
    let options = Options { create: false, ..line.options() };
    let subscriber = queues::open_subscriber(url, &options).await.expect("a queue");
    let begun = line.begin();
    let mut left = MESSAGES;
    while left > 0 {
        left -= receive_and_ack(&*subscriber).await.min(left);
    }
    let rate = line.rate(begun);
    subscriber.close().await.expect("closed");
    rate
}

async fn receive_and_ack(subscriber: &dyn Subscriber) -> usize {
    let request = Receive {
        max: 500,
        max_bytes: usize::MAX,
        wait: Duration::from_secs(1),
        select: Select::Any,
    };
    let deliveries = subscriber.receive(request).await.expect("received");
    let count = deliveries.len();
    let verdicts = deliveries.into_iter().map(|d| (d.receipt, Verdict::Ack)).collect();
    subscriber.settle(verdicts).await;
    count
}

/// The whole program; it ends after that many messages.
async fn subscribe(line: &Line) -> Rate {
    let (_, name) = filled(line, "").await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = Command::new(env!("CARGO_BIN_EXE_subscribe"));
    program
        .args(["--summary", "none", "--to", "sqlite:store.db", "--from", &format!("sqs:{name}")])
        .args(["--max-messages", &MESSAGES.to_string()])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .envs(line.variables());
    let begun = line.begin();
    let status = tokio::task::spawn_blocking(move || program.status()).await.expect("no panic");
    assert!(status.expect("it starts").success());
    line.rate(begun)
}

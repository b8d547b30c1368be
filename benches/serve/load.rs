//! Load from many connections, and what it shows. All of it is one thread: a server has the rest.

use crate::CONNECTIONS;
use crate::client::Client;
use futures_util::future::join_all;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

/// What is noted while the load is on.
#[derive(Default)]
pub struct Record {
    times: RefCell<Vec<Duration>>,
    things: Cell<usize>,
}

impl Record {
    /// Notes a request that began then and has done so many things.
    pub fn note(&self, began: Instant, things: usize) {
        self.times.borrow_mut().push(began.elapsed());
        self.things.set(self.things.get() + things);
    }
}

/// What was seen.
pub struct Figures {
    things: usize,
    took: Duration,
    /// How long each request took, the shortest first.
    times: Vec<Duration>,
}

impl Figures {
    /// Things a second.
    pub fn rate(&self) -> f64 {
        self.things as f64 / self.took.as_secs_f64()
    }

    fn millis(&self, part: f64) -> f64 {
        let at = (self.times.len() as f64 * part) as usize;
        let time = self.times.get(at.min(self.times.len().saturating_sub(1)));
        time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }

    /// Prints them, with how many seconds of processor time it took, where that is known.
    pub fn print(&self, what: &str, cpu: Option<f64>) {
        let [half, most, all] = [0.5, 0.99, 1.0].map(|part| self.millis(part));
        print!("{what:<44}{:>10.0}{half:>10.2}{most:>10.2}{all:>10.2}", self.rate());
        match cpu {
            Some(cpu) => println!("{:>10.0}", cpu * 1e6 / self.things as f64),
            None => println!(),
        }
    }
}

/// Works on every connection at once, until each has had enough.
pub async fn on_all(address: &str, work: impl AsyncFn(&mut Client, &Record)) -> Figures {
    let connecting = (0..CONNECTIONS).map(|_| Client::connect(address));
    let clients = join_all(connecting).await;
    let (record, began) = (Record::default(), Instant::now());
    // A connection ends with its work: a server that serves one at a time gets on to the next.
    let one = async |mut client| work(&mut client, &record).await;
    join_all(clients.into_iter().map(one)).await;
    let (took, mut times) = (began.elapsed(), record.times.take());
    times.sort_unstable();
    Figures { things: record.things.get(), took, times }
}

/// When requests begin, over all connections.
pub struct Pace {
    began: Instant,
    /// How many a second; `None`: as fast as they are answered.
    rate: Option<f64>,
    next: Cell<usize>,
}

impl Pace {
    /// As fast as they are answered.
    pub fn none() -> Self {
        Self { began: Instant::now(), rate: None, next: Cell::new(0) }
    }

    /// A pace of so many a second.
    pub fn of(rate: f64) -> Self {
        Self { rate: Some(rate), ..Self::none() }
    }

    /// Waits for the turn of the next request; gives when that was. One that begins late, as those
    /// before it took long, counts from when it was to begin.
    pub async fn turn(&self) -> Instant {
        let number = self.next.replace(self.next.get() + 1);
        let Some(rate) = self.rate else { return Instant::now() };
        let due = self.began + Duration::from_secs_f64(number as f64 / rate);
        sleep_until(due.into()).await;
        due
    }

    /// How many have had their turn.
    fn begun(&self) -> usize {
        self.next.get()
    }
}

/// Sends so many requests.
pub async fn requests(
    address: &str,
    count: usize,
    pace: Pace,
    request: impl AsyncFn(&mut Client) -> usize,
) -> Figures {
    on_all(address, async |client, record| {
        while pace.begun() < count {
            let began = pace.turn().await;
            record.note(began, request(client).await);
        }
    })
    .await
}

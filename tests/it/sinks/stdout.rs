//! The sink `stdout:`, on real pipes and a full device.

use kakehi::message::{Delivery, Message, Receipt};
use kakehi::sinks::stdout::Stdout;
use kakehi::sinks::{Outcome, Sink};
use kakehi::{Kind, Location};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::sync::{Arc, Mutex};

fn deliveries(bodies: &[&str]) -> Vec<Delivery> {
    let delivery = |(at, body): (usize, &&str)| Delivery {
        message: Message::new(format!("id-{at}"), body.as_bytes().to_vec()),
        attempts: Some(1),
        lost: 0,
        receipt: Receipt("".into()),
    };
    bodies.iter().enumerate().map(delivery).collect()
}

/// A pipe that takes so many bytes in all, a few at a time, and then fails.
#[derive(Clone)]
struct Narrow {
    taken: Arc<Mutex<Vec<u8>>>,
    room: usize,
    then: io::ErrorKind,
}

impl Narrow {
    fn new(room: usize, then: io::ErrorKind) -> Self {
        Self { taken: Arc::default(), room, then }
    }

    fn text(&self) -> String {
        String::from_utf8(self.taken.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Narrow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = self.taken.lock().unwrap();
        let count = bytes.len().min(3).min(self.room.saturating_sub(taken.len()));
        if count == 0 {
            self.room = usize::MAX;
            return Err(self.then.into());
        }
        taken.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_message_is_a_line_and_the_reader_has_it_before_write_returns() {
    let (reader, writer) = io::pipe().unwrap();
    let sink = Stdout::new(Box::new(writer), false);
    assert!(sink.ordered());
    let outcomes = sink.write(&deliveries(&["{\n\"a\": 1}", "Tom's", "7"])).await;
    assert_eq!(outcomes, [Outcome::Stored, Outcome::Stored, Outcome::Stored]);
    let mut lines = BufReader::new(reader).lines();
    for expected in ["{ \"a\": 1}", "\"Tom's\"", "7"] {
        assert_eq!(lines.next().unwrap().unwrap(), expected);
    }
    sink.ping().await.unwrap();
    Box::new(sink).close().await.unwrap();
    assert!(lines.next().is_none());
}

#[tokio::test]
async fn the_envelope_carries_what_the_body_does_not() {
    let (mut reader, writer) = io::pipe().unwrap();
    let sink = Stdout::new(Box::new(writer), true);
    sink.write(&deliveries(&["{\"a\":1}"])).await;
    Box::new(sink).close().await.unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "{\"id\":\"id-0\",\"attempt\":1,\"body\":{\"a\":1}}\n");
}

#[tokio::test]
async fn only_whole_lines_count_when_the_reader_goes_away() {
    // Two lines of four bytes each are taken, and of the third a part.
    for room in 8..12 {
        let pipe = Narrow::new(room, io::ErrorKind::BrokenPipe);
        let sink = Stdout::new(Box::new(pipe.clone()), false);
        let outcomes = sink.write(&deliveries(&["100", "200", "300", "400"])).await;
        let expected = [Outcome::Stored, Outcome::Stored, Outcome::Closed, Outcome::Closed];
        assert_eq!(outcomes, expected, "{room}");
        let later = sink.write(&deliveries(&["500"])).await;
        assert_eq!(later, [Outcome::Closed], "it never comes back");
        assert_eq!(pipe.text().len(), room, "and nothing more is written");
    }
}

#[tokio::test]
async fn a_real_pipe_whose_reader_leaves_closes_the_sink() {
    let (mut reader, writer) = io::pipe().unwrap();
    let sink = Stdout::new(Box::new(writer), false);
    let reading = std::thread::spawn(move || {
        let mut start = [0; 100];
        reader.read_exact(&mut start).unwrap();
    });
    // More than a pipe holds, so that the write is under way when the reader leaves.
    let bodies = vec!["\"x\""; 200_000];
    let outcomes = sink.write(&deliveries(&bodies)).await;
    reading.join().unwrap();
    let stored = outcomes.iter().take_while(|one| **one == Outcome::Stored).count();
    assert!(stored >= 25, "what the reader read counts: {stored}");
    assert!(stored < bodies.len());
    assert!(outcomes[stored..].iter().all(|one| *one == Outcome::Closed));
}

#[tokio::test]
async fn a_full_disk_is_an_outage_and_no_lines_fault() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let sink = Stdout::new(Box::new(full), false);
    let outcomes = sink.write(&deliveries(&["1", "2"])).await;
    let why = "cannot write to standard output: No space left on device (os error 28)";
    assert_eq!(outcomes, vec![Outcome::Unavailable(why.to_owned()); 2]);
    sink.ping().await.expect("a device is not asked for room, and nothing is remembered");
}

#[tokio::test]
async fn a_line_torn_by_a_full_disk_does_not_spoil_the_next() {
    let disk = Narrow::new(6, io::ErrorKind::StorageFull);
    let sink = Stdout::new(Box::new(disk.clone()), false);
    let first = sink.write(&deliveries(&["100", "200"])).await;
    assert!(matches!(&first[..], [Outcome::Stored, Outcome::Unavailable(_)]), "{first:?}");
    let second = sink.write(&deliveries(&["200"])).await;
    assert_eq!(second, [Outcome::Stored], "there is room again");
    assert_eq!(disk.text(), "100\n20\n200\n");
}

#[tokio::test]
async fn a_url_that_stdout_cannot_honour_is_refused() {
    let sandbox = crate::support::sandbox::Sandbox::new();
    for url in ["stdout:out.txt", "stdout:?envelop", "stdout:?envelope=7"] {
        let options = crate::support::sink_options::sink_options(&sandbox, &[]);
        let refused = kakehi::sinks::open(Location::parse(url).unwrap(), &options).await;
        assert_eq!(refused.err().expect(url).kind(), Kind::Usage, "{url}");
    }
}

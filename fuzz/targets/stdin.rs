//! Lines of JSON: however the bytes come in pieces, they are the same messages, within the bounds.

#![no_main]

use kakehi::clock::Clock;
use kakehi::sources::{Options, Source, stdin};
use kakehi::{Location, Message};
use libfuzzer_sys::fuzz_target;
use std::io::{Cursor, Read};
use std::path::PathBuf;
use tokio::runtime::{Builder, Runtime};

const URLS: [&str; 4] =
    ["stdin:", "stdin:?envelope", "stdin:?id=id&group=room", "stdin:?id=id&max-line=20"];

thread_local! {
    static RUNTIME: Runtime =
        Builder::new_current_thread().enable_time().build().expect("a runtime");
}

fuzz_target!(|input: (u8, u8, Vec<u8>)| {
    let (choice, piece, bytes) = input;
    let url = URLS[usize::from(choice) % URLS.len()];
    let whole = read(url, 1000, Cursor::new(bytes.clone()));
    let pieces = read(url, 1 + usize::from(choice / 4) % 5, Pieces(Cursor::new(bytes), piece));
    assert_eq!(whole, pieces, "{url}");
});

/// Gives a few bytes at a time.
struct Pieces(Cursor<Vec<u8>>, u8);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(1 + usize::from(self.1));
        self.0.read(&mut buffer[..most])
    }
}

/// Every message but the ids that are made for those without one, and every refusal.
fn read(url: &str, batch: usize, input: impl Read + Send + 'static) -> (Vec<Message>, Vec<String>) {
    let mut options = Options::new(Default::default(), PathBuf::new());
    options.batch = batch;
    options.clock = Clock::system();
    let url = Location::parse(url).expect("a URL");
    let mut source = stdin::from_reader(url, &options, Box::new(input)).expect("it opens");
    RUNTIME.with(|runtime| runtime.block_on(read_all(&mut *source, batch)))
}

async fn read_all(source: &mut dyn Source, most: usize) -> (Vec<Message>, Vec<String>) {
    let (mut messages, mut refused) = (Vec::new(), Vec::new());
    while let Some(batch) = source.read(0).await.expect("a reader that does not fail") {
        let number = batch.number;
        assert!(batch.messages.len() <= most, "a batch of {}", batch.messages.len());
        for mut message in batch.messages {
            assert!(!message.id.is_empty());
            if message.id.len() == 36 {
                message.id.clear();
            }
            messages.push(message);
        }
        refused.extend(batch.refused.iter().map(|it| format!("{}: {}", it.place, it.reason)));
        source.commit(number).await.expect("there is nothing to it");
    }
    (messages, refused)
}

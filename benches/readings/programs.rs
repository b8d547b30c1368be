//! A large store through the program `store` and through a page of `queue serve`, as people look at it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const STORE: &str = "sqlite:store.db?collection=readings";

/// Looks at the store in this folder as people do, with nothing kept of it before.
pub fn look(folder: &Path) {
    println!("{:<34}{:>12}", "through the programs", "ms");
    let year = format!("chart {STORE} --field te --since 365d --svg year.svg");
    store(folder, "store latest", &format!("latest {STORE}"));
    store(folder, "store chart of a year, first", &year);
    store(folder, "store chart of a year", &year);
    std::fs::remove_dir_all(folder.join("looked")).expect("a cache");
    let created = program(env!("CARGO_BIN_EXE_queue"), folder, "create sqlite:queue.db")
        .stdout(Stdio::null())
        .status();
    assert!(created.expect("it starts").success(), "no queue");
    pages(
        folder,
        &[
            ("page of a year, first", "/readings?range=1y"),
            ("page of a year", "/readings?range=1y"),
            ("page of a day", "/readings?range=24h"),
        ],
    );
}

/// A run of `store` whose words are these, with the folder of the store.
fn store(folder: &Path, what: &str, words: &str) {
    let start = Instant::now();
    let status = program(env!("CARGO_BIN_EXE_store"), folder, words)
        .stdout(Stdio::null())
        .status()
        .expect("it starts");
    assert!(status.success(), "store {words} failed");
    told(what, start);
}

/// Pages, each by its path, of one server.
fn pages(folder: &Path, pages: &[(&str, &str)]) {
    let mut server = serve(folder);
    let said = BufReader::new(server.stderr.take().expect("a pipe")).lines();
    let mut said = said.map(|line| line.expect("UTF-8"));
    let address = said.find_map(|line| Some(line.split_once("listening on http://")?.1.to_owned()));
    let address = address.expect("it listens");
    for (what, path) in pages {
        let start = Instant::now();
        let page = get(&address, path);
        assert!(page.starts_with("HTTP/1.1 200"), "{path}: {}", page.lines().next().unwrap_or(""));
        assert!(page.contains("<svg"), "{path} has no chart");
        told(what, start);
    }
    server.kill().expect("it ends");
    server.wait().expect("it ended");
}

fn serve(folder: &Path) -> Child {
    let words = format!("serve sqlite:queue.db --store {STORE} --listen 127.0.0.1:0");
    let server =
        program(env!("CARGO_BIN_EXE_queue"), folder, &words).stderr(Stdio::piped()).spawn();
    server.expect("it starts")
}

fn program(path: &str, folder: &Path, words: &str) -> Command {
    let mut program = Command::new(path);
    program.args(words.split(' ')).current_dir(folder).env("XDG_CACHE_HOME", folder.join("looked"));
    program
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it is there");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .expect("it is read");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("a page");
    page
}

fn told(what: &str, start: Instant) {
    println!("{what:<34}{:>12.1}", start.elapsed().as_secs_f64() * 1e3);
}

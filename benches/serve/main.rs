//! How fast `queue serve` is, with the load generator beside it on the same machine, and beside a
//! public peer over HTTP (moto, as SQS).
//!
//! `cargo bench --bench serve`; `-- --quick` takes a tenth of everything. It prints and asserts
//! nothing: the figures depend on the disk and on what else the machine does. moto is found by
//! `TEST_SQS_ENDPOINT`, which `bash tests/run.sh --bench` sets.

mod client;
mod load;
mod moto;
mod server;
mod tasks;

use load::{Pace, requests};
use server::Server;

/// What is asked of it: tasks a second. What one of them takes is measured at half of that, too.
const INSERTS: f64 = 15_000.0;
const ONE_BY_ONE: f64 = 10_000.0;
const IN_BATCHES: f64 = 30_000.0;

/// How many connections there are, each with one request at a time.
const CONNECTIONS: usize = 64;

/// How many bytes of payload a task has.
const BODY: usize = 200;

/// How many tasks one call takes.
const BATCH: usize = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let part = if std::env::args().any(|word| word == "--quick") { 10 } else { 1 };
    println!("{CONNECTIONS} connections, bodies of {BODY} bytes, synchronous=FULL");
    let columns = ["a second", "p50 ms", "p99 ms", "max ms", "CPU us"];
    println!("{:<44}{}", "", columns.map(|column| format!("{column:>10}")).concat());
    let inserts = rates(200_000 / part).await;
    at_half(75_000 / part).await;
    backlog(1_000_000 / part).await;
    match moto::inserts(5_000 / part).await {
        Some(peer) => {
            peer.print("moto: SendMessage", None);
            println!("kakehi inserts at {:.1} times the rate of moto", inserts / peer.rate());
        }
        None => println!("moto: not measured, `TEST_SQS_ENDPOINT` is not set"),
    }
}

/// Fills a queue and empties it by each way; gives how many inserts there were in a second.
async fn rates(count: usize) -> f64 {
    let server = Server::start();
    let address = &server.address;
    let inserts = requests(address, count, Pace::none(), tasks::insert);
    let inserts = server.measure("inserts, REST", inserts).await;
    let drained = tasks::drain_one_by_one(address, Pace::none());
    server.measure("leases of 100, deletes one by one, REST", drained).await;
    server.measure("inserts in batches of 100, /rpc_http", tasks::fill(address, count)).await;
    let drained = tasks::drain_in_batches(address, Pace::none());
    server.measure("leases and deletes of 100, /rpc_http", drained).await;
    server.print_memory("after that");
    inserts.rate()
}

/// What a request takes while half of what is asked for is done. What fills the queue as fast as it
/// can is followed by inserts, so that its checkpoint is over when leases are measured.
async fn at_half(count: usize) {
    let server = Server::start();
    let address = &server.address;
    server.measure("tasks for what follows, /rpc_http", tasks::fill(address, 2 * count)).await;
    let inserts = requests(address, count, Pace::of(INSERTS / 2.0), tasks::insert);
    server.measure("inserts, REST, at half of the goal", inserts).await;
    let drained = tasks::drain_in_batches(address, Pace::of(IN_BATCHES / 2.0 / BATCH as f64));
    server.measure("leases and deletes of 100, /rpc_http, at half", drained).await;
    let inserts = requests(address, count, Pace::of(INSERTS / 2.0), tasks::insert);
    server.measure("inserts, REST, at half of the goal again", inserts).await;
    let drained = tasks::drain_one_by_one(address, Pace::of(ONE_BY_ONE / 2.0));
    server.measure("deletes one by one, REST, at half", drained).await;
}

/// What a backlog costs: in memory, and in time for what is done beside it.
async fn backlog(count: usize) {
    let server = Server::start();
    let address = &server.address;
    let what = format!("a backlog of {count}, /rpc_http");
    server.measure(&what, tasks::fill(address, count)).await;
    server.print_memory("with it");
    let beside = requests(address, count / 20, Pace::none(), tasks::insert);
    server.measure("inserts, REST, beside it", beside).await;
    server.print_memory("after that");
}

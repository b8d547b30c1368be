//! Serves one recorded answer over HTTP, in place of the Nature Remo API: `serve_fixture FILE`.
//!
//! Prints its address as one line, and ends when its standard input does, so that it never outlives
//! the script that started it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    let path = std::env::args_os().nth(1).expect("usage: serve_fixture FILE");
    let body = std::fs::read(path)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // A client that went away is no reason to stop.
            let _ = answer(connection, &body);
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Reads one request and answers as the API does: the devices, or 401 without a token.
fn answer(mut connection: TcpStream, body: &[u8]) -> std::io::Result<()> {
    let mut lines = BufReader::new(&connection).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut token = false;
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        token |= line.starts_with("authorization: bearer ");
    }
    let (status, body): (_, &[u8]) = match (request.starts_with("GET /1/devices "), token) {
        (true, true) => ("200 OK", body),
        (true, false) => ("401 Unauthorized", br#"{"code":401001,"message":"Unauthorized"}"#),
        (false, _) => ("404 Not Found", b"{}"),
    };
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    )?;
    connection.write_all(body)
}

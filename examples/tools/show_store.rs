//! Prints what an embedded store holds, one line per document: `show_store FILE COLLECTION`.
//!
//! The store is an ordinary SQLite file with one table per collection; any SQLite client reads it.

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(file), Some(collection)) = (args.next(), args.next()) else {
        return Err("usage: show_store FILE COLLECTION".into());
    };
    let store = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // A name cannot be a parameter: quoted as SQL wants it.
    let table = collection.replace('"', "\"\"");
    let mut select = store.prepare(&format!("select id, document from \"{table}\" order by id"))?;
    let rows = select
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?
        .collect::<Result<Vec<_>, _>>()?;

    for (at, (id, document)) in rows.iter().enumerate() {
        let document: Value = serde_json::from_str(document)?;
        match document.get("newest_events") {
            Some(events) => {
                if at == 0 {
                    println!("temperature  humidity  brightness  last movement         device");
                }
                println!("{}", reading(events, &document["name"]));
            }
            None => println!("{id}"),
        }
    }
    println!("({} in `{collection}`)", rows.len());
    Ok(())
}

/// One device's line. The name comes last: how wide it is depends on the terminal's font.
fn reading(events: &Value, name: &Value) -> String {
    let value = |kind: &str, unit: &str| match events[kind]["val"].as_f64() {
        Some(value) => format!("{value}{unit}"),
        None => "-".to_owned(),
    };
    let movement = events["mo"]["created_at"].as_str().unwrap_or("-");
    format!(
        "{:>11}  {:>8}  {:>10}  {movement:<20}  {}",
        value("te", " °C"),
        value("hu", " %"),
        value("il", ""),
        name.as_str().unwrap_or("-"),
    )
}

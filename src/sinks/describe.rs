//! A sink in words, as its URL was understood: a shell that has cut the URL at an `&` shows there.

use super::{Options, sqlite};
use crate::location::Location;

/// `sqlite store.db collection readings`, `mongodb home.readings`, `command sh`. Nothing is asked; no
/// secret is in it. A URL that means nothing is told as it is: opening it says why.
pub fn describe(url: &Location, options: &Options) -> String {
    let sink = match url.scheme() {
        "sqlite" => sqlite::describe(url, options),
        "mongodb" | "mongodb+srv" => collection(url),
        "exec" => url.path().ok().map(|program| format!("command {program}")),
        _ => None,
    };
    sink.unwrap_or_else(|| url.describe())
}

fn collection(url: &Location) -> Option<String> {
    let (_, database) = url.rest().strip_prefix("//")?.split_once('/')?;
    let collection = url.get("collection").unwrap_or("messages");
    (!database.contains('@')).then(|| format!("mongodb {database}.{collection}"))
}

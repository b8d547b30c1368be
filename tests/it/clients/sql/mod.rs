//! Databases by one statement of SQL: what becomes of their types, and of us when they fail.

mod failures;
mod frozen;
mod mariadb_types;
mod parameters;
mod postgres_types;
mod sqlite;
mod tls;

use kakehi::Result;
use kakehi::clients::sql::{Client, Columns, RowStream, Statement};

/// The names that statements of these tests know.
const NAMES: &[&str] = &["from", "to", "date", "zone", "since", "until"];

fn statement(client: &Client, text: &str) -> Statement {
    Statement::parse(text, client.dialect(), NAMES).expect("a statement")
}

/// Each row of a query as a JSON object.
async fn rows(client: &Client, text: &str, values: &[(&str, String)]) -> Result<Vec<String>> {
    let mut stream = client.query(&statement(client, text), values).await?;
    all(&mut stream).await
}

async fn all(stream: &mut RowStream) -> Result<Vec<String>> {
    let mut objects = Vec::new();
    while let Some(batch) = stream.next().await? {
        objects.extend(batch.rows.iter().map(|row| batch.columns.object(row)));
    }
    Ok(objects)
}

/// The one row of a query.
async fn row(client: &Client, text: &str) -> String {
    let rows = rows(client, text, &[]).await.expect("a row");
    assert_eq!(rows.len(), 1, "{text}");
    rows.into_iter().next().unwrap_or_default()
}

async fn prepare(client: &Client, text: &str) -> Result<Columns> {
    client.prepare(&statement(client, text)).await
}

/// What a query is refused with, both where it is only looked at and where it runs.
async fn refusal(client: &Client, text: &str) -> kakehi::Error {
    let looked = prepare(client, text).await.expect_err(text);
    let run = rows(client, text, &[]).await.expect_err(text);
    assert_eq!(looked.to_string(), run.to_string(), "{text}");
    run
}

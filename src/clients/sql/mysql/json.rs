//! Which columns of MariaDB hold JSON: on the wire they are text like any other, and a column of that
//! type is one that is checked by `json_valid`.

use super::value::BINARY;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Column, Conn, Params, Value};

/// How long a column of the type may be, in bytes: that of `longtext`, which it stands for.
const LONGEST: u32 = u32::MAX;

/// A column by its table: schema, table, name.
type Path = (String, String, String);

const ASK: &str = "select constraint_schema, table_name, constraint_name \
     from information_schema.check_constraints where level = 'Column' \
     and check_clause = concat('json_valid(`', replace(constraint_name, '`', '``'), '`)') and (";

/// For each column, whether it is one of MariaDB's JSON. The server is asked where one may be.
pub async fn columns(conn: &mut Conn, columns: &[Column]) -> mysql_async::Result<Vec<bool>> {
    let paths: Vec<_> = columns.iter().map(path).collect();
    let mut tables: Vec<_> =
        paths.iter().flatten().map(|(schema, table, _)| [schema, table]).collect();
    tables.sort_unstable();
    tables.dedup();
    if tables.is_empty() || !is_mariadb(conn).await? {
        return Ok(vec![false; columns.len()]);
    }
    let one = "(constraint_schema = ? and table_name = ?)";
    let ask = format!("{ASK}{})", vec![one; tables.len()].join(" or "));
    let tables = tables.into_iter().flatten().map(|name| Value::from(name.as_str()));
    let known: Vec<Path> = conn.exec(ask, Params::Positional(tables.collect())).await?;
    Ok(paths.iter().map(|path| path.as_ref().is_some_and(|it| known.contains(it))).collect())
}

/// Where a column comes from that may hold JSON.
fn path(column: &Column) -> Option<Path> {
    let may_be = column.column_length() == LONGEST && column.character_set() != BINARY;
    let path = (
        column.schema_str().into_owned(),
        column.org_table_str().into_owned(),
        column.org_name_str().into_owned(),
    );
    (may_be && !path.1.is_empty()).then_some(path)
}

/// MySQL has a type for JSON, and other tables of its constraints.
async fn is_mariadb(conn: &mut Conn) -> mysql_async::Result<bool> {
    let version: Option<String> = conn.query_first("select version()").await?;
    Ok(version.is_some_and(|version| version.contains("MariaDB")))
}

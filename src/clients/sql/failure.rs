//! What a server's refusal means to a person, by its SQLSTATE.

use super::server::Server;
use crate::error::{Error, Kind};
use crate::text;

/// What to do about a statement that writes.
pub const ONLY_READ: &str = "write one statement that only reads, as a `select`";

/// What a server says when it refuses something.
pub struct Refusal<'r> {
    /// Five characters, the first two of which are the class.
    pub state: &'r str,
    /// The server's own words.
    pub message: &'r str,
    /// What the server's own number adds to its SQLSTATE, where that says too little.
    pub kind: Option<Kind>,
}

impl Refusal<'_> {
    /// The error for a person.
    pub fn explain(&self, server: &Server) -> Error {
        let (kind, who) = (self.kind(), format!("`{}`", server.address()));
        let what = match kind {
            Kind::Credentials => format!("{who} refused us"),
            Kind::Unreachable => format!("cannot use {who} now"),
            _ if self.is_missing_database() => format!("{who} is not there"),
            _ => format!("{who} refuses the query"),
        };
        let error = Error::new(kind, what).because_of(self.cause());
        match self.hint(kind) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    fn kind(&self) -> Kind {
        if let Some(kind) = self.kind {
            return kind;
        }
        match (self.state.get(..2).unwrap_or_default(), self.state) {
            ("28", _) | (_, "42501") => Kind::Credentials,
            // Connections, resources, shutdowns, transactions that got into each other's way.
            ("08" | "53" | "55" | "57" | "58" | "40", _) => Kind::Unreachable,
            ("22" | "23", _) => Kind::Failed,
            _ => Kind::Configuration,
        }
    }

    /// Whether the words may quote what stands in a row.
    fn may_quote_rows(&self) -> bool {
        self.state.starts_with("22") || self.state.starts_with("23")
    }

    fn is_missing_database(&self) -> bool {
        self.state.starts_with("3D")
    }

    fn cause(&self) -> String {
        match self.may_quote_rows() {
            true => format!("a value cannot be used so (SQLSTATE {})", self.state),
            false => {
                format!("{} (SQLSTATE {})", text::one_line(self.message, 300), self.state)
            }
        }
    }

    fn hint(&self, kind: Kind) -> Option<&'static str> {
        Some(match kind {
            Kind::Credentials => {
                "set `SQL_USERNAME`, and `SQL_PASSWORD` or `SQL_PASSWORD_FILE`; the user needs \
                 `select` on what the query reads"
            }
            Kind::Unreachable => "nothing is lost: it is asked again with the next tick",
            _ if self.is_missing_database() => "name a database that is there",
            _ if self.state == "25006" => ONLY_READ,
            _ if self.may_quote_rows() => {
                "run the query by hand: the server's own words may quote a row, and are not shown"
            }
            _ => return None,
        })
    }
}

/// The error for a connection that broke, or that did not come about.
pub fn unreachable(server: &Server, cause: &str) -> Error {
    Error::new(Kind::Unreachable, format!("cannot reach `{}`", server.address()))
        .because_of(text::one_line(cause, 300))
        .hint("check that it runs and that this is its address")
}

/// The error for a server with which no encrypted connection came about.
pub fn not_encrypted(server: &Server, cause: &str) -> Error {
    Error::new(Kind::Configuration, format!("no encrypted connection to `{}`", server.address()))
        .because_of(text::one_line(cause, 300))
        .hint(
            "where the server has a certificate of an authority of your own, name its file: \
             `tls-ca=FILE`; `tls=off` sends all as plain text",
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::location::Location;

    fn explain(state: &str, message: &str) -> Error {
        let environment: Environment = [("SQL_USERNAME", "me")].into_iter().collect();
        let mut url = Location::parse("mysql://h/d").unwrap();
        let server = Server::take("mysql", 3306, &mut url, &environment).unwrap();
        Refusal { state, message, kind: None }.explain(&server)
    }

    #[test]
    fn a_state_has_a_kind() {
        for (state, kind) in [
            ("28P01", Kind::Credentials),
            ("28000", Kind::Credentials),
            ("42501", Kind::Credentials),
            ("42P01", Kind::Configuration),
            ("25006", Kind::Configuration),
            ("3D000", Kind::Configuration),
            ("53300", Kind::Unreachable),
            ("57P01", Kind::Unreachable),
            ("40001", Kind::Unreachable),
            ("08S01", Kind::Unreachable),
            ("22012", Kind::Failed),
        ] {
            assert_eq!(explain(state, "x").kind(), kind, "{state}");
        }
    }

    #[test]
    fn what_may_stand_in_a_row_is_not_told() {
        let told = explain("22P02", "invalid input: \"hunter2\"").to_string();
        assert!(!told.contains("hunter2") && told.contains("SQLSTATE 22P02"), "{told}");
        let told = explain("42P01", "relation \"u\" does\nnot exist").to_string();
        assert!(told.contains("relation \"u\" does not exist (SQLSTATE 42P01)"), "{told}");
    }
}

//! How the values of a column become JSON, by its type.

use crate::clients::sql::row::{Cell, unknown_type, unreadable};
use crate::error::Result;
use mysql_async::consts::ColumnType;
use mysql_async::{Column, Value};
use std::fmt::Write as _;

/// The character set of what is no text but bytes.
pub const BINARY: u16 = 63;

/// How a value becomes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A number, a decimal as text.
    Number,
    /// Text.
    Text,
    /// JSON itself.
    Json,
    /// Bytes in base64.
    Bytes,
    /// Up to 64 bits as a whole number.
    Bits,
    /// A day; with its time of day, in so many digits of a second; as an instant or not.
    Date,
    /// A day and a time of day.
    Moment {
        /// How many digits of a second there are.
        digits: u8,
        /// Whether it is an instant, of which UTC is known.
        instant: bool,
    },
    /// Hours, which may be more than 24 and less than 0, minutes and seconds.
    Time {
        /// How many digits of a second there are.
        digits: u8,
    },
}

impl Form {
    /// The form of a column's values.
    ///
    /// # Errors
    /// `Configuration` for a type that has no form in JSON.
    pub fn of(column: &Column) -> Result<Self> {
        use ColumnType::*;
        let digits = column.decimals();
        Ok(match column.column_type() {
            MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_INT24 | MYSQL_TYPE_LONG
            | MYSQL_TYPE_LONGLONG | MYSQL_TYPE_YEAR | MYSQL_TYPE_FLOAT | MYSQL_TYPE_DOUBLE
            | MYSQL_TYPE_NULL => Self::Number,
            MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL | MYSQL_TYPE_ENUM | MYSQL_TYPE_SET => {
                Self::Text
            }
            MYSQL_TYPE_VARCHAR
            | MYSQL_TYPE_VAR_STRING
            | MYSQL_TYPE_STRING
            | MYSQL_TYPE_TINY_BLOB
            | MYSQL_TYPE_MEDIUM_BLOB
            | MYSQL_TYPE_LONG_BLOB
            | MYSQL_TYPE_BLOB => match column.character_set() {
                BINARY => Self::Bytes,
                _ => Self::Text,
            },
            MYSQL_TYPE_JSON => Self::Json,
            MYSQL_TYPE_BIT => Self::Bits,
            MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE => Self::Date,
            MYSQL_TYPE_DATETIME | MYSQL_TYPE_DATETIME2 => Self::Moment { digits, instant: false },
            MYSQL_TYPE_TIMESTAMP | MYSQL_TYPE_TIMESTAMP2 => Self::Moment { digits, instant: true },
            MYSQL_TYPE_TIME | MYSQL_TYPE_TIME2 => Self::Time { digits },
            other => {
                let name = format!("{other:?}").replace("MYSQL_TYPE_", "").to_lowercase();
                return Err(unknown_type(&column.name_str(), &name));
            }
        })
    }

    /// A value as JSON.
    ///
    /// # Errors
    /// `Configuration` for one that its column's type does not let us expect.
    pub fn cell(self, column: &str, value: Value) -> Result<Cell> {
        match value {
            Value::NULL => Ok(Cell::null()),
            Value::Bytes(bytes) => self.of_bytes(&bytes).map_err(|why| unreadable(column, why)),
            Value::Int(number) => Ok(Cell::whole(number)),
            Value::UInt(number) => Ok(Cell::whole(number)),
            // As short as it can be told from its neighbours.
            Value::Float(number) => {
                Ok(Cell::known_json(&serde_json::to_string(&number).unwrap_or_default()))
            }
            Value::Double(number) => Ok(Cell::float(number)),
            Value::Date(..) | Value::Time(..) => Ok(Cell::text(&self.time(&value))),
        }
    }

    fn of_bytes(self, bytes: &[u8]) -> Result<Cell, &'static str> {
        match self {
            Self::Bytes => return Ok(Cell::bytes(bytes)),
            Self::Bits => {
                let number = bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
                return Ok(Cell::whole(number));
            }
            _ => {}
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "text that is not UTF-8")?;
        match self {
            Self::Json => Cell::json(text).ok_or("text that is not JSON, as its type says"),
            _ => Ok(Cell::text(text)),
        }
    }

    fn time(self, value: &Value) -> String {
        let mut text = String::new();
        let digits = match (self, value) {
            (Self::Moment { digits, .. } | Self::Time { digits }, _) => digits,
            _ => 0,
        };
        let written = match *value {
            Value::Date(year, month, day, hour, minute, second, micros) => {
                write!(text, "{year:04}-{month:02}-{day:02}").and_then(|()| match self {
                    Self::Date => Ok(()),
                    _ => write!(text, "T{hour:02}:{minute:02}:{second:02}{}", part(micros, digits)),
                })
            }
            Value::Time(negative, days, hours, minutes, seconds, micros) => {
                let (sign, hours) = (if negative { "-" } else { "" }, days * 24 + u32::from(hours));
                let part = part(micros, digits);
                write!(text, "{sign}{hours:02}:{minutes:02}:{seconds:02}{part}")
            }
            _ => Ok(()),
        };
        debug_assert!(written.is_ok(), "text takes all");
        if matches!(self, Self::Moment { instant: true, .. }) {
            text.push_str("+00:00");
        }
        text
    }
}

/// The part of a second in so many digits; all that it has where their number is not fixed.
fn part(micros: u32, digits: u8) -> String {
    let all = format!(".{micros:06}");
    match digits {
        1..=6 => all[..=usize::from(digits)].to_owned(),
        _ if micros == 0 => String::new(),
        _ => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(form: Form, value: Value) -> String {
        form.cell("c", value).unwrap().as_json().to_owned()
    }

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(json(Form::Number, Value::UInt(u64::MAX)), "18446744073709551615");
        assert_eq!(json(Form::Number, Value::Int(i64::MIN)), "-9223372036854775808");
        assert_eq!(json(Form::Number, Value::Float(0.1)), "0.1");
        assert_eq!(json(Form::Number, Value::Double(0.1)), "0.1");
        assert_eq!(json(Form::Text, Value::Bytes(b"1.10".to_vec())), "\"1.10\"");
        assert_eq!(json(Form::Bits, Value::Bytes(vec![1, 0])), "256");
    }

    #[test]
    fn times_are_iso() {
        let date = Value::Date(2026, 11, 26, 18, 53, 0, 120_000);
        let moment = |digits, instant| Form::Moment { digits, instant };
        assert_eq!(json(Form::Date, date.clone()), "\"2026-11-26\"");
        assert_eq!(json(moment(0, false), date.clone()), "\"2026-11-26T18:53:00.120000\"");
        assert_eq!(json(moment(3, true), date), "\"2026-11-26T18:53:00.120+00:00\"");
        let zero = Value::Date(0, 0, 0, 0, 0, 0, 0);
        assert_eq!(json(Form::Date, zero.clone()), "\"0000-00-00\"");
        assert_eq!(json(moment(0, false), zero), "\"0000-00-00T00:00:00\"");
        let time = Value::Time(true, 34, 22, 59, 59, 0);
        assert_eq!(json(Form::Time { digits: 0 }, time.clone()), "\"-838:59:59\"");
        assert_eq!(json(Form::Time { digits: 1 }, time), "\"-838:59:59.0\"");
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_column() {
        for (form, bytes) in [(Form::Text, &b"\xff"[..]), (Form::Json, b"{")] {
            let error = form.cell("c", Value::Bytes(bytes.to_vec())).unwrap_err();
            assert!(error.to_string().starts_with("the column `c` holds text that"), "{error}");
        }
    }
}

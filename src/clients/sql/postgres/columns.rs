//! Which expression gives a column as JSON, by its type.

use crate::clients::sql::row::unknown_type;
use crate::error::Result;
use tokio_postgres::Column;
use tokio_postgres::types::{Kind, Type};

/// How a value becomes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As the server's own JSON has it: numbers, times in ISO 8601, JSON itself.
    Json,
    /// As text.
    Text,
    /// As text in base64.
    Base64,
    /// An array whose elements are text.
    Texts,
}

impl Form {
    fn of(kind: &Type) -> Option<Self> {
        match kind.kind() {
            Kind::Enum(_) => Some(Self::Text),
            Kind::Domain(inner) => Self::of(inner),
            Kind::Array(element) => match Self::of(element)? {
                Self::Json => Some(Self::Json),
                Self::Text => Some(Self::Texts),
                Self::Base64 | Self::Texts => None,
            },
            Kind::Simple => Self::of_name(kind.name()),
            _ => None,
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        match name {
            "bool" | "int2" | "int4" | "int8" | "float4" | "float8" | "json" | "jsonb" | "date"
            | "time" | "timetz" | "timestamp" | "timestamptz" => Some(Self::Json),
            "text" | "varchar" | "bpchar" | "char" | "name" | "citext" | "numeric" | "uuid"
            | "oid" | "interval" | "inet" | "cidr" | "macaddr" | "macaddr8" | "bit" | "varbit"
            | "xml" => Some(Self::Text),
            "bytea" => Some(Self::Base64),
            _ => None,
        }
    }

    fn expression(self, column: &str) -> String {
        match self {
            Self::Json => format!("to_json({column})::text"),
            Self::Text => format!("to_json({column}::text)::text"),
            Self::Texts => format!("to_json({column}::text[])::text"),
            // It breaks its lines.
            Self::Base64 => {
                format!("to_json(translate(encode({column}, 'base64'), E'\\n', ''))::text")
            }
        }
    }
}

/// The query that gives these columns of a statement as JSON, in their order.
///
/// # Errors
/// `Configuration` for a column of a type that has no form in JSON.
pub fn as_json(statement: &str, columns: &[Column]) -> Result<String> {
    let expressions = columns.iter().enumerate().map(|(at, column)| {
        let form = Form::of(column.type_());
        let form = form.ok_or_else(|| unknown_type(column.name(), column.type_().name()))?;
        Ok(form.expression(&format!("kakehi.c{at}")))
    });
    let expressions: Vec<_> = expressions.collect::<Result<_>>()?;
    let names: Vec<_> = (0..columns.len()).map(|at| format!("c{at}")).collect();
    // A comment at its end must not take what follows along.
    Ok(format!(
        "select {} from (\n{statement}\n) as kakehi({})",
        expressions.join(", "),
        names.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_its_form_or_none() {
        for (kind, form) in [
            (Type::INT8, Some(Form::Json)),
            (Type::NUMERIC, Some(Form::Text)),
            (Type::BYTEA, Some(Form::Base64)),
            (Type::INT4_ARRAY, Some(Form::Json)),
            (Type::NUMERIC_ARRAY, Some(Form::Texts)),
            (Type::BYTEA_ARRAY, None),
            (Type::POINT, None),
            (Type::INT4_RANGE, None),
            (Type::MONEY, None),
        ] {
            assert_eq!(Form::of(&kind), form, "{kind}");
        }
    }
}

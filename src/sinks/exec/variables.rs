//! The environment of a run: ours, and what its message says beside its body.
//!
//! `KAKEHI_ID`; `KAKEHI_ATTEMPT`, `KAKEHI_GROUP` and `KAKEHI_TAG` where the message has them; and
//! `KAKEHI_ATTRIBUTE_<NAME>` for each attribute: its name in capitals, everything but ASCII letters
//! and digits as `_`. So no attribute can set a variable that means something to anybody else. Where
//! two names would become one variable, neither is set. A run of several messages has none of
//! these: the lines have them.

use crate::message::Delivery;
use std::collections::BTreeMap;

/// From how many bytes on variables are the message's fault where the system refuses them: Linux
/// takes 128 KiB in one (`MAX_ARG_STRLEN`), and a quarter of the stack in all.
pub const SUSPICIOUS_SIZE: usize = 64 << 10;

/// The variables of a message, or why it has none.
pub fn of(delivery: &Delivery) -> Result<BTreeMap<String, String>, String> {
    let message = &delivery.message;
    let mut variables = BTreeMap::from([("KAKEHI_ID".to_owned(), message.id.clone())]);
    let mut set = |name: &str, value: Option<String>| {
        variables.extend(value.map(|value| (name.to_owned(), value)));
    };
    set("KAKEHI_ATTEMPT", delivery.attempts.map(|attempt| attempt.to_string()));
    set("KAKEHI_GROUP", message.group.clone());
    set("KAKEHI_TAG", message.tag.clone());
    variables.extend(attributes(&message.attributes));
    if variables.values().any(|value| value.contains('\0')) {
        return Err(
            "its id, group, tag or an attribute holds a NUL byte, which a variable cannot".into()
        );
    }
    Ok(variables)
}

/// Which of our variables a run must not inherit: they were those of another message.
pub fn is_of_a_message(name: &str) -> bool {
    let fixed = ["KAKEHI_ID", "KAKEHI_ATTEMPT", "KAKEHI_GROUP", "KAKEHI_TAG"];
    fixed.contains(&name) || name.starts_with("KAKEHI_ATTRIBUTE_")
}

/// How many bytes they take.
pub fn size(variables: &BTreeMap<String, String>) -> usize {
    variables.iter().map(|(name, value)| name.len() + value.len() + 2).sum()
}

fn attributes(attributes: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for (name, value) in attributes {
        values.entry(variable(name)).or_default().push(value);
    }
    let only = |(name, values): (String, Vec<&String>)| match values[..] {
        [value] => Some((name, value.clone())),
        _ => {
            tracing::debug!("several attributes would be `{name}`: it is not set");
            None
        }
    };
    values.into_iter().filter_map(only).collect()
}

fn variable(attribute: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("KAKEHI_ATTRIBUTE_{}", attribute.chars().map(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Message, Receipt};

    fn delivery(attributes: &[(&str, &str)]) -> Delivery {
        let mut message = Message::new("id-1", "{}");
        message.attributes =
            attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Delivery { message, attempts: Some(3), lost: 0, receipt: Receipt("".into()) }
    }

    fn names(attributes: &[(&str, &str)]) -> Vec<String> {
        of(&delivery(attributes)).unwrap().into_keys().collect()
    }

    #[test]
    fn a_message_has_its_id_its_attempt_and_its_attributes() {
        let mut delivery = delivery(&[("content-type", "text/plain; x=\"$(id)\"\n")]);
        delivery.message.group = Some("g".to_owned());
        delivery.message.tag = Some("t".to_owned());
        let variables: Vec<_> = of(&delivery).unwrap().into_iter().collect();
        let expected = [
            ("KAKEHI_ATTEMPT", "3"),
            ("KAKEHI_ATTRIBUTE_CONTENT_TYPE", "text/plain; x=\"$(id)\"\n"),
            ("KAKEHI_GROUP", "g"),
            ("KAKEHI_ID", "id-1"),
            ("KAKEHI_TAG", "t"),
        ];
        assert_eq!(variables, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn an_attribute_sets_no_variable_but_its_own() {
        let odd =
            ["PATH", "LD_PRELOAD", "=", "A=B", "", "a\0b", "x\ny", "\u{130}", "名前", "../id"];
        for name in odd {
            for variable in names(&[(name, "x")]) {
                let legal = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
                assert!(variable.chars().all(legal), "{name:?}: {variable:?}");
                assert!(is_of_a_message(&variable), "{name:?}: {variable:?}");
            }
            assert_eq!(names(&[(name, "x")]).len(), 3, "{name:?}");
        }
    }

    #[test]
    fn where_two_names_become_one_neither_is_set() {
        assert_eq!(
            names(&[("a-b", "1"), ("a_b", "2"), ("c", "3")]),
            ["KAKEHI_ATTEMPT", "KAKEHI_ATTRIBUTE_C", "KAKEHI_ID"]
        );
    }

    #[test]
    fn a_nul_byte_is_told_and_not_shown() {
        let reason = of(&delivery(&[("a", "secret\0")])).unwrap_err();
        assert!(reason.contains("NUL") && !reason.contains("secret"), "{reason}");
    }
}

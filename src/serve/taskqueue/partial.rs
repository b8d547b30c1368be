//! Partial responses, as Google's APIs give them: `fields=kind,items(id,tag)` or `items/id`.

use serde_json::Value;
use std::collections::BTreeMap;

/// How deep a selection may be nested: deeper than any response.
const DEEPEST: usize = 8;

/// Which fields of a response to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mask {
    /// All that there is.
    Whole,
    /// These, and of each only what its own mask gives; `*` stands for each that has no other.
    Fields(BTreeMap<String, Mask>),
}

impl Mask {
    /// Reads a selection; `None` where it is none.
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let mask = reader.list(0)?;
        reader.rest.trim_start().is_empty().then_some(mask)
    }

    /// Takes everything else out of a value; of an array, out of each of its elements.
    pub fn apply(&self, value: &mut Value) {
        let Self::Fields(fields) = self else { return };
        match value {
            Value::Object(object) => {
                object.retain(|name, value| match fields.get(name).or_else(|| fields.get("*")) {
                    Some(mask) => {
                        mask.apply(value);
                        true
                    }
                    None => false,
                });
            }
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.apply(element)),
            _ => {}
        }
    }

    /// Joins what two masks give.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Fields(mut all), Self::Fields(more)) => {
                for (name, mask) in more {
                    let before = all.remove(&name);
                    let mask = before.map_or(mask.clone(), |before| before.and(mask));
                    all.insert(name, mask);
                }
                Self::Fields(all)
            }
            _ => Self::Whole,
        }
    }
}

/// Reads a selection from its front. There may be spaces around names.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// `item,item,...`
    fn list(&mut self, depth: usize) -> Option<Mask> {
        let mut mask = self.item(depth)?;
        while self.skip(',') {
            mask = mask.and(self.item(depth)?);
        }
        Some(mask)
    }

    /// `name`, `name/item` or `name(list)`.
    fn item(&mut self, depth: usize) -> Option<Mask> {
        if depth >= DEEPEST {
            return None;
        }
        let name = self.name()?;
        let inner = if self.skip('/') {
            self.item(depth + 1)?
        } else if self.skip('(') {
            let list = self.list(depth + 1)?;
            self.skip(')').then_some(list)?
        } else {
            Mask::Whole
        };
        Some(Mask::Fields(BTreeMap::from([(name, inner)])))
    }

    fn name(&mut self) -> Option<String> {
        let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = self.rest.trim_start();
        let end = match rest.strip_prefix('*') {
            Some(_) => 1,
            None => rest.find(|c| !named(c)).unwrap_or(rest.len()),
        };
        let (name, rest) = rest.split_at(end);
        self.rest = rest;
        (!name.is_empty()).then(|| name.to_owned())
    }

    fn skip(&mut self, c: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn masked(fields: &str) -> Value {
        let mut value = json!({
            "kind": "tasks",
            "items": [{"id": "a", "tag": "x", "n": 1}, {"id": "b", "n": 2}],
            "stats": {"total": 2, "acl": {"deep": 1, "other": 2}},
        });
        Mask::read(fields).unwrap_or_else(|| panic!("{fields}")).apply(&mut value);
        value
    }

    #[test]
    fn fields_are_selected() {
        let items = json!([{"id": "a", "tag": "x"}, {"id": "b"}]);
        for (fields, expected) in [
            ("kind", json!({"kind": "tasks"})),
            ("items(id,tag)", json!({"items": items})),
            (" items ( id , tag ) ", json!({"items": items})),
            ("items/id,items/tag", json!({"items": items})),
            ("kind,items/id", json!({"kind": "tasks", "items": [{"id": "a"}, {"id": "b"}]})),
            ("stats(total,acl/deep)", json!({"stats": {"total": 2, "acl": {"deep": 1}}})),
            ("stats/acl(deep)", json!({"stats": {"acl": {"deep": 1}}})),
            ("*/total,kind", json!({"kind": "tasks", "items": [{}, {}], "stats": {"total": 2}})),
            ("none", json!({})),
        ] {
            assert_eq!(masked(fields), expected, "{fields}");
        }
        assert_eq!(masked("*"), masked("kind,items,stats"));
        assert_eq!(masked("items,items/id"), masked("items"));
    }

    #[test]
    fn what_is_no_selection_is_refused() {
        for fields in [
            "",
            ",",
            "a,",
            ",a",
            "a(",
            "a()",
            "a(b",
            "a)",
            "a/",
            "/a",
            "a b",
            "a//b",
            "a(b))",
            "**",
            "a*",
            "é",
            "a(b)c",
            "a/b/c/d/e/f/g/h/i",
            "a(a(a(a(a(a(a(a(a(a))))))))",
        ] {
            assert_eq!(Mask::read(fields), None, "{fields}");
        }
        assert_eq!(Mask::read(&"a(".repeat(100_000)), None);
    }
}

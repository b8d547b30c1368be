//! The ways in which snapshots are written. Nearly all are written as one before them was, so that what
//! stands between their values has only to be compared, which is quicker than to read it.

use super::layout::Layout;
use super::quick;
use super::remo_fields::Fields;

/// How many ways to write are known at a time: each model of a device may have its own.
const MOST: usize = 4;

/// The ways in which earlier documents were written.
#[derive(Debug, Default)]
pub(super) struct Layouts(Vec<Layout>);

impl Layouts {
    /// What [`quick::fields`] reads, by a way to write that is known or one that is learned now.
    pub(super) fn fields<'a>(&mut self, json: &'a str) -> Option<Fields<'a>> {
        if let Some(fields) = self.0.iter().find_map(|layout| layout.fields(json)) {
            return Some(fields);
        }
        let (fields, layout) = quick::fields(json)?;
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push(layout);
        Some(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// What is read by way of those before it is what is read without them. Tells how many ways are known
    /// in the end.
    #[track_caller]
    fn holds(documents: &[impl AsRef<str>]) -> usize {
        let mut layouts = Layouts::default();
        for document in documents.iter().map(AsRef::as_ref) {
            let alone = quick::fields(document).map(|(fields, _)| fields);
            assert_eq!(layouts.fields(document), alone, "{document}");
        }
        layouts.0.len()
    }

    fn snapshot(events: &Value, name: &Value, other: &Value) -> Value {
        json!({
            "device_id": "d", "name": name, "newest_events": events, "firmware": other,
            "request_at": "2026-05-01T00:00:00.000Z", "temperature_offset": -0.5, "online": true,
        })
    }

    #[test]
    fn documents_that_differ_in_values_only_are_written_in_one_way() {
        let te = json!({"te": {"val": 20.5, "created_at": "2026-05-01T00:00:00Z"}});
        let colder = json!({"te": {"val": -3, "created_at": null}});
        let documents = [
            snapshot(&te, &json!("kitchen"), &json!("1.0")),
            snapshot(&colder, &json!("部屋 2"), &json!([1, {"x": "long"}])),
            snapshot(&te, &json!(null), &json!({})),
        ];
        let documents = documents.map(|document| document.to_string());
        assert_eq!(holds(&documents), 1);
        // No other way is taken for this one.
        let [first, ..] = documents;
        let others = [
            first.replace("\"te\":{", "\"te\": {"),
            first.replace("val", "vat"),
            first.replace("}", "} "),
            format!("{first} "),
            format!("{first}}}"),
            first.replace("device_id", "name"),
            first.replace("kitchen", "kit\\u0063hen"),
            first.replace("20.5", "20.5e3"),
            first[..first.len() - 1].to_owned(),
            String::new(),
        ];
        for other in others {
            assert_ne!(other, first);
            holds(&[&first, &other]);
        }
    }

    #[test]
    fn no_more_ways_are_kept_than_a_few() {
        let document = |at: usize| format!("{{\"newest_events\":{{}},\"x{}\":{at}}}", at % 7);
        let documents: Vec<_> = (0..50).map(document).collect();
        assert_eq!(holds(&documents), MOST);
    }

    fn scalar() -> impl Strategy<Value = Value> {
        let texts = prop::sample::select(vec!["", "te", "2026-05-01T00:00:00Z", "a\"b", "部屋"]);
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-1000i64..1000).prop_map(|number| json!(number as f64 / 10.0)),
            texts.prop_map(Value::from),
        ]
    }

    fn event() -> impl Strategy<Value = Value> {
        let members = prop::sample::select(vec!["val", "created_at", "other"]);
        prop::collection::vec((members, scalar()), 0..3)
            .prop_map(|members| members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    }

    fn events() -> impl Strategy<Value = Value> {
        let kinds = prop::sample::select(vec!["te", "hu", "mo"]);
        prop::collection::vec((kinds, event()), 0..3)
            .prop_map(|events| events.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    }

    proptest! {
        #[test]
        fn those_before_change_nothing(
            documents in prop::collection::vec((events(), scalar(), scalar(), any::<bool>()), 1..12),
            damaged in any::<prop::sample::Index>(),
            other in "[ -~]{0,2}",
        ) {
            let mut documents: Vec<_> = documents
                .into_iter()
                .map(|(events, name, firmware, pretty)| {
                    let document = snapshot(&events, &name, &firmware);
                    if pretty { format!("{document:#}") } else { document.to_string() }
                })
                .collect();
            let mut last = documents[0].clone();
            let at = last.floor_char_boundary(damaged.index(last.len()));
            last.insert_str(at, &other);
            documents.push(last);
            holds(&documents);
        }
    }
}

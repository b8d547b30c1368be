//! Readings as rows of CSV.

use super::format::with_offset;
use crate::readings::shape::{Observed, Value};
use crate::readings::{Document, Kind};
use crate::text;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::collections::HashMap;

/// Rows for documents, one after the other.
pub(super) struct CsvRows {
    zone: Tz,
    /// The last movement of each device: every snapshot tells of it until there is another one.
    moved: HashMap<String, DateTime<Utc>>,
    /// How many documents had no row, as they hold no reading.
    pub(super) left_out: u64,
}

impl CsvRows {
    /// What stands above the rows.
    pub(super) const HEAD: &'static str = "time,device,name,metric,value,unit,document\n";

    /// Rows with times of this zone.
    pub(super) fn new(zone: Tz) -> Self {
        Self { zone, moved: HashMap::new(), left_out: 0 }
    }

    /// The rows of the next documents.
    pub(super) fn of(&mut self, documents: &[Document]) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for document in documents {
            let Some(observed) = &document.observed else {
                self.left_out += 1;
                continue;
            };
            for value in &observed.values {
                if self.is_new(observed, value) {
                    let row = self.row(document, observed, value);
                    writer.write_record(&row).expect("rows of one length go into memory");
                }
            }
        }
        let bytes = writer.into_inner().expect("writing to memory does not fail");
        String::from_utf8(bytes).expect("texts make a text")
    }

    /// Whether this is not the movement that an earlier document told of.
    fn is_new(&mut self, observed: &Observed, value: &Value) -> bool {
        if value.metric.kind() != Kind::Motion {
            return true;
        }
        match self.moved.get_mut(&observed.series.id) {
            Some(last) => std::mem::replace(last, value.at) != value.at,
            None => self.moved.insert(observed.series.id.clone(), value.at).is_none(),
        }
    }

    fn row(&self, document: &Document, observed: &Observed, value: &Value) -> [String; 7] {
        let name = observed.series.name.as_deref().unwrap_or_default();
        [
            with_offset(value.at, self.zone),
            text::cell(&observed.series.id),
            text::cell(name),
            text::cell(value.metric.key()),
            value.value.to_string(),
            text::cell(value.metric.unit()),
            text::cell(&document.id),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readings::{Metric, Series};
    use crate::times;

    fn document(id: &str, name: &str, values: &[(&str, f64, &str)]) -> Document {
        let at = |text: &str| times::parse(text).unwrap();
        let value = |(metric, value, time): &(&str, f64, &str)| Value {
            metric: Metric::new(*metric),
            value: *value,
            at: at(time),
        };
        let observed = Observed {
            series: Series { id: "d".to_owned(), name: Some(name.to_owned()) },
            at: at("2026-11-27T04:00:00Z"),
            values: values.iter().map(value).collect(),
        };
        Document {
            id: id.to_owned(),
            json: String::new(),
            stored_at: None,
            observed: Some(observed),
        }
    }

    #[test]
    fn a_reading_is_a_row_and_no_text_is_a_formula() {
        let mut rows = CsvRows::new(Tz::Asia__Tokyo);
        let (now, before) = ("2026-11-27T04:00:00Z", "2026-11-27T03:00:00.500Z");
        let text = rows.of(&[
            document("-1", "=cmd()|'a'", &[("te", -1.5, now), ("mo", 1.0, before)]),
            document("2", "a,\"b\"\nc", &[("te", 1e300, now), ("mo", 1.0, before)]),
        ]);
        assert_eq!(
            text,
            format!(
                "2026-11-27T13:00:00+09:00,d,'=cmd()|'a',te,-1.5,°C,'-1\n\
                 2026-11-27T12:00:00.500+09:00,d,'=cmd()|'a',mo,1,,'-1\n\
                 2026-11-27T13:00:00+09:00,d,\"a,\"\"b\"\"\nc\",te,1{},°C,2\n",
                "0".repeat(300)
            )
        );
        let none = Document { observed: None, ..document("3", "", &[]) };
        assert_eq!((rows.of(&[none]), rows.left_out), (String::new(), 1));
    }
}

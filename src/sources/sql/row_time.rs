//! The times that rows tell, each worked out once while rows tell the same one.

use super::moment::moment;
use super::question::Question;
use chrono::{DateTime, SecondsFormat, Utc};
use std::sync::Arc;

/// A time that rows tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowTime {
    /// The instant.
    pub(super) at: DateTime<Utc>,
    /// As a body has it: RFC 3339 with the zone's offset.
    pub(super) local: String,
    /// As an id has it: RFC 3339 in UTC.
    pub(super) utc: String,
}

/// What the rows of one question have told so far.
#[derive(Debug, Default)]
pub(super) struct RowTimes(Option<(String, Arc<RowTime>)>);

impl RowTimes {
    /// The time that a row tells by this text.
    ///
    /// # Errors
    /// Why it is none, without the text itself.
    pub(super) fn of(
        &mut self,
        text: &str,
        question: &Question,
    ) -> Result<Arc<RowTime>, &'static str> {
        if let Some((_, told)) = self.0.as_ref().filter(|(known, _)| known == text) {
            return Ok(told.clone());
        }
        let at = moment(text, question.date, question.zone)?;
        let utc = at.to_utc();
        let told = Arc::new(RowTime {
            at: utc,
            local: at.to_rfc3339(),
            utc: utc.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        });
        self.0 = Some((text.to_owned(), told.clone()));
        Ok(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Tz;

    #[test]
    fn another_text_is_another_time() {
        let date = Some("2026-11-26".parse().unwrap());
        let question = Question { zone: Tz::Asia__Tokyo, date, values: Vec::new() };
        let mut times = RowTimes::default();
        for (text, local, utc) in [
            ("18:53:00", "2026-11-26T18:53:00+09:00", "2026-11-26T09:53:00Z"),
            ("18:53:00", "2026-11-26T18:53:00+09:00", "2026-11-26T09:53:00Z"),
            ("18:53:00.5", "2026-11-26T18:53:00.500+09:00", "2026-11-26T09:53:00.500Z"),
            ("18:53:00", "2026-11-26T18:53:00+09:00", "2026-11-26T09:53:00Z"),
        ] {
            let told = times.of(text, &question).unwrap();
            assert_eq!((&*told.local, &*told.utc), (local, utc), "{text}");
        }
        assert!(times.of("soon", &question).is_err());
        assert!(times.of("18:53:00", &question).is_ok());
    }
}

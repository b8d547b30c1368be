//! What is measured: its name for people, its unit, and how its values are to be taken.

/// How the values of a metric are to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Each value is how high something was: a temperature.
    Level,
    /// A level on a scale of its own, which no two devices share: Remo's illuminance.
    Relative,
    /// Movements: each value is 1 and stands for one that was seen, at the time when it was seen.
    Motion,
    /// A counter that only grows: energy bought. What is of interest is by how much it grew.
    Counter,
}

/// One of the things that devices measure.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Metric(String);

/// What is known of a metric: key, name, unit, kind, in the order in which people see them.
const KNOWN: &[(&str, &str, &str, Kind)] = &[
    ("te", "Temperature", "°C", Kind::Level),
    ("hu", "Humidity", "%", Kind::Level),
    ("il", "Light", "relative", Kind::Relative),
    ("mo", "Motion", "", Kind::Motion),
    ("power_w", "Power", "W", Kind::Level),
    ("bought_kwh", "Energy bought", "kWh", Kind::Counter),
    ("sold_kwh", "Energy sold", "kWh", Kind::Counter),
];

impl Metric {
    /// The metric of a document's key: `te`, `power_w`, or any other.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The name that the documents use: `te`. Free text: to be escaped wherever it is shown.
    pub fn key(&self) -> &str {
        &self.0
    }

    /// What a person calls it: `Temperature`; the key where nobody knows more. To be escaped wherever
    /// it is shown.
    pub fn label(&self) -> &str {
        self.known().map_or(&self.0, |(_, label, ..)| label)
    }

    /// The unit of its values, `°C`; empty where there is none, or nobody knows it.
    pub fn unit(&self) -> &'static str {
        self.known().map_or("", |(_, _, unit, _)| unit)
    }

    /// How its values are to be taken.
    pub fn kind(&self) -> Kind {
        self.known().map_or(Kind::Level, |(.., kind)| *kind)
    }

    /// What sorts metrics as people see them: temperature first, the unknown ones last, by their keys.
    pub fn order(&self) -> (usize, &str) {
        let known = KNOWN.iter().position(|(key, ..)| *key == self.0);
        (known.unwrap_or(KNOWN.len()), &self.0)
    }

    fn known(&self) -> Option<&'static (&'static str, &'static str, &'static str, Kind)> {
        KNOWN.iter().find(|(key, ..)| *key == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_has_a_name_and_what_is_not_has_its_key() {
        let light = Metric::new("il");
        assert_eq!(
            (light.label(), light.unit(), light.kind()),
            ("Light", "relative", Kind::Relative)
        );
        let other = Metric::new("co2");
        assert_eq!((other.label(), other.unit(), other.kind()), ("co2", "", Kind::Level));
        assert!(light.order() < other.order() && Metric::new("te").order() < light.order());
    }
}

//! What one device measures, under the name that a person knows.

/// What one device measures. Two devices of one name are two series.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    /// What tells it from every other: the id of the device or appliance; of documents that hold none,
    /// the name. Free text: to be escaped wherever it is shown.
    pub id: String,
    /// The newest name that the documents tell, where any does. Free text: to be escaped wherever it is
    /// shown.
    pub name: Option<String>,
}

impl Series {
    /// What a person calls it: its name, and its id where it has none.
    pub fn label(&self) -> &str {
        match &self.name {
            Some(name) if !name.trim().is_empty() => name,
            _ => &self.id,
        }
    }

    /// Puts series into the order in which people see them: by name, then by id.
    pub(super) fn order(&self) -> (&str, &str) {
        (self.label(), &self.id)
    }
}

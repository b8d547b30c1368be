//! How a device is told apart: by a colour and by a dash, which are its own on every chart.

use super::Series;

/// The colours of `style.css`, after Okabe and Ito, which people who see fewer colours tell apart,
/// too ("Color Universal Design").
const COLOURS: usize = 8;

/// The dashes of `style.css`.
const DASHES: usize = 5;

/// The look of a device's line. Forty devices differ; the next ones begin again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    colour: usize,
    dash: usize,
}

impl Mark {
    /// The mark of the device at this position of its store's list, from 0: whoever counts in the
    /// whole list gives a device one mark everywhere.
    pub fn of(position: usize) -> Self {
        Self { colour: position % COLOURS, dash: position % DASHES }
    }

    /// The classes of `style.css` that draw in this mark.
    pub fn classes(self) -> String {
        let Self { colour, dash } = self;
        format!("c{colour} d{dash}")
    }

    /// A short piece of the line, 26 by 10 pixels, to stand beside the device's name.
    pub fn sample(self) -> String {
        format!(
            "<svg class=\"sample {}\" width=\"26\" height=\"10\" aria-hidden=\"true\">\
             <path class=\"mean\" d=\"M1 5H25\"/></svg>",
            self.classes()
        )
    }
}

/// The marks of all devices of a store. Whoever gives it the whole list, in the order in which the store
/// tells its devices, gives a device one mark everywhere.
#[derive(Debug, Clone, Default)]
pub struct Marks(Vec<String>);

impl Marks {
    /// The marks of these devices, in this order.
    pub fn of<'s>(series: impl IntoIterator<Item = &'s Series>) -> Self {
        Self(series.into_iter().map(|one| one.id.clone()).collect())
    }

    /// The mark of a device. One that is not in the list comes behind it.
    pub fn of_series(&self, series: &Series) -> Mark {
        let position = self.0.iter().position(|id| *id == series.id);
        Mark::of(position.unwrap_or(self.0.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_the_mark_of_its_position_in_the_whole_list() {
        let series = |id: &str| Series { id: id.to_owned(), name: None };
        let marks = Marks::of(&["b", "a", "c"].map(series));
        assert_eq!(marks.of_series(&series("a")), Mark::of(1));
        assert_eq!(marks.of_series(&series("new")), Mark::of(3));
    }

    #[test]
    fn forty_devices_look_different() {
        let mut all: Vec<_> = (0..40).map(|at| Mark::of(at).classes()).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 40);
        assert_eq!(Mark::of(40), Mark::of(0));
    }

    #[test]
    fn the_style_has_every_mark() {
        let classes = (0..COLOURS).map(|at| format!(".c{at}{{"));
        let classes = classes.chain((1..DASHES).map(|at| format!(".d{at}{{")));
        for class in classes {
            assert!(crate::readings::chart::STYLE.contains(&class), "{class}");
        }
    }
}

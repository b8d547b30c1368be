//! One day of one metric of one series, hour by hour.

use crate::readings::Cell;
use std::collections::BTreeSet;

/// How long an hour is, in milliseconds.
pub(in crate::readings) const HOUR: i64 = 3_600_000;
/// How long a day of UTC is, in milliseconds.
pub(in crate::readings) const DAY: i64 = 24 * HOUR;

/// How many bytes a cell takes: its hour, and its four numbers.
const CELL: usize = 1 + 4 * 8;

/// What was counted.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::readings) enum Counted {
    /// The hours of the day.
    Hours(Box<[Option<Cell>; 24]>),
    /// The times of movements in milliseconds of the day, each once.
    Movements(BTreeSet<u32>),
}

impl Counted {
    /// Nothing yet, of movements or of any other metric.
    pub(in crate::readings) fn new(moves: bool) -> Self {
        match moves {
            true => Self::Movements(BTreeSet::new()),
            false => Self::Hours(Box::new([None; 24])),
        }
    }

    /// Adds a value at a time of the day, in milliseconds.
    pub(in crate::readings) fn add(&mut self, at: i64, value: f64) {
        match self {
            Self::Hours(hours) => {
                let hour = usize::try_from(at / HOUR).unwrap_or(0).min(23);
                Cell::add_to(&mut hours[hour], &Cell::of(value));
            }
            Self::Movements(times) => {
                times.insert(u32::try_from(at).unwrap_or(0));
            }
        }
    }

    /// Adds what was counted of the day before.
    pub(in crate::readings) fn merge(&mut self, before: &Self) {
        match (self, before) {
            (Self::Hours(hours), Self::Hours(before)) => {
                for (hour, before) in hours.iter_mut().zip(before.iter()) {
                    before.iter().for_each(|before| Cell::add_to(hour, before));
                }
            }
            (Self::Movements(times), Self::Movements(before)) => times.extend(before),
            // A metric moves or does not; what says otherwise is not of this version.
            (Self::Hours(_), Self::Movements(_)) | (Self::Movements(_), Self::Hours(_)) => {}
        }
    }

    /// The cells of the hours that have any, with their hours.
    pub(in crate::readings) fn hours(&self) -> Vec<(usize, Cell)> {
        let mut hours = [None; 24];
        match self {
            Self::Hours(counted) => hours = **counted,
            Self::Movements(times) => {
                for time in times {
                    let hour = usize::try_from(i64::from(*time) / HOUR).unwrap_or(0).min(23);
                    Cell::add_to(&mut hours[hour], &Cell::of(1.0));
                }
            }
        }
        let hours = hours.into_iter().enumerate();
        hours.filter_map(|(hour, cell)| cell.map(|cell| (hour, cell))).collect()
    }

    /// Everything in bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Movements(times) => times.iter().flat_map(|time| time.to_le_bytes()).collect(),
            Self::Hours(_) => {
                self.hours().into_iter().flat_map(|(hour, cell)| bytes(hour, &cell)).collect()
            }
        }
    }

    /// What these bytes are; `None` where they are none of ours.
    pub(super) fn of_bytes(bytes: &[u8], moves: bool) -> Option<Self> {
        let mut counted = Self::new(moves);
        match &mut counted {
            Self::Movements(times) => {
                let (all, rest) = bytes.as_chunks::<4>();
                times.extend(all.iter().map(|time| u32::from_le_bytes(*time)));
                rest.is_empty().then_some(counted)
            }
            Self::Hours(hours) => {
                let (all, rest) = bytes.as_chunks::<CELL>();
                for bytes in all {
                    let (hour, cell) = cell(bytes)?;
                    *hours.get_mut(hour)? = Some(cell);
                }
                rest.is_empty().then_some(counted)
            }
        }
    }
}

fn bytes(hour: usize, cell: &Cell) -> [u8; CELL] {
    let mut bytes = [0; CELL];
    bytes[0] = hour as u8;
    let numbers = [cell.count, cell.low.to_bits(), cell.high.to_bits(), cell.sum.to_bits()];
    for (at, number) in numbers.into_iter().enumerate() {
        bytes[1 + 8 * at..][..8].copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

fn cell(bytes: &[u8; CELL]) -> Option<(usize, Cell)> {
    let (hour, numbers) = bytes.split_first()?;
    let (numbers, _) = numbers.as_chunks::<8>();
    let [count, low, high, sum] = [0, 1, 2, 3].map(|at| u64::from_le_bytes(numbers[at]));
    let [low, high, sum] = [low, high, sum].map(f64::from_bits);
    Some((usize::from(*hour), Cell { count, low, high, sum }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_comes_back_from_its_bytes() {
        let (mut day, mut moves) = (Counted::new(false), Counted::new(true));
        for (at, value) in [(0, 20.0), (HOUR - 1, 35.5), (23 * HOUR, -1.0), (DAY - 1, 0.5)] {
            day.add(at, value);
            moves.add(at, 1.0);
            moves.add(at, 1.0);
        }
        assert_eq!(Counted::of_bytes(&day.bytes(), false).as_ref(), Some(&day));
        assert_eq!(Counted::of_bytes(&moves.bytes(), true).as_ref(), Some(&moves));
        let counts: Vec<_> = moves.hours().iter().map(|(hour, cell)| (*hour, cell.count)).collect();
        assert_eq!(counts, [(0, 2), (23, 2)]);
        assert_eq!(Counted::of_bytes(&[1; 5], false), None);
        assert_eq!(Counted::of_bytes(&[24; CELL], false), None);
    }

    #[test]
    fn two_halves_of_a_day_are_the_day() {
        let (mut early, mut late, mut both) =
            (Counted::new(false), Counted::new(false), Counted::new(false));
        for at in 0..100 {
            both.add(at * HOUR / 9, at as f64);
            if at % 3 == 0 {
                early.add(at * HOUR / 9, at as f64)
            } else {
                late.add(at * HOUR / 9, at as f64)
            }
        }
        late.merge(&early);
        assert_eq!(late, both);
    }
}

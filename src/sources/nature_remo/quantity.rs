//! Whole numbers in steps of a power of ten, multiplied exactly.

use serde_json::value::RawValue;

/// A number times a power of ten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quantity {
    number: i128,
    exponent: i32,
}

/// What the property of the unit stands for: powers of ten (ECHONET Lite, 0xE1 of a low-voltage smart
/// electric energy meter).
const UNITS: &[(i128, i32)] =
    &[(0, 0), (1, -1), (2, -2), (3, -3), (4, -4), (10, 1), (11, 2), (12, 3), (13, 4)];

impl Quantity {
    pub(super) const ONE: Self = Self { number: 1, exponent: 0 };

    /// Reads a whole number, or a string with one: `"215"`, `"-20"`, `"0xd7"`.
    pub(super) fn read(json: &RawValue) -> Option<Self> {
        let text = match json.get() {
            number if number.starts_with('"') => serde_json::from_str::<String>(number).ok()?,
            number => number.to_owned(),
        };
        let text = text.trim();
        let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => i64::from_str_radix(digits, 16).ok()?,
            None => text.parse().ok()?,
        };
        Some(Self { number: number.into(), exponent: 0 })
    }

    /// What a property that names a unit stands for; `None` where there is no such unit.
    pub(super) fn as_unit(self) -> Option<Self> {
        let unit = UNITS.iter().find(|(code, _)| *code == self.number && self.exponent == 0);
        unit.map(|(_, exponent)| Self { number: 1, exponent: *exponent })
    }

    /// The product; `None` where it is beyond all meters.
    pub(super) fn times(self, other: Self) -> Option<Self> {
        let number = self.number.checked_mul(other.number)?;
        Some(Self { number, exponent: self.exponent + other.exponent })
    }

    /// The number as JSON, with as many decimals as it has.
    pub(super) fn json(self) -> Box<RawValue> {
        let sign = if self.number < 0 { "-" } else { "" };
        let digits = self.number.unsigned_abs().to_string();
        let decimals = usize::try_from(-self.exponent).unwrap_or(0);
        let zeros = usize::try_from(self.exponent).unwrap_or(0);
        let text = match decimals {
            0 if self.number == 0 => "0".to_owned(),
            0 => format!("{sign}{digits}{}", "0".repeat(zeros)),
            _ => {
                let digits = format!("{digits:0>width$}", width = decimals + 1);
                let (whole, rest) = digits.split_at(digits.len() - decimals);
                format!("{sign}{whole}.{rest}")
            }
        };
        RawValue::from_string(text).expect("digits are a number")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<String> {
        let json = RawValue::from_string(json.to_owned()).unwrap();
        Quantity::read(&json).map(|it| it.json().get().to_owned())
    }

    #[test]
    fn whole_numbers_are_read_as_the_api_writes_them() {
        for (json, told) in [
            ("\"215\"", Some("215")),
            ("\" -20 \"", Some("-20")),
            ("\"0x00Ff\"", Some("255")),
            ("7", Some("7")),
            ("\"\"", None),
            ("\"1.5\"", None),
            ("1e3", None),
            ("\"0x\"", None),
            ("null", None),
            ("[1]", None),
            ("\"99999999999999999999\"", None),
        ] {
            assert_eq!(read(json).as_deref(), told, "{json}");
        }
    }

    #[test]
    fn a_product_keeps_all_its_digits() {
        let of = |number, exponent| Quantity { number, exponent };
        let told = |number, exponent| of(number, exponent).json().get().to_owned();
        assert_eq!(told(-5, -3), "-0.005");
        assert_eq!(told(98_418, -1), "9841.8");
        assert_eq!([told(0, 4), told(0, -1), told(3, 2)], ["0", "0.0", "300"]);
        assert_eq!(of(6, -1).times(of(7, 2)), Some(of(42, 1)));
        assert_eq!(of(i128::MAX, 0).times(of(2, 0)), None);
        assert_eq!([13, 4, 5].map(|code| of(code, 0).as_unit().is_some()), [true, true, false]);
    }
}

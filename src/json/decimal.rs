//! Numbers by their exact value, however many digits they have.

/// A decimal number in the one form that each value has: digits without zeros at either end, times
/// ten to the power. So `1`, `1.0` and `10e-1` are one number, but not `9007199254740993` and
/// `9007199254740992`, as they would be in a double.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    digits: String,
    power: i64,
}

impl Decimal {
    /// Reads a number as JSON writes it. `None`: not a number, or one with a power beyond any sense.
    pub fn of(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, power) = match text.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let trimmed = digits.trim_end_matches('0');
        let dropped = digits.len() - trimmed.len();
        let digits = trimmed.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, power: 0 }); // zero, `-0` included
        }
        let shift = i64::try_from(dropped).ok()? - i64::try_from(fraction.len()).ok()?;
        Some(Self { negative, digits, power: power.checked_add(shift)? })
    }

    /// The shortest decimal that leads to this double, which is how it is written again. `None` where
    /// it is not finite.
    pub fn of_double(double: f64) -> Option<Self> {
        Self::of(&format!("{double:e}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_double_is_the_shortest_decimal_that_leads_to_it() {
        let kept = ["0.1", "1e23", "5e-324", "-0.0", "17", "1.7976931348623157e308", "1.50"];
        let rounded = ["0.10000000000000001", "9223372036854775808", "1e-400", "9007199254740993"];
        for (text, same) in
            kept.map(|it| (it, true)).into_iter().chain(rounded.map(|it| (it, false)))
        {
            let shown = Decimal::of_double(text.parse().unwrap());
            assert_eq!(Decimal::of(text) == shown, same, "{text}");
        }
        assert_eq!(Decimal::of_double(f64::INFINITY), None);
        assert_eq!(Decimal::of_double(f64::NAN), None);
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", "x", "1x", "1.2.3", "e5", "true", "1e", "1e99999999999999999999"] {
            assert_eq!(Decimal::of(text), None, "{text}");
        }
    }
}

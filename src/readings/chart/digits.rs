//! Values in digits, as people read them.

/// A value with at most so many decimals, none of them a zero at the end, and a comma before each three
/// digits: `12,500.5`. What is too large or too small for that has an exponent.
pub fn digits(value: f64, decimals: usize) -> String {
    let smallest = 10_f64.powi(-i32::try_from(decimals).unwrap_or(i32::MAX)) / 2.0;
    match value.abs() {
        0.0 => "0".to_owned(),
        1e7.. => format!("{value:.2e}"),
        size if size < smallest => format!("{value:.2e}"),
        _ => grouped(trimmed(&format!("{value:.decimals$}"))),
    }
}

/// A value with exactly so many decimals, to stand below others in a column: `12,500.0`. What is too
/// large for that has an exponent.
pub fn fixed(value: f64, decimals: usize) -> String {
    match value.abs() {
        1e7.. => digits(value, decimals),
        _ => grouped(&format!("{:.decimals$}", value + 0.0)),
    }
}

/// Decimals without the zeros at their end, and no minus before a zero.
fn trimmed(digits: &str) -> &str {
    let short = match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => digits,
    };
    if short == "-0" { "0" } else { short }
}

/// Digits with a comma before each three: `12,500.5`.
pub(super) fn grouped(digits: &str) -> String {
    let (whole, rest) = digits.find('.').map_or((digits, ""), |at| digits.split_at(at));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let mut text = sign.to_owned();
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_as_many_digits_as_it_needs() {
        for (value, shown) in [
            (17.6, "17.6"),
            (25.149_109, "25.15"),
            (50.0, "50"),
            (-0.0, "0"),
            (0.004, "4.00e-3"),
            (-12_345.678, "-12,345.68"),
            (999.0, "999"),
            (1_000.0, "1,000"),
            (1e12, "1.00e12"),
        ] {
            assert_eq!(digits(value, 2), shown);
        }
    }
}

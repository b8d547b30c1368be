//! The zone of times and days that are shown.

use crate::environment::Environment;
use crate::error::{Error, Kind, Result};
use chrono_tz::Tz;

/// The zone that was given; else that of `$TZ`, else this machine's, else UTC.
///
/// # Errors
/// `Configuration` where `$TZ` is not UTF-8.
pub fn of(given: Option<Tz>, environment: &Environment) -> Result<Tz> {
    if let Some(zone) = given {
        return Ok(zone);
    }
    // Zones that `$TZ` describes by rules have no name, and no file of a path names one of ours.
    let named = environment.get("TZ")?.map(|name| name.trim_start_matches(':').parse());
    let machine = || iana_time_zone::get_timezone().ok()?.parse().ok();
    Ok(named.and_then(std::result::Result::ok).or_else(machine).unwrap_or(Tz::UTC))
}

/// Reads the name of a zone: `Asia/Tokyo`.
///
/// # Errors
/// `Usage` where there is no such zone.
pub fn parse(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| {
        Error::new(Kind::Usage, format!("`{name}` is no zone")).hint(
            "write its name as the IANA database has it: `Asia/Tokyo`, `Europe/Berlin`, `UTC`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_goes_before_the_environment() {
        let environment: Environment = [("TZ", "Europe/Berlin")].into_iter().collect();
        assert_eq!(of(Some(Tz::Asia__Tokyo), &environment).unwrap(), Tz::Asia__Tokyo);
        assert_eq!(of(None, &environment).unwrap(), Tz::Europe__Berlin);
        let colon: Environment = [("TZ", ":Europe/Berlin")].into_iter().collect();
        assert_eq!(of(None, &colon).unwrap(), Tz::Europe__Berlin);
    }

    #[test]
    fn a_zone_has_a_name() {
        assert_eq!(parse("Australia/Lord_Howe").unwrap(), Tz::Australia__Lord_Howe);
        assert_eq!(parse("Mars/Base").unwrap_err().kind(), Kind::Usage);
    }
}

//! The zone of times and days that are shown.

use crate::environment::Environment;
use crate::error::Result;
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
/// Which zones have names like it, where there is no such zone.
pub fn parse(name: &str) -> Result<Tz, String> {
    name.parse().map_err(|_| {
        let near = near(name);
        let near: Vec<_> = near.iter().map(|zone| format!("`{zone}`")).collect();
        match near.is_empty() {
            true => {
                "there is no such zone: write its name as the IANA database has it, `Asia/Tokyo`"
                    .to_owned()
            }
            false => format!("there is no such zone; near names: {}", near.join(", ")),
        }
    })
}

/// The zones whose names are most like this one, at most three; none where none is like it.
fn near(name: &str) -> Vec<&'static str> {
    let wanted = name.to_lowercase();
    let likeness = |zone: &str| {
        let zone = zone.to_lowercase();
        // Many know the city and not the continent.
        let city = zone.rsplit('/').next().unwrap_or(&zone);
        strsim::jaro_winkler(&zone, &wanted).max(strsim::jaro_winkler(city, &wanted))
    };
    let alike = chrono_tz::TZ_VARIANTS.iter().map(|zone| (likeness(zone.name()), zone.name()));
    let mut alike: Vec<_> = alike.filter(|(likeness, _)| *likeness >= 0.9).collect();
    alike.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.cmp(other)));
    alike.into_iter().take(3).map(|(_, zone)| zone).collect()
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
        assert_eq!(parse("Q").map_err(|why| why.contains("IANA")), Err(true));
    }

    #[test]
    fn a_zone_that_is_misspelled_has_near_names() {
        for (misspelled, meant) in
            [("Asia/Tokio", "Asia/Tokyo"), ("asia/tokyo", "Asia/Tokyo"), ("Tokio", "Asia/Tokyo")]
        {
            assert_eq!(near(misspelled).first(), Some(&meant), "{misspelled}");
        }
        assert!(near("Q").is_empty(), "{:?}", near("Q"));
        assert!(near("").is_empty());
    }
}

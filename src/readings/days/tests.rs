use super::*;
use proptest::prelude::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn range(from: &str, to: &str) -> Range {
    Range::new(at(from), at(to)).unwrap()
}

fn zone(name: &str) -> Tz {
    name.parse().unwrap()
}

/// Zones whose clocks do what others do not: half hours, midnights left out or doubled, days left out,
/// quarters of an hour, seconds of old.
const ZONES: &[&str] = &[
    "UTC",
    "Asia/Tokyo",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "America/Havana",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Africa/Cairo",
    "Asia/Beirut",
    "America/Scoresbysund",
    "Africa/Monrovia",
    "Antarctica/Troll",
];

#[test]
fn days_are_as_long_as_their_clocks_make_them() {
    let hours = |name: &str, from: &str, to: &str| -> Vec<f64> {
        let days = days(&range(from, to), zone(name));
        days.map(|day| (day.to - day.from).num_minutes() as f64 / 60.0).collect()
    };
    let berlin = hours("Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
    assert_eq!(berlin, [24.0, 23.0, 24.0]);
    let berlin = hours("Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-25T13:00:00Z");
    assert_eq!(berlin, [25.0]);
    let howe = hours("Australia/Lord_Howe", "2026-04-04T13:00:00Z", "2026-04-06T00:00:00Z");
    assert_eq!(howe, [24.5, 24.0]);
    let apia = days(&range("2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z"), zone("Pacific/Apia"));
    let dates: Vec<_> = apia.map(|day| day.date.to_string()).collect();
    assert_eq!(dates, ["2011-12-29", "2011-12-31", "2012-01-01"]);
}

#[test]
fn ticks_are_at_round_times_of_the_zone() {
    let labels = |name: &str, from: &str, to: &str, at_most| -> Vec<String> {
        let ticks = ticks(&range(from, to), zone(name), at_most);
        ticks.into_iter().map(|tick| tick.label).collect()
    };
    let day = labels("Asia/Tokyo", "2026-05-01T03:00:00Z", "2026-05-02T03:00:00Z", 9);
    assert_eq!(day, ["12:00", "15:00", "18:00", "21:00", "2 May", "03:00", "06:00", "09:00"]);
    // The clocks go from 2 to 3, and from 3 to 2.
    let spring = labels("Europe/Berlin", "2026-03-28T23:30:00Z", "2026-03-29T04:00:00Z", 6);
    assert_eq!(spring, ["01:00", "03:00", "04:00", "05:00"]);
    let autumn = labels("Europe/Berlin", "2026-10-24T23:30:00Z", "2026-10-25T04:00:00Z", 6);
    assert_eq!(autumn, ["02:00", "03:00", "04:00"]);
    let week = labels("Asia/Tokyo", "2026-04-29T03:00:00Z", "2026-05-06T03:00:00Z", 8);
    assert_eq!(week, ["30 Apr", "1 May", "2 May", "3 May", "4 May", "5 May", "6 May"]);
    let year = labels("Asia/Tokyo", "2025-05-10T00:00:00Z", "2026-05-10T00:00:00Z", 13);
    assert_eq!(year.len(), 12);
    assert_eq!((&*year[0], &*year[7]), ("Jun", "2026"));
    let ages = labels("UTC", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z", 10);
    assert_eq!(ages.len(), 9);
}

#[test]
fn a_night_is_long_or_short_where_clocks_change() {
    let nights =
        nights(&range("2026-03-28T00:00:00Z", "2026-03-29T12:00:00Z"), zone("Europe/Berlin"));
    let hours: Vec<_> = nights.iter().map(|night| night.length().num_hours()).collect();
    assert_eq!(hours, [5, 11]);
}

#[test]
fn a_moment_is_told_as_its_range_needs() {
    let moment = at("2026-03-28T20:05:00Z");
    let told = |from, to| super::told(moment, &range(from, to), zone("Asia/Tokyo"));
    assert_eq!(told("2026-03-28T00:00:00Z", "2026-03-29T00:00:00Z"), "05:05");
    assert_eq!(told("2026-03-01T00:00:00Z", "2026-03-29T00:00:00Z"), "29 Mar 05:05");
    assert_eq!(told("2025-04-01T00:00:00Z", "2026-03-29T00:00:00Z"), "29 Mar 2026 05:05");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn days_follow_each_other_and_cover_the_range(
        name in prop::sample::select(ZONES),
        from in -2_000_000_000i64..3_000_000_000,
        hours in 1i64..2000,
    ) {
        let from = DateTime::from_timestamp(from, 0).unwrap();
        let range = Range::new(from, from + TimeDelta::hours(hours)).unwrap();
        let all: Vec<_> = days(&range, zone(name)).collect();
        prop_assert!(all[0].from <= range.from() && range.to() <= all[all.len() - 1].to);
        for pair in all.windows(2) {
            prop_assert_eq!(pair[0].to, pair[1].from);
            prop_assert!(pair[0].date < pair[1].date);
        }
    }

    #[test]
    fn ticks_are_few_in_order_inside_and_round(
        name in prop::sample::select(ZONES),
        from in -2_000_000_000i64..3_000_000_000,
        minutes in 1i64..1_000_000,
        at_most in 2usize..20,
    ) {
        let zone = zone(name);
        let from = DateTime::from_timestamp(from, 0).unwrap();
        let range = Range::new(from, from + TimeDelta::minutes(minutes)).unwrap();
        let all = ticks(&range, zone, at_most);
        prop_assert!(all.len() <= at_most);
        prop_assert!(all.iter().all(|tick| range.holds(tick.at)));
        prop_assert!(all.windows(2).all(|pair| pair[0].at < pair[1].at));
        for tick in all.iter().filter(|tick| tick.label.contains(':')) {
            let shown = tick.at.with_timezone(&zone).format("%H:%M:%S").to_string();
            prop_assert_eq!(shown, format!("{}:00", tick.label));
        }
    }
}

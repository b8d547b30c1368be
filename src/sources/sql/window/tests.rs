use super::*;
use proptest::prelude::*;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn window(since: &str, until: &str) -> Window {
    Window { since: utc(since), until: utc(until) }
}

/// The parts of a window, each as `date from-to`.
fn parts(zone: Tz, since: &str, until: &str) -> Vec<String> {
    let told = |part: &DayPart| format!("{} {}-{}", part.date, part.begin_text(), part.end_text());
    day_parts(window(since, until), zone).iter().map(told).collect()
}

fn instant_of(zone: Tz, local: &str) -> String {
    let local = NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M:%S").unwrap();
    instant(local, zone).to_rfc3339()
}

#[test]
fn a_minute_is_one_of_its_day() {
    assert_eq!(
        parts(Tz::Asia__Tokyo, "2026-11-26T09:53:00Z", "2026-11-26T09:54:00Z"),
        ["2026-11-26 18:53:00-18:54:00"]
    );
}

#[test]
fn midnight_parts_a_window_and_ends_a_day() {
    let tokyo = Tz::Asia__Tokyo;
    assert_eq!(
        parts(tokyo, "2026-11-26T14:59:00Z", "2026-11-26T15:00:00Z"),
        ["2026-11-26 23:59:00-24:00:00"]
    );
    assert_eq!(
        parts(tokyo, "2026-11-26T14:59:00Z", "2026-11-26T15:01:00Z"),
        ["2026-11-26 23:59:00-24:00:00", "2026-11-27 00:00:00-00:01:00"]
    );
    assert_eq!(
        parts(tokyo, "2026-11-26T15:00:00Z", "2026-11-27T15:00:00Z"),
        ["2026-11-27 00:00:00-24:00:00"]
    );
    let parted = day_parts(window("2026-11-26T14:59:00Z", "2026-11-26T15:01:00Z"), tokyo);
    assert_eq!(parted[0].window, window("2026-11-26T14:59:00Z", "2026-11-26T15:00:00Z"));
    assert_eq!(parted[1].window, window("2026-11-26T15:00:00Z", "2026-11-26T15:01:00Z"));
}

#[test]
fn a_leap_day_is_a_day() {
    assert_eq!(
        parts(Tz::UTC, "2028-02-28T23:59:00Z", "2028-03-01T00:01:00Z"),
        [
            "2028-02-28 23:59:00-24:00:00",
            "2028-02-29 00:00:00-24:00:00",
            "2028-03-01 00:00:00-00:01:00"
        ]
    );
    assert_eq!(
        parts(Tz::UTC, "2027-02-28T23:59:00Z", "2027-03-01T00:01:00Z"),
        ["2027-02-28 23:59:00-24:00:00", "2027-03-01 00:00:00-00:01:00"]
    );
}

#[test]
fn the_hour_that_is_left_out_comes_in_the_first_minute_after_it() {
    let berlin = Tz::Europe__Berlin;
    // At 01:00 UTC the clocks go from 02:00 to 03:00.
    for (minute, expected) in [
        ("2026-03-29T00:59:00Z", "2026-03-29 01:59:00-02:00:00"),
        ("2026-03-29T01:00:00Z", "2026-03-29 02:00:00-03:01:00"),
        ("2026-03-29T01:01:00Z", "2026-03-29 03:01:00-03:02:00"),
    ] {
        let until = utc(minute) + TimeDelta::minutes(1);
        assert_eq!(parts(berlin, minute, &until.to_rfc3339()), [expected]);
    }
    assert_eq!(instant_of(berlin, "2026-03-29 02:30:00"), "2026-03-29T03:00:00+02:00");
}

#[test]
fn the_hour_that_comes_twice_comes_once() {
    let berlin = Tz::Europe__Berlin;
    // At 01:00 UTC the clocks go from 03:00 back to 02:00.
    for (minute, expected) in [
        ("2026-10-25T00:00:00Z", &["2026-10-25 02:00:00-02:01:00"][..]),
        ("2026-10-25T00:59:00Z", &["2026-10-25 02:59:00-03:00:00"]),
        ("2026-10-25T01:00:00Z", &[]),
        ("2026-10-25T01:59:00Z", &[]),
        ("2026-10-25T02:00:00Z", &["2026-10-25 03:00:00-03:01:00"]),
    ] {
        let until = utc(minute) + TimeDelta::minutes(1);
        assert_eq!(parts(berlin, minute, &until.to_rfc3339()), expected, "{minute}");
    }
    assert_eq!(instant_of(berlin, "2026-10-25 02:30:00"), "2026-10-25T02:30:00+02:00");
}

#[test]
fn half_an_hour_is_left_out_and_doubled_too() {
    let lord_howe = Tz::Australia__Lord_Howe;
    assert_eq!(
        parts(lord_howe, "2026-10-03T15:30:00Z", "2026-10-03T15:31:00Z"),
        ["2026-10-04 02:00:00-02:31:00"]
    );
    assert_eq!(instant_of(lord_howe, "2026-10-04 02:15:00"), "2026-10-04T02:30:00+11:00");
    assert_eq!(parts(lord_howe, "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z"), [""; 0]);
    assert_eq!(instant_of(lord_howe, "2026-04-05 01:45:00"), "2026-04-05T01:45:00+11:00");
}

#[test]
fn a_gap_at_midnight_opens_its_day() {
    // In Beirut the day begins at 01:00.
    let beirut = Tz::Asia__Beirut;
    assert_eq!(
        parts(beirut, "2026-03-28T21:59:00Z", "2026-03-28T22:01:00Z"),
        ["2026-03-28 23:59:00-24:00:00", "2026-03-29 00:00:00-01:01:00"]
    );
    assert_eq!(instant_of(beirut, "2026-03-29 00:30:00"), "2026-03-29T01:00:00+03:00");
    // There the hour before midnight comes twice.
    assert_eq!(parts(beirut, "2026-10-24T21:00:00Z", "2026-10-24T22:00:00Z"), [""; 0]);
    assert_eq!(
        parts(beirut, "2026-10-24T22:00:00Z", "2026-10-24T22:01:00Z"),
        ["2026-10-25 00:00:00-00:01:00"]
    );
}

#[test]
fn a_day_that_is_left_out_has_no_times() {
    // Samoa went from the 29th to the 31st.
    assert_eq!(
        parts(Tz::Pacific__Apia, "2011-12-30T09:59:00Z", "2011-12-30T10:01:00Z"),
        ["2011-12-29 23:59:00-24:00:00", "2011-12-31 00:00:00-00:01:00"]
    );
}

#[test]
fn a_minute_begins_at_its_second_0() {
    assert_eq!(minute(utc("2026-11-26T09:53:59.9Z")), utc("2026-11-26T09:53:00Z"));
    assert_eq!(minute(utc("1969-12-31T23:59:59.9Z")), utc("1969-12-31T23:59:00Z"));
}

const ZONES: [Tz; 10] = [
    Tz::Asia__Tokyo,
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
    Tz::Asia__Beirut,
    Tz::Pacific__Apia,
    Tz::America__Sao_Paulo,
    Tz::Africa__Casablanca,
    Tz::Asia__Kathmandu,
    Tz::Antarctica__Troll,
];

/// Some instant from 2005 to 2030, often one around which the zone's clocks change.
fn around_a_change(zone: Tz, seconds: i64, near: bool) -> DateTime<Utc> {
    let at = DateTime::from_timestamp(seconds, 0).unwrap();
    let hours = (0..9000).map(|hours| at + TimeDelta::hours(hours)).filter(|_| near);
    let change = hours.into_iter().find(|it| offset(*it, zone) != offset(at, zone));
    change.unwrap_or(at)
}

prop_compose! {
    fn moments()(
        zone in prop::sample::select(&ZONES[..]),
        seconds in 1_104_537_600_i64..1_893_456_000,
        near in any::<bool>(),
        minutes in -3000_i64..3000,
    ) -> (Tz, DateTime<Utc>) {
        let around = minute(around_a_change(zone, seconds, near));
        (zone, around + TimeDelta::minutes(minutes))
    }
}

/// Whether a window holds this time of this day, by its parts.
fn holds(parts: &[DayPart], local: NaiveDateTime) -> bool {
    let of_day = parts.iter().filter(|part| part.date == local.date());
    of_day.filter(|it| it.from <= local.time() && it.to.is_none_or(|to| local.time() < to)).count()
        == 1
}

proptest! {
    #[test]
    fn a_time_is_in_a_window_where_its_instant_is(
        (zone, since) in moments(), length in 1_i64..4000, off in -5000_i64..5000, second in 0_i64..60,
    ) {
        let window = Window { since, until: since + TimeDelta::minutes(length) };
        let local = naive(since, zone) + TimeDelta::seconds(off * 60 + second);
        let date = local.date();
        let day_is_there = instant(midnight(date), zone) < instant(midnight(date.succ_opt().unwrap()), zone);
        let expected = day_is_there && window.contains(instant(local, zone).to_utc());
        prop_assert_eq!(holds(&day_parts(window, zone), local), expected);
    }

    #[test]
    fn windows_that_follow_each_other_hold_each_time_once(
        (zone, start) in moments(), lengths in prop::collection::vec(1_i64..200, 1..12),
    ) {
        let mut since = start;
        let mut times = 0;
        for length in lengths {
            let until = since + TimeDelta::minutes(length);
            times += minutes_of(&day_parts(Window { since, until }, zone));
            since = until;
        }
        prop_assert_eq!(times, minutes_of(&day_parts(Window { since: start, until: since }, zone)));
    }

    #[test]
    fn the_instants_of_the_parts_are_those_of_the_window_in_their_order(
        (zone, since) in moments(), length in 1_i64..4000,
    ) {
        let parts = day_parts(Window { since, until: since + TimeDelta::minutes(length) }, zone);
        for part in &parts {
            prop_assert!(!part.window.is_empty());
            prop_assert!(part.to.is_none_or(|to| part.from < to));
        }
        for pair in parts.windows(2) {
            prop_assert!(pair[0].date < pair[1].date);
            prop_assert!(pair[0].window.until <= pair[1].window.since);
        }
    }
}

fn minutes_of(parts: &[DayPart]) -> i64 {
    let end =
        |part: &DayPart| part.to.map_or(1440, |to| i64::from(to.num_seconds_from_midnight()) / 60);
    parts.iter().map(|part| end(part) - i64::from(part.from.num_seconds_from_midnight()) / 60).sum()
}

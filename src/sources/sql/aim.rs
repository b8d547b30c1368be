//! What a tick is to look at, from what was taken by now and the time of day: pure arithmetic.

use super::taken::Taken;
use super::window::{Window, minute};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

/// At most so much of what is past is counted: a state of last year asks nothing of a whole year.
const COUNTED: TimeDelta = TimeDelta::days(1);

/// How the windows of a source lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Habits {
    /// Rows are published this much before their time.
    pub(super) ahead: TimeDelta,
    /// What was taken is looked at again as far back as this.
    pub(super) overlap: TimeDelta,
    /// Each row has a time of its own, after which nobody waits for it.
    pub(super) timed: bool,
    /// Rows tell what is to be, and so a window ends with its minute; where they tell what has
    /// happened it ends now, as more of them may come in this minute.
    pub(super) plans: bool,
}

/// What a tick is to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Aim {
    /// The window whose rows are to be published.
    pub(super) look: Window,
    /// The window whose rows nobody has published in time: they are counted.
    pub(super) past: Option<Window>,
    /// What is before that, and is not even counted, where there is any.
    pub(super) uncounted: Option<Window>,
    /// What is taken once all that is published.
    pub(super) taken: Window,
}

/// What the time of day and what was taken come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// There is something to look at.
    Look(Box<Aim>),
    /// This minute was taken before.
    Taken,
    /// All was taken up to this time, which is later than the clock's: that was set back.
    SetBack(DateTime<Utc>),
}

impl Habits {
    /// What a tick at this time is to look at. All times of windows are those of rows, and so as much
    /// later than the tick as rows are published before their time.
    pub(super) fn next(&self, now: DateTime<Utc>, taken: &Taken) -> Next {
        let this = minute(now);
        let Window { since: first, until } = self.this_minute(now);
        let last = taken.last_before(until);
        let since = match last {
            Some(last) if last.until > until => return Next::SetBack(last.until),
            Some(last) => last.until,
            None => first,
        };
        let fresh = Window { since: self.in_time(since, this), until };
        // What was never looked at is not looked at again.
        let look = match last.filter(|last| !last.is_empty()) {
            None => fresh,
            Some(_) => Window { since: self.in_time(since - self.overlap, this), until },
        };
        if look.is_empty() {
            return Next::Taken;
        }
        let late = Window { since, until: this };
        let late = Some(late).filter(|late| self.timed && !late.is_empty());
        let counted = late.map(|late| late.since.max(late.until - COUNTED));
        Next::Look(Box::new(Aim {
            look,
            past: late.zip(counted).map(|(late, since)| Window { since, ..late }),
            uncounted: late
                .zip(counted)
                .map(|(late, until)| Window { until, ..late })
                .filter(|it| !it.is_empty()),
            taken: fresh,
        }))
    }

    /// The beginning of a window without what is past.
    fn in_time(&self, since: DateTime<Utc>, this: DateTime<Utc>) -> DateTime<Utc> {
        if self.timed { since.max(this) } else { since }
    }

    /// The window of a first run: this minute, or as much of the last one begun as is over.
    fn this_minute(&self, now: DateTime<Utc>) -> Window {
        let (this, now) = (minute(now), now.trunc_subsecs(0));
        match self.plans {
            true => {
                let since = this + self.ahead;
                Window { since, until: since + TimeDelta::minutes(1) }
            }
            false => Window { since: minute(now - TimeDelta::seconds(1)), until: now },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        format!("2026-11-26T{text}Z").parse().unwrap()
    }

    fn window(since: &str, until: &str) -> Window {
        Window { since: utc(since), until: utc(until) }
    }

    fn habits(ahead: i64, overlap: i64, timed: bool) -> Habits {
        let (ahead, overlap) = (TimeDelta::minutes(ahead), TimeDelta::minutes(overlap));
        Habits { ahead, overlap, timed, plans: timed }
    }

    fn taken(windows: &[(&str, &str)]) -> Taken {
        let mut taken = Taken::default();
        windows.iter().for_each(|(since, until)| taken.add(window(since, until)));
        taken
    }

    fn look(habits: Habits, now: &str, taken: &Taken) -> Aim {
        match habits.next(utc(now), taken) {
            Next::Look(aim) => *aim,
            other => panic!("{other:?}"),
        }
    }

    const HOUR_AHEAD: i64 = 60;

    #[test]
    fn a_first_run_takes_this_minute() {
        let aim = look(habits(HOUR_AHEAD, 30, true), "08:53:20", &Taken::default());
        assert_eq!(aim.look, window("09:53:00", "09:54:00"));
        assert_eq!((aim.past, aim.uncounted, aim.taken), (None, None, aim.look));
    }

    #[test]
    fn where_the_first_run_fails_the_next_begins_with_it() {
        let mut known = Taken::default();
        known.begin(utc("09:53:00"));
        let aim = look(habits(HOUR_AHEAD, 30, true), "08:55:00", &known);
        assert_eq!(aim.look, window("09:53:00", "09:56:00"));
        assert_eq!((aim.past, aim.taken), (None, aim.look));
    }

    #[test]
    fn a_missed_minute_is_caught_up_until_its_time() {
        let known = taken(&[("09:00:00", "09:50:00")]);
        let aim = look(habits(HOUR_AHEAD, 0, true), "08:53:00", &known);
        assert_eq!((aim.look, aim.past), (window("09:50:00", "09:54:00"), None));
        let aim = look(habits(HOUR_AHEAD, 0, true), "09:52:59", &known);
        assert_eq!(aim.look, window("09:52:00", "10:53:00"));
        assert_eq!((aim.past, aim.taken), (Some(window("09:50:00", "09:52:00")), aim.look));
        let aim = look(habits(0, 0, true), "09:53:00", &known);
        assert_eq!(aim.look, window("09:53:00", "09:54:00"));
        assert_eq!(aim.past, Some(window("09:50:00", "09:53:00")));
    }

    #[test]
    fn of_what_is_long_past_a_day_is_counted() {
        let known = taken(&[("00:00:00", "00:01:00")]);
        let now = utc("12:00:00") + TimeDelta::days(3);
        let Next::Look(aim) = habits(0, 0, true).next(now, &known) else { panic!() };
        assert_eq!(aim.past, Some(Window { since: now - COUNTED, until: now }));
        assert_eq!(aim.uncounted, Some(Window { since: utc("00:01:00"), until: now - COUNTED }));
    }

    #[test]
    fn what_was_taken_is_not_looked_at_again() {
        let known = taken(&[("09:00:00", "09:54:00")]);
        let habits = habits(HOUR_AHEAD, 0, true);
        assert_eq!(habits.next(utc("08:53:30"), &known), Next::Taken);
        assert_eq!(habits.next(utc("08:52:59"), &known), Next::SetBack(utc("09:54:00")));
        assert_eq!(look(habits, "08:54:00", &known).look, window("09:54:00", "09:55:00"));
    }

    #[test]
    fn a_stretch_is_looked_at_again_and_nothing_that_is_past() {
        let known = taken(&[("09:00:00", "09:54:00")]);
        let aim = look(habits(HOUR_AHEAD, 10, true), "08:54:00", &known);
        assert_eq!((aim.look, aim.past), (window("09:44:00", "09:55:00"), None));
        assert_eq!(aim.taken, window("09:54:00", "09:55:00"));
        let aim = look(habits(HOUR_AHEAD, 600, true), "08:54:00", &known);
        assert_eq!(aim.look, window("08:54:00", "09:55:00"));
        let aim = look(habits(HOUR_AHEAD, 10, true), "08:53:59", &known);
        assert_eq!(aim.look, window("09:44:00", "09:54:00"), "in the same minute, too");
        let set_back = habits(HOUR_AHEAD, 10, true).next(utc("08:40:00"), &known);
        assert_eq!(set_back, Next::SetBack(utc("09:54:00")));
    }

    #[test]
    fn a_clock_that_was_ahead_for_a_while_costs_nothing() {
        let habits = habits(0, 0, true);
        let mut known = taken(&[("08:00:00", "09:00:00")]);
        let ahead = look(habits, "11:00:00", &known);
        known.add(ahead.taken);
        let back = look(habits, "09:00:30", &known);
        assert_eq!((back.look, back.past), (window("09:00:00", "09:01:00"), None));
        known.add(back.taken);
        assert_eq!(habits.next(utc("11:00:59"), &known), Next::Taken, "that one was published");
    }

    #[test]
    fn what_has_happened_is_looked_at_up_to_now() {
        let happened = habits(0, 5, false);
        let first = look(happened, "08:53:20", &Taken::default());
        assert_eq!((first.look, first.taken), (window("08:53:00", "08:53:20"), first.look));
        let mut known = Taken::default();
        known.add(first.taken);
        let second = look(happened, "10:00:07", &known);
        assert_eq!((second.look, second.past), (window("08:48:20", "10:00:07"), None));
        assert_eq!(second.taken, window("08:53:20", "10:00:07"));
        let on_the_minute = look(happened, "08:53:00", &Taken::default());
        assert_eq!(on_the_minute.look, window("08:52:00", "08:53:00"));
        let plans = Habits { plans: true, ..happened };
        assert_eq!(look(plans, "08:53:20", &Taken::default()).look, window("08:53:00", "08:54:00"));
        let late = look(plans, "10:00:07", &taken(&[("08:53:00", "08:54:00")]));
        assert_eq!((late.look, late.past), (window("08:49:00", "10:01:00"), None));
    }

    use proptest::prelude::*;

    /// Whether no instant lies in both.
    fn apart(one: Window, other: Window) -> bool {
        one.until <= other.since || other.until <= one.since
    }

    /// Ticks, each so many seconds after the last one, and whether all that it found was published.
    fn steps(least: i64) -> impl Strategy<Value = Vec<(i64, bool)>> {
        prop::collection::vec((least..4000, any::<bool>()), 1..40)
    }

    proptest! {
        #[test]
        fn however_ticks_come_nothing_is_taken_twice_and_nothing_left_out(
            steps in prop_oneof![steps(0), steps(-300)], ahead in 0_i64..90,
        ) {
            let habits = habits(ahead, 0, true);
            let (mut now, mut known) = (utc("08:00:00"), Taken::default());
            let (mut seen, mut told): (Vec<Window>, Vec<Window>) = Default::default();
            let goes_on = steps.iter().all(|(seconds, _)| *seconds >= 0);
            for (seconds, published) in steps {
                now += TimeDelta::seconds(seconds);
                let Next::Look(aim) = habits.next(now, &known) else { continue };
                prop_assert_eq!(aim.look, aim.taken);
                prop_assert!(told.iter().all(|it| apart(*it, aim.look)));
                // What nobody publishes is looked at again.
                if published {
                    told.push(aim.look);
                    seen.extend([aim.uncounted, aim.past].into_iter().flatten().chain([aim.look]));
                    known.add(aim.taken);
                }
            }
            seen.sort_by_key(|window| window.since);
            for pair in seen.windows(2) {
                let none_between = pair[0].until >= pair[1].since;
                prop_assert!(none_between || !goes_on, "nobody looked between {pair:?}");
            }
        }
    }
}

//! Sessions: what a browser shows instead of the server's token, once somebody has signed in.

use crate::clock::Clock;
use crate::text;
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::Mutex;

/// The cookie that holds a session. One host's ports share their cookies, so each server has a name of
/// its own behind this.
const COOKIE_NAME: &str = "kakehi-";

/// How long a session lasts after it was last used.
const LASTS: TimeDelta = TimeDelta::hours(12);

/// The most sessions there are at once; another one ends the one that was not used for the longest.
const MOST: usize = 1000;

/// Those who have signed in. They end with the server.
pub(super) struct Sessions {
    clock: Clock,
    cookie: String,
    /// When each was last used, by its digest: how much of a guess is right, no time tells.
    used: Mutex<HashMap<[u8; 32], DateTime<Utc>>>,
}

impl Sessions {
    pub(super) fn new(clock: Clock) -> Self {
        let cookie = format!("{COOKIE_NAME}{}", &random()[..8]);
        Self { clock, cookie, used: Mutex::default() }
    }

    /// Begins a session; gives the cookie for it, which `is_secure` keeps to HTTPS.
    pub(super) fn begin(&self, is_secure: bool) -> String {
        let (session, now) = (random(), self.clock.now());
        let mut used = self.used.lock().expect("no holder panics");
        used.retain(|_, last| now - *last < LASTS);
        if used.len() >= MOST {
            let oldest = used.iter().min_by_key(|(_, last)| **last).map(|(session, _)| *session);
            oldest.map(|oldest| used.remove(&oldest));
        }
        used.insert(digest(&session), now);
        self.cookie_of(&session, is_secure)
    }

    /// Ends the session of whoever asks; gives the cookie that has the browser forget it.
    pub(super) fn end(&self, headers: &HeaderMap) -> String {
        let mut used = self.used.lock().expect("no holder panics");
        for session in self.shown(headers) {
            used.remove(&digest(session));
        }
        format!("{}; Max-Age=0", self.cookie_of("", false))
    }

    /// Whether a request shows a session that lasts; it lasts longer by that.
    pub(super) fn has(&self, headers: &HeaderMap) -> bool {
        let now = self.clock.now();
        let mut used = self.used.lock().expect("no holder panics");
        self.shown(headers).any(|session| match used.get_mut(&digest(session)) {
            Some(last) if now - *last < LASTS => {
                *last = now;
                true
            }
            _ => false,
        })
    }

    /// The sessions that a request shows.
    fn shown<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = &'h str> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|it| it.to_str().ok());
        let pairs = cookies.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
        pairs.filter(|(name, _)| *name == self.cookie).map(|(_, session)| session)
    }

    fn cookie_of(&self, session: &str, is_secure: bool) -> String {
        let secure = if is_secure { "; Secure" } else { "" };
        format!("{}={session}; Path=/; HttpOnly; SameSite=Strict{secure}", self.cookie)
    }
}

fn digest(session: &str) -> [u8; 32] {
    Sha256::digest(session).into()
}

/// A text that nobody guesses.
pub(super) fn random() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    text::hex(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        let cookie = cookie.split(';').next().expect("a pair");
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, format!("other=1; {cookie}").parse().expect("a header"));
        headers
    }

    #[test]
    fn a_session_lasts_while_it_is_used() {
        let (clock, control) = Clock::manual(DateTime::UNIX_EPOCH);
        let sessions = Sessions::new(clock);
        let cookie = sessions.begin(false);
        for _ in 0..3 {
            control.advance(TimeDelta::hours(11));
            assert!(sessions.has(&headers(&cookie)));
        }
        control.advance(LASTS);
        assert!(!sessions.has(&headers(&cookie)));
    }

    #[test]
    fn a_session_is_nobody_elses_and_ends() {
        let sessions = Sessions::new(Clock::system());
        let (one, two) = (sessions.begin(false), sessions.begin(true));
        assert!(two.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{two}");
        let other = Sessions::new(Clock::system());
        assert!(!other.has(&headers(&one)) && !sessions.has(&HeaderMap::new()));
        assert!(sessions.end(&headers(&one)).ends_with("Max-Age=0"));
        assert!(!sessions.has(&headers(&one)) && sessions.has(&headers(&two)));
    }

    #[test]
    fn there_are_only_so_many_sessions() {
        let sessions = Sessions::new(Clock::system());
        for _ in 0..MOST + 3 {
            sessions.begin(false);
        }
        assert_eq!(sessions.used.lock().unwrap().len(), MOST);
    }
}

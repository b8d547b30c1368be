//! The page of readings, as people see it.

use super::serve;
use crate::support::browser::{Browser, Window};
use crate::support::rooms::{HOME, Room, Rooms};
use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;
use fantoccini::key::Key;
use serde_json::json;

/// A home of which a month is known.
async fn home(days: i64) -> (Sandbox, Serving) {
    let sandbox = Sandbox::new();
    Rooms::new(&sandbox).await.live(&HOME, days, 5);
    let server = serve(&sandbox);
    (sandbox, server)
}

/// What a slider says of the time at which it stands.
async fn told(browser: &Browser) -> String {
    browser.run("return document.querySelector('.told').innerText", &[]).await.to_string()
}

#[tokio::test]
async fn a_home_is_shown_by_charts_with_names_and_values() {
    let (_sandbox, server) = home(8).await;
    let browser = Browser::open(Window::LAPTOP).await;
    browser.go(&server.url("/")).await;
    browser.follow("Readings").await;
    for (metric, unit) in
        [("Temperature", "°C"), ("Humidity", "%"), ("Light", "relative"), ("Power", "W")]
    {
        browser.find("heading", &format!("{metric} {unit}")).await;
    }
    browser.shows("3 h ago, nothing new is stored").await;
    for name in ["7 d", "30 d", "1 y", "24 h"] {
        browser.follow(name).await;
        browser.find("link", name).await;
        browser.shows("Lowest").await;
        browser.is_quiet().await;
        let key = name.replace(' ', "");
        assert!(browser.url().await.contains(&format!("range={key}")), "{name}");
        browser.screenshot(&format!("readings-{key}")).await;
    }
    browser.is_accessible().await;
}

#[tokio::test]
async fn pointer_and_arrow_keys_tell_values() {
    let (_sandbox, server) = home(2).await;
    let browser = Browser::open(Window::LAPTOP).await;
    browser.go(&server.url("/readings?metric=te")).await;
    browser.run("document.querySelector('input.time').focus()", &[]).await;
    let newest = told(&browser).await;
    browser.keys(&char::from(Key::Left).to_string()).await;
    let before = told(&browser).await;
    assert!(before != newest && before.contains("Bedroom"), "{before}");
    let (role, name) = browser.focused().await;
    assert_eq!(role, "slider");
    assert!(name.starts_with("Temperature in °C"), "{name}");
    browser.is_quiet().await;
}

#[tokio::test]
async fn a_phone_in_the_dark_shows_all_of_it_without_scripts() {
    let (_sandbox, server) = home(8).await;
    let phone = Browser::open(Window::PHONE.dark()).await;
    phone.go(&server.url("/readings?range=7d")).await;
    phone.shows("Temperature").await;
    assert_eq!(phone.overhang().await, 0);
    phone.is_accessible().await;
    phone.is_quiet().await;
    phone.screenshot("readings-phone-dark").await;
    let plain = Browser::open(Window::LAPTOP.dark().without_scripts()).await;
    plain.go(&server.url("/readings")).await;
    plain.follow("7 d").await;
    plain.find("link", "CSV").await;
    plain.press("Show").await;
    assert!(plain.url().await.contains("from="));
    plain.shows("Temperature").await;
    plain.screenshot("readings-dark").await;
}

#[tokio::test]
async fn names_do_nothing_but_be_read() {
    const NAME: &str = "<script>document.title='x'</script>\"'\u{202e}\u{7}寝室 🏠";
    let sandbox = Sandbox::new();
    let rooms = [Room { name: NAME, ..HOME[0].clone() }, Room { name: NAME, ..HOME[1].clone() }];
    let mut store = Rooms::new(&sandbox).await;
    let other = json!({
        "device_id": "d", "name": "", "request_at": "2026-01-01T00:00:00Z",
        "newest_events": { "<b>\u{202e}x": { "val": 1, "created_at": "2026-01-01T00:00:00Z" } },
    });
    store.live(&rooms, 1, 10).put("d", &other);
    let server = serve(&sandbox);
    let browser = Browser::open(Window::PHONE).await;
    for range in ["range=24h", "range=1y"] {
        browser.go(&server.url(&format!("/readings?{range}"))).await;
        browser.shows("寝室").await;
        browser.shows("(1b7e2d90)").await;
        assert_eq!(browser.overhang().await, 0);
        assert_eq!(browser.title().await, "Readings – kakehi");
        assert!(!browser.text().await.contains(['\u{202e}', '\u{7}']));
        browser.is_quiet().await;
        browser.is_accessible().await;
    }
    browser.screenshot("readings-names").await;
}

#[tokio::test]
async fn what_is_not_there_says_what_to_do() {
    let sandbox = Sandbox::new();
    let mut store = Rooms::new(&sandbox).await;
    let server = serve(&sandbox);
    let browser = Browser::open(Window::LAPTOP).await;
    browser.go(&server.url("/readings")).await;
    browser.shows("holds no readings yet").await;
    store.put("odd", &json!({ "temperature": 21.5 }));
    browser.go(&server.url("/readings?range=7d")).await;
    browser.shows("none that tells a reading").await;
    browser.is_accessible().await;
    browser.go(&server.url("/readings?range=2w")).await;
    browser.shows("there is no range `2w`").await;
    browser.follow("24 h").await;
    browser.go(&server.url("/readings?from=2026-03-02&to=2026-03-01")).await;
    browser.shows("the first time is the earlier one").await;
    let none = Serving::start(&sandbox, "");
    browser.go(&none.url("/readings")).await;
    browser.shows("Start the server with one").await;
    let elsewhere = Serving::start(&sandbox, "--store sqlite:nowhere.db?collection=readings");
    browser.go(&elsewhere.url("/readings")).await;
    browser.find("alert", "").await;
    browser.screenshot("readings-error").await;
}

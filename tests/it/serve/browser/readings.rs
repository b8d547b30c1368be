//! The page of readings, as people see it.

use super::serve;
use crate::support::browser::{Browser, Window, key};
use crate::support::rooms::{HOME, Room, Rooms};
use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;
use serde_json::json;

/// A home of which so many days are known, measured every so many minutes.
async fn home(days: i64, minutes: i64) -> (Sandbox, Serving) {
    let sandbox = Sandbox::new();
    Rooms::new(&sandbox).await.live(&HOME, days, minutes);
    let server = serve(&sandbox);
    (sandbox, server)
}

/// What a slider says of the time at which it stands.
async fn told(browser: &Browser) -> String {
    browser.run("return document.querySelector('.told').innerText", &[]).await.to_string()
}

#[tokio::test]
async fn a_home_is_shown_by_charts_with_names_and_values() {
    let (_sandbox, server) = home(8, 30).await;
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
        browser.comes_to(&format!("range={key}")).await;
        browser.screenshot(&format!("readings-{key}")).await;
    }
    browser.is_accessible().await;
}

#[tokio::test]
async fn pointer_and_arrow_keys_tell_values() {
    let (_sandbox, server) = home(2, 5).await;
    let browser = Browser::open(Window::LAPTOP).await;
    browser.go(&server.url("/readings?metric=te")).await;
    browser.run("document.querySelector('input.time').focus()", &[]).await;
    let newest = told(&browser).await;
    browser.keys(&key::LEFT.to_string()).await;
    let before = told(&browser).await;
    assert!(before != newest && before.contains("Bedroom"), "{before}");
    let (role, name) = browser.focused().await;
    assert_eq!(role, "slider");
    assert!(name.starts_with("Temperature in °C"), "{name}");
    browser.is_quiet().await;
}

#[tokio::test]
async fn a_phone_in_the_dark_shows_all_of_it_without_scripts() {
    let (_sandbox, server) = home(8, 30).await;
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
    plain.comes_to("from=").await;
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

/// The heads of the table of the first chart: the devices whose lines are shown.
async fn columns(browser: &Browser) -> String {
    let heads = "return document.querySelector('table.values thead').textContent";
    browser.run(heads, &[]).await.to_string()
}

/// From when to when the first chart goes, in minutes.
async fn minutes(browser: &Browser) -> i64 {
    let length = "const it = document.querySelector('svg.chart').dataset; return it.to - it.from";
    browser.run(length, &[]).await.as_i64().expect("a number") / 60_000
}

/// Marks the page, so that one that is loaded anew shows.
async fn mark(browser: &Browser) {
    browser.run("window.stays = true", &[]).await;
}

async fn is_marked(browser: &Browser) -> bool {
    browser.run("return window.stays === true", &[]).await == true
}

#[tokio::test]
async fn the_lines_of_a_device_are_switched_off_by_its_name() {
    let (_sandbox, server) = home(2, 5).await;
    let plain = Window::PHONE.without_scripts();
    for (window, has_scripts) in [(Window::LAPTOP, true), (plain, false)] {
        let browser = Browser::open(window).await;
        browser.go(&server.url("/readings")).await;
        mark(&browser).await;
        assert!(columns(&browser).await.contains("Bedroom"));
        browser.follow("Hide Bedroom").await;
        browser.find("link", "Show Bedroom").await;
        browser.comes_to("hide=1b7e2d90").await;
        let shown = columns(&browser).await;
        assert!(!shown.contains("Bedroom") && shown.contains("Hallway"), "{shown}");
        let csv = browser.find("link", "CSV").await.attr("href").await.expect("a link");
        assert!(csv.expect("an address").contains("hide=1b7e2d90"));
        if has_scripts {
            browser.is_accessible().await;
        }
        browser
            .screenshot(if has_scripts { "readings-hidden" } else { "readings-hidden-phone" })
            .await;
        browser.follow("Show Bedroom").await;
        browser.find("link", "Hide Bedroom").await;
        assert!(columns(&browser).await.contains("Bedroom"));
        assert_eq!(is_marked(&browser).await, has_scripts, "the script loads no page anew");
        browser.is_quiet().await;
    }
}

#[tokio::test]
async fn a_chart_is_zoomed_into_by_dragging_or_by_keys() {
    let (_sandbox, server) = home(2, 5).await;
    let browser = Browser::open(Window::LAPTOP).await;
    browser.go(&server.url("/readings?range=24h&metric=te")).await;
    mark(&browser).await;
    browser.drag("input.time", 0.25, 0.5).await;
    browser.settles().await;
    let dragged = minutes(&browser).await;
    assert!((340..380).contains(&dragged), "a quarter of a day, not {dragged} minutes");
    browser.comes_to("from=").await;
    browser.is_accessible().await;
    browser.run("document.querySelector('input.time').focus()", &[]).await;
    browser.keys(&format!("{0}{1}{1}{1}", key::SHIFT, key::LEFT)).await;
    let chosen = browser.run("return document.activeElement.ariaValueText", &[]).await.to_string();
    assert!(chosen.contains("marked from"), "{chosen}");
    browser.screenshot("readings-marked").await;
    browser.keys(&key::ENTER.to_string()).await;
    browser.settles().await;
    let keyed = minutes(&browser).await;
    assert!(keyed < 30, "four cells, not {keyed} minutes");
    let range = "return document.querySelector('p.as-of').textContent.split(' (')[0]";
    let range = browser.run(range, &[]).await;
    browser.follow("Zoom out").await;
    assert_eq!(minutes(&browser).await, 3 * keyed);
    browser.back().await;
    browser.shows(range.as_str().expect("a range")).await;
    assert_eq!(minutes(&browser).await, keyed);
    assert!(is_marked(&browser).await, "no page was loaded anew");
    browser.is_quiet().await;
}

#[tokio::test]
async fn what_the_keys_have_marked_stays_marked_where_the_page_is_refreshed() {
    let (_sandbox, server) = home(2, 5).await;
    let browser = Browser::open(Window::LAPTOP).await;
    browser.go(&server.url("/readings?range=24h&metric=te")).await;
    let marked = "const slider = document.querySelector('input.time'); slider.focus();
        return slider.ariaValueText";
    browser.run(marked, &[]).await;
    browser.keys(&format!("{0}{0}{1}{0}{0}{0}", key::LEFT, key::SHIFT)).await;
    let before = browser.run(marked, &[]).await;
    assert!(before.to_string().contains("marked from"), "{before}");
    for _ in 0..2 {
        browser.is_refreshed().await;
        assert_eq!(browser.run(marked, &[]).await, before);
    }
    let cell = "return Number(document.querySelector('figure.readings').dataset.cell)";
    let cell = browser.run(cell, &[]).await.as_i64().expect("a number") / 60_000;
    browser.keys(&key::ENTER.to_string()).await;
    browser.settles().await;
    assert_eq!(minutes(&browser).await, 4 * cell);
}

#[tokio::test]
async fn readings_are_refreshed_where_they_stand_until_it_is_stopped() {
    let sandbox = Sandbox::new();
    let mut rooms = Rooms::new(&sandbox).await;
    rooms.live(&HOME, 1, 10);
    let server = serve(&sandbox);
    let browser = Browser::open(Window::LAPTOP).await;
    browser.go(&server.url("/readings")).await;
    mark(&browser).await;
    let state = "return [document.querySelector('section.metric details').open, window.scrollY]";
    let open = "document.querySelector('section.metric details').open = true;
        document.querySelectorAll('input.time')[1].focus(); window.scrollTo(0, 300)";
    browser.run(open, &[]).await;
    let (focused, before) = (browser.focused().await, browser.run(state, &[]).await);
    let event = json!({ "val": 38.7, "created_at": chrono::Utc::now().to_rfc3339() });
    let warm = json!({
        "device_id": HOME[1].id, "name": "Bedroom", "request_at": chrono::Utc::now().to_rfc3339(),
        "newest_events": { "te": event },
    });
    rooms.put("warm", &warm);
    browser.shows("38.7").await;
    assert_eq!(browser.focused().await, focused);
    assert_eq!(browser.run(state, &[]).await, before, "opened details and the scroll stay");
    assert!(is_marked(&browser).await, "no page was loaded anew");
    browser.press("Stop refreshing").await;
    browser.find("button", "Refresh again").await;
    browser.is_quiet().await;
}

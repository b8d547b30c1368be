//! What people change on pages; `queue stats` tells what came of it.

use super::{HOSTILE, bury};
use crate::support::browser::{Browser, Window};
use crate::support::queue_file::{publish_all, stats};
use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;

/// A count of the queue in `q.db`.
fn counted(sandbox: &Sandbox, state: &str) -> u64 {
    stats(sandbox)[state].as_u64().expect("a count")
}

/// Presses a button, agrees to the question that it leads to, and waits for what is said then.
async fn agree(browser: &Browser, button: &str, question: &str, said: &str) {
    browser.press(button).await;
    browser.find("heading", &format!("{question}?")).await;
    browser.is_accessible().await;
    browser.press(question).await;
    browser.shows(said).await;
}

#[tokio::test]
async fn dead_letters_are_redriven_and_dropped_after_a_question() {
    let sandbox = Sandbox::new();
    bury(&sandbox, &HOSTILE);
    let server = Serving::start(&sandbox, "");
    let browser = Browser::open(Window::LAPTOP).await;
    browser.go(&server.url("/")).await;
    browser.shows("5 dead letters to look at.").await;
    browser.follow("Dead letters").await;
    let one = format!("Redrive {}", HOSTILE[0]);
    agree(&browser, &one, &one, "1 dead letter redriven.").await;
    assert_eq!((counted(&sandbox, "ready"), counted(&sandbox, "dead")), (1, 4));
    browser.follow("Dead letters").await;
    for id in [HOSTILE[1], HOSTILE[3]] {
        browser.find("checkbox", &format!("Select {id}")).await.click().await.expect("a box");
    }
    agree(&browser, "Drop selected", "Drop 2 dead letters", "2 dead letters dropped.").await;
    assert_eq!((counted(&sandbox, "ready"), counted(&sandbox, "dead")), (1, 2));
    browser.follow("Dead letters").await;
    agree(&browser, "Redrive all 2", "Redrive 2 dead letters", "2 dead letters redriven.").await;
    assert_eq!((counted(&sandbox, "ready"), counted(&sandbox, "dead")), (3, 0));
    browser.is_quiet().await;
}

#[tokio::test]
async fn a_queue_is_purged_once_its_name_is_typed() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a b c");
    let server = Serving::start(&sandbox, "");
    let browser = Browser::open(Window::PHONE.without_scripts()).await;
    browser.go(&server.url("/")).await;
    browser.follow("Messages").await;
    browser.follow("Ready").await;
    browser.follow("Purge…").await;
    let field = "Type the queue’s name, default";
    browser.write("textbox", field, "another").await;
    browser.press("Purge").await;
    browser.shows("That is not its name: nothing was removed.").await;
    assert_eq!(counted(&sandbox, "ready"), 3);
    browser.write("textbox", field, "default").await;
    browser.press("Purge").await;
    browser.shows("3 messages purged.").await;
    assert_eq!(counted(&sandbox, "ready"), 0);
    browser.is_quiet().await;
}

#[tokio::test]
async fn the_overview_is_refreshed_where_it_stands_until_it_is_stopped() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    let server = Serving::start(&sandbox, "");
    let browser = Browser::open(Window::LAPTOP).await;
    browser.go(&server.url("/")).await;
    browser.shows("1 message ready").await;
    browser.run("document.querySelector('table.queues a').focus(); window.stays = true", &[]).await;
    let focused = browser.focused().await;
    publish_all(&sandbox, "b c");
    browser.shows("3 messages ready").await;
    assert_eq!(browser.focused().await, focused);
    assert_eq!(browser.run("return window.stays", &[]).await, true, "no page was loaded anew");
    browser.press("Stop refreshing").await;
    browser.find("button", "Refresh again").await;
    browser.is_quiet().await;
}

#[tokio::test]
async fn the_token_is_asked_for_once() {
    let sandbox = Sandbox::new();
    publish_all(&sandbox, "a");
    sandbox.write("token", "an-entirely-secret-token");
    let server = Serving::start(&sandbox, "--token-file token");
    let browser = Browser::open(Window::PHONE.dark()).await;
    browser.go(&server.url("/messages")).await;
    browser.find("heading", "Sign in").await;
    browser.is_accessible().await;
    browser.screenshot("sign-in-phone-dark").await;
    // A password has no role.
    let fields = "return document.querySelector('input[type=password]').labels[0].textContent";
    assert_eq!(browser.run(fields, &[]).await, "Token");
    browser.keys("a-wrong-token").await;
    browser.press("Sign in").await;
    browser.shows("This is not the server’s token.").await;
    browser.keys("an-entirely-secret-token").await;
    browser.press("Sign in").await;
    browser.shows("Messages of default").await;
    assert_eq!(browser.run("return document.cookie", &[]).await, "", "no script sees the session");
    browser.press("Sign out").await;
    browser.find("heading", "Sign in").await;
}

#[tokio::test]
async fn a_server_that_only_shows_has_no_button_that_changes_something() {
    let sandbox = Sandbox::new();
    bury(&sandbox, &["d"]);
    let server = Serving::start(&sandbox, "--read-only");
    let browser = Browser::open(Window::LAPTOP).await;
    browser.go(&server.url("/dead-letters")).await;
    browser.shows("By reason").await;
    assert!(browser.find_now("button", "Redrive d").await.is_empty());
}

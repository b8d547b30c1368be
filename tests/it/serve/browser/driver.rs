//! The browser of these tests, on pages with faults that it has to notice.

use crate::support::browser::{Browser, Window};
use crate::support::http_server::{Answer, Server};
use std::panic::AssertUnwindSafe;

const PAGE: &str = r#"<!DOCTYPE html><html lang="en"><head><title>Faults</title>
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"></head>
<body><main><h1 id="h">A page</h1><p id="p">no script</p>
<a href="/other">Redrive 寝室 <b>“all”</b></a> <label>Name <input></label>
<button aria-label="Drop" onclick="document.title = 'dropped'">x</button></main>
<script>p.textContent = "a script"</script></body></html>"#;

/// Serves these pages, by path.
fn serve(pages: &'static [(&str, String)]) -> Server {
    Server::answering(move |head, _| {
        let page = pages.iter().find(|(path, _)| head.starts_with(&format!("GET {path} ")));
        let body = page.map_or("<!DOCTYPE html><title>Another</title>", |(_, body)| body);
        Answer::http("200 OK", &["Content-Type: text/html; charset=utf-8"], body)
    })
}

/// A page with more in its body.
fn faulty(path: &'static str, more: &str) -> (&'static str, String) {
    (path, PAGE.replace("</main>", &format!("{more}</main>")))
}

/// Whether something fails.
async fn fails(looking: impl Future<Output = ()>) -> bool {
    let looking = futures_util::FutureExt::catch_unwind(AssertUnwindSafe(looking));
    looking.await.is_err()
}

#[tokio::test]
async fn a_page_is_read_and_used_by_roles_and_names() {
    let server = serve(Vec::leak(vec![faulty("/", "")]));
    let browser = Browser::open(Window::LAPTOP).await;
    browser.go(&server.url()).await;
    browser.shows("a script").await;
    browser.find("heading", "A page").await;
    browser.write("textbox", "Name", "寝室 🏠").await;
    browser.tab().await;
    assert_eq!(browser.focused().await, ("button".to_owned(), "Drop".to_owned()));
    browser.press("Drop").await;
    assert_eq!(browser.title().await, "dropped");
    browser.is_quiet().await;
    browser.is_accessible().await;
    browser.follow("Redrive 寝室 “all”").await;
    browser.comes_to("/other").await;
    assert!(browser.url().await.ends_with("/other"));
    browser.hides("A page").await;
    browser.back().await;
    assert!(browser.find_now("link", "Nobody").await.is_empty());
}

#[tokio::test]
async fn windows_differ_in_size_colours_and_scripts() {
    let wide = faulty("/", "<div style='width: 600px'>wide</div>");
    let server = serve(Vec::leak(vec![wide]));
    let phone = Browser::open(Window::PHONE.dark().without_scripts()).await;
    phone.go(&server.url()).await;
    phone.shows("no script").await;
    assert_eq!(
        phone.run("return matchMedia('(prefers-color-scheme: dark)').matches", &[]).await,
        true
    );
    assert!(phone.overhang().await > 200);
    assert!(phone.screenshot("driver-phone").await.exists());
}

#[tokio::test]
async fn what_a_page_must_not_do_is_noticed() {
    let server = serve(Vec::leak(vec![
        faulty("/foreign", "<img alt='' src='http://localhost:9/x.png'>"),
        faulty("/error", "<script>nowhere()</script>"),
        faulty("/unnamed", "<input>"),
        faulty("/pale", "<p style='color: #ccc; background: #fff'>pale</p>"),
    ]));
    for (path, is_quiet) in [("/foreign", false), ("/error", false), ("/pale", true)] {
        let browser = Browser::open(Window::LAPTOP).await;
        browser.go(&(server.url() + path)).await;
        assert_eq!(!fails(browser.is_quiet()).await, is_quiet, "{path}");
    }
    let browser = Browser::open(Window::LAPTOP).await;
    for path in ["/unnamed", "/pale"] {
        browser.go(&(server.url() + path)).await;
        assert!(fails(browser.is_accessible()).await, "{path}");
    }
}

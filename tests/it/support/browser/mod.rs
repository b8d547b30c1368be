//! A real browser, used as a person uses it: by what is to be seen, and controls by role and name.

mod access;
mod driver;
mod finding;
mod screenshots;
mod watching;
mod window;

pub use driver::key;
pub use window::Window;

use crate::support::pause;
use driver::Session;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use watching::Seen;

/// What is not to be seen by then never comes.
const DEADLINE: Duration = Duration::from_secs(60);
/// The longest pause between two looks at a page: each costs the browser something.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// A window of Chromium, with a profile of its own; it is closed when it goes out of scope.
pub struct Browser {
    session: Session,
    seen: Mutex<Seen>,
}

impl Browser {
    /// Opens a window.
    pub async fn open(window: Window) -> Self {
        let session = Session::open(window.capabilities()).await;
        let browser = Self { session, seen: Mutex::default() };
        window.dress(&browser).await;
        browser
    }

    /// Goes to an address, and waits until the page is there.
    pub async fn go(&self, url: &str) {
        self.post("url", json!({ "url": url })).await;
    }

    /// Goes back to where it was before.
    pub async fn back(&self) {
        self.post("back", json!({})).await;
    }

    /// Waits until the page's address has this in it: a form is on its way when its button is pressed.
    pub async fn comes_to(&self, part: &str) {
        wait_for(&format!("`{part}` in its address"), async || {
            self.url().await.contains(part).then_some(())
        })
        .await;
    }

    /// The address of the page.
    pub async fn url(&self) -> String {
        self.get("url").await
    }

    /// The title of the page.
    pub async fn title(&self) -> String {
        self.get("title").await
    }

    /// Runs JavaScript in the page, and gives what it returns.
    pub async fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("execute/sync", json!({ "script": script, "args": arguments })).await
    }

    /// Runs JavaScript that gives its result to the last of its arguments.
    async fn run_async(&self, script: &str) -> Value {
        self.post("execute/async", json!({ "script": script, "args": [] })).await
    }

    /// Drags a mouse over what a selector finds first, from one share of its width to another.
    pub async fn drag(&self, selector: &str, from: f64, to: f64) {
        let find = "const it = document.querySelector(arguments[0]);
            it.scrollIntoView({ block: 'center' });
            const { left, top, width, height } = it.getBoundingClientRect();
            return { left, width, y: top + height / 2 };";
        let found = self.run(find, &[json!(selector)]).await;
        let number = |name: &str| found[name].as_f64().expect("a number");
        let at = |share: f64| number("left") + share * number("width");
        let steps = [
            ("mousePressed", from, 1),
            ("mouseMoved", f64::midpoint(from, to), 1),
            ("mouseMoved", to, 1),
            ("mouseReleased", to, 0),
        ];
        for (kind, share, buttons) in steps {
            let event = json!({
                "type": kind, "x": at(share), "y": number("y"), "button": "left",
                "buttons": buttons, "clickCount": 1, "pointerType": "mouse",
            });
            self.devtools("Input.dispatchMouseEvent", event).await;
        }
    }

    /// How far the page is wider than the window, in pixels: what is scrolled sideways.
    pub async fn overhang(&self) -> i64 {
        let script =
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        self.run(script, &[]).await.as_i64().expect("a number")
    }

    /// Has Chromium's own protocol do something.
    async fn devtools(&self, method: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": method, "params": parameters });
        self.post("goog/cdp/execute", body).await
    }

    /// The text that the driver has for this.
    async fn get(&self, path: &str) -> String {
        let value = self.session.get(path).await.unwrap_or_else(|cause| panic!("{path}: {cause}"));
        value.as_str().expect("a text").to_owned()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.session.post(path, &body).await;
        answer.unwrap_or_else(|cause| {
            // A script may be as long as a library.
            let shown: String = body.to_string().chars().take(200).collect();
            panic!("{path} of {shown}: {cause}")
        })
    }
}

/// Looks until there is something; panics with `what` where there never is.
async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        let waited = start.elapsed();
        assert!(waited < DEADLINE, "the page never shows {what}");
        tokio::time::sleep(pause::after(waited, LONGEST_PAUSE)).await;
    }
}

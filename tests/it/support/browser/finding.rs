//! What is on a page, by what it is to whoever sees it or has it read out.

use super::driver::{Element, key};
use super::{Browser, wait_for};
use serde_json::json;

/// What can have a role that somebody looks for.
const CANDIDATES: &str = "a[href], button, input, select, textarea, summary, dialog, img, svg, \
     table, nav, main, h1, h2, h3, h4, [role]";

/// The candidates that may have a name: what is asked of each then is its role and its name.
const MAY_HAVE_NAME: &str = "
    const [candidates, name] = arguments;
    const words = text => (text || '').replace(/\\s+/g, ' ').trim();
    const texts = it => [it.textContent, it.ariaLabel, it.title, it.value, it.alt,
        ...[...(it.labels || [])].map(label => label.textContent)];
    const may = it => it.hasAttribute('aria-labelledby') || texts(it).some(text => words(text).includes(name));
    return [...document.querySelectorAll(candidates)].filter(may);";

const REFRESH: &str = "
    const done = arguments[arguments.length - 1];
    document.addEventListener('refreshed', () => done(true), { once: true });
    document.dispatchEvent(new Event('visibilitychange'));";

impl Browser {
    /// All that is to be read on the page.
    pub async fn text(&self) -> String {
        let text = self.run("return document.body.innerText", &[]).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a text is to be read on the page.
    pub async fn shows(&self, text: &str) {
        wait_for(&format!("`{text}`"), async || self.text().await.contains(text).then_some(()))
            .await;
    }

    /// Waits until a text is nowhere on the page.
    pub async fn hides(&self, text: &str) {
        let what = format!("itself without `{text}`");
        wait_for(&what, async || (!self.text().await.contains(text)).then_some(())).await;
    }

    /// Waits for what has a role and a name, as a screen reader tells them.
    pub async fn find(&self, role: &str, name: &str) -> Element<'_> {
        let what = format!("the {role} `{name}`");
        wait_for(&what, async || self.named(role, name, 1).await.pop()).await
    }

    /// What has a role and a name at this moment.
    pub async fn find_now(&self, role: &str, name: &str) -> Vec<Element<'_>> {
        self.named(role, name, usize::MAX).await
    }

    /// What has a role and a name at this moment, but no more than so many: each candidate is asked.
    async fn named(&self, role: &str, name: &str, most: usize) -> Vec<Element<'_>> {
        let found = self.run(MAY_HAVE_NAME, &[json!(CANDIDATES), json!(name)]).await;
        let mut named = Vec::new();
        let found = found.as_array().into_iter().flatten();
        for element in found.filter_map(|it| Element::of(&self.session, it)) {
            if named.len() < most && is_shown_as(&element, role, name).await {
                named.push(element);
            }
        }
        named
    }

    /// Follows a link, and waits until the next page is there.
    pub async fn follow(&self, name: &str) {
        self.find("link", name).await.click().await.expect("a link that can be followed");
        self.settles().await;
    }

    /// Waits until a page that changes in place, as after a link or a zoom, is what it is to be.
    pub async fn settles(&self) {
        let busy = "return document.querySelector('[aria-busy=true]') !== null";
        let what = "itself without being busy";
        wait_for(what, async || (self.run(busy, &[]).await == false).then_some(())).await;
    }

    /// Waits until a page that asks for itself again has done so, now and not in its own time: it looks
    /// at once where somebody comes back to it.
    pub async fn is_refreshed(&self) {
        self.run_async(REFRESH).await;
    }

    /// Presses a button.
    pub async fn press(&self, name: &str) {
        self.find("button", name).await.click().await.expect("a button that can be pressed");
    }

    /// Writes into a field of this role, in place of what is there.
    pub async fn write(&self, role: &str, name: &str, text: &str) {
        let field = self.find(role, name).await;
        field.clear().await.expect("a field");
        field.send_keys(text).await.expect("a field that can be written in");
    }

    /// Types on the keyboard, into whatever has the focus.
    pub async fn keys(&self, keys: &str) {
        let element = self.active_element().await;
        element.send_keys(keys).await.expect("keys that can be typed");
    }

    /// The role and the name of what has the focus.
    pub async fn focused(&self) -> (String, String) {
        let element = self.active_element().await;
        let role = element.computed("computedrole").await.unwrap_or_default();
        (role, element.computed("computedlabel").await.unwrap_or_default())
    }

    async fn active_element(&self) -> Element<'_> {
        let value = self.session.get("element/active").await.expect("something with the focus");
        Element::of(&self.session, &value).expect("an element")
    }

    /// Goes on to the next control by the keyboard.
    pub async fn tab(&self) {
        self.keys(&key::TAB.to_string()).await;
    }
}

/// Whether this is to be seen, and has this role and name. What was replaced meanwhile has none.
async fn is_shown_as(element: &Element<'_>, role: &str, name: &str) -> bool {
    element.computed("computedlabel").await.as_deref() == Some(name)
        && element.computed("computedrole").await.as_deref() == Some(role)
        && element.is_displayed().await.unwrap_or(false)
}

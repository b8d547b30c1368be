//! What is on a page, by what it is to whoever sees it or has it read out.

use super::command::Command;
use super::{Browser, wait_for};
use fantoccini::elements::{Element, ElementRef};
use fantoccini::key::Key;
use serde_json::{Value, json};

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
    pub async fn find(&self, role: &str, name: &str) -> Element {
        let what = format!("the {role} `{name}`");
        wait_for(&what, async || self.named(role, name, 1).await.pop()).await
    }

    /// What has a role and a name at this moment.
    pub async fn find_now(&self, role: &str, name: &str) -> Vec<Element> {
        self.named(role, name, usize::MAX).await
    }

    /// What has a role and a name at this moment, but no more than so many: each candidate is asked.
    async fn named(&self, role: &str, name: &str, most: usize) -> Vec<Element> {
        let found = self.run(MAY_HAVE_NAME, &[json!(CANDIDATES), json!(name)]).await;
        let mut named = Vec::new();
        for element in found.as_array().into_iter().flatten().filter_map(|it| self.element(it)) {
            if named.len() < most && self.is_shown_as(&element, role, name).await {
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
        let element = self.client.active_element().await.expect("something with the focus");
        element.send_keys(keys).await.expect("keys that can be typed");
    }

    /// The role and the name of what has the focus.
    pub async fn focused(&self) -> (String, String) {
        let element = self.client.active_element().await.expect("something with the focus");
        let role = self.computed(&element, "computedrole").await.unwrap_or_default();
        (role, self.computed(&element, "computedlabel").await.unwrap_or_default())
    }

    /// Goes on to the next control by the keyboard.
    pub async fn tab(&self) {
        self.keys(&char::from(Key::Tab).to_string()).await;
    }

    /// Whether this is to be seen, and has this role and name. What was replaced meanwhile has none.
    async fn is_shown_as(&self, element: &Element, role: &str, name: &str) -> bool {
        self.computed(element, "computedlabel").await.as_deref() == Some(name)
            && self.computed(element, "computedrole").await.as_deref() == Some(role)
            && element.is_displayed().await.unwrap_or(false)
    }

    async fn computed(&self, element: &Element, what: &str) -> Option<String> {
        let id = element.element_id();
        let command = Command::get(format!("element/{}/{what}", &*id));
        let value = self.client.issue_cmd(command).await.ok()?;
        value.as_str().map(str::to_owned)
    }

    /// What a script returned, where it is an element.
    fn element(&self, value: &Value) -> Option<Element> {
        let id = value.as_object()?.values().next()?.as_str()?;
        Some(Element::from_element_id(self.client.clone(), ElementRef::from(id.to_owned())))
    }
}

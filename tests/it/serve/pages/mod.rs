//! Pages for people, as a browser gets them without a script; what a form did, `queue stats` tells.

mod dead_letters;
mod down;
mod guard;
mod jobs;
mod messages;
mod overview;
mod received;

use crate::support::http_client::HttpAnswer;
use crate::support::queue_file::{publish, publish_all, stats};
use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;
use serde_json::{Value, json};

/// Somebody who looks at the pages of a server.
struct Person {
    serving: Serving,
}

/// A form: where it goes, and its fields.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Person {
    /// One who looks at the queues of `q.db`, and at whatever else the arguments say.
    #[track_caller]
    fn at(sandbox: &Sandbox, arguments: &str) -> Self {
        Self { serving: Serving::start(sandbox, arguments) }
    }

    #[track_caller]
    fn get(&self, path: &str) -> HttpAnswer {
        self.serving.ask(&format!("GET {path}"), &["Accept: text/html"], "")
    }

    /// The page at a path, which must be there.
    #[track_caller]
    fn see(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// Sends fields to a path, with the token of a page.
    #[track_caller]
    fn send(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> HttpAnswer {
        let token = forms(page).into_iter().flat_map(|form| form.fields);
        let token = token.into_iter().find(|(name, _)| name == "token").expect("a token");
        let mut fields: Vec<_> =
            fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        fields.push(token);
        self.submit(&Form { action: path.to_owned(), fields })
    }

    /// Submits a form as it stands.
    #[track_caller]
    fn submit(&self, form: &Form) -> HttpAnswer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&form.fields)
            .finish();
        let kind = "Content-Type: application/x-www-form-urlencoded";
        let origin = "Origin: http://localhost";
        self.serving.ask(&format!("POST {}", form.action), &[kind, origin], body)
    }

    /// Sends fields, and agrees to what is asked then; gives the question and the answer.
    #[track_caller]
    fn agree(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> (String, String) {
        let question = self.send(page, path, fields);
        assert_eq!(question.status, 200, "{}", question.body);
        let form = forms(&question.body).into_iter().find(|form| form.action == path);
        let answer = self.submit(&form.expect("a question"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        (question.body, answer.body)
    }
}

/// The forms of a page that send something, with their hidden fields.
fn forms(page: &str) -> Vec<Form> {
    let posts = page.split("<form").skip(1).map(|form| form.split("</form>").next().unwrap());
    let posts = posts.filter(|form| form.contains("method=\"post\""));
    let hidden = |form: &str| {
        let inputs = form.split("<input").skip(1).filter(|it| it.contains("type=\"hidden\""));
        inputs.map(|it| (attribute(it, "name"), attribute(it, "value"))).collect()
    };
    posts.map(|form| Form { action: attribute(form, "action"), fields: hidden(form) }).collect()
}

/// The value of the first attribute of this name.
fn attribute(html: &str, name: &str) -> String {
    let Some((_, rest)) = html.split_once(&format!("{name}=\"")) else { return String::new() };
    let value = rest.split('"').next().unwrap_or_default();
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")]
        .into_iter()
        .fold(value.to_owned(), |value, (written, read)| value.replace(written, read))
}

/// Names of each kind that a page must show as text, and nothing else.
const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'`&amp;{{7*7}}",
    "寝室 🏠 é",
    "a\u{202e}txt.exe\u{7}",
    "two\r\nlines",
];

/// Asserts that what somebody else wrote is text on a page.
#[track_caller]
fn assert_harmless(page: &str) {
    for markup in ["<script>alert", "<img src=x", "\u{202e}", "\u{7}"] {
        assert!(!page.contains(markup), "{markup:?} in {page}");
    }
}

/// Makes dead letters of these: the store refuses a body that is no object.
fn bury(sandbox: &Sandbox, ids: &[&str]) {
    let lines: Vec<_> = ids.iter().map(|id| json!({"id": id, "body": "no object"})).collect();
    publish(sandbox, &lines);
    sandbox.subscribe().args("--from sqlite:q.db --to sqlite:s.db").run().expect(65);
}

/// A count of `queue stats`.
#[track_caller]
fn counted(sandbox: &Sandbox, name: &str) -> u64 {
    stats(sandbox)[name].as_u64().expect("a count")
}

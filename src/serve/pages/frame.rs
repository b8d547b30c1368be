//! What stands around every page: the head, the way to the other pages, and the errors.

use super::Pages;
use super::fields::TOKEN;
use super::paths;
use crate::error::{Error, Kind};
use crate::text::visible;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};

/// The part of the pages that one belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// How all is.
    Overview,
    /// What the stores hold.
    Readings,
    /// The messages of a queue.
    Messages,
    /// What was given up.
    DeadLetters,
    /// The jobs of a namespace.
    Jobs,
    /// The field for the token.
    SignIn,
}

/// The parts that each page leads to.
const SECTIONS: [(Section, &str, &str); 5] = [
    (Section::Overview, paths::OVERVIEW, "Overview"),
    (Section::Readings, paths::READINGS, "Readings"),
    (Section::Messages, paths::MESSAGES, "Messages"),
    (Section::DeadLetters, paths::DEAD_LETTERS, "Dead letters"),
    (Section::Jobs, paths::JOBS, "Jobs"),
];

/// What stands around one page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'p> {
    /// What the page is about, in the browser's tab.
    pub(super) title: &'p str,
    /// Where it belongs.
    pub(super) section: Section,
}

impl Frame<'_> {
    /// The whole page around this content.
    pub(super) fn page(&self, pages: &Pages, content: &Markup) -> Html<String> {
        let around = html! {
            header.top {
                a.brand href="/" { "kakehi" }
                @if self.section != Section::SignIn { (self.ways(pages)) (sign_out(pages)) }
            }
            main #main tabindex="-1" { (content) }
        };
        document(self.title, &around)
    }

    /// The page of an error: what failed, why, and what to do about it.
    pub(super) fn failed(&self, pages: &Pages, error: &Error) -> Response {
        self.page_of(pages, &html! { h1 { (self.title) } }, Some(error))
    }

    /// The page around this content, and below it what failed of it.
    pub(super) fn page_of(
        &self,
        pages: &Pages,
        content: &Markup,
        error: Option<&Error>,
    ) -> Response {
        let Some(error) = error else { return self.page(pages, content).into_response() };
        let content = html! { (content) (error_box(error)) };
        (status(error), self.page(pages, &content)).into_response()
    }

    fn ways(&self, pages: &Pages) -> Markup {
        let has_jobs = pages.sites.queues().iter().any(|it| it.queue.has_jobs);
        html! {
            nav aria-label="Pages" {
                @for (section, path, name) in SECTIONS.into_iter().filter(|it| it.0 != Section::Jobs || has_jobs) {
                    a href=(path) aria-current=[(section == self.section).then_some("page")] {
                        (name)
                    }
                }
            }
        }
    }
}

impl Pages {
    /// The field that proves that a form is ours.
    pub(super) fn form_token(&self) -> Markup {
        html! { input type="hidden" name=(TOKEN) value=(self.guard.form_token); }
    }
}

/// What an error is to a client.
pub(super) fn status(error: &Error) -> StatusCode {
    match error.kind() {
        Kind::Usage if error.is_missing() => StatusCode::NOT_FOUND,
        Kind::Usage | Kind::Configuration => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// What failed, why, and what to do about it, as part of a page.
pub(super) fn error_box(error: &Error) -> Markup {
    let told = error.to_string();
    let mut lines = told.lines().map(str::trim);
    let line = |line: Option<&str>| visible(line.unwrap_or_default().as_bytes());
    html! {
        div.error role="alert" {
            p { strong { (line(lines.next())) } }
            @for told in lines { p { (line(Some(told))) } }
        }
    }
}

/// Content that a script asks for again, so many seconds after the last answer, and the button that stops
/// it; without a script it is what it is.
pub(super) fn refreshed(seconds: u32, content: &Markup) -> Markup {
    html! {
        div #live data-refresh=(seconds) { (content) }
        p { button #refresh type="button" hidden { "Stop refreshing" } }
    }
}

/// The answer to a request that is refused, as a page.
pub(super) fn refusal(status: StatusCode, reason: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Refused");
    let content = html! {
        header.top { a.brand href="/" { "kakehi" } }
        main #main { h1 { (title) } p.error role="alert" { (reason) } }
    };
    (status, document(title, &content)).into_response()
}

fn sign_out(pages: &Pages) -> Markup {
    html! {
        @if pages.guard.has_token() {
            form.sign-out method="post" action=(paths::SIGN_OUT) {
                (pages.form_token())
                button type="submit" { "Sign out" }
            }
        }
    }
}

fn document(title: &str, content: &Markup) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – kakehi" }
                link rel="icon" type="image/svg+xml" href="/assets/icon.svg";
                link rel="stylesheet" href="/assets/style.css";
                script src="/assets/script.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (content)
            }
        }
    };
    Html(page.into_string())
}

//! The choice among the queues that a page could be about.

use super::numbers::shown;
use super::sites::ShownQueue;
use maud::{Markup, html};

/// The ways to this page of the other queues; none where there is but one.
pub(super) fn queues(all: &[ShownQueue], path: &str, chosen: &ShownQueue) -> Markup {
    html! {
        @if all.len() > 1 {
            nav.choices aria-label="Queues" {
                @for queue in all {
                    a href=(queue.address(path, &[]))
                        aria-current=[(queue.label == chosen.label).then_some("true")] {
                        (shown(&queue.label))
                    }
                }
            }
        }
    }
}

//! Whether a page can be used by everybody: what axe-core finds in it.

use super::Browser;
use crate::support::services;
use serde_json::Value;

const RUN: &str = "
    const done = arguments[arguments.length - 1];
    const told = found => found.violations.map(it =>
        `${it.impact}: ${it.help} (${it.id}): ${it.nodes.map(node => node.html + ' ' + node.failureSummary).join('\\n  ')}`);
    axe.run(document, { resultTypes: ['violations'] }).then(found => done(told(found)), why => done([`${why}`]));";

impl Browser {
    /// Fails where the page has something that somebody cannot see, reach or have read out.
    pub async fn is_accessible(&self) {
        let axe = std::fs::read_to_string(services::axe()).expect("axe-core");
        self.run(&axe, &[]).await;
        let Value::Array(found) = self.run_async(RUN).await else {
            panic!("axe-core says nothing")
        };
        let found: Vec<_> = found.iter().filter_map(Value::as_str).collect();
        assert!(found.is_empty(), "{}:\n{}", self.url().await, found.join("\n"));
    }
}

//! What `queue check` finds out about a collection, leaving nothing behind.

use super::failure::{self, Failure, Refusal};
use super::{MongoDb, MongoDbOptions};
use crate::error::Result;
use crate::location::Location;
use crate::preflight::Finding;
use crate::sinks::{Conflict, Options, Sink};
use mongodb::bson::{Bson, Document, doc};

/// Looks at a collection as `subscribe` will use it.
pub async fn preflight(url: Location, options: &Options) -> Result<Vec<Finding>> {
    let settings = MongoDbOptions::read(url, options).await?;
    let sink = Box::new(MongoDb::new(settings, options.write_timeout)?);
    let findings = sink.findings().await;
    sink.close().await.map(|()| findings)
}

impl MongoDb {
    async fn findings(&self) -> Vec<Finding> {
        if let Err(error) = self.ping().await {
            return vec![Finding::of(&error)];
        }
        let what = format!(
            "MongoDB at `{}` answers, and we may read `{}`",
            self.connection.hosts, self.connection.namespace
        );
        let mut findings = vec![Finding::ok(what)];
        if self.is_there().await != Some(true) {
            findings.push(self.rights().await);
            return findings;
        }
        let collection = self.store.collection.name();
        // No server takes an array as `_id`; it looks at rights first and at documents after that.
        let insert = doc! { "insert": collection, "documents": [{ "_id": Bson::Array(vec![]) }] };
        findings.push(self.probe("insert into", insert).await);
        if self.store.conflict == Conflict::Replace {
            // `$in` of nothing finds nothing.
            let nothing = doc! { "_id": { "$in": Bson::Array(vec![]) } };
            let change = doc! { "q": nothing, "u": { "$set": { "kakehi": 1 } }, "upsert": false };
            let update = doc! { "update": collection, "updates": [change] };
            findings.push(self.probe("replace in", update).await);
        }
        findings
    }

    async fn ask(&self, question: Document) -> Result<Document, Failure> {
        let database = self.connection.client.database(&self.store.collection.namespace().db);
        let asked =
            self.connection.within_limit(async move { database.run_command(question).await }).await;
        asked?.map_err(|cause| Failure::of(&cause))
    }

    /// Whether the collection is there: some servers make it at the first write, even at one that
    /// they refuse. `None` where we may not ask.
    async fn is_there(&self) -> Option<bool> {
        let named = doc! { "name": self.store.collection.name() };
        let question = doc! { "listCollections": 1, "filter": named, "nameOnly": true };
        let answer = self.ask(question).await.ok()?;
        let found = answer.get_document("cursor").ok()?.get_array("firstBatch").ok()?;
        Some(!found.is_empty())
    }

    /// Asks for a write that cannot change anything: whether it was refused for want of a right
    /// says whether we have it.
    async fn probe(&self, verb: &str, command: Document) -> Finding {
        let asked = self.ask(command).await;
        match asked.and_then(|answer| refusal(&answer).map_or(Ok(()), Err)) {
            Ok(()) => Finding::ok(format!("we may {verb} it: a write of nothing was let through")),
            Err(failure) if failure.standing.is_some() => {
                Finding::of(&self.connection.explain(&failure))
            }
            Err(failure) => {
                Finding::unknown(format!("whether we may {verb} it")).hint(failure.words)
            }
        }
    }

    /// What the server says of our rights to a collection that is not there.
    async fn rights(&self) -> Finding {
        let namespace = self.store.collection.namespace();
        let status = self.ask(doc! { "connectionStatus": 1, "showPrivileges": true }).await;
        let allowed =
            status.ok().and_then(|status| may_insert(&status, &namespace.db, &namespace.coll));
        let unmade = "the collection is not there yet; the first write makes it";
        match allowed {
            Some(true) => Finding::ok(format!("{unmade}, which we may do")),
            Some(false) => {
                let why = "the server names no right of ours to do that".to_owned();
                let failure =
                    Failure { words: why, standing: Some(crate::error::Kind::Credentials) };
                Finding::of(&self.connection.explain(&failure))
            }
            None => Finding::unknown(unmade).hint("whether we may do that, the server did not say"),
        }
    }
}

/// Why a probe was refused for more than what is wrong with it on purpose.
fn refusal(answer: &Document) -> Option<Failure> {
    let error = answer.get_array("writeErrors").ok()?.first()?.as_document()?;
    let code = error.get_i32("code").ok()?;
    failure::refused(Refusal { code, name: None, message: "" }).1
}

/// Whether one of the privileges lets us insert there; `None` where the server lists none. An empty
/// name in a resource is any: <https://www.mongodb.com/docs/manual/reference/resource-document/>.
fn may_insert(status: &Document, database: &str, collection: &str) -> Option<bool> {
    let info = status.get_document("authInfo").ok()?;
    if info.get_array("authenticatedUsers").ok()?.is_empty() {
        // Nobody has to log in here: a login that is needed was refused before.
        return Some(true);
    }
    let privileges = info.get_array("authenticatedUserPrivileges").ok()?;
    if privileges.is_empty() {
        return None;
    }
    let covers = |resource: &Document| {
        let is = |name: &str, wanted: &str| {
            resource.get_str(name).is_ok_and(|it| it.is_empty() || it == wanted)
        };
        resource.get_bool("anyResource").unwrap_or(false)
            || (is("db", database) && is("collection", collection))
    };
    Some(privileges.iter().filter_map(Bson::as_document).any(|privilege| {
        let actions = privilege.get_array("actions");
        privilege.get_document("resource").is_ok_and(covers)
            && actions.is_ok_and(|actions| actions.iter().any(|it| it.as_str() == Some("insert")))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(db: &str, collection: &str, action: &str) -> Document {
        let resource = doc! { "db": db, "collection": collection };
        doc! { "authInfo": {
            "authenticatedUsers": [{ "user": "me" }],
            "authenticatedUserPrivileges": [{ "resource": resource, "actions": ["find", action] }],
        } }
    }

    #[test]
    fn a_right_is_one_to_this_collection_or_to_any() {
        for (db, collection, action, expected) in [
            ("home", "", "insert", true),
            ("home", "readings", "insert", true),
            ("", "", "insert", true),
            ("home", "other", "insert", false),
            ("other", "", "insert", false),
            ("home", "", "update", false),
        ] {
            let status = status(db, collection, action);
            assert_eq!(may_insert(&status, "home", "readings"), Some(expected), "{status}");
        }
        let mut silent = status("", "", "");
        silent
            .get_document_mut("authInfo")
            .unwrap()
            .insert("authenticatedUserPrivileges", Bson::Array(vec![]));
        assert_eq!(may_insert(&silent, "home", "readings"), None);
    }
}

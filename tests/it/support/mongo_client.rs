//! MongoDB's own driver, for a look at what the programs stored.

use crate::support::services;

/// A client of this server.
pub async fn connect(mongo: &services::Mongo) -> mongodb::Client {
    let mut options = mongodb::options::ClientOptions::parse(format!("mongodb://{}/", mongo.hosts))
        .await
        .expect("the server's address");
    options.credential = mongo.username.clone().map(|username| {
        let credential = mongodb::options::Credential::builder().username(username);
        credential.password(mongo.password.clone().unwrap_or_default()).build()
    });
    mongodb::Client::with_options(options).expect("a client")
}

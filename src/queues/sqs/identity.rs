//! What a queue is, whatever its URL is spelled like, and under which name something is kept for it.

use super::SERVICE;
use super::client::Queue;
use super::name::{Name, Whereabouts};
use super::options::SqsOptions;
use crate::clients::aws;
use crate::environment::Environment;
use crate::error::Result;
use crate::identity::{Identity, Key, endpoint, spellings};

/// Under which name something is kept for a queue: where it is, what tells its account apart without
/// asking, and the attribute that carries the ids.
pub(super) fn key(queue: &SqsOptions, environment: &Environment) -> Result<Key> {
    let SqsOptions { name, id_attribute, .. } = queue;
    let address = Address::of(name, environment)?;
    let whole = format!("sqs:{}?id-attribute={id_attribute} at {address}", path(name));
    Ok(Key::new(whole).before(address.older(name)))
}

/// What a queue is: by its URL; where only the name was given the service is asked for that, and
/// where it does not answer the name counts.
pub(super) async fn identity(name: Name, environment: &Environment) -> Result<Identity> {
    let own = named(&name, environment)?;
    if name.full().is_some() {
        return Ok(Identity::named(own));
    }
    let queue = Queue::open(name, environment).await?;
    let url = queue.url().await.ok().map(|url| queue.name.at(url));
    let resolved = url.map(|name| named(&name, environment)).transpose()?;
    Ok(Identity::named(own).also(resolved))
}

fn named(name: &Name, environment: &Environment) -> Result<String> {
    Ok(format!("sqs:{} at {}", path(name), Address::of(name, environment)?))
}

/// The name, with the account where the URL was given.
fn path(name: &Name) -> String {
    name.path().unwrap_or_else(|| name.short().to_owned())
}

/// Where a queue is, and as whom we are there.
struct Address {
    endpoint: Option<String>,
    region: Option<String>,
    /// What tells it apart, where only the queue's name was given.
    account: Option<String>,
}

impl Address {
    fn of(name: &Name, environment: &Environment) -> Result<Self> {
        let given = aws::endpoint(environment, SERVICE)?.map(str::to_owned);
        let (endpoint, region) = match name.whereabouts() {
            Some(Whereabouts::Region(region)) => (given, Some(region)),
            Some(Whereabouts::Elsewhere(origin)) => (given.or(Some(origin)), None),
            None => (given, aws::region(environment)?.map(str::to_owned)),
        };
        let account = match name.full() {
            Some(_) => None,
            None => Some(aws::account(environment)?),
        };
        Ok(Self { endpoint, region, account })
    }

    fn words(&self, endpoint: &str) -> String {
        let region = match &self.region {
            Some(region) => format!("`{region}`"),
            None => "its own region".to_owned(),
        };
        let account = self.account.as_ref().map(|it| format!(" of {it}")).unwrap_or_default();
        format!("{endpoint} in {region}{account}")
    }

    /// What older versions called it, which may have secrets in it: they knew the endpoint as it was
    /// spelled, and made no difference between attributes.
    fn older(&self, name: &Name) -> Vec<String> {
        let endpoints = match &self.endpoint {
            None => vec![AMAZON.to_owned()],
            Some(endpoint) => spellings(endpoint),
        };
        let older = endpoints.iter().map(|it| self.words(it.trim_end_matches('/')));
        let urls = name.spellings();
        older
            .flat_map(|address| urls.iter().map(move |url| format!("{url} at {address}")))
            .collect()
    }
}

/// Where the service is unless somebody names another server.
const AMAZON: &str = "Amazon";

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let endpoint = self.endpoint.as_deref().map(endpoint);
        f.write_str(&self.words(endpoint.as_deref().unwrap_or(AMAZON)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::Location;

    fn key_of(text: &str, variables: &[(&str, &str)]) -> Key {
        let queue = SqsOptions::of(Location::parse(text).unwrap()).unwrap();
        key(&queue, &variables.iter().copied().collect()).unwrap()
    }

    #[test]
    fn a_url_means_the_same_however_it_is_spelled() {
        let names = |texts: &[&str]| {
            let mut names: Vec<_> =
                texts.iter().map(|text| key_of(text, &[]).name().to_owned()).collect();
            names.dedup();
            names
        };
        let amazon = names(&[
            "sqs:https://sqs.eu-west-1.amazonaws.com/1/a",
            "sqs:https://SQS.EU-WEST-1.amazonaws.com:443/1/a/?receivers=2",
            "sqs:https://eu-west-1.queue.amazonaws.com/1/a",
            "sqs:https://sqs-fips.eu-west-1.amazonaws.com/1/a",
        ]);
        assert_eq!(amazon, ["sqs:1/a?id-attribute=kakehi-id at Amazon in `eu-west-1`"]);
        let local = names(&[
            "sqs:http://127.0.0.1:4566/1/a",
            "sqs:http://localhost:4566/1/a/",
            "sqs:http://LOCALHOST:4566//1/a?receivers=2",
        ]);
        assert_eq!(local.len(), 1, "{local:?}");
    }

    #[test]
    fn a_secret_in_an_endpoint_is_in_no_name_but_an_older_one() {
        let endpoint =
            [("AWS_ENDPOINT_URL", "http://me:hunter2@127.0.0.1:9/"), ("AWS_REGION", "r")];
        let key = key_of("sqs:a?id-attribute=x", &endpoint);
        let address = "http://127.0.0.1:9 in `r` of the default profile";
        assert_eq!(key.name(), format!("sqs:a?id-attribute=x at {address}"));
        let older = address.replace("//", "//me:hunter2@");
        assert!(key.older().contains(&format!("sqs:a at {older}")), "{key:?}");
        assert!(key.older().contains(&format!("sqs:a at {address}")), "{key:?}");
    }

    fn key_name_of(text: &str, variables: &[(&str, &str)]) -> String {
        key_of(text, variables).name().to_owned()
    }

    #[test]
    fn the_cloud_each_region_each_account_and_each_emulator_are_places_of_their_own() {
        let region = ("AWS_REGION", "eu-west-1");
        let emulator = ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566/");
        let places = [
            key_name_of("sqs:a", &[region]),
            key_name_of("sqs:b", &[region]),
            key_name_of("sqs:a", &[("AWS_REGION", "eu-west-2")]),
            key_name_of("sqs:a", &[region, ("AWS_PROFILE", "other")]),
            key_name_of("sqs:a", &[region, ("AWS_ACCESS_KEY_ID", "AKIATHEKEY")]),
            key_name_of("sqs:a", &[region, emulator]),
            key_name_of("sqs:https://sqs.eu-west-1.amazonaws.com/1/a", &[]),
            key_name_of("sqs:https://sqs.eu-west-1.amazonaws.com/2/a", &[]),
            key_name_of("sqs:https://sqs.eu-west-1.amazonaws.com/1/a", &[emulator]),
            key_name_of("sqs:http://127.0.0.1:4566/1/a", &[]),
        ];
        for (at, place) in places.iter().enumerate() {
            assert!(!places[..at].contains(place), "{place}");
            assert!(!place.contains("AKIATHEKEY"), "{place}");
        }
        assert_eq!(
            key_name_of("sqs:a?receivers=2", &[region]),
            "sqs:a?id-attribute=kakehi-id at Amazon in `eu-west-1` of the default profile"
        );
    }
}

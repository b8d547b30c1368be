//! What the URL of an API says: how to ask, and where in the answer things are.

use crate::clients::http;
use crate::error::{Error, Kind, Result};
use crate::json::Pointer;
use crate::location::Location;
use std::path::PathBuf;
use url::Url;

/// What a URL says.
pub(super) struct HttpOptions {
    /// What is asked for, with the API's own parameters.
    pub(super) url: Url,
    /// Where in the answer things are.
    pub(super) pointers: Pointers,
    /// Headers for the request.
    pub(super) header_file: Option<PathBuf>,
    /// Where it is remembered which version of the answer was published.
    pub(super) state: Option<PathBuf>,
}

/// Where in an answer, and in an item of it, things are.
#[derive(Debug, Default)]
pub(super) struct Pointers {
    /// The list of items; where it is not said, the answer is the list, or the only item.
    pub(super) items: Option<Pointer>,
    /// What makes an item's id.
    pub(super) id: Vec<Pointer>,
    /// What orders.
    pub(super) group: Option<Pointer>,
    /// The instant that an item tells of.
    pub(super) at: Option<Pointer>,
}

/// The parameters that are ours; all others are the API's.
pub(super) const PARAMETERS: &[&str] =
    &["items", "id", "group", "at", "header-file", "state", "insecure", "query"];

impl HttpOptions {
    /// Reads `https://HOST/PATH?items=POINTER&id=POINTER,POINTER&group=POINTER&at=POINTER`, `query`,
    /// `header-file`, `state` and `insecure`. All other parameters are the API's; so is what stands in
    /// `query`, where one of them has such a name.
    pub(super) fn of(mut url: Location) -> Result<Self> {
        let pointers = Pointers {
            items: pointer(&mut url, "items")?,
            id: pointer_list(&mut url, "id")?,
            group: pointer(&mut url, "group")?,
            at: pointer(&mut url, "at")?,
        };
        let header_file = url.take("header-file")?.map(PathBuf::from);
        let state = url.take("state")?.map(PathBuf::from);
        let insecure = url.flag("insecure")?;
        let query = url.take("query")?;
        let target = target(&url, query.as_deref());
        let url = http::parse_resource("the URL", &target, insecure)?;
        Ok(Self { url, pointers, header_file, state })
    }
}

/// The URL as the API has it.
fn target(url: &Location, query: Option<&str>) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url.remaining() {
        match value {
            Some(value) => pairs.append_pair(name, value),
            None => pairs.append_key_only(name),
        };
    }
    let pairs = pairs.finish();
    let queries: Vec<_> = [Some(&*pairs), query].into_iter().flatten().collect();
    let queries: Vec<_> = queries.into_iter().filter(|it| !it.is_empty()).collect();
    let bare = format!("{}:{}", url.scheme(), url.rest());
    match queries.is_empty() {
        true => bare,
        false => format!("{bare}?{}", queries.join("&")),
    }
}

/// The URL as it is shown: an API's parameters may be keys.
pub(super) fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

fn pointer(url: &mut Location, name: &str) -> Result<Option<Pointer>> {
    url.take(name)?.map(|text| parse(name, &text)).transpose()
}

fn pointer_list(url: &mut Location, name: &str) -> Result<Vec<Pointer>> {
    let Some(text) = url.take(name)? else { return Ok(Vec::new()) };
    text.split(',').map(|it| parse(name, it)).collect()
}

fn parse(name: &str, text: &str) -> Result<Pointer> {
    Pointer::parse(text).ok_or_else(|| {
        Error::new(Kind::Usage, format!("`{name}` is not a pointer into JSON"))
            .hint(format!("write it as RFC 6901 has it: `{name}=/data/0/name`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target_of(text: &str) -> String {
        HttpOptions::of(Location::parse(text).unwrap()).unwrap().url.to_string()
    }

    #[test]
    fn what_is_not_ours_is_the_apis() {
        assert_eq!(target_of("https://a.example/x?items=/data&id=/id"), "https://a.example/x");
        assert_eq!(
            target_of("https://a.example/x?city=S%C3%A3o%20P&items=/d&all&query=id%3D5%26at%3Dnow"),
            "https://a.example/x?city=S%C3%A3o+P&all&id=5&at=now"
        );
        assert_eq!(
            target_of("http://127.0.0.1:1/%E2%82%AC?q=1"),
            "http://127.0.0.1:1/%E2%82%AC?q=1"
        );
        assert_eq!(target_of("http://a.example/?insecure"), "http://a.example/");
    }

    #[test]
    fn what_cannot_be_is_refused_and_no_secret_shown() {
        for (text, kind) in [
            ("https://a.example?items=data", Kind::Usage),
            ("https://a.example?id=/a,b", Kind::Usage),
            ("https://a.example?at=", Kind::Usage),
            ("https://a.example?insecure=maybe", Kind::Usage),
            ("http://a.example/", Kind::Configuration),
            ("https:", Kind::Configuration),
            ("https://me:hunter2@a.example/", Kind::Configuration),
        ] {
            let error = HttpOptions::of(Location::parse(text).unwrap()).err().unwrap();
            assert_eq!(error.kind(), kind, "{text}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn no_parameter_of_an_api_is_shown() {
        let url = Url::parse("https://a.example:8443/x?appid=hunter2").unwrap();
        assert_eq!(shown(&url), "https://a.example:8443/x");
    }
}

//! Servers that speak as Google's Text-to-Speech and as VOICEVOX ENGINE do. Each remembers what it was
//! asked for, and fails where a test says so.

use crate::support::http_server::{Answer, Server};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use url::Url;

/// The one voice of each.
pub const VOICE: &str = "ja-JP-Neural2-B";
pub const SPEAKER: u32 = 3;

/// A server that speaks.
pub struct Speaker {
    server: Server,
    /// What it says to the next requests for speech, in the place of speech.
    next: Arc<Mutex<VecDeque<Answer>>>,
    /// The texts that it spoke.
    spoken: Arc<Mutex<Vec<String>>>,
}

impl Speaker {
    /// Google's service, as its client asks for it: enumerations are numbers.
    pub fn google() -> Self {
        Self::new(|path, _, body, speak| match path {
            "/v1/voices" => Answer::ok(format!(
                r#"{{"voices":[{{"name":"{VOICE}","languageCodes":["ja-JP"],"ssmlGender":2}}]}}"#
            )),
            "/v1/text:synthesize" => {
                let request: serde_json::Value = serde_json::from_slice(body).expect("JSON");
                let text = request["input"]["text"].as_str().expect("a text");
                assert!(request["audioConfig"]["audioEncoding"].is_u64(), "{request}");
                assert!(request["voice"]["languageCode"].is_string(), "{request}");
                speak(text, &|sound| {
                    let sound = BASE64_STANDARD.encode(sound);
                    Answer::ok(format!(r#"{{"audioContent":"{sound}"}}"#))
                })
            }
            _ => Answer::http("404 Not Found", &[], ""),
        })
    }

    /// VOICEVOX ENGINE. A query carries the text to its synthesis.
    pub fn voicevox() -> Self {
        Self::new(|path, url, body, speak| match path {
            "/version" => Answer::ok("\"0.25.0\""),
            "/speakers" => {
                Answer::ok(format!(r#"[{{"name":"a","styles":[{{"name":"b","id":{SPEAKER}}}]}}]"#))
            }
            "/audio_query" => {
                let mut pairs = url.query_pairs();
                let text = pairs.find(|(name, _)| name == "text").expect("a text").1;
                Answer::ok(serde_json::json!({"accent_phrases": [], "kana": text}).to_string())
            }
            "/synthesis" => {
                assert!(url.query().is_some_and(|it| it == format!("speaker={SPEAKER}")), "{url}");
                let query: serde_json::Value = serde_json::from_slice(body).expect("JSON");
                speak(query["kana"].as_str().expect("the query"), &|sound| {
                    Answer::http("200 OK", &["Content-Type: audio/wav"], sound)
                })
            }
            _ => Answer::http("404 Not Found", &[], ""),
        })
    }

    fn new(
        respond: impl Fn(&str, &Url, &[u8], &dyn Fn(&str, &dyn Fn(&str) -> Answer) -> Answer) -> Answer
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let next: Arc<Mutex<VecDeque<Answer>>> = Arc::default();
        let spoken: Arc<Mutex<Vec<String>>> = Arc::default();
        let (failures, texts) = (next.clone(), spoken.clone());
        let speak = move |text: &str, answer: &dyn Fn(&str) -> Answer| {
            if let Some(failure) = failures.lock().unwrap().pop_front() {
                return failure;
            }
            texts.lock().unwrap().push(text.to_owned());
            answer(&sound_of(text))
        };
        let server = Server::answering(move |head, body| {
            let target = head.split(' ').nth(1).expect("a request line");
            let url = Url::parse(&format!("http://speaker{target}")).expect("a target");
            respond(url.path(), &url, body, &speak)
        });
        Self { server, next, spoken }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Says this to the next request for speech that has no such answer yet.
    pub fn fail(&self, answer: Answer) {
        self.next.lock().unwrap().push_back(answer);
    }

    /// The texts that were spoken, in alphabetical order.
    pub fn spoken(&self) -> Vec<String> {
        let mut spoken = self.spoken.lock().unwrap().clone();
        spoken.sort();
        spoken
    }

    /// The heads of all requests.
    pub fn requests(&self) -> Vec<String> {
        self.server.requests()
    }

    /// The bodies of all requests.
    pub fn bodies(&self) -> Vec<String> {
        self.server.bodies()
    }
}

/// What stands for the sound of a text.
pub fn sound_of(text: &str) -> String {
    format!("sound of {text}")
}

/// An error as Google's services give it.
pub fn google_error(status: u16, code: &str, message: &str, headers: &[&str]) -> Answer {
    let error = serde_json::json!({"error": {"code": status, "message": message, "status": code}});
    Answer::http(&format!("{status} {code}"), headers, error.to_string())
}

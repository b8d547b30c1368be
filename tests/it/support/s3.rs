//! A bucket of its own on the server that speaks S3, looked into without the product's code.

use crate::support::sandbox::Program;
use crate::support::services;
use kakehi::environment::Environment;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// A fresh bucket.
pub struct Bucket {
    pub name: String,
    endpoint: String,
}

impl Bucket {
    pub fn new() -> Self {
        let name = format!("b-{}", uuid::Uuid::now_v7());
        let bucket = Self { name, endpoint: services::s3() };
        bucket.ask("PUT", "", "");
        bucket
    }

    /// Whatever is created and removed in it is told to this queue of the same server.
    pub fn tell(&self, queue: &str) {
        let arn = format!("arn:aws:sqs:us-east-1:123456789012:{queue}");
        let what = "<Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event>";
        let queue = format!("<QueueConfiguration><Queue>{arn}</Queue>{what}</QueueConfiguration>");
        let all = format!("<NotificationConfiguration>{queue}</NotificationConfiguration>");
        self.ask("PUT", "?notification", &all);
    }

    /// Puts something into it, and removes something: each by its key, encoded for a URL.
    pub fn put(&self, key: &str, content: &[u8]) {
        self.ask("PUT", &format!("/{key}"), content);
    }

    pub fn delete(&self, key: &str) {
        self.ask("DELETE", &format!("/{key}"), "");
    }

    /// `s3://BUCKET`.
    pub fn url(&self) -> String {
        format!("s3://{}", self.name)
    }

    /// `host:port` of the server.
    pub fn address(&self) -> &str {
        self.endpoint.strip_prefix("http://").expect("a plain address")
    }

    /// The variables for a program that uses it, at this endpoint or another one.
    pub fn variables(&self, endpoint: Option<&str>) -> [(&'static str, String); 4] {
        [
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL_S3", endpoint.unwrap_or(&self.endpoint).to_owned()),
        ]
    }

    pub fn environment(&self, endpoint: Option<&str>) -> Environment {
        self.variables(endpoint).into_iter().collect()
    }

    pub fn through(&self, program: Program, endpoint: Option<&str>) -> Program {
        self.variables(endpoint).into_iter().fold(program, |it, (name, value)| it.env(name, value))
    }

    /// Every key with the digest that S3 gives to its content.
    pub fn objects(&self) -> BTreeMap<String, String> {
        let text = self.ask("GET", "?list-type=2&max-keys=1000", "");
        let between = |text: &str, name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>")).expect("an entry has it");
            let text = rest.split_once('<').expect("it ends").0;
            text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        };
        text.split("<Contents>")
            .skip(1)
            .map(|entry| (between(entry, "Key"), between(entry, "ETag")))
            .collect()
    }

    /// An object's head and content, by its key, encoded for a URL.
    pub fn get(&self, key: &str) -> String {
        self.ask("GET", &format!("/{key}"), "")
    }

    /// Removes the bucket, which must be empty.
    pub fn remove(&self) {
        self.ask("DELETE", "", "");
    }

    fn ask(&self, method: &str, query: &str, content: impl AsRef<[u8]>) -> String {
        let content = content.as_ref();
        let mut line = TcpStream::connect(self.address()).expect("the server listens");
        // Nobody checks it, but without it nothing may be removed.
        let key = "AWS4-HMAC-SHA256 Credential=test/20261126/us-east-1/s3/aws4_request, \
                   SignedHeaders=host, Signature=0";
        let request = format!(
            "{method} /{}{query} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\
             Authorization: {key}\r\nConnection: close\r\n\r\n",
            self.name,
            self.address(),
            content.len()
        );
        line.write_all(&[request.as_bytes(), content].concat()).expect("the server reads");
        let mut answer = Vec::new();
        line.read_to_end(&mut answer).expect("the server answers");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 2"), "{method} {query}: {answer}");
        answer
    }
}

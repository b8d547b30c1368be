//! The original's web server, and its JSON.

use crate::support::http_client::{HttpAnswer, HttpClient};
use crate::support::process::Process;
use crate::support::redis_server::{free_port, wait_for};
use crate::support::redis_stage::Stage;
use serde_json::Value;
use std::net::{SocketAddr, TcpStream};

/// `workwebui` on the namespace of a stage.
pub struct Web {
    address: SocketAddr,
    _process: Process,
}

impl Web {
    /// Starts it, and waits until it listens.
    pub fn start(stage: &Stage) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let program = stage.workwebui(address);
        let process = Process::start(program, String::new(), false);
        wait_for("the original's page is served", || TcpStream::connect(address).ok());
        Self { address, _process: process }
    }

    /// The JSON at a path.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.json(&format!("GET {path}"))
    }

    /// Has something done, which must succeed.
    #[track_caller]
    pub fn post(&self, path: &str) {
        assert_eq!(self.json(&format!("POST {path}"))["status"], "ok");
    }

    #[track_caller]
    fn json(&self, request: &str) -> Value {
        let answer = self.ask(request);
        assert_eq!(answer.status, 200, "{request}: {}", answer.body);
        serde_json::from_str(&answer.body).expect("JSON")
    }

    /// The answer to a request, as it came.
    #[track_caller]
    pub fn ask(&self, request: &str) -> HttpAnswer {
        HttpClient::connect(self.address).ask(request, &[], "")
    }
}

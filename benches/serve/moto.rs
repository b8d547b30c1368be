//! moto, a public server of SQS's protocol over HTTP, with the same load.

use crate::BODY;
use crate::client::Client;
use crate::load::{Figures, Pace, requests};

/// Sends so many messages, one a request; `None` where moto is not there.
pub async fn inserts(count: usize) -> Option<Figures> {
    let endpoint = std::env::var("TEST_SQS_ENDPOINT").ok()?;
    let address = endpoint.strip_prefix("http://").expect("HTTP").trim_end_matches('/').to_owned();
    let name = format!("serve-bench-{}", std::process::id());
    let made = ask(&mut Client::connect(&address).await, "CreateQueue", &queue(&name)).await;
    let made: serde_json::Value = serde_json::from_slice(&made).expect("JSON");
    let url = made["QueueUrl"].as_str().expect("a URL").to_owned();
    let message = format!(r#"{{"QueueUrl": "{url}", "MessageBody": "{}"}}"#, "x".repeat(BODY));
    let sent = requests(&address, count, Pace::none(), async |client| {
        // It keeps no connection.
        *client = Client::connect(&address).await;
        ask(client, "SendMessage", &message).await;
        1
    });
    let sent = sent.await;
    let delete = format!(r#"{{"QueueUrl": "{url}"}}"#);
    ask(&mut Client::connect(&address).await, "DeleteQueue", &delete).await;
    Some(sent)
}

fn queue(name: &str) -> String {
    format!(r#"{{"QueueName": "{name}"}}"#)
}

async fn ask(client: &mut Client, action: &str, body: &str) -> Vec<u8> {
    let signed = "Authorization: AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sqs/aws4_request, \
                  SignedHeaders=host, Signature=x";
    let head = format!(
        "POST / HTTP/1.1\r\nContent-Type: application/x-amz-json-1.0\r\n\
         X-Amz-Target: AmazonSQS.{action}\r\n{signed}\r\n"
    );
    client.ask(&head, body.as_bytes()).await
}

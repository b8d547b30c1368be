//! Forms with files as a browser sends them: none breaks the parser, and what is taken is a file that is
//! in the body.

#![no_main]

use kakehi::sources::listen;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8])| {
    let (boundary, body) = input;
    let Ok(kind) = format!("multipart/form-data; boundary={boundary}").parse() else { return };
    let headers = std::iter::once((axum::http::header::CONTENT_TYPE, kind)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    match runtime.block_on(listen::parts(&headers, body.to_vec().into())) {
        Ok(parts) => {
            assert!(!parts.is_empty());
            let sizes: usize = parts.iter().map(|part| part.bytes.len()).sum();
            assert!(sizes <= body.len() && parts.iter().all(|part| !part.bytes.is_empty()));
        }
        Err(refusal) => assert!(refusal.status.is_client_error() && !refusal.reason.is_empty()),
    }
});

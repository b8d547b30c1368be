//! An API that refuses, stumbles, or is not there.

use super::*;

/// [10]
#[tokio::test]
async fn refused_credentials_are_said_at_once() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let (error, requests) = fail([Answer::http(status, &[], ERROR_401)]).await;
        assert_eq!(error.kind(), Kind::Credentials);
        assert_eq!(requests, 1);
        let shown = error.to_string();
        assert!(shown.contains(status) && shown.contains(r#""message":"Unauthorized""#), "{shown}");
        assert!(shown.contains("hint: make a token"), "{shown}");
    }
}

#[tokio::test]
async fn an_error_with_a_good_status_is_no_list_of_devices() {
    let (error, requests) = fail([Answer::ok(ERROR_401)]).await;
    assert_eq!((error.kind(), requests), (Kind::Failed, 1));
    assert!(error.to_string().contains("the answer is not a list: Unauthorized"), "{error}");
}

/// [12]
#[tokio::test]
async fn a_rate_limit_that_ends_late_is_an_error_at_once() {
    let reset = now().timestamp() + 133;
    let reset = format!("X-Rate-Limit-Reset: {reset}");
    let headers = ["X-Rate-Limit-Limit: 30", "X-Rate-Limit-Remaining: 0", &reset];
    let (error, requests) =
        fail([Answer::http("429 Too Many Requests", &headers, ERROR_429)]).await;
    assert_eq!((error.kind(), requests), (Kind::Unreachable, 1));
    let shown = error.to_string();
    let expected = "limit 30, remaining 0, resets at 2026-07-20T03:33:20Z";
    assert!(shown.contains("429 Too Many Requests") && shown.contains(expected), "{shown}");
    assert!(shown.contains("30 requests in 5 minutes"), "{shown}");
}

#[tokio::test]
async fn a_rate_limit_that_says_nothing_useful_is_tried_three_times() {
    let past = format!("X-Rate-Limit-Reset: {}", now().timestamp() - 60);
    for header in ["X-Other: 1", "X-Rate-Limit-Reset: soon", "X-Rate-Limit-Reset: -5", &past] {
        let answer = Answer::http("429 Too Many Requests", &[header], ERROR_429);
        let (error, requests) = fail([answer]).await;
        assert_eq!((error.kind(), requests), (Kind::Unreachable, 3), "{header}");
        assert!(error.to_string().contains("429"), "{error}");
    }
}

#[tokio::test]
async fn a_rate_limit_that_ends_soon_is_waited_for() {
    let sandbox = Sandbox::new();
    let reset = format!("X-Rate-Limit-Reset: {}", now().timestamp() + 1);
    let script = [
        Answer::http("429 Too Many Requests", &[&reset], ERROR_429),
        Answer::ok(r#"[{"id":"d"}]"#),
    ];
    let server = Server::new(script);
    let mut source = open(&server, "", &options(&sandbox).0);
    assert_eq!(source.read(0).await.unwrap().unwrap().messages.len(), 1);
    assert_eq!(server.requests().len(), 2);
}

/// [12]
#[tokio::test]
async fn a_server_that_fails_is_asked_again() {
    let html = "<html><head><title>502 Bad Gateway</title></head>\u{1b}[2J</html>";
    let troubles = [
        Answer::http("500 Internal Server Error", &[], ""),
        Answer::http("502 Bad Gateway", &["Content-Type: text/html"], html),
        Answer::http("503 Service Unavailable", &["Retry-After: 0"], "busy"),
        Answer::ok(TYPICAL).cut(100),
        Answer::ok(&TYPICAL[..500]),
        Answer::ok(""),
        Answer::ok("<html>please log in to this network</html>"),
        Answer::Bytes(Vec::new()),
        Answer::Bytes(b"rubbish\r\n\r\n".to_vec()),
    ];
    for trouble in troubles {
        let sandbox = Sandbox::new();
        let server = Server::new([trouble.clone(), trouble.clone(), Answer::ok(TYPICAL)]);
        let mut source = open(&server, "", &options(&sandbox).0);
        assert_eq!(source.read(0).await.unwrap().unwrap().messages.len(), 4, "{trouble:?}");
        assert_eq!(server.requests().len(), 3);

        let (error, requests) = fail([trouble.clone()]).await;
        assert_eq!((error.kind(), requests), (Kind::Unreachable, 3), "{trouble:?}");
        let shown = error.to_string();
        assert!(!shown.contains("はなこ") && !shown.contains("please log in"), "{shown}");
    }
}

#[tokio::test]
async fn an_error_page_is_shown_in_part_and_without_control_characters() {
    let page = format!("\u{1b}[2J<h1>{}</h1>", "very long ".repeat(10_000));
    let (error, _) = fail([Answer::http("502 Bad Gateway", &[], page)]).await;
    assert!(error.to_string().contains("502 Bad Gateway: [2J<h1>very long"), "{error}");
}

#[tokio::test]
async fn any_other_refusal_is_said_at_once() {
    for status in ["400 Bad Request", "404 Not Found", "410 Gone", "418 I'm a teapot"] {
        let (error, requests) = fail([Answer::http(status, &[], "no")]).await;
        assert_eq!((error.kind(), requests), (Kind::Failed, 1), "{status}");
        assert!(error.to_string().contains(status), "{error}");
    }
}

/// [19]
#[tokio::test]
async fn a_redirect_never_takes_the_token_anywhere() {
    let other = Server::new([Answer::ok("[]")]);
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"] {
        let location = format!("Location: {}/1/devices", other.url());
        let (error, requests) = fail([Answer::http(status, &[&location], "")]).await;
        assert_eq!((error.kind(), requests), (Kind::Failed, 1));
        assert!(error.to_string().contains("redirects are not followed"), "{error}");
    }
    assert!(other.requests().is_empty());
}

/// [11]
#[tokio::test]
async fn a_silent_server_is_given_up() {
    let sandbox = Sandbox::new();
    let server = Server::new([Answer::Silence]);
    let limits = Limits { timeout: Duration::from_millis(50), ..limits() };
    let mut source = open_with(&server, "", &options(&sandbox).0, limits);
    let error = source.read(0).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.to_string().contains("timed out"), "{error}");
    assert_eq!(server.requests().len(), 3);
}

/// [19]
#[tokio::test]
async fn an_answer_without_end_is_refused() {
    let (error, requests) = fail([Answer::Endless]).await;
    assert_eq!((error.kind(), requests), (Kind::Unreachable, 1));
    assert!(error.to_string().contains("longer than 16777216 bytes"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let sandbox = Sandbox::new();
    let gone = Server::new([Answer::Silence]).url();
    let url = Location::parse(&format!("nature-remo:?endpoint={gone}")).unwrap();
    let mut source = nature_remo::open_with(url, &options(&sandbox).0, limits()).unwrap();
    let error = source.read(0).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
    assert!(error.to_string().to_lowercase().contains("connection refused"), "{error}");
}

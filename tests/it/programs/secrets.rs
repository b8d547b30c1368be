//! No secret leaves a program: each variable and each parameter is given one, each program runs with
//! all that it can log, and nothing of it is found in what they say or keep.

use crate::support::documents;
use crate::support::sandbox::{Program, Run, Sandbox};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use std::fs;
use std::path::Path;

const CANARY: &str = "hunter2canary";

/// Where nobody listens: it fails at once.
const NOBODY: &str = "127.0.0.1:1";

/// What other programs are told a proxy by; the documents leave them to those.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"];

/// Object stores' own variables, which begin as the clouds' names do.
const STORES: [&str; 6] = [
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_ENDPOINT",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "AWS_ENDPOINT_URL_S3",
    "AWS_SESSION_TOKEN",
];

/// The value that puts the canary into a variable as it would stand there.
fn value(sandbox: &Sandbox, variable: &str) -> String {
    let webhook = format!("https://{NOBODY}/{CANARY}");
    let address = format!("http://me:{CANARY}@{NOBODY}/?token={CANARY}");
    match variable {
        "AWS_REGION" | "AWS_DEFAULT_REGION" => "us-east-1".to_owned(),
        "AWS_ACCESS_KEY_ID" => "AKIAQNZGKIQYAAAAAAAA".to_owned(),
        "AWS_PROFILE" => "default".to_owned(),
        "RUST_LOG" => "trace".to_owned(),
        "MONGODB_USERNAME" => "me".to_owned(),
        "PUBSUB_EMULATOR_HOST" => format!("me:{CANARY}@{NOBODY}"),
        "GOOGLE_APPLICATION_CREDENTIALS" => {
            let key = format!("{{\"type\":\"service_account\",\"private_key\":\"{CANARY}\"}}");
            sandbox.write("google.json", key).to_str().expect("UTF-8").to_owned()
        }
        "KAKEHI_CONFIG" => {
            let lines = format!("HTTP_TOKEN='{CANARY}'\nAZURE_STORAGE_KEY='{CANARY}'\n");
            sandbox.write(variable, lines).to_str().expect("UTF-8").to_owned()
        }
        "KAKEHI_QUEUE" => format!("sqs:http://me:{CANARY}@{NOBODY}/1/queue"),
        "KAKEHI_SINK" => format!("mongodb://me:{CANARY}@{NOBODY}/home"),
        "WEBHOOK_URL" => webhook,
        "WEBHOOK_URL_FILE" => sandbox.write(variable, webhook).to_str().expect("UTF-8").to_owned(),
        _ if variable.ends_with("_FILE") => {
            sandbox.write(variable, CANARY).to_str().expect("UTF-8").to_owned()
        }
        _ if variable.contains("ENDPOINT") || PROXIES.contains(&variable) => address,
        _ => CANARY.to_owned(),
    }
}

/// Every variable that the documents name, and those of others that we read.
fn variables() -> Vec<String> {
    let mut all = documents::variables();
    all.extend(PROXIES.iter().chain(&STORES).map(|name| (*name).to_owned()));
    assert!(all.len() > 20, "{all:?}");
    all
}

fn programs(sandbox: &Sandbox) -> Vec<Program> {
    let lines = "{\"id\":\"a\",\"key\":\"a.jpg\"}\n";
    let publish = |arguments: &str| sandbox.publish().args(arguments).stdin(lines);
    let quick = "--publish-timeout 1s -vv";
    let subscribe = |arguments: &str| sandbox.subscribe().args("-vv --max-time 4s").args(arguments);
    let queue = |arguments: &str| sandbox.queue().args("-vv").args(arguments);
    vec![
        publish(&format!("stdin: --to sqs:queue {quick}")),
        publish(&format!("stdin:?id=id --to pubsub://project/topic {quick}")),
        publish(&format!("stdin: --to redis://{NOBODY}/0?job=a {quick}")),
        publish(&format!("stdin: --to redis+sentinel://{NOBODY}/main/0?job=a {quick}")),
        publish(&format!("stdin: {quick}")),
        publish("nature-remo: --to sqlite:q.db -vv"),
        publish("nature-remo:?mode=changes --to sqlite:q.db -vv --lock"),
        publish("files:*.txt?store=s3://bucket --to sqlite:q.db -vv"),
        publish("files:*.txt?store=az://bucket --to sqlite:q.db -vv"),
        publish("files:*.txt?store=gs://bucket --to sqlite:q.db -vv"),
        publish("stdin: --to sqlite:q.db -vv"),
        subscribe(
            "--from sqlite:q.db --to mongodb://127.0.0.1:1/home?serverSelectionTimeoutMS=500",
        ),
        subscribe("--from sqlite:q.db"),
        subscribe("--from sqlite:q.db --to thumbnail:s3://bucket"),
        subscribe("--from sqlite:q.db --to webhook:?allow-private"),
        subscribe("--from sqlite:q.db --to forward:sqs:queue"),
        subscribe("--from sqlite:q.db --to forward:pubsub://project/topic"),
        subscribe("--from sqs:queue --to stdout: --lock"),
        subscribe("--from pubsub://project/topic --to stdout: --lock"),
        subscribe("--from sqlite:q.db --once --max-attempts 1 -- false"),
        queue("stats sqs:queue"),
        queue("stats pubsub://project/topic"),
        queue(&format!("check --queue redis://{NOBODY}/0?job=a")),
        queue(
            "check --from sqs:queue --to mongodb://127.0.0.1:1/home?serverSelectionTimeoutMS=500",
        ),
        queue("check --from pubsub://project/topic --to thumbnail:s3://bucket"),
        queue("check --source nature-remo: --queue sqs:queue"),
        queue("dead list sqs:queue --take"),
        queue("create sqs:queue"),
        queue("stats"),
        queue("stats --show-config"),
        publish("--show-config"),
    ]
}

#[track_caller]
fn expect_silence(what: &str, text: &[u8]) {
    let basic = BASE64_STANDARD.encode(format!("me:{CANARY}"));
    for secret in [CANARY.as_bytes(), basic.as_bytes()] {
        let at = text.windows(secret.len()).position(|bytes| bytes == secret);
        let around = at.map(|at| &text[at.saturating_sub(200)..(at + 60).min(text.len())]);
        assert!(at.is_none(), "{what}: {}", String::from_utf8_lossy(around.unwrap_or_default()));
    }
}

fn expect_silent_run(what: &str, run: &Run) {
    expect_silence(what, run.stdout.as_bytes());
    expect_silence(what, run.stderr.as_bytes());
}

/// Looks into every file below a folder, but for those that the test has put there.
fn expect_silent_files(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            expect_silent_files(&path);
        } else if !name.ends_with("_FILE") && !["google.json", "KAKEHI_CONFIG"].contains(&name) {
            expect_silence(&path.display().to_string(), &fs::read(&path).expect("a file"));
        }
    }
}

/// Runs all of them, a few at a time, with these variables.
fn run_all(sandbox: &Sandbox, variables: &[(String, String)]) {
    let programs = programs(sandbox).into_iter().map(|program| {
        variables.iter().fold(program, |program, (name, value)| program.env(name, value))
    });
    let mut programs: Vec<_> = programs.enumerate().collect();
    while !programs.is_empty() {
        let few: Vec<_> = programs.drain(..programs.len().min(6)).collect();
        std::thread::scope(|scope| {
            for (at, program) in few {
                scope.spawn(move || {
                    let run = program.run();
                    expect_silent_run(&format!("program {at}, exit {}", run.code), &run);
                });
            }
        });
    }
    expect_silent_files(sandbox.dir());
}

#[test]
fn no_variable_is_shown_or_kept() {
    let sandbox = Sandbox::new();
    sandbox.write("a.txt", "a");
    let all: Vec<_> = variables().into_iter().map(|name| (value(&sandbox, &name), name)).collect();
    let files = [
        "NATURE_REMO_TOKEN_FILE",
        "MONGODB_PASSWORD_FILE",
        "WEBHOOK_SECRET_FILE",
        "WEBHOOK_URL_FILE",
    ];
    let both = |name: &str| files.contains(&name);
    let pairs = |keep: &dyn Fn(&str) -> bool| -> Vec<(String, String)> {
        let kept = all.iter().filter(|(_, name)| keep(name));
        kept.map(|(value, name)| (name.clone(), value.clone())).collect()
    };
    run_all(&sandbox, &pairs(&|name| !both(name)));
    // The secrets from their files, an endpoint of Nature's that is one, and no emulators: what is
    // behind them is asked, through a proxy that is not there.
    let mut files = pairs(&|name| {
        ![
            "NATURE_REMO_TOKEN",
            "MONGODB_PASSWORD",
            "NATURE_REMO_ENDPOINT",
            "PUBSUB_EMULATOR_HOST",
            "WEBHOOK_SECRET",
            "WEBHOOK_URL",
        ]
        .contains(&name)
            && !name.starts_with("AWS_ENDPOINT")
            && !name.starts_with("KAKEHI")
    });
    files.push(("AWS_ENDPOINT_URL".to_owned(), format!("http://me:{CANARY}@{NOBODY}")));
    files.push(("NATURE_REMO_ENDPOINT".to_owned(), format!("http://{NOBODY}")));
    run_all(&sandbox, &files);
}

#[test]
fn no_part_of_a_url_that_is_a_secret_is_shown_or_kept() {
    let sandbox = Sandbox::new();
    sandbox.write("a.txt", "a");
    let authority = format!("me:{CANARY}@{NOBODY}");
    let urls = [
        format!("nature-remo:?endpoint=http://{authority}"),
        format!("nature-remo:?endpoint=https://{NOBODY}?token={CANARY}"),
        format!("nature-remo:?token={CANARY}"),
        format!("nature-remo:?mode=http://{authority}"),
        format!("files:*.txt?store=s3://{authority}"),
        format!("files:*.txt?store=s3://bucket?token={CANARY}"),
        format!("files:*.txt?max-size=http://{authority}"),
        format!("files:*.txt?store=file:/&prefix=http://{authority}"),
        format!("sqs:http://{authority}/1/q"),
        format!("sqs:{authority}"),
        format!("sqs:q?receivers=http://{authority}"),
        format!("sqs:q?id-attribute=http://{authority}"),
        format!("pubsub://{authority}/topic"),
        format!("pubsub:{authority}/topic"),
        format!("pubsub://p1/topic?streams=http://{authority}"),
        format!("mongodb://{authority}/home"),
        format!("mongodb:{authority}/home"),
        format!("mongodb://me:a?b={CANARY}@{NOBODY}/home"),
        format!("mongodb://{NOBODY}/home?proxyPassword={CANARY}"),
        format!("mongodb://{NOBODY}/home?tlsCertificateKeyFilePassword={CANARY}"),
        format!("mongodb://{NOBODY}/home?authMechanismProperties=AWS_SESSION_TOKEN:{CANARY}"),
        format!("thumbnail:s3://{authority}"),
        format!("thumbnail:s3://bucket?size=http://{authority}"),
        format!("sqlite:x.db?dedupe=http://{authority}"),
        format!("sqlite:x.db?conflict=http://{authority}"),
        format!("sqlite:x.db?collection=http://{authority}"),
        format!("sqlite:x.db?password={CANARY}"),
        format!("redis://{authority}/0"),
        format!("http:{authority}"),
        format!("Http://{authority}"),
        authority.clone(),
        format!("{CANARY}@host"),
        format!("exec:http://{authority}/x"),
        format!("stdout:http://{authority}"),
        format!("stdin:http://{authority}"),
    ];
    for url in &urls {
        let program = |program: Program| {
            let program = program.env("RUST_LOG", "trace").env("AWS_REGION", "us-east-1");
            let program = program.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x");
            program.env("PUBSUB_EMULATOR_HOST", NOBODY).env("NATURE_REMO_TOKEN", "x")
        };
        let forward = format!("forward:{url}");
        let quick = "--publish-timeout 1s --lock -vv";
        let subscribe = || sandbox.subscribe().args("-vv --max-time 2s --lock");
        let runs = [
            sandbox.publish().arg(url).args("--to sqlite:q.db").args(quick),
            sandbox.publish().args("stdin:").arg("--to").arg(url).args(quick).stdin("{}\n"),
            subscribe().arg("--from").arg(url).args("--to stdout:"),
            subscribe().args("--from sqlite:q.db --to").arg(url),
            subscribe().args("--from sqlite:q.db --to").arg(&forward),
            subscribe().args("--from sqlite:q.db --to stdout: --dead").arg(url),
            sandbox.queue().args("stats -vv").arg(url),
            sandbox.queue().args("check -vv --from").arg(url).arg("--to").arg(url),
            sandbox.queue().args("check -vv --source").arg(url).arg("--queue").arg(url),
            sandbox.queue().args("create -vv").arg(url),
        ];
        std::thread::scope(|scope| {
            for (at, run) in runs.into_iter().enumerate() {
                scope.spawn(move || {
                    expect_silent_run(&format!("{url}, run {at}"), &program(run).run());
                });
            }
        });
    }
    // What stands in a path or a name of our own choosing is no secret.
    for name in ["exec:", "stdout:", "stdin:"] {
        assert!(urls.iter().any(|url| url.starts_with(name)), "{name}");
    }
    expect_silent_files(sandbox.dir());
}

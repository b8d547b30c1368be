//! The page of readings and its CSV, as a program fetches them.

use crate::support::rooms::{HOME, Room, Rooms};
use crate::support::sandbox::Sandbox;
use crate::support::serving::Serving;
use serde_json::json;

/// The columns of the CSV, in each of its rows.
fn records(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let records = reader.records().map(|record| record.expect("CSV"));
    records.map(|record| record.iter().map(str::to_owned).collect()).collect()
}

fn serve(sandbox: &Sandbox) -> Serving {
    Serving::start(sandbox, "--store sqlite:store.db?collection=readings --timezone Asia/Tokyo")
}

#[tokio::test]
async fn the_csv_holds_what_is_shown_and_no_formula() {
    let sandbox = Sandbox::new();
    let rooms = [Room { name: "=1+2,\"x\"", ..HOME[0].clone() }, HOME[2].clone()];
    Rooms::new(&sandbox).await.live(&rooms, 1, 5);
    let server = serve(&sandbox);
    let answer = server.ask("GET /readings.csv?range=24h", &[], "");
    assert!(answer.head.contains("content-type: text/csv"), "{}", answer.head);
    assert!(answer.head.contains("attachment; filename=\"readings-"), "{}", answer.head);
    let records = records(&answer.body);
    assert_eq!(records[0].join(","), "time,device,name,metric,unit,mean,lowest,highest,count");
    let of = |metric: &str| records.iter().filter(|it| it[3] == metric).collect::<Vec<_>>();
    assert!(of("te").len() > 500 && of("power_w").len() > 250);
    assert!(of("te").iter().all(|it| it[0].ends_with("+09:00") && it[4] == "°C"));
    assert!(of("hu").iter().all(|it| it[2] == "'=1+2,\"x\""));
    assert!(!of("mo").is_empty() && of("mo").iter().all(|it| it[5].is_empty() && it[8] != "0"));
    let one = server.ask("GET /readings.csv?range=7d&metric=hu", &[], "");
    assert!(one.body.lines().skip(1).all(|line| line.contains(",hu,%,")));
}

#[tokio::test]
async fn a_year_of_readings_has_its_single_peak() {
    let sandbox = Sandbox::new();
    let mut rooms = Rooms::new(&sandbox).await;
    rooms.live(&HOME[..1], 200, 60);
    let at = chrono::Utc::now() - chrono::TimeDelta::days(100);
    rooms.put(
        "peak",
        &json!({
            "device_id": HOME[0].id, "name": HOME[0].name, "request_at": at.to_rfc3339(),
            "newest_events": { "te": { "val": 41.5, "created_at": at.to_rfc3339() } },
        }),
    );
    let page = serve(&sandbox).ask("GET /readings?range=1y&metric=te", &[], "");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("41.5"), "the highest value is told");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_queues_are_shown_all_the_same() {
    let sandbox = Sandbox::new();
    sandbox.queue().args("create sqlite:q.db?queue=q").run().expect(0);
    sandbox.write("store.db", "this is no database, and never was one; it is a letter to a friend");
    let server = serve(&sandbox);
    for path in ["/readings", "/readings.csv"] {
        let answer = server.ask(&format!("GET {path}"), &[], "");
        assert!([400, 503].contains(&answer.status), "{path}: {}", answer.status);
        assert!(
            answer.body.contains("store.db") && answer.body.contains("hint"),
            "{}",
            answer.body
        );
    }
    let overview = server.ask("GET /", &[], "");
    assert!(overview.body.contains("A store cannot be read."), "{}", overview.body);
    assert!(overview.body.contains(">q</a>"), "{}", overview.body);
}

#[test]
fn what_is_asked_wrong_is_refused_with_a_hint() {
    let sandbox = Sandbox::new();
    let server = serve(&sandbox);
    for (query, status, said) in [
        ("range=2w", 400, "`24h`, `7d`, `30d`, `1y`"),
        ("from=yesterday", 400, "2026-03-01T06:00"),
        ("from=2026-03-02&to=2026-03-01", 400, "the earlier one"),
        ("store=7", 404, "there is no store 7"),
        ("store=%3Cscript%3E", 400, "&lt;script&gt;"),
    ] {
        let answer = server.ask(&format!("GET /readings?{query}"), &[], "");
        assert_eq!(answer.status, status, "{query}");
        assert!(answer.body.contains(said), "{query}: {}", answer.body);
        let csv = server.ask(&format!("GET /readings.csv?{query}"), &[], "");
        assert_eq!(csv.status, status, "{query}");
    }
    let wrong = sandbox.queue().args("serve sqlite:q.db --listen 127.0.0.1:0 --store nowhere:x");
    assert!(wrong.run().expect(2).stderr.contains("one of `sqlite`"));
}

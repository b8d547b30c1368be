//! The weather in what is said.

use super::{reasons, said, sandbox_with, subscribe, user, users, waiting};
use crate::support::http_server::{Answer, Server};
use crate::support::sandbox::{Program, Sandbox};

const NOON: &str = include_str!("../../../fixtures/jma_forecast_130000.json");
const EVENING: &str = include_str!("../../../fixtures/jma_forecast_130000_evening.json");

const TEXT: &str = "{{weather.area}}の{{weather.day}}の天気は{{weather.sky}}\
                    {% if weather.max %}、最高気温は{{weather.max}}度{% endif %}です。";

/// What is said is what a command is given.
fn subscriber(sandbox: &Sandbox, forecast: &Server, area: &str) -> Program {
    sandbox.write("weather.txt", TEXT);
    let weather = format!("weather={}/130000.json&area={area}", forecast.url());
    let engine = "engine=command&command=cat&text-file=weather.txt";
    subscribe(sandbox, "said", &format!("{engine}&{weather}"))
}

fn words(sandbox: &Sandbox) -> Vec<String> {
    said(sandbox).into_values().map(|it| String::from_utf8(it).expect("UTF-8")).collect()
}

#[test]
fn the_weather_of_the_day_is_said_to_all_by_one_request() {
    for (forecast, expected) in [
        (NOON, "東京地方の今日の天気は晴れ時々くもり、最高気温は15度です。\n"),
        (EVENING, "東京地方の今日の天気は晴れ時々くもりです。\n"),
    ] {
        let server = Server::new([Answer::ok(forecast)]);
        let sandbox = sandbox_with(&users(20));
        subscriber(&sandbox, &server, "130010").run().expect(0);
        assert_eq!(words(&sandbox), vec![expected; 20]);
        assert_eq!(server.requests().len(), 1, "one request for all");
    }
}

#[test]
fn a_forecast_that_does_not_come_is_waited_for_and_buries_nothing() {
    let sandbox = sandbox_with(&users(5));
    for answer in [
        Answer::http("503 Service Unavailable", &[], ""),
        Answer::http("404 Not Found", &[], ""),
        Answer::ok("{}"),
        Answer::ok(NOON).cut(100),
    ] {
        let server = Server::new([answer]);
        subscriber(&sandbox, &server, "130010").run().expect(69);
        assert_eq!(waiting(&sandbox), (5, 0));
    }
    let server = Server::new([Answer::ok(NOON)]);
    let run = subscriber(&sandbox, &server, "130011").run().expect(69);
    assert!(run.stderr.contains("no area `130011`, but 130010 東京地方"), "{}", run.stderr);
    assert_eq!((waiting(&sandbox), reasons(&sandbox).len()), ((5, 0), 0));
    subscriber(&sandbox, &server, "130010").run().expect(0);
    assert_eq!(words(&sandbox).len(), 5);
}

#[test]
fn a_day_that_is_over_is_rejected_and_what_was_said_is_not() {
    let server = Server::new([Answer::ok(NOON)]);
    let old = user("u1").replace("11-26T", "11-20T");
    let sandbox = sandbox_with(&[user("u2"), old.clone(), user("u3").replace("11-26T", "soon")]);
    subscriber(&sandbox, &server, "130010").run().expect(65);
    let told = reasons(&sandbox);
    assert!(told.iter().any(|it| it.contains("says nothing of 2026-11-20")), "{told:?}");
    assert!(told.iter().any(|it| it.contains("`at` is no time with an offset")), "{told:?}");
    // It was said in time, and is delivered once more days later.
    std::fs::create_dir_all(sandbox.path("said/u1/weather")).expect("a folder");
    sandbox.write("said/u1/weather/2026-11-20T18:53:00+09:00.wav", "said");
    super::publish(&sandbox, &[old.replace('{', "{ ")]);
    let run = subscriber(&sandbox, &server, "130010").run().expect(0);
    assert!(run.stderr.contains("1 duplicate"), "{}", run.stderr);
}

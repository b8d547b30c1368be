//! An embedded queue as tasks have it: leased for a time by anybody, found by their names.

use crate::support::pond::{Pond, ids, receive, settle};
use crate::support::verdicts::retry;
use chrono::{DateTime, TimeDelta, Utc};
use kakehi::queues::{
    self, Added, Change, Changed, Deleted, NewTask, RetryLimits, Select, Task, TaskLease,
    TaskQueues, TaskSettings, Tasks, Verdict, Which,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

async fn file(pond: &Pond) -> Arc<dyn TaskQueues> {
    queues::open_tasks(pond.url(""), &pond.options).await.unwrap()
}

/// The queue `default` with these settings.
async fn queue(pond: &Pond, settings: TaskSettings) -> Arc<dyn Tasks> {
    let file = file(pond).await;
    file.create("default", settings).await.unwrap();
    file.find("default").await.unwrap().unwrap()
}

async fn plain(pond: &Pond) -> Arc<dyn Tasks> {
    queue(pond, TaskSettings::default()).await
}

fn limited(leases: u32, age: Option<Duration>) -> TaskSettings {
    let limits = RetryLimits { leases: Some(leases), age };
    TaskSettings { limits, ..TaskSettings::default() }
}

fn named(name: &str) -> NewTask {
    NewTask { name: Some(name.to_owned()), body: name.to_owned().into(), ..NewTask::default() }
}

fn tagged(name: &str, tag: Option<&str>) -> NewTask {
    NewTask { tag: tag.map(str::to_owned), ..named(name) }
}

async fn add(queue: &dyn Tasks, words: &str) -> Vec<Task> {
    let tasks = words.split_whitespace().map(|word| match word.split_once('#') {
        Some((name, tag)) => tagged(name, Some(tag)),
        None => named(word),
    });
    let added = queue.add(tasks.collect()).await.unwrap();
    let task = |added| match added {
        Added::Added(task) => task,
        other => panic!("{other:?}"),
    };
    added.into_iter().map(task).collect()
}

fn seconds(time: u64) -> TaskLease {
    TaskLease {
        max: 1000,
        max_bytes: usize::MAX,
        time: Duration::from_secs(time),
        wait: Duration::ZERO,
        select: Select::Any,
    }
}

async fn lease(queue: &dyn Tasks, time: u64) -> Vec<Task> {
    queue.lease(seconds(time)).await.unwrap()
}

fn names(tasks: &[Task]) -> String {
    tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>().join(" ")
}

fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

#[tokio::test]
async fn a_task_shows_what_it_is_from_its_adding_to_its_end() {
    let pond = Pond::new();
    let queue = plain(&pond).await;
    let now = pond.options.clock.now();
    let new = NewTask { tag: Some("t".to_owned()), ..named("a") };
    let Some(Added::Added(added)) = queue.add(vec![new]).await.unwrap().pop() else { panic!() };
    let expected = Task {
        name: "a".to_owned(),
        body: "a".into(),
        tag: Some("t".to_owned()),
        added_at: now,
        eta: micros(now),
        leased: false,
        leases: 0,
        limits: None,
    };
    assert_eq!(added, expected);
    assert_eq!(queue.get("a").await.unwrap(), Some(expected.clone()));
    let leased = lease(&*queue, 60).await.remove(0);
    let end = micros(now + TimeDelta::seconds(60));
    assert!((end..end + 1000).contains(&leased.eta), "{}", leased.eta);
    let told = Task { eta: leased.eta, leased: true, leases: 1, ..expected.clone() };
    assert_eq!(leased, told);
    assert_eq!(queue.get("a").await.unwrap(), Some(told.clone()));
    let listed = queue.list(0, 9).await.unwrap();
    assert_eq!(
        listed.iter().map(|(_, task)| task).collect::<Vec<_>>(),
        [&Task { body: Default::default(), ..told }]
    );
    pond.pass(61);
    let after = queue.get("a").await.unwrap().unwrap();
    assert!(!after.leased && after.leases == 1);
    assert_eq!(
        queue.delete(vec!["a".to_owned(), "b".to_owned()]).await.unwrap(),
        [Deleted::Done, Deleted::Unknown]
    );
    assert_eq!(queue.get("a").await.unwrap(), None);
}

#[tokio::test]
async fn a_time_is_kept_to_the_microsecond_and_comes_in_its_turn() {
    let pond = Pond::new();
    let queue = plain(&pond).await;
    let eta = pond.options.clock.now() + TimeDelta::microseconds(5_000_001);
    let later = NewTask { eta: Some(eta), ..named("later") };
    let Some(Added::Added(added)) = queue.add(vec![later]).await.unwrap().pop() else { panic!() };
    assert_eq!(added.eta, micros(eta));
    assert_eq!(queue.get("later").await.unwrap().unwrap().eta, micros(eta));
    assert!(lease(&*queue, 1).await.is_empty());
    pond.pass(4);
    add(&*queue, "before").await;
    pond.pass(2);
    add(&*queue, "after").await;
    assert_eq!(names(&lease(&*queue, 1).await), "before later after");
}

#[tokio::test]
async fn by_tag_and_by_the_tag_of_the_oldest() {
    let pond = Pond::new();
    let queue = plain(&pond).await;
    add(&*queue, "1 2#x 3#y 4 5#x").await;
    let oldest = || TaskLease { select: Select::OldestTag, ..seconds(60) };
    assert_eq!(names(&queue.lease(oldest()).await.unwrap()), "1 4");
    let x = TaskLease { select: Select::Tag("x".to_owned()), max: 1, ..seconds(60) };
    assert_eq!(names(&queue.lease(x).await.unwrap()), "2");
    assert_eq!(names(&queue.lease(oldest()).await.unwrap()), "3");
    assert_eq!(names(&queue.lease(oldest()).await.unwrap()), "5");
    assert!(queue.lease(oldest()).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_last_lease_is_the_last_and_its_task_a_dead_letter() {
    let pond = Pond::new();
    let queue = queue(&pond, limited(2, None)).await;
    let own = RetryLimits { leases: Some(1), age: None };
    queue.add(vec![named("a"), NewTask { limits: Some(own), ..named("b") }]).await.unwrap();
    let first = lease(&*queue, 10).await;
    assert_eq!(names(&first), "a b");
    // Given back at once: it counts all the same.
    for task in &first {
        let back = queue.change(&task.name, Some(task.eta), Change::Extend(Duration::ZERO)).await;
        assert!(matches!(back.unwrap(), Changed::Done(task) if !task.leased && task.leases == 1));
    }
    assert_eq!(names(&lease(&*queue, 10).await), "a");
    pond.pass(11);
    assert!(lease(&*queue, 10).await.is_empty());
    assert_eq!(queue.stats().await.unwrap().tasks, 0);
    let inspector = queues::open_inspector(pond.url(""), &pond.options).await.unwrap();
    let letters = inspector.dead_letters().unwrap();
    let letters = letters.list(&Which::All, Default::default(), 9).await.unwrap();
    let told: Vec<_> =
        letters.iter().map(|it| format!("{}: {}", it.head.id, it.head.reason)).collect();
    assert_eq!(
        told,
        [
            "b: it was leased once, as often as its limit allows",
            "a: it was leased 2 times, as often as its limit allows"
        ]
    );
}

#[tokio::test]
async fn a_limit_of_age_counts_together_with_that_of_leases() {
    let pond = Pond::new();
    let queue = queue(&pond, limited(1, Some(Duration::from_secs(100)))).await;
    add(&*queue, "a").await;
    for _ in 0..9 {
        assert_eq!(names(&lease(&*queue, 5).await), "a");
        pond.pass(10);
    }
    pond.pass(10);
    assert!(lease(&*queue, 5).await.is_empty());
    assert_eq!(queue.get("a").await.unwrap(), None);
}

#[tokio::test]
async fn a_subscriber_obeys_the_limit_and_a_release_spends_nothing_of_it() {
    let pond = Pond::new();
    let queue = queue(&pond, limited(2, None)).await;
    add(&*queue, "a").await;
    let subscriber = pond.subscriber().await;
    for _ in 0..5 {
        let got = receive(&*subscriber, 9).await;
        assert_eq!(ids(&got), "a");
        settle(&*subscriber, &got[0], Verdict::Release).await;
    }
    for _ in 0..2 {
        let got = receive(&*subscriber, 9).await;
        assert_eq!(ids(&got), "a");
        settle(&*subscriber, &got[0], retry(Duration::ZERO)).await;
    }
    assert!(receive(&*subscriber, 9).await.is_empty());
    assert_eq!(subscriber.unreadable(), 1);
    assert_eq!(queue.stats().await.unwrap().tasks, 0);
}

#[tokio::test]
async fn a_lease_is_changed_by_whoever_proves_it() {
    let pond = Pond::new();
    let queue = plain(&pond).await;
    add(&*queue, "a").await;
    let minute = Change::Extend(Duration::from_secs(60));
    assert_eq!(queue.change("a", None, minute).await.unwrap(), Changed::Expired);
    assert_eq!(queue.change("b", None, minute).await.unwrap(), Changed::Unknown);
    let first = lease(&*queue, 10).await.remove(0);
    assert_eq!(queue.change("a", Some(first.eta + 1), minute).await.unwrap(), Changed::Expired);
    pond.pass(5);
    let Changed::Done(second) = queue.change("a", Some(first.eta), minute).await.unwrap() else {
        panic!()
    };
    assert!(second.eta > first.eta && second.leased && second.leases == 1);
    assert_eq!(queue.change("a", Some(first.eta), minute).await.unwrap(), Changed::Expired);
    pond.pass(59);
    assert!(lease(&*queue, 10).await.is_empty(), "it lasts from when it was extended");
    pond.pass(1);
    assert_eq!(queue.change("a", Some(second.eta), minute).await.unwrap(), Changed::Expired);
    let third = lease(&*queue, 10).await.remove(0);
    assert_eq!(third.leases, 2);
    let done = queue.change("a", Some(second.eta), Change::Acknowledge).await.unwrap();
    assert_eq!(done, Changed::Expired, "it is somebody else's by now");
    let done = queue.change("a", Some(third.eta), Change::Acknowledge).await.unwrap();
    assert!(matches!(done, Changed::Done(_)));
    assert_eq!(queue.get("a").await.unwrap(), None);
}

#[tokio::test]
async fn a_chosen_name_counts_on_and_a_made_up_one_is_nobodys_guess() {
    let pond = Pond::new();
    let queue = plain(&pond).await;
    add(&*queue, "a").await;
    assert_eq!(queue.add(vec![named("a")]).await.unwrap(), [Added::Exists]);
    let other = NewTask { body: "other".into(), ..named("a") };
    assert_eq!(queue.add(vec![other]).await.unwrap(), [Added::Exists]);
    assert_eq!(queue.delete(vec!["a".to_owned()]).await.unwrap(), [Deleted::Done]);
    assert_eq!(queue.add(vec![named("a")]).await.unwrap(), [Added::Deleted]);
    assert_eq!(queue.delete(vec!["a".to_owned()]).await.unwrap(), [Deleted::Before]);
    pond.pass(60 * 60);
    assert!(matches!(queue.add(vec![named("a")]).await.unwrap()[..], [Added::Added(_)]));

    let nameless = vec![NewTask::default(); 100];
    let added = queue.add(nameless).await.unwrap();
    let names: BTreeSet<_> = added
        .into_iter()
        .map(|added| match added {
            Added::Added(task) => task.name,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names.len(), 100);
    assert!(names.iter().all(|name| name.len() == 44), "the time, and 128 random bits");
    let random: BTreeSet<_> = names.iter().map(|name| &name[12..]).collect();
    assert_eq!(random.len(), 100, "what nobody can guess is different for each");
    pond.pass(1);
    let Added::Added(later) = &queue.add(vec![NewTask::default()]).await.unwrap()[0] else {
        panic!("it is new");
    };
    assert!(
        names.iter().all(|name| *name < later.name),
        "names grow, so that their index is appended to"
    );
    let all: Vec<_> = names.into_iter().collect();
    queue.delete(all.clone()).await.unwrap();
    let again = queue.delete(all).await.unwrap();
    assert!(again.iter().all(|it| *it == Deleted::Unknown), "nobody can meet them again");
}

#[tokio::test]
async fn a_paused_queue_gives_nothing_to_anybody() {
    let pond = Pond::new();
    let queue = plain(&pond).await;
    add(&*queue, "a").await;
    let open = queue.settings().await.unwrap();
    let paused = TaskSettings { paused: true, ..open };
    assert!(queue.set(open, paused).await.unwrap());
    assert!(!queue.set(open, limited(3, None)).await.unwrap(), "somebody has set it meanwhile");
    assert_eq!(queue.settings().await.unwrap(), paused);
    assert!(lease(&*queue, 10).await.is_empty());
    let subscriber = pond.subscriber().await;
    assert!(receive(&*subscriber, 9).await.is_empty());
    assert!(queue.set(paused, open).await.unwrap());
    assert_eq!(ids(&receive(&*subscriber, 9).await), "a");
}

#[tokio::test]
async fn whoever_waits_is_woken_by_another_process() {
    let pond = Pond::new();
    let queue = plain(&pond).await;
    let waiting = queue.clone();
    let waiting = tokio::spawn(async move {
        waiting.lease(TaskLease { wait: Duration::from_secs(60), ..seconds(10) }).await.unwrap()
    });
    // As another process would, with a connection of its own.
    let raw = pond.raw();
    let insert = "INSERT INTO messages (seq, queue, state, id, digest, published_at, remember)
                  VALUES (1, (SELECT id FROM queues), 0, 'a', x'', 0, 0)";
    raw.execute_batch(&format!("BEGIN; {insert}; INSERT INTO bodies VALUES (1, x''); COMMIT"))
        .unwrap();
    assert_eq!(names(&waiting.await.unwrap()), "a");
}

#[tokio::test]
async fn beyond_the_storage_limit_nothing_is_added() {
    let pond = Pond::new();
    let file = file(&pond).await;
    file.create("default", TaskSettings::default()).await.unwrap();
    let queue = file.find("default").await.unwrap().unwrap();
    file.set_storage_limit(Some(1 << 20)).await.unwrap();
    let large = |name: &str| NewTask { body: vec![b'x'; 300_000].into(), ..named(name) };
    let mut added = 0;
    while let [Added::Added(_)] = queue.add(vec![large(&added.to_string())]).await.unwrap()[..] {
        added += 1;
        assert!(added < 9);
    }
    assert_eq!(queue.add(vec![named("x")]).await.unwrap(), [Added::NoRoom]);
    assert_eq!(queue.stats().await.unwrap().tasks, added);
    queue.delete(vec!["0".to_owned(), "1".to_owned()]).await.unwrap();
    add(&*queue, "x").await;
    file.set_storage_limit(None).await.unwrap();
    add(&*queue, "y").await;
    assert!(matches!(queue.add(vec![large("z")]).await.unwrap()[..], [Added::Added(_)]));
}

#[tokio::test]
async fn a_repair_keeps_leases_and_limits() {
    let pond = Pond::new();
    let settings = TaskSettings { paused: true, ..limited(3, Some(Duration::from_secs(9))) };
    let queue = queue(&pond, limited(3, Some(Duration::from_secs(9)))).await;
    let own = RetryLimits { leases: Some(5), age: None };
    queue.add(vec![NewTask { limits: Some(own), ..named("a") }]).await.unwrap();
    lease(&*queue, 10).await;
    let before = queue.settings().await.unwrap();
    assert!(queue.set(before, settings).await.unwrap());
    drop(queue);
    let path = pond.folder.path().join("q.db");
    queues::repair(&path, true, &pond.options.clock, |_| ()).await.unwrap();
    let queue = file(&pond).await.find("default").await.unwrap().unwrap();
    assert_eq!(queue.settings().await.unwrap(), settings);
    let task = queue.get("a").await.unwrap().unwrap();
    assert_eq!((task.leases, task.limits, task.leased), (1, Some(own), false));
}

#[tokio::test]
async fn stats_tell_what_there_is_and_what_was_leased_of_late() {
    let pond = Pond::new();
    let queue = plain(&pond).await;
    assert_eq!(queue.stats().await.unwrap(), Default::default());
    let start = micros(pond.options.clock.now());
    pond.pass(10);
    let eta = Some(pond.options.clock.now() + TimeDelta::seconds(100));
    queue.add(vec![named("a"), named("b"), NewTask { eta, ..named("c") }]).await.unwrap();
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.tasks, stats.ready, stats.scheduled, stats.leased), (3, 2, 1, 0));
    assert_eq!(stats.oldest_eta, Some(start + 10_000_000));
    lease(&*queue, 5).await;
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.leased, stats.leased_last_minute, stats.leased_last_hour), (2, 2, 2));
    let oldest = stats.oldest_eta.unwrap();
    assert!((start + 15_000_000..start + 15_001_000).contains(&oldest), "{oldest}");
    pond.pass(60);
    lease(&*queue, 5).await;
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.leased_last_minute, stats.leased_last_hour), (2, 4));
    pond.pass(60 * 60);
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.leased, stats.leased_last_minute, stats.leased_last_hour), (0, 0, 0));
}

#[tokio::test]
async fn queues_are_found_made_listed_and_emptied_by_their_names() {
    let pond = Pond::new();
    let file = file(&pond).await;
    assert!(file.names().await.unwrap().is_empty());
    assert!(file.find("b").await.unwrap().is_none());
    assert!(file.create("b", limited(3, None)).await.unwrap());
    assert!(file.create("a", TaskSettings::default()).await.unwrap());
    assert!(!file.create("b", TaskSettings::default()).await.unwrap());
    assert_eq!(file.names().await.unwrap(), ["a", "b"]);
    let queue = file.find("b").await.unwrap().unwrap();
    assert_eq!(queue.settings().await.unwrap(), limited(3, None));
    add(&*queue, "1 2 3 4 5").await;
    let mut place = 0;
    let mut all = Vec::new();
    loop {
        let page = queue.list(place, 2).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        place = *last;
        all.extend(page.into_iter().map(|(_, task)| task));
    }
    assert_eq!(names(&all), "1 2 3 4 5");
    lease(&*queue, 60).await;
    assert_eq!(queue.purge().await.unwrap(), 5);
    assert_eq!(queue.stats().await.unwrap().tasks, 0);

    let only = queues::open_tasks(pond.url("?queue=a"), &pond.options).await.unwrap();
    assert_eq!(only.names().await.unwrap(), ["a"]);
    assert!(only.find("b").await.unwrap().is_none());
    only.close().await.unwrap();
    file.close().await.unwrap();
}

#[tokio::test]
async fn a_file_that_was_replaced_is_opened_anew() {
    let pond = Pond::new();
    let queue = plain(&pond).await;
    add(&*queue, "old").await;
    let (here, there) = (pond.folder.path().join("q.db"), pond.folder.path().join("old.db"));
    std::fs::rename(&here, there).unwrap();
    let error = queue.get("old").await.unwrap_err();
    assert!(error.to_string().contains("there is no queue `default`"), "{error}");
    file(&pond).await.create("default", TaskSettings::default()).await.unwrap();
    assert_eq!(queue.get("old").await.unwrap(), None);
    add(&*queue, "new").await;
}

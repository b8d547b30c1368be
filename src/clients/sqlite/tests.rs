use super::*;
use rusqlite::ffi;
use std::os::unix::fs::PermissionsExt as _;

static NOTES: Schema = Schema {
    purpose: Purpose::Store,
    version: 1,
    tables: "CREATE TABLE notes (note TEXT NOT NULL UNIQUE);",
    upgrades: &[],
};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

async fn note(database: &Database, note: &'static str) -> Result<usize> {
    database.write(move |c| c.execute("INSERT INTO notes VALUES (?1)", [note])).await
}

async fn count(database: &Database) -> i64 {
    let count = |c: &Connection| c.query_row("SELECT count(*) FROM notes", [], |row| row.get(0));
    database.write(count).await.unwrap()
}

#[tokio::test]
async fn a_file_is_made_in_its_folder_for_its_owner_only() {
    let folder = folder();
    let path = folder.path().join("a/b/notes.db");
    let database = Database::open(&path, &NOTES).await.unwrap();
    note(&database, "one").await.unwrap();
    for name in ["notes.db", "notes.db-wal", "notes.db-shm"] {
        let facts = std::fs::metadata(path.with_file_name(name)).unwrap();
        assert_eq!(facts.permissions().mode() & 0o777, 0o600, "{name}");
    }
    database.close().await.unwrap();
    assert!(!path.with_file_name("notes.db-wal").exists(), "the log went into the file");
    let database = Database::open(&path, &NOTES).await.unwrap();
    assert_eq!(count(&database).await, 1);
    database.close().await.unwrap();
}

#[tokio::test]
async fn handles_of_one_file_share_its_writer() {
    let folder = folder();
    let path = folder.path().join("notes.db");
    let one = Database::open(&path, &NOTES).await.unwrap();
    std::os::unix::fs::symlink(&path, folder.path().join("link.db")).unwrap();
    let two = Database::open(&folder.path().join("link.db"), &NOTES).await.unwrap();
    assert!(Arc::ptr_eq(&one, &two));
    one.close().await.unwrap();
    note(&two, "the other handle lives on").await.unwrap();
    two.close().await.unwrap();
}

#[tokio::test]
async fn a_statement_is_compiled_once_whatever_its_limit() {
    let folder = folder();
    let database = Database::open(&folder.path().join("notes.db"), &NOTES).await.unwrap();
    let compiled_again = |c: &Connection| {
        for limit in 1..10 {
            let mut some = c.prepare_cached("SELECT note FROM notes LIMIT ?1")?;
            some.exists([limit])?;
        }
        let some = c.prepare_cached("SELECT note FROM notes LIMIT ?1")?;
        Ok(some.get_status(rusqlite::StatementStatus::RePrepare))
    };
    assert_eq!(database.write(compiled_again).await.unwrap(), 0);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_failing_job_does_not_fail_those_committed_with_it() {
    let folder = folder();
    let database = Database::open(&folder.path().join("notes.db"), &NOTES).await.unwrap();
    // The first job holds the thread until the others have gathered behind it.
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let held = database.write(move |_| {
        wait.recv().expect("the test lets it go");
        Ok(())
    });
    let others = async {
        let writes = futures_util::future::join4(
            note(&database, "a"),
            note(&database, "a"),
            note(&database, "b"),
            async {
                go.send(()).unwrap();
            },
        );
        writes.await
    };
    let (held, (first, second, third, ())) = tokio::join!(held, others);
    held.unwrap();
    first.unwrap();
    assert_eq!(second.unwrap_err().kind(), Kind::Bug);
    third.unwrap();
    assert_eq!(count(&database).await, 2);
    database.close().await.unwrap();
}

#[tokio::test]
async fn work_that_nobody_waits_for_is_done_all_the_same() {
    let folder = folder();
    let database = Database::open(&folder.path().join("notes.db"), &NOTES).await.unwrap();
    {
        let mut write = Box::pin(note(&database, "one"));
        // Asked for, and dropped whether or not it is done already.
        let _ = futures_util::poll!(&mut write);
    }
    assert_eq!(count(&database).await, 1);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_commit_of_another_connection_is_noticed() {
    let folder = folder();
    let path = folder.path().join("notes.db");
    let database = Database::open(&path, &NOTES).await.unwrap();
    let mut changes = database.changes();
    note(&database, "here").await.unwrap();
    changes.changed().await.unwrap();
    // The first look outside may itself tell of a change; take that one away.
    while tokio::time::timeout(std::time::Duration::from_millis(50), changes.changed())
        .await
        .is_ok()
    {}
    let other = Connection::open(&path).unwrap();
    other.execute("INSERT INTO notes VALUES ('there')", []).unwrap();
    changes.changed().await.unwrap();
    drop(other);
    database.close().await.unwrap();
}

/// The error that a file with this content gives.
async fn refusal(content: &[u8]) -> Error {
    let folder = folder();
    let path = folder.path().join("notes.db");
    std::fs::write(&path, content).unwrap();
    let error = Database::open(&path, &NOTES).await.unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), content, "a file that is refused is not touched");
    error
}

/// The bytes of a database that these statements made.
fn made_by(sql: &str) -> Vec<u8> {
    let folder = folder();
    let path = folder.path().join("made.db");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    std::fs::read(&path).unwrap()
}

#[tokio::test]
async fn what_is_not_ours_is_refused_untouched() {
    let queue = i32::from_be_bytes(*b"kkhq");
    let store = i32::from_be_bytes(*b"kkhs");
    for (content, because) in [
        (b"id,name\n1,kitchen\n".repeat(100), "file is not a database"),
        (b"no".to_vec(), "file is not a database"),
        (made_by("CREATE TABLE t (x)"), "it is another program's database"),
        (made_by("PRAGMA user_version = 7"), "it is another program's database"),
        (
            made_by(&format!("PRAGMA application_id = {queue}; PRAGMA user_version = 1")),
            "it is a queue, not a store",
        ),
        (
            made_by(&format!("PRAGMA application_id = {store}; PRAGMA user_version = 99")),
            "a newer version of this program made it (format 99)",
        ),
    ] {
        let error = refusal(&content).await;
        assert_eq!(error.kind(), Kind::Configuration, "{error}");
        let text = error.to_string();
        assert!(text.contains(because) && text.contains("hint: "), "{text}");
    }
}

#[tokio::test]
async fn a_torn_file_is_refused() {
    let mut content = made_by(&format!(
        "CREATE TABLE notes (note TEXT NOT NULL UNIQUE);
         PRAGMA application_id = {}; PRAGMA user_version = 1;",
        i32::from_be_bytes(*b"kkhs")
    ));
    for byte in &mut content[100..2000] {
        *byte = 0xa5;
    }
    let folder = folder();
    let path = folder.path().join("notes.db");
    std::fs::write(&path, &content).unwrap();
    let error = match Database::open(&path, &NOTES).await {
        Ok(database) => note(&database, "x").await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind(), Kind::Configuration, "{error}");
    assert!(error.to_string().contains(".recover"), "{error}");
}

#[tokio::test]
async fn a_folder_and_a_path_through_a_file_are_refused() {
    let folder = folder();
    let error = Database::open(folder.path(), &NOTES).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Configuration);
    std::fs::write(folder.path().join("file"), "x").unwrap();
    let error = Database::open(&folder.path().join("file/notes.db"), &NOTES).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Configuration);
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_passes() {
    let folder = folder();
    let database = Database::open(&folder.path().join("notes.db"), &NOTES).await.unwrap();
    note(&database, "before").await.unwrap();
    limit(&database, 1).await;
    let big = |c: &Connection| c.execute("INSERT INTO notes VALUES (hex(zeroblob(100000)))", []);
    let error = database.write(big).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable, "{error}");
    assert!(error.to_string().contains("make room"), "{error}");
    limit(&database, 100_000).await;
    database.write(big).await.unwrap();
    assert_eq!(count(&database).await, 2);
    database.close().await.unwrap();
}

/// Lets the file grow to this many pages: a full disk that needs no disk.
async fn limit(database: &Database, pages: u32) {
    let set = move |c: &Connection| {
        c.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, i64>(0))
    };
    database.write(set).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_may_not_write_says_so() {
    let folder = folder();
    let database = Database::open(&folder.path().join("notes.db"), &NOTES).await.unwrap();
    database.write(|c| c.pragma_update(None, "query_only", true)).await.unwrap();
    let error = note(&database, "x").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Configuration, "{error}");
    database.close().await.unwrap();
}

#[tokio::test]
async fn many_processes_may_make_one_file() {
    // Threads with connections of their own: what a process is to SQLite.
    let folder = folder();
    let path = opening::make_file(&folder.path().join("notes.db")).unwrap();
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                let (connection, _) = opening::connect(&path, &NOTES).unwrap();
                let mode: String =
                    connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
                assert_eq!(mode, "wal");
            });
        }
    });
}

#[tokio::test]
async fn the_sqlite_in_this_build_has_no_known_corruption() {
    // Fixed in 3.51.3: https://www.sqlite.org/wal.html#walresetbug
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
    assert_ne!(unsafe { ffi::sqlite3_threadsafe() }, 0);
}

#[tokio::test]
async fn a_look_takes_no_lock() {
    let folder = folder();
    let path = folder.path().join("notes.db");
    let database = Database::open(&path, &NOTES).await.unwrap();
    note(&database, "one").await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; INSERT INTO notes VALUES ('other')").unwrap();
    let count =
        |c: &Connection| c.query_row("SELECT count(*) FROM notes", [], |row| row.get::<_, i64>(0));
    assert_eq!(database.look(count).await.unwrap(), 1);
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(database.look(count).await.unwrap(), 2);
    database.close().await.unwrap();
}

#[tokio::test]
async fn what_was_at_the_path_before_is_closed_before_another_file_is_opened() {
    let folder = folder();
    let path = folder.path().join("notes.db");
    let old = Database::open(&path, &NOTES).await.unwrap();
    let reader = Reader::open(&path, &NOTES).await.unwrap();
    note(&old, "old").await.unwrap();
    let look =
        |c: &Connection| c.query_row("SELECT note FROM notes", [], |r| r.get::<_, String>(0));
    assert_eq!(reader.read(look).await.unwrap(), "old");
    let changes = old.changes(); // the writer looks into the file all the time
    replace(&path, "another");
    let new = Database::open(&path, &NOTES).await.unwrap();
    assert_eq!(open_nameless(&folder), 0, "the old file is closed");
    assert!(!old.is_there());
    for error in [note(&old, "x").await.unwrap_err(), reader.read(look).await.unwrap_err()] {
        assert_eq!(error.kind(), Kind::Unreachable, "{error}");
        assert!(error.to_string().contains("another file has taken its place"), "{error}");
    }
    drop((changes, reader));
    old.close().await.unwrap();
    assert_eq!(new.look(look).await.unwrap(), "another");
    note(&new, "new").await.unwrap();
    new.close().await.unwrap();
}

#[tokio::test]
async fn a_file_that_comes_back_is_opened_anew() {
    let folder = folder();
    let path = folder.path().join("notes.db");
    let first = Database::open(&path, &NOTES).await.unwrap();
    note(&first, "first").await.unwrap();
    let away = folder.path().join("away.db");
    std::fs::rename(&path, &away).unwrap();
    std::fs::rename(beside(&path, "-wal"), beside(&away, "-wal")).unwrap();
    let second = Database::open(&path, &NOTES).await.unwrap();
    second.close().await.unwrap();
    std::fs::rename(beside(&away, "-wal"), beside(&path, "-wal")).unwrap();
    std::fs::rename(&away, &path).unwrap();
    assert!(!first.is_there(), "its connection was closed");
    let back = Database::open(&path, &NOTES).await.unwrap();
    assert_eq!(count(&back).await, 1);
    first.close().await.unwrap();
    note(&back, "second").await.unwrap();
    back.close().await.unwrap();
}

/// Puts another file with one note at the path, as a restore does, and leaves the log's index there.
fn replace(path: &Path, note: &str) {
    let other = path.with_extension("other");
    let fill = |c: &Connection| c.execute("INSERT INTO notes VALUES (?1)", [note]);
    make_new(&other, &NOTES, fill).unwrap();
    Connection::open(path)
        .unwrap()
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    std::fs::rename(&other, path).unwrap();
}

/// How many files of this folder this process has open that have no name any more.
fn open_nameless(folder: &tempfile::TempDir) -> usize {
    let folder = folder.path().to_str().unwrap();
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let names = open.filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(folder) && name.ends_with(" (deleted)")).count()
}

/// The bytes of a file and its journal as a program leaves them that is killed while it writes: after
/// this was committed, and before what it writes then is.
fn cut_off_after(committed: &str) -> [Vec<u8>; 2] {
    let folder = folder();
    let path = folder.path().join("notes.db");
    let killed = Connection::open(&path).unwrap();
    killed.execute_batch(committed).unwrap();
    let half_done = "PRAGMA cache_size = 1; BEGIN; CREATE TABLE half (done);
        WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 1000)
        INSERT INTO half SELECT zeroblob(1000) FROM n";
    killed.execute_batch(half_done).unwrap();
    ["notes.db", "notes.db-journal"].map(|name| std::fs::read(folder.path().join(name)).unwrap())
}

#[tokio::test]
async fn what_a_killed_maker_left_half_done_keeps_nobody_from_looking() {
    for (committed, is_foreign) in [("", false), (NOTES.tables, true)] {
        let folder = folder();
        let path = folder.path().join("notes.db");
        let [file, journal] = cut_off_after(committed);
        std::fs::write(&path, file).unwrap();
        std::fs::write(folder.path().join("notes.db-journal"), journal).unwrap();
        let looked = Reader::open_if_there(&path, &NOTES).await;
        match is_foreign {
            true => assert!(looked.err().unwrap().to_string().contains("another program's")),
            false => assert!(looked.unwrap().is_none(), "nothing was made in it yet"),
        }
        assert!(!folder.path().join("notes.db-journal").exists(), "it was taken back");
    }
}

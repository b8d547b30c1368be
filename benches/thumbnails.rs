//! Thumbnails of photographs of 12 megapixels, beside Python and Pillow on the same files.
//!
//! `bash tests/run.sh --bench --bench thumbnails`: `TEST_PYTHON` is a Python that has Pillow, which
//! makes the photographs, too. All is per core: what is counted is processor time, of all threads
//! and of the system for them, so that neither the number of cores nor what else the machine does
//! weighs much. Ours is the whole of `subscribe`, its start and its queue's end included; of Pillow
//! only the work, without the start of Python. The sides take turns. Asserts nothing.

#[allow(dead_code)]
mod cost;

use cost::{Cost, cpu_millis};
use kakehi::sinks::thumbnail::{Fit, Picture, Recipe, Size};
use nix::sys::resource::{UsageWho, getrusage};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const PHOTOGRAPHS: usize = 8;
/// How many copies there are of each photograph.
const COPIES: usize = 8;
const PICTURES: usize = PHOTOGRAPHS * COPIES;
const ROUNDS: usize = 3;
const MAX_PIXELS: u64 = 100_000_000;

fn main() {
    if cost::is_counted() {
        return;
    }
    let Some(python) = std::env::var_os("TEST_PYTHON") else {
        println!("not measured: `TEST_PYTHON` is not set, the Python that has Pillow");
        return;
    };
    let bench = Bench::new(python);
    println!(
        "{PICTURES} photographs of 4000 x 3000, {:.2} MB each, to 100 x 100",
        bench.megabytes()
    );
    println!("the median of {ROUNDS} rounds, per second of one core's time");
    bench.side_by_side("resize", "exact", "(goal: 5)");
    bench.side_by_side("thumbnail", "contain", "(goal: 1)");
}

struct Bench {
    folder: tempfile::TempDir,
    python: OsString,
}

impl Bench {
    fn new(python: OsString) -> Self {
        let bench = Self { folder: tempfile::tempdir().expect("a folder"), python };
        fs::create_dir_all(bench.path("photos")).expect("a folder");
        fs::create_dir(bench.path("pillow")).expect("a folder");
        bench.pillow(&["make", "photos", &PHOTOGRAPHS.to_string()]);
        for n in PHOTOGRAPHS..PICTURES {
            let photograph = bench.path(&format!("photos/{}.jpg", n % PHOTOGRAPHS));
            fs::copy(photograph, bench.path(&format!("photos/{n}.jpg"))).expect("a copy");
        }
        bench
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn megabytes(&self) -> f64 {
        let size = |n| fs::metadata(self.path(&format!("photos/{n}.jpg"))).expect("it").len();
        (0..PICTURES).map(size).sum::<u64>() as f64 / PICTURES as f64 / 1e6
    }

    /// One way of Pillow's, and ours to the same size.
    fn side_by_side(&self, way: &str, fit: &str, goal: &str) {
        let (mut theirs, mut ours, mut alone) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            theirs.push(self.theirs(way));
            ours.push(self.ours(fit));
            alone.push(self.alone(fit));
        }
        let [theirs, ours, alone] = [theirs, ours, alone].map(|costs| Cost::median(&costs));
        show(&format!("Pillow `{way}`"), &theirs, "");
        let times = |cost: &Cost| theirs.cpu_millis / cost.cpu_millis;
        show(&format!("`thumbnail:`, `fit={fit}`"), &ours, &format!("x{:.2} {goal}", times(&ours)));
        show("   the work alone", &alone, &format!("x{:.2}", times(&alone)));
    }

    fn theirs(&self, way: &str) -> Cost {
        let text = self.pillow(&[way, "photos", "pillow"]);
        let numbers: Vec<f64> = text.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [cpu_millis, mebibytes] = numbers[..] else { panic!("{text}") };
        Cost { cpu_millis, mebibytes, seconds: 0.0 }
    }

    fn pillow(&self, words: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/pillow.py");
        let output = Command::new(&self.python)
            .arg(script)
            .args(words)
            .current_dir(self.folder.path())
            .stderr(Stdio::inherit())
            .output()
            .expect("Python starts");
        assert!(output.status.success(), "Pillow did not do it");
        String::from_utf8(output.stdout).expect("numbers")
    }

    /// From an embedded queue, out of a folder and into it.
    fn ours(&self, fit: &str) -> Cost {
        let home = self.folder.path().display().to_string();
        let environment = [("HOME", home)];
        fs::write(self.path("keys"), keys()).expect("a file");
        let publish = Command::new(env!("CARGO_BIN_EXE_publish"))
            .args(["stdin:", "--to", "sqlite:q.db"])
            .current_dir(self.folder.path())
            .stdin(fs::File::open(self.path("keys")).expect("it"))
            .stderr(Stdio::null())
            .status();
        assert!(publish.expect("it starts").success());
        let subscribe = env!("CARGO_BIN_EXE_subscribe");
        let sink = format!("thumbnail:photos?fit={fit}");
        let cost = Cost::of(&format!("{subscribe} --from sqlite:q.db --to {sink}"), &environment);
        let made = fs::read_dir(self.path("photos/thumbnail")).expect("a folder").count();
        assert_eq!(made, PICTURES);
        fs::remove_dir_all(self.path("photos/thumbnail")).expect("it goes");
        cost
    }

    /// From files to bytes, without queue, store and sink, by the library.
    fn alone(&self, fit: &str) -> Cost {
        let fit = if fit == "exact" { Fit::Exact } else { Fit::Contain };
        let recipe = Recipe { size: Size::new(100, 100), fit };
        let usage = || getrusage(UsageWho::RUSAGE_SELF).expect("the system counts");
        let before = cpu_millis(&usage());
        for n in 0..PICTURES {
            let bytes = fs::read(self.path(&format!("photos/{n}.jpg"))).expect("it");
            let picture = Picture::open(bytes.into(), MAX_PIXELS).expect("a JPEG");
            picture.thumbnail(recipe).expect("a thumbnail");
        }
        let after = usage();
        let mebibytes = after.max_rss() as f64 / 1024.0;
        Cost { cpu_millis: cpu_millis(&after) - before, mebibytes, seconds: 0.0 }
    }
}

/// A message for each picture.
fn keys() -> String {
    (0..PICTURES).map(|n| format!("{{\"key\":\"{n}.jpg\"}}\n")).collect()
}

fn show(what: &str, cost: &Cost, ratio: &str) {
    let (rate, millis) =
        (PICTURES as f64 * 1e3 / cost.cpu_millis, cost.cpu_millis / PICTURES as f64);
    let mebibytes = cost.mebibytes;
    println!("{what:<30} {rate:>6.1} pictures/s {millis:>6.1} ms {mebibytes:>6.1} MiB   {ratio}");
}

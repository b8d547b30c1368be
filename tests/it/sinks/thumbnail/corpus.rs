//! Some hundred pictures of odd kinds, as cameras and programs write them, beside Pillow's opinion:
//! what is whole has a thumbnail as Pillow's, what is not is refused with its reason.

use crate::support::pictures::{Jpeg, sample};
use crate::support::sandbox::{Run, Sandbox};
use crate::support::services;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

/// How far a thumbnail may be from Pillow's: the mean over all samples, of 255.
const BOUND: f64 = 2.0;

/// A GIF has 256 colours, and its thumbnail others.
const BOUND_OF_GIF: f64 = 6.0;

/// What is refused, by its reason. All others are whole.
const REFUSED: &[(&str, &str)] = &[
    ("it is empty", "not-empty"),
    (
        "it is no JPEG, PNG, WebP or GIF",
        "not-avif not-bmp not-dds not-heic not-ico not-jpeg2000 not-pcx not-pdf not-ppm not-svg \
         not-tga not-tiff",
    ),
    (
        "it is a JPEG of a kind that is not known here",
        "not-8-bits.jpg not-arithmetic.jpg not-differential.jpg not-lossless.jpg \
         not-two-components.jpg",
    ),
    (
        "it is a JPEG that ends too early",
        "not-all-components.jpg not-cut-between-scans.jpg not-cut-but-followed-ink.jpg \
         not-cut-but-followed-large.jpg not-cut-but-followed-progressive.jpg \
         not-cut-but-followed-restarts.jpg not-cut-but-followed.jpg not-cut-by-little-ink.jpg \
         not-cut-by-little-large.jpg not-cut-by-little-progressive.jpg \
         not-cut-by-little-restarts.jpg not-cut-by-little.jpg not-cut-in-headers.jpg \
         not-cut-ink.jpg not-cut-large.jpg not-cut-progressive.jpg not-cut-restarts.jpg \
         not-cut.jpg not-without-pixels.jpg",
    ),
    (
        "it is a damaged JPEG",
        "not-all-restarts.jpg not-as-written-progressive.jpg not-begun-once.jpg \
         not-cut-but-ended-ink.jpg not-cut-but-ended-large.jpg \
         not-cut-but-ended-progressive.jpg not-cut-but-ended-restarts.jpg \
         not-cut-but-ended.jpg not-in-turn.jpg not-of-a-size.jpg not-unsaid-restarts.jpg",
    ),
    ("it is a PNG that ends too early", "not-cut-by-little.png not-cut.png"),
    (
        "it is a damaged PNG",
        "not-all-lines-nor-end.png not-all-lines.png not-head-of-this-sum.png not-of-a-size.png \
         not-of-this-sum.png not-packed.png not-without-data.png not-without-palette.png",
    ),
    ("it is a damaged GIF", "not-cut.gif not-without-frame.gif not-without-palette.gif"),
    ("it is a damaged WebP", "not-cut-lossless.webp not-cut.webp not-of-this-size.webp"),
];

/// What Pillow does not open, though browsers do.
const NOT_PILLOWS: &str = "adobe-short.jpg chunk-unknown-wrong-sum.png empty-frame-first.gif";

/// What is whole, and not written as it should be: with `-v` it is named.
const REMARKED: &str = "scan-says-zeros.jpg scan-says-zeros-ink.jpg scan-says-zeros-large.jpg \
    scan-says-zeros-restarts.jpg scan-says-ones.jpg more-before-end-zeros.jpg \
    more-before-end-large.jpg more-before-end-bytes-progressive.jpg more-before-restart.jpg \
    more-between-headers-byte.jpg jfif-2.jpg adobe-9.jpg no-end-plain.jpg no-end-large.jpg \
    no-end-progressive.jpg half-an-end-ink.jpg no-end-12.png";

fn names(text: &str) -> BTreeSet<&str> {
    text.split_whitespace().collect()
}

/// The pictures, in the folder `photos`.
fn pictures() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("photos")).expect("a folder");
    pillow(&sandbox, "make");
    for (name, bytes) in sampled() {
        sandbox.write(&format!("photos/{name}"), bytes);
    }
    sandbox
}

/// JPEGs whose colours have fewer samples than their light, in all the ways that there are.
fn sampled() -> impl Iterator<Item = (String, Vec<u8>)> {
    let ways = [((1, 2), (1, 2)), ((4, 1), (4, 1)), ((1, 4), (1, 4)), ((4, 2), (4, 2))];
    let ways = ways.into_iter().chain([((2, 4), (2, 4)), ((2, 1), (1, 2)), ((2, 2), (1, 1))]);
    ways.flat_map(|samples @ ((a, b), (c, d))| {
        [false, true].map(|progressive| {
            let name = format!("sampled-{a}{b}-{c}{d}-{progressive}.jpg");
            let how = Jpeg { progressive, colours: Some(samples), ..Jpeg::default() };
            (name, how.of(&sample(243, 181)))
        })
    })
}

fn pillow(sandbox: &Sandbox, work: &str) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/odd_pictures");
    let mut python = Command::new(services::python());
    python.args(["-B", script, work]).arg(sandbox.path("photos"));
    let output = python.output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Makes all the thumbnails.
fn subscribe(sandbox: &Sandbox) -> Run {
    let entries = fs::read_dir(sandbox.path("photos")).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let keys: String =
        names.map(|name| format!("{{\"key\":\"{}\"}}\n", name.to_str().expect("UTF-8"))).collect();
    sandbox.publish().args("stdin: --to sqlite:q.db").stdin(keys).run().expect(0);
    sandbox.subscribe().args("-v --from sqlite:q.db --to thumbnail:photos").run().expect(65)
}

/// Why which was refused.
fn reasons(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let run = sandbox.queue().args("dead list sqlite:q.db --json").run().expect(0);
    let letters = run.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    letters
        .map(|letter: serde_json::Value| {
            let reason = letter["reason"].as_str().expect("a reason");
            let (name, why) = reason.split_once("`: ").expect("a name and why");
            (name.trim_start_matches('`').to_owned(), why.to_owned())
        })
        .collect()
}

#[test]
fn odd_pictures_are_made_as_pillow_makes_them_or_refused_with_their_reason() {
    let sandbox = pictures();
    let run = subscribe(&sandbox);
    let refused = reasons(&sandbox);
    for (name, why) in &refused {
        println!("refused: {name}: {why}");
    }
    let wanted = REFUSED.iter().flat_map(|(why, all)| {
        names(all).into_iter().map(|name| (name.to_owned(), (*why).to_owned()))
    });
    assert_eq!(refused, wanted.collect());
    for name in names(REMARKED) {
        assert!(run.stderr.contains(&format!(" INFO `{name}`: ")), "{name}: {}", run.stderr);
    }
    assert!(!run.stderr.contains("`quality-"), "good pictures are not spoken of");
    let (mut made, mut too_far) = (0, Vec::new());
    for line in pillow(&sandbox, "compare").lines() {
        let (name, far) = line.split_once(' ').expect("a name and a number");
        match far {
            "none" => assert!(refused.contains_key(name), "{name} has no thumbnail"),
            "refused" => assert!(names(NOT_PILLOWS).contains(name), "Pillow makes none of {name}"),
            far => {
                made += 1;
                let far: f64 = far.parse().expect("a number");
                let bound = if name.ends_with(".gif") { BOUND_OF_GIF } else { BOUND };
                if far > bound {
                    too_far.push(line.to_owned());
                }
            }
        }
    }
    println!("{made} as Pillow's, {} refused", refused.len());
    assert!(too_far.is_empty(), "{too_far:?}");
    assert!(made > 380, "{made}");
}

//! The programs under test, where they lie.

use std::path::{Path, PathBuf};

/// The folder of the programs under test; the Rust examples are in its `examples/`.
pub fn programs() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_publish")).parent().expect("a program's folder");
    assert!(
        folder.join("examples/library").exists(),
        "the examples are not built: `cargo test` builds them, `cargo test --test it` does not"
    );
    folder.to_owned()
}

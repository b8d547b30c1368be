//! Programs that are built for tests and for trying are put where they lie when they are linked.

use std::env;

/// A program that may lie anywhere in memory has half a million addresses mended whenever it starts, which
/// takes a debug build four fifths of its start: with `-no-pie` there is nothing to mend. What people install
/// stays as the compiler makes it.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name, value| env::var(name).is_ok_and(|it| it == value);
    if is("PROFILE", "debug")
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
    {
        println!("cargo::rustc-link-arg=-no-pie");
    }
}

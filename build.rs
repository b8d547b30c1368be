//! How programs are linked: fit to be started often.

use std::env;
use std::process::Command;

/// A program that may lie anywhere in memory has its addresses mended whenever it starts.
///
/// In a debug build these are half a million, and four fifths of its start: what is built for tests and for
/// trying is put where it lies when it is linked, so there is nothing to mend. What people install may lie
/// anywhere, and says in a few bytes where its addresses are, in place of three megabytes that it would have
/// to read; where it is built for another machine, that one's libraries may be too old for this.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let told = |name| env::var(name).unwrap_or_default();
    if told("CARGO_CFG_TARGET_OS") != "linux" || told("CARGO_CFG_TARGET_ENV") != "gnu" {
        return;
    }
    if told("PROFILE") == "debug" {
        println!("cargo::rustc-link-arg=-no-pie");
    } else if told("HOST") == told("TARGET") && glibc() >= Some((2, 36)) {
        println!("cargo::rustc-link-arg=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this machine's glibc.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let (major, minor) =
        str::from_utf8(&output.stdout).ok()?.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

//! `publish`: to come.

fn main() {}

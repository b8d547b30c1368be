//! `subscribe`: to come.

fn main() {}

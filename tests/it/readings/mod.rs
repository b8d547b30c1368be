//! What a store holds, read back.

mod hours;
mod mongodb;
mod sqlite;

//! What speaks to somebody, on real servers.

mod sql;

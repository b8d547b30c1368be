//! Pages in a real browser, as people see them.

mod driver;

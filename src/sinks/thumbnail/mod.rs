//! `thumbnail:STORE-URL`.

mod fit;
mod jpeg;
mod other;
mod picture;
mod resize;

pub use fit::{Fit, Size};
pub use picture::{Picture, Recipe, Thumbnail};

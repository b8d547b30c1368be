//! Jobs in Redis: what our programs do by themselves, without the original.

mod checking;
mod connections;
mod identity;
mod publishing;
mod unique;

//! `sql:`: who is to be told at what time, and each of them once.

mod clocks;
mod plain;
mod replicas;
mod rows;
mod servers;
mod ticks;
mod zones;

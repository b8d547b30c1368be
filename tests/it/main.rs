//! One test binary: everything that needs the programs, a server or more than one room.

mod clients;
mod faults;
mod loops;
mod programs;
mod queues;
mod readings;
mod serve;
mod sinks;
mod sources;
mod support;
mod tidy;

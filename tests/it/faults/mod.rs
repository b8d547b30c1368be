//! Whatever dies, hangs or fills up: nothing is lost, and nothing is stored twice.

mod crash;
mod full_disk;
mod killers;
mod outage;
mod outage_mongodb;
mod redis;

//! The sink `thumbnail:`.

mod corpus;
mod events;
mod faults;
mod formats;
mod pipeline;
mod sqs;

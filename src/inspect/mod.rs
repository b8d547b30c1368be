//! A queue's inside, as data: what there is, and what becomes of it. Nothing here prints.

mod by_receive;
mod dead_letters;
mod ended;
mod lacks;
mod paged_receiver;
mod peek;
mod received;
mod scheduled;
mod spooled;
mod stats;
mod stored;

pub use by_receive::RedriveOrDrop;
pub use dead_letters::DeadLetters;
pub use ended::Ended;
pub use lacks::{lacks, lacks_jobs};
pub use paged_receiver::ReceiveLimits;
pub use peek::{peek, peek_by_receiving};
pub use scheduled::{HandledScheduled, ScheduledAction, list_scheduled, work_on_scheduled};
pub use stats::{Counted, largest_tags, stats};
pub use stored::{DeadLetterAction, Handled};

//! Beside gocraft/work itself, on one Redis: what theirs enqueue ours work on, and the other way round.

mod our_jobs;

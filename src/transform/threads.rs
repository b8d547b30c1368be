//! The threads that programs run on: as many as work is done at once, each with room for programs
//! that call themselves.

use super::input::Input;
use super::{Programs, ShapedBody};
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{Builder, JoinHandle};
use tokio::sync::mpsc::UnboundedSender;

/// The stack of a thread, in bytes; only what is used of it is taken.
const STACK: usize = 64 << 20;

/// Bodies, and whom to tell what becomes of each, in their order.
pub(super) struct Job {
    pub(super) inputs: Vec<Input>,
    pub(super) shapes: UnboundedSender<ShapedBody>,
}

/// A thread that waits for jobs.
pub(super) struct Worker {
    jobs: Sender<Job>,
    thread: JoinHandle<()>,
}

impl Worker {
    fn start(programs: Arc<Programs>) -> io::Result<Self> {
        let (jobs, waiting) = channel();
        let work = move || work(&programs, &waiting);
        let thread = Builder::new().name("jq".to_owned()).stack_size(STACK).spawn(work)?;
        Ok(Self { jobs, thread })
    }

    /// Gives the thread a job. Where the thread is gone the job is dropped, and its shapes end.
    pub(super) fn give(&self, job: Job) {
        let _ = self.jobs.send(job);
    }
}

/// Works on jobs until nobody gives any; ends one early that nobody waits for any more.
fn work(programs: &Programs, jobs: &Receiver<Job>) {
    while let Ok(Job { inputs, shapes }) = jobs.recv() {
        for input in inputs {
            if shapes.send(programs.shape(&input)).is_err() {
                break;
            }
        }
    }
}

/// The programs, and the threads that have nothing to do.
pub(super) struct Threads {
    pub(super) programs: Arc<Programs>,
    idle: Mutex<Vec<Worker>>,
}

impl Threads {
    /// No thread yet: each is started when it is needed.
    pub(super) fn new(programs: Programs) -> Self {
        Self { programs: Arc::new(programs), idle: Mutex::default() }
    }

    /// A thread that has nothing to do.
    pub(super) fn take(&self) -> io::Result<Worker> {
        let idle = self.idle().pop();
        idle.map_or_else(|| Worker::start(self.programs.clone()), Ok)
    }

    /// Takes back a thread that has done its job.
    pub(super) fn give_back(&self, worker: Worker) {
        self.idle().push(worker);
    }

    /// Ends the threads that have nothing to do. One whose program does not end is left to the end
    /// of the process: nothing else stops a thread.
    pub(super) fn close(&self) {
        for Worker { jobs, thread } in std::mem::take(&mut *self.idle()) {
            drop(jobs);
            let _ = thread.join(); // a body that panics is caught within
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().expect("no holder of the lock panics")
    }
}

//! Bodies that are being worked on, and what has become of them so far.

use super::input::Input;
use super::shaped::ShapedBody;
use super::threads::{Job, Threads, Worker};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, timeout_at};

/// Work on bodies that was begun.
pub struct Shaping {
    threads: Arc<Threads>,
    /// The thread that works on them; `None` where there is none, or none any more.
    worker: Option<Worker>,
    coming: UnboundedReceiver<ShapedBody>,
    bodies: usize,
    shapes: Vec<ShapedBody>,
    time: Duration,
    /// When the body that is being worked on has had its time.
    deadline: Instant,
}

impl Shaping {
    pub(super) fn begin(threads: Arc<Threads>, inputs: Vec<Input>, time: Duration) -> Self {
        let (shapes, coming) = unbounded_channel();
        let count = inputs.len();
        let worker =
            threads.take().inspect_err(|cause| tracing::warn!("no thread for jq: {cause}"));
        let worker = worker.ok().inspect(|worker| worker.give(Job { inputs, shapes }));
        let (shapes, deadline) = (Vec::with_capacity(count), Instant::now() + time);
        Self { threads, worker, coming, bodies: count, shapes, time, deadline }
    }

    /// Waits for the end of the work and gives what became of each body, in their order. Where this
    /// is dropped, the work goes on, and may be waited for again; what was given is given once.
    pub async fn end(&mut self) -> Vec<ShapedBody> {
        while self.shapes.len() < self.bodies {
            let room = self.bodies - self.shapes.len();
            let more = self.coming.recv_many(&mut self.shapes, room);
            match timeout_at(self.deadline, more).await {
                Ok(0) => self.go_without(),
                Ok(_) => self.deadline = Instant::now() + self.time,
                Err(_) => self.give_up(),
            }
        }
        if let Some(worker) = self.worker.take() {
            self.threads.give_back(worker);
        }
        std::mem::take(&mut self.shapes)
    }

    /// The body that is being worked on takes too long: its thread is lost, and the rest unseen.
    fn give_up(&mut self) {
        self.worker = None;
        self.shapes.push(ShapedBody::Overrun);
        self.shapes.resize(self.bodies, ShapedBody::Unseen);
    }

    /// There is no thread: nothing becomes of any body.
    fn go_without(&mut self) {
        self.worker = None;
        self.shapes.resize(self.bodies, ShapedBody::Unseen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::message::Message;
    use crate::transform::{Programs, Transform};
    use bytes::Bytes;
    use futures_util::FutureExt as _;

    /// Gives `.` for a number that is not 7, and never ends for 7.
    fn transform(time: Duration) -> Transform {
        let map = "if . == 7 then last(repeat(1)) else . end";
        let programs = Programs::compile(None, Some(map), 1, Clock::system()).unwrap().unwrap();
        Transform::new(programs, time)
    }

    fn messages(numbers: impl IntoIterator<Item = u32>) -> Vec<Message> {
        numbers.into_iter().map(|number| Message::new("id", number.to_string())).collect()
    }

    fn made(numbers: impl IntoIterator<Item = u32>) -> Vec<ShapedBody> {
        numbers.into_iter().map(|it| ShapedBody::Made(vec![Bytes::from(it.to_string())])).collect()
    }

    #[tokio::test]
    async fn each_body_has_its_own_answer_in_their_order() {
        let transform = transform(Duration::from_secs(60));
        let numbers = || (100..1100).rev();
        let [mut one, mut other] = [0, 1].map(|_| transform.begin(&messages(numbers())));
        assert_eq!(one.end().await, made(numbers()));
        assert_eq!(other.end().await, made(numbers()));
        assert_eq!(transform.begin(&[]).end().await, []);
        transform.close();
    }

    #[tokio::test]
    async fn waiting_may_be_broken_off_and_begun_again() {
        let transform = transform(Duration::from_secs(60));
        let mut shaping = transform.begin(&messages(100..5100));
        while shaping.end().now_or_never().is_none_or(|shapes| shapes != made(100..5100)) {
            tokio::task::yield_now().await;
        }
        transform.close();
    }

    #[tokio::test]
    async fn a_body_that_takes_too_long_ends_it_and_holds_up_no_other_work() {
        let transform = transform(Duration::from_millis(200));
        let mut shaping = transform.begin(&messages([1, 2, 7, 3]));
        let mut expected = made([1, 2]);
        expected.extend([ShapedBody::Overrun, ShapedBody::Unseen]);
        assert_eq!(shaping.end().await, expected);
        let patient = Transform { time: Duration::from_secs(60), ..transform.clone() };
        assert_eq!(patient.begin(&messages([5])).end().await, made([5]));
        transform.close();
    }
}

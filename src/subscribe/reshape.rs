//! Bodies chosen and reshaped before they are written, as the plan says.

use super::lanes::Lane;
use super::rate::Paced;
use super::work::Work;
use super::write;
use super::written::Written;
use crate::message::Delivery;
use crate::report::count;
use crate::sinks::Outcome;
use crate::transform::ShapedBody;
use foldhash::HashSet;

impl Work<'_> {
    /// Writes what the plan's programs make of a batch, at the plan's rate, and answers per message.
    pub(super) async fn reshape_and_write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        let Some(shapes) = self.shapes(batch).await else { return self.write(batch).await };
        let (chosen, outcomes) = self.choose(batch, shapes);
        let written = if chosen.is_empty() { Vec::new() } else { self.write(&chosen).await };
        let mut written = written.into_iter();
        let own = |own: Option<Outcome>| own.or_else(|| written.next());
        outcomes.into_iter().map(own).map(|it| it.expect("a sink answers per message")).collect()
    }

    /// In a rehearsal without writes: names what would be written.
    pub(super) async fn look(self, batch: Vec<Delivery>) -> Written {
        let (chosen, outcomes) = match self.shapes(&batch).await {
            Some(shapes) => self.choose(&batch, shapes),
            None => (batch, Vec::new()),
        };
        let mut written = Written::default();
        let filtered = outcomes.iter().flatten().filter(|it| **it == Outcome::Filtered).count();
        count(&self.counters.filtered, filtered);
        for outcome in outcomes.into_iter().flatten() {
            match outcome {
                Outcome::Overrun(why) => written.overrun = Some(why),
                Outcome::Reject(why) => tracing::warn!("a message would be rejected: {why}"),
                _ => {}
            }
        }
        for Delivery { message, .. } in chosen {
            tracing::info!(id = message.id, "would write this message");
        }
        written
    }

    /// Writes a batch at the plan's rate.
    async fn write(&self, batch: &[Delivery]) -> Vec<Outcome> {
        match &self.plan.rate {
            None => write::write(self.sink, batch).await,
            Some(rate) => write::write(&Paced { sink: self.sink, rate }, batch).await,
        }
    }

    /// What the programs make of each body; `None` where there are none.
    async fn shapes(&self, batch: &[Delivery]) -> Option<Vec<ShapedBody>> {
        let transform = self.plan.transform.as_ref()?;
        Some(transform.begin(batch.iter().map(|delivery| &delivery.message)).end().await)
    }

    /// What of a batch is to be written, and what became of the rest: the places of what is to be
    /// written are empty. Behind one that is not stored the rest of its group waits.
    fn choose(
        &self,
        batch: &[Delivery],
        shapes: Vec<ShapedBody>,
    ) -> (Vec<Delivery>, Vec<Option<Outcome>>) {
        let (mut chosen, mut stopped) = (Vec::new(), HashSet::<Lane>::default());
        let choose = |(delivery, shape): (&Delivery, ShapedBody)| {
            let lane = self.lane(delivery);
            let outcome = match stopped.contains(&lane) {
                true => Some(Outcome::Unwritten),
                false => own_outcome(&shape),
            };
            match outcome {
                None => chosen.push(reshaped(delivery, shape)),
                Some(Outcome::Filtered) => {}
                Some(_) => drop(stopped.insert(lane)),
            }
            outcome
        };
        let outcomes = batch.iter().zip(shapes).map(choose).collect();
        (chosen, outcomes)
    }
}

/// What became of a message by the programs alone; `None`: it is to be written.
fn own_outcome(shape: &ShapedBody) -> Option<Outcome> {
    match shape {
        ShapedBody::Kept | ShapedBody::Made(_) => None,
        ShapedBody::Filtered => Some(Outcome::Filtered),
        ShapedBody::Refused(why) => Some(Outcome::Reject(why.clone())),
        ShapedBody::Overrun => {
            Some(Outcome::Overrun("`--where` or `--map` did not end within its time".to_owned()))
        }
        ShapedBody::Unseen => Some(Outcome::Unwritten),
    }
}

/// A delivery with the body that was made of its own. What becomes a dead letter is the other one.
fn reshaped(delivery: &Delivery, shape: ShapedBody) -> Delivery {
    let mut delivery = delivery.clone();
    if let ShapedBody::Made(bodies) = shape
        && let Some(body) = bodies.into_iter().next()
    {
        delivery.message.body = body;
    }
    delivery
}

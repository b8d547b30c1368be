//! What the service says of a queue and of the queues of its dead letters, without receiving.

use super::admin::{Redrive, Setup};
use super::client::Queue;
use super::error::{ErrorClass, ServiceError};
use super::name::Name;
use crate::error::Result;

/// A queue and what belongs to it.
pub(super) struct Survey {
    /// How the queue is set up, and what it holds.
    pub(super) setup: Setup,
    /// The queue's redrive policy.
    pub(super) policy: Option<Redrive>,
    /// Every queue where dead letters may be, each once; ours go to the first.
    pub(super) dead_letter_queues: Vec<DeadLetterQueue>,
}

/// A queue for dead letters.
pub(super) struct DeadLetterQueue {
    pub(super) name: Name,
    pub(super) presence: Presence,
}

/// Whether a queue is there.
pub(super) enum Presence {
    There(Setup),
    Missing,
    /// We may not look.
    Hidden,
}

impl Queue {
    /// Asks for how the queue is set up, and for what belongs to it.
    pub(super) async fn survey(&self) -> Result<Survey> {
        let setup = self.look().await.map_err(|it| it.to_error("cannot look at", &self.name))?;
        self.survey_of(setup).await
    }

    /// Asks for what belongs to a queue whose setup is known.
    pub(super) async fn survey_of(&self, setup: Setup) -> Result<Survey> {
        let mut names = vec![self.dead_letters(Some(&setup))?];
        // What died before there was a policy is still in the other one. A name that is too long
        // for one is no place.
        let own = self.found().dead_letters().ok();
        names.extend(own.filter(|own| own.short() != names[0].short()));
        let mut dead_letter_queues = Vec::new();
        for name in names {
            let presence = match self.beside(name.clone()).look().await {
                Ok(setup) => Presence::There(setup),
                Err(ServiceError { class: ErrorClass::Missing, .. }) => Presence::Missing,
                Err(ServiceError { class: ErrorClass::Forbidden, .. }) => Presence::Hidden,
                Err(error) => return Err(error.to_error("cannot look at", &name)),
            };
            dead_letter_queues.push(DeadLetterQueue { name, presence });
        }
        Ok(Survey { policy: setup.redrive(), setup, dead_letter_queues })
    }
}

impl Survey {
    /// The queue that our own dead letters go to.
    pub(super) fn own(&self) -> &DeadLetterQueue {
        &self.dead_letter_queues[0]
    }

    /// The queues for dead letters that are there, as far as we may know.
    pub(super) fn present(&self) -> impl Iterator<Item = &DeadLetterQueue> {
        self.dead_letter_queues.iter().filter(|dead| !matches!(dead.presence, Presence::Missing))
    }
}

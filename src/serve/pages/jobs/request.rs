//! What is to be done to which jobs, as forms say it.

use super::super::Pages;
use super::super::fields::{Fields, sealed, unsealed};
use super::super::numbers::shown;
use super::super::sites::ShownQueue;
use super::ACT;
use crate::queues::TimedJobs;
use maud::{Markup, html};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Nobody gets jobs of a name any more.
    Pause,
    Resume,
    /// The clock enqueues an entry no more.
    PausePeriodic,
    ResumePeriodic,
    /// What waits for its time, or was given up, can be received now.
    Run(TimedJobs),
    /// Jobs are forgotten.
    Delete(TimedJobs),
}

/// All of them, and what each is called in a form.
const ACTS: [(Act, &str); 10] = [
    (Act::Pause, "pause"),
    (Act::Resume, "resume"),
    (Act::PausePeriodic, "pause-periodic"),
    (Act::ResumePeriodic, "resume-periodic"),
    (Act::Run(TimedJobs::Scheduled), "run-scheduled"),
    (Act::Run(TimedJobs::Retry), "run-retries"),
    (Act::Run(TimedJobs::Dead), "retry-dead"),
    (Act::Delete(TimedJobs::Scheduled), "delete-scheduled"),
    (Act::Delete(TimedJobs::Retry), "delete-retries"),
    (Act::Delete(TimedJobs::Dead), "delete-dead"),
];

impl Act {
    fn name(self) -> &'static str {
        ACTS.iter().find(|(act, _)| *act == self).map_or("", |(_, name)| name)
    }

    /// What a button says.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Pause | Self::PausePeriodic => "Pause",
            Self::Resume | Self::ResumePeriodic => "Resume",
            Self::Run(TimedJobs::Scheduled | TimedJobs::Retry) => "Run now",
            Self::Run(TimedJobs::Dead) => "Retry",
            Self::Delete(_) => "Delete",
        }
    }

    /// What was done, once it is.
    pub(super) fn done(self) -> &'static str {
        match self {
            Self::Pause | Self::PausePeriodic => "paused",
            Self::Resume | Self::ResumePeriodic => "resumed",
            Self::Run(_) => "ready to run",
            Self::Delete(_) => "deleted",
        }
    }

    /// The jobs that it is about, in words; nothing where there is only one kind of them.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Run(TimedJobs::Scheduled) | Self::Delete(TimedJobs::Scheduled) => "scheduled ",
            Self::Run(TimedJobs::Retry) | Self::Delete(TimedJobs::Retry) => "waiting for a retry ",
            Self::Run(TimedJobs::Dead) | Self::Delete(TimedJobs::Dead) => "dead ",
            _ => "",
        }
    }
}

/// What a form asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) act: Act,
    /// The name of the jobs, or the entry of the clock.
    pub(super) job: Option<String>,
    /// The id of one job.
    pub(super) id: Option<String>,
    /// How many the person has agreed to.
    pub(super) agreed: Option<u64>,
}

impl Request {
    /// About all jobs of a name.
    pub(super) fn of_job(act: Act, job: &str) -> Self {
        Self { act, job: Some(job.to_owned()), id: None, agreed: None }
    }

    /// About one job.
    pub(super) fn of_one(act: Act, id: &str) -> Self {
        Self { act, job: None, id: Some(id.to_owned()), agreed: None }
    }

    /// What fields say; `None` where that is nothing.
    pub(super) fn of(fields: &Fields) -> Option<Self> {
        let text = |name: &str| fields.get(name).and_then(unsealed);
        let name = fields.get("act")?;
        let act = ACTS.iter().find(|(_, known)| *known == name)?.0;
        let agreed = fields.get("agreed").and_then(|it| it.parse().ok());
        let (job, id) = (text("job"), text("id"));
        (job.is_some() != id.is_some()).then_some(Self { act, job, id, agreed })
    }

    /// A button that asks for it; `about` tells those apart who do not see where it stands.
    pub(super) fn button(&self, pages: &Pages, queue: &ShownQueue, about: &str) -> Markup {
        html! {
            @if !pages.shown.read_only {
                (self.form(pages, queue, &html! {
                    (self.act.verb()) span.hidden { " " (self.act.kind()) (shown(about)) }
                }))
            }
        }
    }

    /// The form that asks for it.
    pub(super) fn form(&self, pages: &Pages, queue: &ShownQueue, button: &Markup) -> Markup {
        let class = matches!(self.act, Act::Delete(_)).then_some("danger");
        html! {
            form method="post" action=(ACT) {
                (pages.form_token())
                input type="hidden" name="queue" value=(queue.label);
                input type="hidden" name="act" value=(self.act.name());
                @if let Some(job) = &self.job { input type="hidden" name="job" value=(sealed(job)); }
                @if let Some(id) = &self.id { input type="hidden" name="id" value=(sealed(id)); }
                @if let Some(agreed) = self.agreed { input type="hidden" name="agreed" value=(agreed); }
                button class=[class] type="submit" { (button) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_about_a_name_or_about_one_job() {
        let of = |text: &str| Request::of(&Fields::parse(text.as_bytes()));
        let [a, id] = ["a", "5f"].map(sealed);
        assert_eq!(of(&format!("act=pause&job={a}")), Some(Request::of_job(Act::Pause, "a")));
        let agreed =
            Request { agreed: Some(2), ..Request::of_one(Act::Delete(TimedJobs::Dead), "5f") };
        assert_eq!(of(&format!("act=delete-dead&id={id}&agreed=2")), Some(agreed));
        let both = format!("act=pause&job={a}&id={id}");
        for text in ["", "act=pause", "act=none&job=YQ", both.as_str()] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn each_act_has_a_name_of_its_own() {
        for (act, name) in ACTS {
            assert_eq!(act.name(), name);
        }
    }
}

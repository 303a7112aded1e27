//! How long to wait for a card, and whom to tell.

use std::sync::Arc;
use std::time::Duration;

/// How long the operations of a connection may wait.
#[derive(Clone)]
pub struct Patience {
    /// How long another program may keep the card before it is given up with [`Error::Busy`](crate::Error::Busy).
    pub busy: Duration,
    /// How long the card may take for one answer before it is given up with [`Error::TimedOut`](crate::Error::TimedOut). A
    /// person may have to touch it in this time.
    pub answer: Duration,
    /// The same for a command that may take long ([`Command::taking_time`](crate::Command::taking_time)).
    pub work: Duration,
    /// Called with the reader's name when something takes longer than a moment.
    pub waiting: Waiting,
}

/// Hears of a reader where something takes longer than a moment.
pub type Waiting = Arc<dyn Fn(&str, Wait) + Send + Sync>;

/// What is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// Another program keeps the card.
    OtherProgram,
    /// The card has not answered yet.
    #[default]
    Answer,
    /// The same, and it may be that a person has to touch it ([`Command::awaiting_touch`](crate::Command::awaiting_touch)).
    Touch,
    /// The card does what takes time, such as making a key.
    Work,
}

impl From<Duration> for Patience {
    /// So long for everything, and nobody is told.
    fn from(limit: Duration) -> Self {
        Self { busy: limit, answer: limit, work: limit, waiting: Arc::new(|_, _| {}) }
    }
}

impl Patience {
    /// How long this may take.
    pub(crate) fn limit(&self, wait: Wait) -> Duration {
        match wait {
            Wait::OtherProgram => self.busy,
            Wait::Answer | Wait::Touch => self.answer,
            Wait::Work => self.work,
        }
    }
}

/// What is not yet worth a word.
pub(crate) const MOMENT: Duration = Duration::from_secs(1);

//! A reader at one moment.

use pcsc::State;

/// One reader at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Its name, as the driver gives it. Treat it as foreign text.
    pub name: String,
    /// The answer to reset of the card in it, if there is one.
    pub atr: Option<Vec<u8>>,
    /// True if another program holds the card for itself alone.
    pub exclusive: bool,
    /// True if what is in the reader does not answer to power-on.
    pub mute: bool,
    /// How many insertions and removals the service has counted here. It tells two cards of one kind apart.
    pub events: u32,
}

impl Reader {
    pub(super) fn from_state(state: &pcsc::ReaderState) -> Self {
        let event = state.event_state();
        let present = event.contains(State::PRESENT);
        Self {
            name: state.name().to_string_lossy().into_owned(),
            atr: present.then(|| state.atr().to_vec()),
            exclusive: event.contains(State::EXCLUSIVE),
            mute: event.contains(State::MUTE),
            events: state.event_count(),
        }
    }
}

//! The touch sensor: whether somebody touches the card when it asks for it.

use std::fmt;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use crate::policy::TouchPolicy;
use crate::{Error, Stop};

/// When the card is touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Touch {
    /// As soon as it asks.
    #[default]
    Instantly,
    /// So long after it has asked; too late if that is longer than it waits.
    After(Duration),
    /// Never: it waits so long, and then gives up.
    Never {
        /// How long it waits.
        patience: Duration,
    },
}

impl FromStr for Touch {
    type Err = Error;

    /// `SECONDS`, `never`, or `never=SECONDS` for a card that waits so long instead of 15 seconds.
    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || Error::MalformedTouch { text: text.to_owned() };
        let seconds = |text: &str| {
            let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds));
            seconds.map(Duration::from_secs_f64).ok_or_else(malformed)
        };
        match text.strip_prefix("never") {
            Some("") => Ok(Self::Never { patience: PATIENCE }),
            Some(rest) => Ok(Self::Never { patience: seconds(rest.strip_prefix('=').ok_or_else(malformed)?)? }),
            None => Ok(Self::After(seconds(text)?)),
        }
    }
}

impl fmt::Display for Touch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instantly => f.write_str("0"),
            Self::After(delay) => write!(f, "{}", delay.as_secs_f64()),
            Self::Never { patience } => write!(f, "never={}", patience.as_secs_f64()),
        }
    }
}

/// The sensor of one card.
pub(crate) struct TouchSensor {
    touch: Touch,
    last: Option<Instant>,
    touches: u64,
    stop: Option<Stop>,
}

impl TouchSensor {
    pub(crate) fn new(touch: Touch) -> Self {
        Self { touch, last: None, touches: 0, stop: None }
    }

    /// Waiting for a touch ends when this is requested.
    pub(crate) fn end_with(&mut self, stop: Stop) {
        self.stop = Some(stop);
    }

    /// How many times the card asked for a touch and got it.
    pub(crate) fn touches(&self) -> u64 {
        self.touches
    }

    /// Forgets the last touch, as a power cut does.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    /// Asks for a touch if the policy wants one; false if none came.
    pub(crate) fn is_satisfied(&mut self, policy: TouchPolicy) -> bool {
        match policy {
            TouchPolicy::Never => return true,
            TouchPolicy::Cached if self.last.is_some_and(|last| last.elapsed() < CACHE) => return true,
            TouchPolicy::Cached | TouchPolicy::Always => {}
        }
        let (delay, comes) = match self.touch {
            Touch::Instantly => (Duration::ZERO, true),
            Touch::After(delay) => (delay.min(PATIENCE), delay < PATIENCE),
            Touch::Never { patience } => (patience, false),
        };
        match &self.stop {
            Some(stop) => stop.wait(delay),
            None => thread::sleep(delay),
        }
        if comes {
            self.last = Some(Instant::now());
            self.touches = self.touches.saturating_add(1);
        }
        comes
    }
}

/// How long a YubiKey waits.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a touch is good for with the policy cached.
const CACHE: Duration = Duration::from_secs(15);
const MAX_SECONDS: f64 = 3600.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touch_is_seconds_or_never() {
        assert_eq!("1.5".parse::<Touch>().unwrap(), Touch::After(Duration::from_millis(1500)));
        assert_eq!("never".parse::<Touch>().unwrap(), Touch::Never { patience: PATIENCE });
        assert_eq!("never=2".parse::<Touch>().unwrap(), Touch::Never { patience: Duration::from_secs(2) });
        for text in ["", "soon", "-1", "never=", "never2", "nan", "inf", "1e9"] {
            assert!(matches!(text.parse::<Touch>(), Err(Error::MalformedTouch { .. })), "{text}");
        }
    }

    #[test]
    fn a_cached_touch_is_asked_for_once() {
        let mut sensor = TouchSensor::new(Touch::Instantly);
        for policy in [TouchPolicy::Never, TouchPolicy::Cached, TouchPolicy::Cached, TouchPolicy::Always] {
            assert!(sensor.is_satisfied(policy));
        }
        assert_eq!(sensor.touches(), 2);
        sensor.forget();
        assert!(sensor.is_satisfied(TouchPolicy::Cached));
        assert_eq!(sensor.touches(), 3);
    }

    #[test]
    fn without_a_touch_only_what_needs_none_goes_on() {
        let mut sensor = TouchSensor::new(Touch::Never { patience: Duration::ZERO });
        assert!(sensor.is_satisfied(TouchPolicy::Never));
        assert!(!sensor.is_satisfied(TouchPolicy::Cached));
        assert!(!sensor.is_satisfied(TouchPolicy::Always));
    }
}

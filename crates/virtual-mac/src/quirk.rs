//! Misbehaviour: which call, and what goes wrong.
//!
//! ```text
//! [TOOL[.VERB][#N]=]WHAT         sc_auth.pair=hang    dscl.read#2=exit 1    any#5=kill-caller
//! ```
//!
//! TOOL is the name of a tool, or `any`; VERB its first word (without the dash of dscl's); N counts the calls that TOOL and
//! VERB concern, from 1, since the quirk was set. Without N it is every one.

use std::str::FromStr;

use crate::Error;
use crate::tool::Tool;

/// A quirk: the calls it concerns, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quirk {
    tool: Option<Tool>,
    verb: Option<String>,
    call: Option<u64>,
    pub(crate) what: What,
}

/// What goes wrong. The tool does nothing unless it says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// `error -11`: `sc_auth` fails to pair with this number.
    Error(i64),
    /// `ui`: as outside of a GUI session.
    Ui,
    /// `exit 3`, `done-exit 3`: says nothing and exits; in the second form after it has done its work.
    Exit(u8, Done),
    /// `hang`, `done-hang`: does not come to an end.
    Hang(Done),
    /// `signal 9`, `done-signal 9`: is ended by a signal.
    Signal(i32, Done),
    /// `kill-caller`, `done-kill-caller`: the program that called it is killed (9), and nothing is said.
    KillCaller(Done),
    /// `lie`: says what it would say, and changes nothing.
    Lie,
    /// `endless`: writes without end.
    Endless,
    /// `invalid-utf8`: does its work, with FF FE in the middle of what it says.
    InvalidUtf8,
    /// `truncated`: does its work, and says half of it.
    Truncated,
    /// `garbage`: does its work, and says bytes that mean nothing.
    Garbage,
    /// `print TEXT`: says this, with success.
    Print(String),
}

/// Whether the work was done before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Not,
    Before,
}

impl Quirk {
    /// Whether this is the call that goes wrong, after `seen` calls that it concerned. Counts the call.
    pub(crate) fn takes(&self, tool: Tool, verb: Option<&str>, seen: &mut u64) -> bool {
        let verb = verb.map(|verb| verb.trim_start_matches('-'));
        let concerned =
            self.tool.is_none_or(|one| one == tool) && (self.verb.is_none() || self.verb.as_deref() == verb);
        *seen += u64::from(concerned);
        concerned && self.call.is_none_or(|call| call == *seen)
    }
}

impl FromStr for Quirk {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || Error::Usage(format!("{text:?} is no quirk; it is TOOL.VERB#N=WHAT"));
        let (calls, what) = text.split_once('=').ok_or_else(malformed)?;
        let (calls, call) = match calls.split_once('#') {
            Some((calls, number)) => (calls, Some(number.parse().map_err(|_| malformed())?)),
            None => (calls, None),
        };
        let (tool, verb) = match calls.split_once('.') {
            Some((tool, verb)) => (tool, Some(verb.to_owned())),
            None => (calls, None),
        };
        let tool = if tool == "any" { None } else { Some(Tool::named(tool).ok_or_else(malformed)?) };
        Ok(Self { tool, verb, call, what: what.parse().map_err(|()| malformed())? })
    }
}

impl FromStr for What {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let (word, done) = match word.strip_prefix("done-") {
            Some(word) => (word, Done::Before),
            None => (word, Done::Not),
        };
        let what = match word {
            "exit" => Self::Exit(rest.parse().map_err(drop)?, done),
            "hang" => Self::Hang(done),
            "signal" => Self::Signal(rest.parse().map_err(drop)?, done),
            "kill-caller" => Self::KillCaller(done),
            _ if done == Done::Before => return Err(()),
            "error" => Self::Error(rest.parse().map_err(drop)?),
            "ui" => Self::Ui,
            "lie" => Self::Lie,
            "endless" => Self::Endless,
            "invalid-utf8" => Self::InvalidUtf8,
            "truncated" => Self::Truncated,
            "garbage" => Self::Garbage,
            "print" => Self::Print(rest.to_owned()),
            _ => return Err(()),
        };
        Ok(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quirk_takes_the_calls_that_it_names() {
        let quirk: Quirk = "dscl.read#2=exit 3".parse().unwrap();
        let mut seen = 0;
        let calls = [(Tool::Dscl, "-read"), (Tool::Dscl, "-append"), (Tool::ScAuth, "read"), (Tool::Dscl, "-read")];
        let taken = calls.map(|(tool, verb)| quirk.takes(tool, Some(verb), &mut seen));
        assert_eq!(taken, [false, false, false, true]);
        assert_eq!(quirk.what, What::Exit(3, Done::Not));
    }

    #[test]
    fn nonsense_is_no_quirk() {
        for text in ["", "hang", "sc_auth=", "sc_auth=done-lie", "nothing=hang", "any#x=hang", "any=exit 300"] {
            assert!(text.parse::<Quirk>().is_err(), "{text}");
        }
    }
}

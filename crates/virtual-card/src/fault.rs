//! Faults at chosen commands: what a card in a bad reader, or a bad card, does.
//!
//! ```text
//! # a comment
//! at 5 remove       the card leaves the reader just before the fifth command
//! at 7 sw=6F00      the seventh command is answered with this status word and not executed
//! ```
//!
//! Commands are counted from 1 since the card was started, over every reset and reconnection.

use std::collections::BTreeMap;
use std::str::FromStr;

use smartcard::StatusWord;

use crate::Error;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The card is pulled before it sees the command.
    Remove,
    /// Another program resets the card before it sees the command. Only in process: across vpcd the reader resets.
    Reset,
    /// The command is answered with this status word and not executed.
    Status(StatusWord),
}

/// Which faults come when, and how many commands there were.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    faults: BTreeMap<u64, Fault>,
    commands: u64,
}

impl FaultPlan {
    /// Counts a command, and says what goes wrong with it.
    pub fn next_command(&mut self) -> Option<Fault> {
        self.commands = self.commands.saturating_add(1);
        self.faults.remove(&self.commands)
    }

    /// How many commands there were.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// Plans a fault for the `n`-th command from now; 1 is the next one.
    pub fn plan(&mut self, n: u64, fault: Fault) {
        self.faults.insert(self.commands.saturating_add(n), fault);
    }
}

impl FromStr for FaultPlan {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut plan = Self::default();
        for (index, line) in text.lines().enumerate() {
            let content = line.split('#').next().unwrap_or_default();
            let words: Vec<_> = content.split_whitespace().collect();
            if words.is_empty() {
                continue;
            }
            let refused = |reason| Error::FaultLine { line: index.saturating_add(1), reason };
            let (at, fault) = parse_line(&words).map_err(refused)?;
            if plan.faults.insert(at, fault).is_some() {
                return Err(refused(format!("command {at} has a fault already")));
            }
        }
        Ok(plan)
    }
}

fn parse_line(words: &[&str]) -> Result<(u64, Fault), String> {
    let [at, number, kind] = words else { return Err("expected \"at NUMBER FAULT\"".to_owned()) };
    if *at != "at" {
        return Err("expected \"at NUMBER FAULT\"".to_owned());
    }
    let number = number.parse::<u64>().ok().filter(|number| *number > 0);
    let number = number.ok_or("commands are counted from 1")?;
    if *kind == "remove" {
        return Ok((number, Fault::Remove));
    }
    let Some(status) = kind.strip_prefix("sw=") else {
        return Err(format!("there is no fault {kind:?}: use remove or sw=HEX4"));
    };
    let status = u16::from_str_radix(status, 16).ok().filter(|_| status.len() == 4 && !status.starts_with('+'));
    let status = status.ok_or("a status word has four hexadecimal digits, as in sw=6F00")?;
    Ok((number, Fault::Status(StatusWord(status))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_at_their_commands_and_once() {
        let mut plan: FaultPlan = "# bad card\nat 2 sw=6F00\n\n  at 3 remove # pulled\n".parse().unwrap();
        let faults: Vec<_> = (0..4).map(|_| plan.next_command()).collect();
        assert_eq!(faults, [None, Some(Fault::Status(StatusWord(0x6f00))), Some(Fault::Remove), None]);
        plan.plan(1, Fault::Reset);
        assert_eq!(plan.next_command(), Some(Fault::Reset));
        assert_eq!(plan.commands(), 5);
    }

    #[test]
    fn anything_else_is_refused_with_its_line() {
        let cases = [
            ("at 1 explode", 1),
            ("\nat 0 remove", 2),
            ("at x remove", 1),
            ("at 1", 1),
            ("remove", 1),
            ("on 1 remove", 1),
            ("at 1 sw=6F", 1),
            ("at 1 sw=+F00", 1),
            ("at 1 sw=6F000", 1),
            ("at 1 remove now", 1),
            ("at 1 remove\nat 1 sw=6F00", 2),
        ];
        for (text, expected) in cases {
            match text.parse::<FaultPlan>() {
                Err(Error::FaultLine { line, .. }) => assert_eq!(line, expected, "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }
}

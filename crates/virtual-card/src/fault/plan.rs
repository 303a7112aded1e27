//! When which fault comes: the lines of a fault file, and the count of commands.

use std::collections::BTreeMap;
use std::str::FromStr;

use smartcard::tlv::{self, Tag};

use super::Fault;
use crate::Error;
use crate::apdu::CommandApdu;

/// Which faults come when, and how many commands there were.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    faults: BTreeMap<u64, Fault>,
    of_instruction: BTreeMap<(u8, u64), Fault>,
    commands: u64,
    counts: BTreeMap<u8, u64>,
    /// An endless answer is being fetched.
    endless: bool,
    record: Option<Vec<CommandRecord>>,
}

/// What a plan remembers of a command APDU. Its data are not kept: a PIN could be among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandRecord {
    /// CLA, INS, P1 and P2; zeros where the APDU was shorter.
    pub header: [u8; 4],
    /// The length of the APDU in bytes.
    pub length: usize,
    /// The object that a GET DATA asks for.
    pub object: Option<Tag>,
}

impl CommandRecord {
    fn of(apdu: &[u8]) -> Self {
        let mut header = [0; 4];
        header.iter_mut().zip(apdu).for_each(|(to, from)| *to = *from);
        let [_, instruction, ..] = header;
        let command = CommandApdu::parse(apdu).ok().filter(|_| instruction == INS_GET_DATA);
        let object = command.and_then(|command| match tlv::single(command.data, Tag(0x5c)).ok()? {
            [a] => Some(Tag(u32::from(*a))),
            [a, b] => Some(Tag(u32::from_be_bytes([0, 0, *a, *b]))),
            [a, b, c] => Some(Tag(u32::from_be_bytes([0, *a, *b, *c]))),
            _ => None,
        });
        Self { header, length: apdu.len(), object }
    }

    /// INS.
    #[must_use]
    pub fn instruction(&self) -> u8 {
        let [_, instruction, ..] = self.header;
        instruction
    }

    /// True for a VERIFY with data: it could cost a try.
    #[must_use]
    pub fn sends_pin(&self) -> bool {
        self.instruction() == INS_VERIFY && self.length > HEADER_AND_LENGTH
    }

    /// True for every command that could cost a try of a PIN or of the PUK.
    #[must_use]
    pub fn could_cost_a_try(&self) -> bool {
        self.sends_pin() || matches!(self.instruction(), INS_CHANGE_REFERENCE_DATA | INS_RESET_RETRY_COUNTER)
    }
}

impl FaultPlan {
    /// Remembers the commands from now on for [`FaultPlan::record`]. It grows with every command.
    #[must_use]
    pub fn recording(mut self) -> Self {
        self.record.get_or_insert_default();
        self
    }

    /// Counts a command, and says what goes wrong with it.
    pub fn next_command(&mut self, apdu: &[u8]) -> Option<Fault> {
        let command = CommandRecord::of(apdu);
        let instruction = command.instruction();
        self.record.iter_mut().for_each(|record| record.push(command));
        self.commands = self.commands.saturating_add(1);
        let count = self.counts.entry(instruction).or_default();
        *count = count.saturating_add(1);
        let of_instruction = self.of_instruction.remove(&(instruction, *count));
        let planned = self.faults.remove(&self.commands).or(of_instruction);
        self.endless = planned == Some(Fault::EndlessChain)
            || (planned.is_none() && self.endless && instruction == INS_GET_RESPONSE);
        planned.or(self.endless.then_some(Fault::EndlessChain))
    }

    /// How many commands there were.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// How many faults are still to come.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.faults.len().saturating_add(self.of_instruction.len())
    }

    /// Every command since [`FaultPlan::recording`]; none without it.
    #[must_use]
    pub fn record(&self) -> &[CommandRecord] {
        self.record.as_deref().unwrap_or_default()
    }

    /// Plans a fault for the `n`-th command from now; 1 is the next one.
    pub fn plan(&mut self, n: u64, fault: Fault) {
        self.faults.insert(self.commands.saturating_add(n), fault);
    }

    /// Plans a fault for the `n`-th command from now with this instruction (INS); 1 is the next one.
    pub fn plan_of(&mut self, n: u64, instruction: u8, fault: Fault) {
        let count = self.counts.get(&instruction).copied().unwrap_or_default();
        self.of_instruction.insert((instruction, count.saturating_add(n)), fault);
    }
}

const INS_VERIFY: u8 = 0x20;
const INS_CHANGE_REFERENCE_DATA: u8 = 0x24;
const INS_RESET_RETRY_COUNTER: u8 = 0x2c;
const INS_GET_DATA: u8 = 0xcb;
/// CLA, INS, P1, P2 and one byte for the length of the data, or of the answer.
const HEADER_AND_LENGTH: usize = 5;
const INS_GET_RESPONSE: u8 = 0xc0;

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
            plan.add(&words).map_err(|reason| Error::FaultLine { line: index.saturating_add(1), reason })?;
        }
        Ok(plan)
    }
}

impl FaultPlan {
    fn add(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            ["at", n, fault] => {
                if self.faults.insert(number(n)?, Fault::parse(fault)?).is_some() {
                    return Err(format!("command {n} has a fault already"));
                }
            }
            ["at", n, "of", instruction, fault] => {
                let at = (instruction_code(instruction)?, number(n)?);
                if self.of_instruction.insert(at, Fault::parse(fault)?).is_some() {
                    return Err(format!("command {n} of instruction {instruction} has a fault already"));
                }
            }
            _ => return Err("expected \"at NUMBER FAULT\" or \"at NUMBER of INS FAULT\"".to_owned()),
        }
        Ok(())
    }
}

fn number(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| *number > 0 && !text.starts_with('+'));
    number.ok_or_else(|| "commands are counted from 1".to_owned())
}

fn instruction_code(text: &str) -> Result<u8, String> {
    let code = u8::from_str_radix(text, 16).ok().filter(|_| text.len() == 2 && !text.starts_with('+'));
    code.ok_or_else(|| "an instruction has two hexadecimal digits, as in \"at 1 of CB garbage\"".to_owned())
}

#[cfg(test)]
mod tests {
    use smartcard::StatusWord;

    use super::*;

    const SELECT: [u8; 4] = [0, 0xa4, 4, 0];
    const GET_DATA: [u8; 4] = [0, 0xcb, 0x3f, 0xff];
    const GET_RESPONSE: [u8; 5] = [0, 0xc0, 0, 0, 0];

    fn faults(plan: &mut FaultPlan, commands: &[&[u8]]) -> Vec<Option<Fault>> {
        commands.iter().map(|apdu| plan.next_command(apdu)).collect()
    }

    #[test]
    fn faults_come_at_their_commands_and_once() {
        let mut plan: FaultPlan = "# bad card\nat 3 remove\n\n  at 2 sw=6F00 # pulled\n".parse().unwrap();
        let expected = [None, Some(Fault::Status(StatusWord(0x6f00))), Some(Fault::Remove), None];
        assert_eq!(faults(&mut plan, &[&SELECT[..]; 4]), expected);
        plan.plan(1, Fault::Reset);
        assert_eq!((plan.next_command(&SELECT), plan.commands(), plan.pending()), (Some(Fault::Reset), 5, 0));
    }

    #[test]
    fn instructions_are_counted_on_their_own() {
        let mut plan: FaultPlan = "at 2 of CB garbage\nat 1 of a4 reset\nat 4 remove".parse().unwrap();
        let commands: [&[u8]; 5] = [&GET_DATA, &SELECT, &SELECT, &GET_DATA, &GET_DATA];
        let expected = [None, Some(Fault::Reset), None, Some(Fault::Remove), None];
        assert_eq!(faults(&mut plan, &commands), expected, "the number of the command counts before the instruction's");
        plan.plan_of(2, 0xcb, Fault::GzipBomb);
        assert_eq!(faults(&mut plan, &[&GET_DATA, &SELECT, &GET_DATA]), [None, None, Some(Fault::GzipBomb)]);
    }

    #[test]
    fn a_chain_is_endless_while_it_is_fetched() {
        let mut plan: FaultPlan = "at 1 endless-chain\nat 6 endless-chain\nat 8 remove".parse().unwrap();
        let commands: [&[u8]; 8] =
            [&GET_DATA, &GET_RESPONSE, &GET_RESPONSE, &SELECT, &GET_RESPONSE, &GET_DATA, &GET_RESPONSE, &GET_RESPONSE];
        let endless = Some(Fault::EndlessChain);
        let expected = [endless, endless, endless, None, None, endless, endless, Some(Fault::Remove)];
        assert_eq!(faults(&mut plan, &commands), expected);
    }

    #[test]
    fn a_record_tells_pins_from_questions_and_names_objects() {
        let mut plan = FaultPlan::default();
        plan.next_command(&SELECT);
        let mut plan = plan.recording();
        plan.next_command(&[0, 0x20, 0, 0x80]);
        plan.next_command(&[0, 0x20, 0, 0x80, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
        plan.next_command(&[0, 0xcb, 0x3f, 0xff, 5, 0x5c, 3, 0x5f, 0xc1, 0x05, 0]);
        plan.next_command(&[0]);
        assert_eq!(plan.commands(), 5);
        let record: Vec<_> = plan.record().iter().map(|command| (command.instruction(), command.sends_pin())).collect();
        assert_eq!(record, [(0x20, false), (0x20, true), (0xcb, false), (0, false)]);
        assert_eq!(plan.record().iter().filter_map(|command| command.object).collect::<Vec<_>>(), [Tag(0x5fc105)]);
    }

    #[test]
    fn anything_else_is_refused_with_its_line() {
        let cases = [
            ("at 1 explode", 1),
            ("\nat 0 remove", 2),
            ("at x remove", 1),
            ("at +1 remove", 1),
            ("at 1", 1),
            ("remove", 1),
            ("on 1 remove", 1),
            ("at 1 sw=6F", 1),
            ("at 1 remove now", 1),
            ("at 1 of remove", 1),
            ("at 1 of C remove", 1),
            ("at 1 of +B remove", 1),
            ("at 1 of CBC remove", 1),
            ("at 1 in CB remove", 1),
            ("at 1 remove\nat 1 sw=6F00", 2),
            ("at 1 of cb remove\nat 2 of cb remove\nat 1 of CB sw=6F00", 3),
        ];
        for (text, expected) in cases {
            match text.parse::<FaultPlan>() {
                Err(Error::FaultLine { line, .. }) => assert_eq!(line, expected, "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }
}

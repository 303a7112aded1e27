//! Plays captured outputs, for tests.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::Error;
use crate::command::{Captured, CommandRunner, Ending, Tool, ToolCommand};

/// Answers each command with the next thing that was recorded for it, and keeps what was asked. The last answer of a command
/// is given again and again. A command that nothing was recorded for is a missing tool.
#[derive(Debug, Default)]
pub struct Recorded {
    answers: Mutex<Vec<Answer>>,
    asked: Mutex<Vec<ToolCommand>>,
}

#[derive(Debug)]
struct Answer {
    tool: Tool,
    /// The command is meant when its arguments contain these, in this order.
    arguments: Vec<String>,
    outputs: VecDeque<Output>,
}

#[derive(Debug, Clone)]
enum Output {
    Captured(Captured),
    Hangs,
}

impl Recorded {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// `tool`, when its arguments contain `arguments`, in this order, ends with `code` and prints `stdout` and `stderr`.
    /// Several of the same are played one after the other; where several fit, the one with the most arguments counts.
    #[must_use]
    pub fn prints(self, tool: Tool, arguments: &[&str], code: i32, stdout: &str, stderr: &str) -> Self {
        let captured = Captured {
            ending: Ending::Code(code),
            stdout: stdout.as_bytes().to_vec(),
            stderr: stderr.as_bytes().to_vec(),
        };
        self.with(tool, arguments, Output::Captured(captured))
    }

    /// `tool` never comes to an end.
    #[must_use]
    pub fn hangs(self, tool: Tool, arguments: &[&str]) -> Self {
        self.with(tool, arguments, Output::Hangs)
    }

    /// The commands that were run, in this order.
    pub fn asked(&self) -> Vec<ToolCommand> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn with(self, tool: Tool, arguments: &[&str], output: Output) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            match answers.iter_mut().find(|answer| answer.tool == tool && answer.arguments == arguments) {
                Some(answer) => answer.outputs.push_back(output),
                None => answers.push(Answer { tool, arguments, outputs: VecDeque::from([output]) }),
            }
        }
        self
    }
}

impl CommandRunner for Recorded {
    fn program(&self, tool: Tool) -> PathBuf {
        tool.path().to_owned()
    }

    fn run(&self, command: &ToolCommand) -> Result<Captured, Error> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(command.clone());
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = answers.iter_mut().filter(|answer| answer.fits(command));
        let output = fitting.max_by_key(|answer| answer.arguments.len()).and_then(Answer::next);
        let program = self.program(command.tool);
        match output {
            None => Err(Error::ToolMissing { program }),
            Some(Output::Hangs) => Err(Error::TimedOut { program, limit: command.time_limit }),
            Some(Output::Captured(captured)) => Ok(captured),
        }
    }

    fn has(&self, tool: Tool) -> bool {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.iter().any(|answer| answer.tool == tool)
    }
}

impl Answer {
    fn fits(&self, command: &ToolCommand) -> bool {
        let mut given = command.arguments.iter();
        self.tool == command.tool && self.arguments.iter().all(|wanted| given.any(|argument| argument == wanted))
    }

    fn next(&mut self) -> Option<Output> {
        if self.outputs.len() > 1 { self.outputs.pop_front() } else { self.outputs.front().cloned() }
    }
}

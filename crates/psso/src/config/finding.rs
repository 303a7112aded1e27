//! What a check of a configuration finds.

use std::fmt;

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The configuration cannot be used.
    Error,
    /// It can be used, and somebody should look at it.
    Warning,
}

/// One thing that somebody should know about a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// The line in the file, counted from 1; nothing for a field that is missing.
    pub line: Option<usize>,
    /// The field, if it is about one.
    pub field: Option<String>,
    /// What is found, as a sentence about the field. Text from the file is escaped and cut short.
    pub message: String,
}

impl fmt::Display for Finding {
    /// `line 7: token_endpoint: it must be an https URL`, as much of it as there is.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(formatter, "line {line}: ")?;
        }
        if let Some(field) = &self.field {
            write!(formatter, "{field}: ")?;
        }
        formatter.write_str(&self.message)
    }
}

//! What a tool leaves behind: two streams and an exit code.

/// The output of one call of a tool.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) code: u8,
}

impl Outcome {
    /// Success, with this on the standard output.
    pub(crate) fn says(text: impl Into<Vec<u8>>) -> Self {
        Self { stdout: text.into(), ..Self::default() }
    }

    /// A failure, with this on the standard error.
    pub(crate) fn fails(code: u8, text: impl Into<Vec<u8>>) -> Self {
        Self { stderr: text.into(), code, ..Self::default() }
    }
}

//! A LaunchAgent: what launchd runs within the session of each person who logs in at the screen (launchd.plist(5)).

use std::path::PathBuf;

use plist::{Dictionary, Value};

use crate::Error;

/// A program that launchd runs once for each person who logs in at the screen, as that person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchAgent {
    /// By which launchd knows it, and the name of its file.
    pub label: &'static str,
    /// The absolute path of the program, and its arguments. No shell reads them.
    pub program_arguments: Vec<String>,
}

impl LaunchAgent {
    /// Where its file belongs: `/Library/LaunchAgents/LABEL.plist`, which root must own, with mode 644.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/Library/LaunchAgents/{}.plist", self.label))
    }

    /// The file, as an XML property list.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for a program without an absolute path, and for control characters, which XML has no place for.
    pub fn to_xml(&self) -> Result<Vec<u8>, Error> {
        let malformed = |why: &str| Error::malformed("a LaunchAgent", why);
        if !self.program_arguments.first().is_some_and(|program| program.starts_with('/')) {
            return Err(malformed("its program has no absolute path"));
        }
        if self.program_arguments.iter().any(|argument| argument.chars().any(char::is_control)) {
            return Err(malformed("an argument has a control character"));
        }
        let arguments = self.program_arguments.iter().cloned().map(Value::String).collect();
        let entries = [
            ("Label", Value::String(self.label.to_owned())),
            ("ProgramArguments", Value::Array(arguments)),
            // At the screen only: not for who comes by ssh, nor before the login.
            ("LimitLoadToSessionType", Value::String("Aqua".to_owned())),
            ("RunAtLoad", Value::Boolean(true)),
        ];
        let entries: Dictionary = entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let mut bytes = Vec::new();
        let written = Value::Dictionary(entries).to_writer_xml(&mut bytes);
        written.map_err(|error| malformed(&error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(arguments: &[&str]) -> LaunchAgent {
        let program_arguments = arguments.iter().map(ToString::to_string).collect();
        LaunchAgent { label: "pivkit.test", program_arguments }
    }

    #[test]
    fn the_file_says_what_launchd_needs() {
        let arguments = ["/usr/local/bin/pivkit", "--root", "/a & <b>"];
        let written = agent(&arguments).to_xml().unwrap();
        let read = Value::from_reader_xml(written.as_slice()).unwrap().into_dictionary().unwrap();
        let texts = read.get("ProgramArguments").and_then(Value::as_array).unwrap();
        assert_eq!(texts.iter().map(|text| text.as_string().unwrap()).collect::<Vec<_>>(), arguments);
        assert_eq!(read.get("LimitLoadToSessionType").and_then(Value::as_string), Some("Aqua"));
        assert_eq!(read.get("RunAtLoad").and_then(Value::as_boolean), Some(true));
        assert_eq!(read.get("Label").and_then(Value::as_string), Some("pivkit.test"));
        assert_eq!(agent(&arguments).path().to_str(), Some("/Library/LaunchAgents/pivkit.test.plist"));
    }

    #[test]
    fn what_launchd_could_not_run_is_refused() {
        for arguments in [&[][..], &["pivkit"], &["/bin/pivkit", "a\nb"], &["/bin/pivkit", "\u{1b}"]] {
            assert!(matches!(agent(arguments).to_xml(), Err(Error::Malformed { .. })), "{arguments:?}");
        }
    }
}

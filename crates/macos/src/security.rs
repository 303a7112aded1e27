//! `security`: the tokens that the system sees.

use crate::Error;
use crate::command::{CommandRunner, Tool, ToolCommand, run_to_success};

/// The ids of all tokens that are present, such as `com.apple.pivtoken:` and a GUID: `security list-smartcards`. None is no
/// error.
///
/// # Errors
///
/// Those of [`run_to_success`].
pub fn tokens(runner: &dyn CommandRunner) -> Result<Vec<String>, Error> {
    let captured = run_to_success(runner, &ToolCommand::new(Tool::Security, ["list-smartcards"]))?;
    let text = captured.text();
    // Without a card it says so on standard error, in a sentence.
    let ids = text.lines().map(str::trim).filter(|line| line.contains(':') && !line.contains(char::is_whitespace));
    Ok(ids.take(MAX_TOKENS).map(str::to_owned).collect())
}

const MAX_TOKENS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recorded;

    #[test]
    fn one_id_on_each_line() {
        let printed = "com.apple.pivtoken:C5E212F78F9F48EA9E7D2B33AE5B3740\ncom.apple.setoken:aks\n";
        let mac = Recorded::new().prints(Tool::Security, &["list-smartcards"], 0, printed, "");
        assert_eq!(
            tokens(&mac).unwrap(),
            ["com.apple.pivtoken:C5E212F78F9F48EA9E7D2B33AE5B3740", "com.apple.setoken:aks"]
        );
        let none = Recorded::new().prints(Tool::Security, &["list-smartcards"], 0, "", "No smartcards found.\n");
        assert!(tokens(&none).unwrap().is_empty());
    }
}

//! The verdict on a Platform SSO request, and its checks.

use pivkit::psso::{Check, Level, VerifyReport};

use super::safe;

pub(crate) fn verdict(report: &VerifyReport) -> String {
    let kind = report.kind.unwrap_or("request").replace('_', " ");
    let mut text = match &report.refused {
        Some(refused) => format!("refused by {}: {}\n", safe(&refused.check), safe(&refused.why)),
        None if report.accepted => format!("{kind}: accepted{}\n", by_whom(report)),
        None => format!("{kind}: no verdict, because nothing says who the user is\n"),
    };
    text.push_str("checks\n");
    text.extend(report.checks.iter().map(check));
    if report.accepted && !report.not_checked.is_empty() {
        text.push_str(&format!("not checked: {}\n", report.not_checked.join(", ")));
    }
    text
}

fn by_whom(report: &VerifyReport) -> String {
    let user = report.user.as_deref().map(|user| format!(", user {}", safe(user))).unwrap_or_default();
    let method = report.method.map(|method| format!(", {}", method.replace('_', " "))).unwrap_or_default();
    user + &method
}

/// One check: its verdict, its name, what was found; what it is for where it is not good.
pub(crate) fn check(check: &Check) -> String {
    let verdict = match check.level {
        Level::Holds => "ok",
        Level::Deviates => "ok, but",
        Level::Fails => "FAIL",
        _ => "unknown",
    };
    let line = format!("  {verdict:7}  {}: {}\n", safe(&check.name), safe(&check.detail));
    if check.ok || check.meaning.is_empty() { line } else { format!("{line}           ({})\n", check.meaning) }
}

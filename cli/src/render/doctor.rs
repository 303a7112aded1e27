//! What was found of the login modules.

use pivkit::report::DoctorReport;

use super::safe;

pub(crate) fn doctor(report: &DoctorReport) -> String {
    let finding = |finding: &pivkit::report::FindingReport| {
        let mark = if finding.problem { "PROBLEM" } else { "note" };
        format!("{mark:<8}{}: {}\n", finding.backend, safe(&finding.text))
    };
    let explanation = |one: &pivkit::report::ExplanationReport| {
        let mark = match one.opens {
            Some(true) => "opens",
            Some(false) => "no",
            None => "-",
        };
        format!("{mark:<8}{}: {}\n", safe(&one.module), safe(&one.text))
    };
    let mut text: String = report.findings.iter().map(finding).collect();
    if !report.explanations.is_empty() {
        text.push_str("the certificate:\n");
        text.extend(report.explanations.iter().map(explanation));
    }
    text
}

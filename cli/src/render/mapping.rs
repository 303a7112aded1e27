//! `SmartcardLogin.plist`.

use pivkit::report::{
    ExplainReport, ExplainedCertificate, LintReport, MappingFinding, MappingReport, NewMappingReport,
};

use super::safe;

/// The file itself, unless it was written somewhere.
pub(crate) fn new_mapping(report: &NewMappingReport, dry_run: bool) -> String {
    match &report.path {
        None => report.plist.clone(),
        Some(path) if dry_run => {
            format!("would write {} (mode 644):\n{}dry run: nothing was written\n", safe(path), report.plist)
        }
        Some(path) if report.written => {
            format!(
                "written: {0}\nnext: `pivkit mapping explain --file {0} --cert FILE` shows whom it lets in\n",
                safe(path)
            )
        }
        Some(path) => format!("unchanged: {} is so already\n", safe(path)),
    }
}

pub(crate) fn linted_mapping(report: &LintReport) -> String {
    let mut text = format!("{}\n", safe(&report.path));
    text.extend(report.mapping.as_ref().map(|mapping| format!("  maps {}\n", mapped(mapping))));
    for authority in &report.trusted_authorities {
        text.push_str(&format!("  trusts {authority}\n"));
    }
    text.extend(report.not_enforced_group.as_ref().map(|group| format!("  exempts the group {}\n", safe(group))));
    text.extend(report.user_selector_path.as_ref().map(|path| format!("  selects users by {}\n", safe(path))));
    text.push_str(&findings(&report.findings));
    text.push_str(if report.ok { "macOS can use it\n" } else { "macOS ignores it, or a part of it\n" });
    text
}

fn mapped(mapping: &MappingReport) -> String {
    let fields: Vec<String> = mapping.fields.iter().map(|field| safe(field)).collect();
    format!("{} as {} to {}", fields.join(", "), safe(&mapping.format), safe(&mapping.attribute))
}

/// Findings as lines.
pub(crate) fn findings(findings: &[MappingFinding]) -> String {
    findings.iter().map(|finding| format!("  {}: {}\n", finding.severity, safe(&finding.message))).collect()
}

pub(crate) fn explained_mapping(report: &ExplainReport) -> String {
    let mut text = format!("{} maps {}\n", safe(&report.path), mapped(&report.mapping));
    let wrong: Vec<MappingFinding> =
        report.findings.iter().filter(|finding| finding.severity != "note").cloned().collect();
    text.push_str(&findings(&wrong));
    report.certificates.iter().for_each(|one| text.push_str(&certificate(one, &report.mapping.attribute)));
    text
}

fn certificate(one: &ExplainedCertificate, attribute: &str) -> String {
    let mut text = format!("{} ({})\n", safe(&one.subject), one.pairing_hash);
    for field in &one.fields {
        let values: Vec<String> = field.values.iter().map(|value| safe(value)).collect();
        let values = if values.is_empty() { "none".to_owned() } else { values.join(" | ") };
        text.push_str(&format!("  {}: {values}\n", safe(&field.field)));
    }
    if let Some(why) = &one.why_not {
        text.push_str(&format!("  no value: {}\n", safe(why)));
    }
    let Some(value) = &one.value else { return text };
    let value = safe(value);
    text.push_str(&format!("  value: {value}\n"));
    let found = match one.accounts.as_deref() {
        None => "accounts: not looked up, because there is no Mac here to ask".to_owned(),
        Some([]) => format!(
            "accounts: none; `pivkit pair --mapping` adds the value, or: sudo dscl . -append /Users/NAME {} '{}'",
            safe(attribute.rsplit(':').next().unwrap_or(attribute)),
            value.replace('\'', "'\\''")
        ),
        Some([user]) => format!("account: {}", safe(user)),
        Some(several) => {
            let names: Vec<String> = several.iter().map(|user| safe(user)).collect();
            format!("accounts: {}; which one macOS takes is not known", names.join(", "))
        }
    };
    text.push_str(&format!("  {found}\n"));
    for alike in &one.alike {
        let (user, has) = (safe(&alike.user), safe(&alike.value));
        text.push_str(&format!("  {user} has {has}, which differs in case only: macOS compares exactly\n"));
    }
    text
}

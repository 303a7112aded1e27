//! Accounts and their pairings.

use pivkit::report::{ChangeReport, CheckReport, ListReport};

use super::safe;
use super::table::table;

pub(crate) fn paired(report: &ChangeReport, dry_run: bool) -> String {
    let hash = report.pairing_hashes.join(", ");
    let user = safe(&report.user);
    if report.changed && !report.may_open {
        return format!(
            "paired: account {user} has {hash} (read back from {}), which does not open it: something else counts before that\n",
            report.backend
        );
    }
    if report.changed {
        return format!(
            "paired: account {user} now opens with {hash} (read back from {})\n{}",
            report.backend,
            next_steps(&report.backend, &user)
        );
    }
    if report.plan.is_empty() {
        return format!("unchanged: account {user} is paired with {hash} already\n");
    }
    planned(&format!("would pair account {user} with {hash} ({}):", report.backend), report, dry_run)
}

/// What to do next, by the backend.
fn next_steps(backend: &str, user: &str) -> String {
    let own = format!("next: `pivkit check --user {user}` proves it\n");
    let more = match backend {
        "macos" => format!(
            "next: log out, and in again as {user} with the card and its PIN\n\
             next: where your organisation uses Platform SSO, register at its notification, or in System Settings under \
             Users & Groups\n\
             note: keep the local password: after a restart FileVault still asks for it\n"
        ),
        "pam_p11" => format!(
            "next: try it while this session stays open: where PAM uses pam_p11, `su - {user}` in another terminal asks for \
             the PIN\n"
        ),
        "pam_pkcs11" => format!(
            "next: `pklogin_finder` prints {user} while the card is in; then try `su - {user}` in another terminal while this \
             session stays open\n"
        ),
        "sssd" => format!(
            "next: restart SSSD (`sudo systemctl restart sssd`), then try `su - {user}` in another terminal while this session \
             stays open\n"
        ),
        _ => String::new(),
    };
    own + &more
}

pub(crate) fn unpaired(report: &ChangeReport, dry_run: bool) -> String {
    let user = safe(&report.user);
    let hashes = match report.pairing_hashes.as_slice() {
        // Not every backend knows the keys.
        [] => format!("what was paired ({})", report.backend),
        hashes => hashes.join(", "),
    };
    match (report.changed, report.plan.is_empty()) {
        (true, _) if report.may_open => format!("removed from account {user}: {hashes}\n"),
        // Until then it goes by what it read before.
        (true, _) if report.backend == "sssd" => {
            format!("unpaired: account {user} will not open with {hashes} after SSSD was restarted\n")
        }
        (true, _) => format!("unpaired: account {user} no longer opens with {hashes}\n"),
        (false, true) => format!("unchanged: account {user} has no such pairing\n"),
        (false, false) => {
            planned(&format!("would remove from account {user} {hashes} ({}):", report.backend), report, dry_run)
        }
    }
}

fn planned(headline: &str, report: &ChangeReport, dry_run: bool) -> String {
    let steps: String = report.plan.iter().map(|step| format!("  {}\n", safe(step))).collect();
    let end = if dry_run { "dry run: nothing was changed\n" } else { "nothing was changed\n" };
    format!("{headline}\n{steps}{end}")
}

pub(crate) fn list(report: &ListReport) -> String {
    if report.accounts.iter().all(|account| account.pairings.is_empty()) {
        return "no pairings\n".to_owned();
    }
    let mut rows = Vec::new();
    for account in &report.accounts {
        for pairing in &account.pairings {
            let until = pairing.not_after.as_deref().and_then(|time| time.split('T').next()).unwrap_or("-").to_owned();
            let subject = match (&pairing.subject, &pairing.elsewhere) {
                (_, Some(place)) => format!("(key in {place}, not managed here)"),
                (subject, None) => subject.clone().unwrap_or_else(|| "-".to_owned()),
            };
            let note = if pairing.effective { "" } else { " (not in effect: what stands before it counts)" };
            let subject = format!("{subject}{note}");
            let key = pairing.pairing_hash.as_ref().unwrap_or(&pairing.key).clone();
            rows.push(vec![account.user.clone(), key, until, subject]);
        }
    }
    table(&["ACCOUNT", "PAIRING HASH", "UNTIL", "CERTIFICATE"], &rows)
}

/// Accounts that could not be read, or not whole, for standard error.
pub(crate) fn account_errors(report: &ListReport) -> Vec<String> {
    let line = |user: &str, what: &str| format!("pivkit: account {}: {}.", safe(user), safe(what));
    let problems = report
        .accounts
        .iter()
        .flat_map(|account| account.problems.iter().map(move |problem| line(&account.user, problem)));
    let closed = (!report.not_permitted.is_empty()).then(|| {
        format!("pivkit: {} accounts can only be looked into by their owners and root.", report.not_permitted.len())
    });
    problems.chain(closed).chain(report.errors.iter().map(|error| line(&error.user, &error.error))).collect()
}

pub(crate) fn checked(report: &CheckReport) -> String {
    format!(
        "proved: the card in {} holds {} in slot {}, which opens account {} ({})\n",
        safe(&report.reader),
        report.pairing_hash,
        report.slot,
        safe(&report.user),
        report.backend
    )
}

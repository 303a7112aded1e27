//! What a PAM service does with a wrong password, as Linux-PAM goes through its lines (pam.conf(5)).
//!
//! Modules that check a password are taken to refuse it; those that check something else may say yes or no, and pam_permit
//! says yes. Every way through the lines is followed.

use std::collections::BTreeSet;
use std::path::Path;

use crate::{Error, System, pam_service};

/// Whether some way through the `auth` lines of a service ends with success although the password is wrong.
///
/// # Errors
///
/// [`Error::Missing`] when there is no such service, or none that it includes; [`Error::Configuration`] when services include
/// each other without end; those of reading a file.
pub(crate) fn accepts_any_password(system: &System, service: &str) -> Result<bool, Error> {
    let steps = steps(system, service, 0)?;
    Ok(run(&steps, Impression::None).contains(&Impression::Success))
}

/// What the lines so far add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Impression {
    None,
    Success,
    /// A failure that a later success takes back (`auth_err=ok`).
    Weak,
    Failure,
}

enum Step {
    Module {
        control: Vec<(String, String)>,
        answers: &'static [&'static str],
    },
    /// Ends by itself when it is decided.
    Stack(Vec<Step>),
}

fn steps(system: &System, service: &str, depth: usize) -> Result<Vec<Step>, Error> {
    let etc = Path::new("/etc/pam.d").join(service);
    if depth > MAX_DEPTH {
        return Err(Error::configuration(&system.path_of(&etc), "includes services without end"));
    }
    let mut lines = None;
    for folder in ["/etc/pam.d", "/usr/lib/pam.d"] {
        if lines.is_none() {
            lines = pam_service::read(system, &Path::new(folder).join(service))?;
        }
    }
    let lines = lines.ok_or_else(|| Error::Missing { path: system.path_of(&etc) })?;
    let mut all = Vec::new();
    for line in &lines {
        let (kind, rest) = word(line);
        if kind == "@include" {
            all.extend(steps(system, word(rest).0, depth + 1)?);
        }
        if !kind.trim_start_matches('-').eq_ignore_ascii_case("auth") {
            continue;
        }
        let (control, rest) = word(rest);
        let (module, arguments) = word(rest);
        match control {
            "include" => all.extend(steps(system, module, depth + 1)?),
            "substack" => all.push(Step::Stack(steps(system, module, depth + 1)?)),
            _ => all.push(Step::Module { control: actions(control), answers: answers(module, arguments) }),
        }
        if all.len() > MAX_STEPS {
            return Err(Error::configuration(&system.path_of(&etc), "includes too many lines"));
        }
    }
    Ok(all)
}

/// The first word, without brackets around it, and the rest.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    match text.strip_prefix('[') {
        Some(inside) => inside.split_once(']').unwrap_or((inside, "")),
        None => text.split_once(char::is_whitespace).unwrap_or((text, "")),
    }
}

fn actions(control: &str) -> Vec<(String, String)> {
    let written_out = match control.to_ascii_lowercase().as_str() {
        "required" => "success=ok ignore=ignore default=bad",
        "requisite" => "success=ok ignore=ignore default=die",
        "sufficient" => "success=done default=ignore",
        "optional" => "success=ok default=ignore",
        _ => control,
    };
    let pairs = written_out.split_whitespace().filter_map(|pair| pair.split_once('='));
    pairs.map(|(answer, action)| (answer.to_ascii_lowercase(), action.to_ascii_lowercase())).collect()
}

/// What a module may answer when the password is wrong.
fn answers(module: &str, arguments: &str) -> &'static [&'static str] {
    let name = module.rsplit('/').next().unwrap_or_default();
    match name.strip_suffix(".so").unwrap_or(name) {
        "pam_permit" => &["success"],
        "pam_faillock" if arguments.contains("authfail") => &["auth_err"],
        name if NO_PASSWORD.contains(&name) => &["success", "ignore", "auth_err"],
        _ => &["auth_err", "user_unknown", "authinfo_unavail"],
    }
}

/// What the lines can add up to at their end.
fn run(steps: &[Step], before: Impression) -> BTreeSet<Impression> {
    let mut at = vec![BTreeSet::new(); steps.len() + 1];
    let mut ends = BTreeSet::new();
    at.first_mut().into_iter().for_each(|first| first.extend([before]));
    for (number, step) in steps.iter().enumerate() {
        let here = at.get(number).cloned().unwrap_or_default();
        let mut go = |to: usize, impression| {
            match at.get_mut(to) {
                Some(there) => there.insert(impression),
                None => ends.insert(Impression::Failure),
            };
        };
        let mut decided = Vec::new();
        for impression in here {
            match step {
                Step::Stack(inner) => {
                    run(inner, impression).into_iter().for_each(|after| go(number + 1, after));
                }
                Step::Module { control, answers } => {
                    for answer in *answers {
                        match act(action(control, answer), *answer == "success", impression, before) {
                            Next::Jump(over) => go(number.saturating_add(1).saturating_add(over), impression),
                            Next::Go(after) => go(number + 1, after),
                            Next::End(after) => decided.push(after),
                        }
                    }
                }
            }
        }
        ends.extend(decided);
    }
    ends.extend(at.pop().unwrap_or_default());
    ends
}

enum Next {
    Go(Impression),
    Jump(usize),
    End(Impression),
}

fn action<'a>(control: &'a [(String, String)], answer: &str) -> &'a str {
    let of = |name: &str| control.iter().find(|(own, _)| own == name).map(|(_, action)| action.as_str());
    of(answer).or_else(|| of("default")).unwrap_or("bad")
}

fn act(action: &str, success: bool, now: Impression, before: Impression) -> Next {
    let after_ok = match (now, success) {
        (Impression::Failure, _) => Impression::Failure,
        (_, true) => Impression::Success,
        (_, false) => Impression::Weak,
    };
    match action {
        "ignore" => Next::Go(now),
        "ok" => Next::Go(after_ok),
        "done" if after_ok == Impression::Failure => Next::Go(after_ok),
        "done" => Next::End(after_ok),
        "die" => Next::End(Impression::Failure),
        "reset" => Next::Go(before),
        number => number.parse().map_or(Next::Go(Impression::Failure), Next::Jump),
    }
}

/// Modules that check no password.
const NO_PASSWORD: [&str; 24] = [
    "pam_access",
    "pam_cap",
    "pam_echo",
    "pam_env",
    "pam_exec",
    "pam_faildelay",
    "pam_faillock",
    "pam_gnome_keyring",
    "pam_group",
    "pam_issue",
    "pam_keyinit",
    "pam_listfile",
    "pam_localuser",
    "pam_nologin",
    "pam_rootok",
    "pam_securetty",
    "pam_shells",
    "pam_succeed_if",
    "pam_tally2",
    "pam_time",
    "pam_usertype",
    "pam_warn",
    "pam_wheel",
    "pam_debug",
];
const MAX_DEPTH: usize = 16;
const MAX_STEPS: usize = 2000;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_comes_of_a_wrong_password() {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(tree.path().join("etc/pam.d")).unwrap();
        let write = |name: &str, text: &str| fs::write(tree.path().join("etc/pam.d").join(name), text).unwrap();
        write("open", "auth sufficient pam_permit.so\n");
        write("round", "@include round\n");
        let debian = "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\nauth required pam_permit.so\n";
        write("common-auth", debian);
        let fedora = "auth required pam_env.so\nauth required pam_faildelay.so delay=2000000\n\
            auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular\n\
            auth [default=1 ignore=ignore success=ok] pam_localuser.so\nauth sufficient pam_unix.so nullok\n\
            auth [default=1 ignore=ignore success=ok] pam_usertype.so isregular\nauth sufficient pam_sss.so forward_pass\n\
            auth required pam_deny.so\n";
        for (service, opens) in [
            (debian, false),
            (fedora, false),
            ("auth [success=done ignore=ignore default=die] pam_unix.so\nauth required pam_deny.so\n", false),
            ("auth required pam_unix.so\nauth required pam_permit.so\n", false),
            ("@include common-auth\n", false),
            ("auth include common-auth\nauth required pam_permit.so\n", false),
            ("auth substack common-auth\nauth required pam_permit.so\n", false),
            ("account required pam_permit.so\n", false),
            ("auth required pam_permit.so\n", true),
            ("auth sufficient pam_permit.so\nauth required pam_unix.so\n", true),
            ("auth [success=done default=bad] /lib/security/pam_permit.so\nauth required pam_unix.so\n", true),
            ("auth [default=1 success=ok] pam_unix.so\nauth required pam_deny.so\nauth required pam_permit.so\n", true),
            ("auth required pam_env.so\nauth sufficient pam_permit.so\nauth required pam_unix.so\n", true),
            ("auth optional pam_unix.so\nauth required pam_permit.so\n", true),
            ("AUTH include open\nauth required pam_unix.so\n", true),
            ("auth substack open\nauth required pam_unix.so\n", false),
            ("@include open\nauth required pam_unix.so\n", true),
        ] {
            write("x", service);
            assert_eq!(accepts_any_password(&System::root(tree.path()), "x").unwrap(), opens, "{service}");
        }
        let of = |name| accepts_any_password(&System::root(tree.path()), name);
        assert!(matches!(of("none"), Err(Error::Missing { .. })));
        assert!(matches!(of("round"), Err(Error::Configuration { .. })));
    }
}

//! The file of rules that is ours, `/etc/sssd/conf.d/pivkit.conf`.
//!
//! ```text
//! # pivkit NAME: HASH until YYYY-MM-DD SUBJECT
//! [certmap/DOMAIN/pivkit-NAME]
//! matchrule = <ISSUER>...
//! maprule = (alice)
//! ```
//!
//! NAME is made of the rule, so that one certificate cannot have two. What else stands in the file stays.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::undo::{FileDigest, LinesUndo, RemovedLines};
use crate::{Account, Remark};

/// The file, in lines with their ends.
#[derive(Debug, Clone, Default)]
pub(super) struct RulesFile {
    lines: Vec<String>,
    pub(super) rules: Vec<Rule>,
}

/// One rule that maps to an account.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) matching: String,
    pub(super) user: String,
    pub(super) remark: Option<Remark>,
    lines: Range<usize>,
}

impl RulesFile {
    pub(super) fn parse(text: &str, domain: &str) -> Self {
        let lines: Vec<_> = text.split_inclusive('\n').map(str::to_owned).collect();
        let mut file = RulesFile { lines, rules: Vec::new() };
        for number in 0..file.lines.len() {
            file.rules.extend(file.rule_at(number, domain));
        }
        file
    }

    /// The rule whose header is on this line.
    fn rule_at(&self, number: usize, domain: &str) -> Option<Rule> {
        let header = format!("[certmap/{domain}/{PREFIX}");
        let name = self.lines.get(number)?.trim().strip_prefix(&header)?.strip_suffix(']')?;
        let (mut matching, mut user, mut end) = (None, None, number + 1);
        let key_on = |line: usize| self.lines.get(line).filter(|line| !line.starts_with(['#', '[']))?.split_once('=');
        while let Some((key, value)) = key_on(end) {
            match key.trim() {
                "matchrule" => matching = Some(value.trim().to_owned()),
                "maprule" => user = value.trim().strip_prefix('(').and_then(|value| value.strip_suffix(')')),
                _ => return None,
            }
            end += 1;
        }
        let above = number.checked_sub(1).and_then(|above| self.lines.get(above));
        let remark = above.and_then(|above| Remark::parse(above, name));
        let start = number - usize::from(remark.is_some());
        let matching = matching.filter(|matching| name_of(matching) == name)?;
        Some(Rule { matching, user: user?.to_owned(), remark, lines: start..end })
    }

    /// The rules of an account.
    pub(super) fn of<'a>(&'a self, account: &'a Account) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().filter(|rule| rule.user == account.name.as_str())
    }

    /// Adds a rule and removes others, and tells how to undo it.
    pub(super) fn change(
        &self,
        domain: &str,
        add: Option<&Rule>,
        remove: &[&Rule],
        undo: LinesUndo,
    ) -> (String, LinesUndo) {
        let mut undo = undo;
        let mut kept: Vec<bool> = vec![true; self.lines.len()];
        for rule in remove {
            let lines = self.lines.get(rule.lines.clone()).unwrap_or_default().to_vec();
            undo.removed.push(RemovedLines { at: u64::try_from(rule.lines.start).unwrap_or(u64::MAX), lines });
            kept.get_mut(rule.lines.clone()).unwrap_or_default().fill(false);
        }
        let kept = self.lines.iter().zip(kept).filter(|(_, kept)| *kept).map(|(line, _)| line.as_str());
        let mut text: String = kept.collect();
        if let Some(rule) = add {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            undo.added = rule.write(domain);
            undo.added.iter().for_each(|line| text.push_str(line));
        }
        (text, undo)
    }
}

impl Rule {
    pub(super) fn new(matching: String, user: &str, remark: Remark) -> Self {
        Rule { matching, user: user.to_owned(), remark: Some(remark), lines: 0..0 }
    }

    fn write(&self, domain: &str) -> Vec<String> {
        let name = name_of(&self.matching);
        let remark = self.remark.as_ref().map(|remark| remark.line(&name) + "\n");
        let rule = [
            format!("[certmap/{domain}/{PREFIX}{name}]\n"),
            format!("matchrule = {}\n", self.matching),
            format!("maprule = ({})\n", self.user),
        ];
        remark.into_iter().chain(rule).collect()
    }
}

/// What is undone when nothing is changed yet.
pub(super) fn no_change(path: &std::path::Path, before: Option<FileDigest>) -> LinesUndo {
    LinesUndo { path: path.to_owned(), added: Vec::new(), removed: Vec::new(), before }
}

/// Sixteen hexadecimal digits that name a rule.
fn name_of(matching: &str) -> String {
    let digest = Sha256::digest(matching.as_bytes());
    hex::encode_upper(digest.get(..8).unwrap_or_default())
}

/// What the names of our rules begin with.
const PREFIX: &str = "pivkit-";

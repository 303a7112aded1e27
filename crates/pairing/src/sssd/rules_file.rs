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

use std::collections::HashMap;
use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::undo::{FileDigest, LinesUndo, RemovedLines};
use crate::{Account, Remark};

/// The file, in lines with their ends.
#[derive(Debug, Clone, Default)]
pub(super) struct RulesFile {
    lines: Vec<String>,
    rules: Vec<Rule>,
    by_user: HashMap<String, Vec<usize>>,
    by_matching: HashMap<String, Vec<usize>>,
}

/// One rule that maps to an account.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) matching: String,
    pub(super) user: String,
    pub(super) remark: Option<Remark>,
    /// Where it stands; `None` for a new one.
    lines: Option<Range<usize>>,
    gone: bool,
}

impl RulesFile {
    pub(super) fn parse(text: &str, domain: &str) -> Self {
        let lines: Vec<_> = text.split_inclusive('\n').map(str::to_owned).collect();
        let mut file = RulesFile { lines, ..RulesFile::default() };
        for number in 0..file.lines.len() {
            if let Some(rule) = file.rule_at(number, domain) {
                file.insert(rule);
            }
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
        Some(Rule { matching, user: user?.to_owned(), remark, lines: Some(start..end), gone: false })
    }

    /// The rules of an account, with the number of each.
    pub(super) fn of<'a>(&'a self, account: &Account) -> impl Iterator<Item = (usize, &'a Rule)> + use<'a> {
        let numbers = self.by_user.get(account.name.as_str()).into_iter().flatten();
        let rules = numbers.filter_map(|&number| Some((number, self.rules.get(number)?)));
        rules.filter(|(_, rule)| !rule.gone)
    }

    /// The rule that matches so.
    pub(super) fn with(&self, matching: &str) -> Option<&Rule> {
        let numbers = self.by_matching.get(matching).into_iter().flatten();
        numbers.filter_map(|&number| self.rules.get(number)).find(|rule| !rule.gone)
    }

    fn insert(&mut self, rule: Rule) {
        let number = self.rules.len();
        self.by_user.entry(rule.user.clone()).or_default().push(number);
        self.by_matching.entry(rule.matching.clone()).or_default().push(number);
        self.rules.push(rule);
    }

    /// Adds a rule and removes others, and tells how to undo it.
    pub(super) fn make(&mut self, domain: &str, add: Option<Rule>, remove: &[usize], undo: LinesUndo) -> LinesUndo {
        let mut undo = undo;
        for &number in remove {
            let Some(rule) = self.rules.get_mut(number) else { continue };
            rule.gone = true;
            undo.removed.push(match &rule.lines {
                Some(place) => RemovedLines {
                    at: u64::try_from(place.start).unwrap_or(u64::MAX),
                    lines: self.lines.get(place.clone()).unwrap_or_default().to_vec(),
                },
                None => RemovedLines { at: u64::MAX, lines: rule.write(domain) },
            });
        }
        if let Some(rule) = add {
            undo.added = rule.write(domain);
            self.insert(rule);
        }
        undo
    }

    /// The file with all changes.
    pub(super) fn into_text(self, domain: &str) -> String {
        let mut kept: Vec<bool> = vec![true; self.lines.len()];
        for place in self.rules.iter().filter(|rule| rule.gone).filter_map(|rule| rule.lines.clone()) {
            kept.get_mut(place).unwrap_or_default().fill(false);
        }
        let kept = self.lines.iter().zip(kept).filter(|(_, kept)| *kept).map(|(line, _)| line.as_str());
        let mut text: String = kept.collect();
        for rule in self.rules.iter().filter(|rule| !rule.gone && rule.lines.is_none()) {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            rule.write(domain).iter().for_each(|line| text.push_str(line));
        }
        text
    }
}

impl Rule {
    pub(super) fn new(matching: String, user: &str, remark: Remark) -> Self {
        Rule { matching, user: user.to_owned(), remark: Some(remark), lines: None, gone: false }
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

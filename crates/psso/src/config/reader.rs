//! Reading a TOML file field by field, so that every mistake is found at once and has its line.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::field::{self, FIELDS, SMART_CARD};
use super::finding::{Finding, Level};
use crate::error::shown;

/// A field of the file, and its line.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) field: &'static str,
    pub(super) line: Option<usize>,
}

/// A value of the file, and where it stands.
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) at: Place,
}

/// The file, and what was found in it so far.
pub(super) struct Reader<'a> {
    lines: Lines,
    table: DeTable<'a>,
    findings: Vec<Finding>,
    /// The fields that were asked for.
    asked: Vec<&'static str>,
    /// The lines of the members of tables, by field, line of the table, and name.
    members: BTreeMap<(&'static str, Option<usize>, String), usize>,
}

impl<'a> Reader<'a> {
    /// Reads the syntax. Where that fails there are findings, and nothing else is worth looking at.
    pub(super) fn new(text: &'a str) -> Result<Self, Vec<Finding>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let lines = Lines::of(text);
        if errors.is_empty() {
            let (findings, asked, members) = (Vec::new(), Vec::new(), BTreeMap::new());
            return Ok(Self { lines, table: table.into_inner(), findings, asked, members });
        }
        let finding = |error: toml::de::Error| Finding {
            level: Level::Error,
            line: error.span().map(|span| lines.number(&span)),
            field: None,
            message: shown(error.message(), 200),
        };
        Err(errors.into_iter().take(MAX_FINDINGS).map(finding).collect())
    }

    /// What was found, in the order of the file; fields that nobody asked for are errors.
    pub(super) fn finish(mut self) -> (Vec<Finding>, Vec<&'static str>) {
        let mut names = Some(names());
        for (key, _) in std::mem::take(&mut self.table) {
            let name = key.get_ref().as_ref();
            let message = match (field::refused(name), field::by_apple_name(name)) {
                (Some(why), _) => why.to_owned(),
                (None, Some(field)) => format!("it is called {} here", field.name),
                (None, None) => match names.take() {
                    Some(names) => format!("no such field; there are {names}"),
                    None => "no such field".to_owned(),
                },
            };
            let line = Some(self.lines.number(&key.span()));
            self.findings.push(Finding { level: Level::Error, line, field: Some(shown(name, 80)), message });
        }
        self.findings.sort_by_key(|finding| (finding.line.is_none(), finding.line, finding.level));
        (capped(self.findings), self.asked)
    }

    pub(super) fn error(&mut self, at: Place, message: impl Into<String>) {
        self.report(Level::Error, at, None, message.into());
    }

    pub(super) fn warning(&mut self, at: Place, message: impl Into<String>) {
        self.report(Level::Warning, at, None, message.into());
    }

    /// About a member of a table.
    pub(super) fn report(&mut self, level: Level, at: Place, member: Option<&str>, message: String) {
        let (field, line) = match member {
            Some(member) => {
                let line = self.members.get(&(at.field, at.line, member.to_owned())).copied();
                (format!("{}.{}", at.field, shown(member, 60)), line.or(at.line))
            }
            None => (at.field.to_owned(), at.line),
        };
        self.findings.push(Finding { level, line, field: Some(field), message });
    }

    /// A field that may be missing. Whoever calls this knows the field.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Found<Spanned<DeValue<'a>>>> {
        self.asked.push(name);
        let (key, value) = self.table.remove_entry(name)?;
        let at = Place { field: name, line: Some(self.lines.number(&key.span())) };
        let since = field::since(name);
        if since > SMART_CARD {
            self.warning(at, format!("only macOS {since} and later know this field"));
        }
        Some(Found { value, at })
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<Found<String>> {
        let Found { value, at } = self.take(name)?;
        match value.into_inner() {
            DeValue::String(text) => self.filled(at, &text).map(|value| Found { value, at }),
            other => self.mistyped(at, "a text", &other),
        }
    }

    /// A text that may have several lines: PEM.
    pub(super) fn lines(&mut self, name: &'static str) -> Option<Found<String>> {
        let Found { value, at } = self.take(name)?;
        match value.into_inner() {
            DeValue::String(text) => Some(Found { value: text.into_owned(), at }),
            other => self.mistyped(at, "a text", &other),
        }
    }

    pub(super) fn required_text(&mut self, name: &'static str) -> Option<Found<String>> {
        if !self.table.contains_key(name) {
            self.error(Place { field: name, line: None }, "it is missing");
        }
        self.text(name)
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Option<Found<bool>> {
        let Found { value, at } = self.take(name)?;
        match value.into_inner() {
            DeValue::Boolean(value) => Some(Found { value, at }),
            other => self.mistyped(at, "true or false", &other),
        }
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, name: &'static str) -> Option<Found<Vec<String>>> {
        let Found { value, at } = self.take(name)?;
        let items = match value.into_inner() {
            DeValue::Array(items) => items,
            other => return self.mistyped(at, "a list of texts", &other),
        };
        let mut texts = Vec::new();
        for item in items {
            match item.into_inner() {
                DeValue::String(text) => texts.push(self.filled(at, &text)?),
                other => return self.mistyped(at, "a list of texts", &other),
            }
        }
        Some(Found { value: texts, at })
    }

    /// A table; each member as JSON.
    pub(super) fn object(&mut self, name: &'static str) -> Option<Found<Map<String, Value>>> {
        let Found { value, at } = self.take(name)?;
        match value.into_inner() {
            DeValue::Table(table) => {
                let value = self.members(at, table)?;
                Some(Found { value, at })
            }
            other => self.mistyped(at, "a table", &other),
        }
    }

    /// A table of texts, in the order of their names.
    pub(super) fn form(&mut self, name: &'static str) -> Option<Found<Vec<(String, String)>>> {
        let Found { value, at } = self.object(name)?;
        let mut fields = Vec::new();
        for (name, value) in value {
            match value {
                Value::String(text) => fields.push((name, text)),
                _ => self.report(Level::Error, at, Some(&name), "a form field is a text".to_owned()),
            }
        }
        Some(Found { value: fields, at })
    }

    /// A list of tables (`[[name]]`), each with its line.
    pub(super) fn tables(&mut self, name: &'static str) -> Vec<Found<Map<String, Value>>> {
        let Some(Found { value, at }) = self.take(name) else { return Vec::new() };
        let DeValue::Array(items) = value.into_inner() else {
            self.error(at, format!("a list of tables is expected: [[{name}]]"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            let at = Place { field: name, line: Some(self.lines.number(&item.span())) };
            match item.into_inner() {
                DeValue::Table(table) => tables.extend(self.members(at, table).map(|value| Found { value, at })),
                other => {
                    self.mistyped::<()>(at, "a table", &other);
                }
            }
        }
        tables
    }

    fn members(&mut self, at: Place, table: DeTable<'a>) -> Option<Map<String, Value>> {
        let mut members = Map::new();
        for (key, value) in table {
            let at_key = self.lines.number(&key.span());
            let name = key.into_inner().into_owned();
            self.members.insert((at.field, at.line, name.clone()), at_key);
            match json(value.into_inner(), 0) {
                Ok(value) => {
                    members.insert(name, value);
                }
                Err(why) => {
                    self.report(Level::Error, at, Some(&name), why);
                    return None;
                }
            }
        }
        Some(members)
    }

    fn filled(&mut self, at: Place, text: &str) -> Option<String> {
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            self.error(at, "it is empty or contains control characters");
            return None;
        }
        Some(text.to_owned())
    }

    fn mistyped<T>(&mut self, at: Place, wanted: &str, value: &DeValue<'_>) -> Option<T> {
        self.error(at, format!("{wanted} is expected, not {}", kind(value)));
        None
    }
}

/// A TOML value as JSON. TOML has moments in time, JSON has none; JSON has no infinite numbers.
fn json(value: DeValue<'_>, depth: usize) -> Result<Value, String> {
    if depth > MAX_DEPTH {
        return Err(format!("nested deeper than {MAX_DEPTH} levels"));
    }
    match value {
        DeValue::String(text) => Ok(Value::String(text.into_owned())),
        DeValue::Boolean(value) => Ok(Value::Bool(value)),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(|number| Value::Number(number.into()))
            .map_err(|_| "a number that does not fit into 64 bits".to_owned()),
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| "a number that JSON does not have".to_owned()),
        DeValue::Array(items) => {
            items.into_iter().map(|item| json(item.into_inner(), depth + 1)).collect::<Result<_, _>>().map(Value::Array)
        }
        DeValue::Table(table) => table
            .into_iter()
            .map(|(key, value)| Ok((key.into_inner().into_owned(), json(value.into_inner(), depth + 1)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        DeValue::Datetime(_) => Err("a date, which JSON does not have; write it as a text or a number".to_owned()),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Where the lines of a text end, in bytes.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    /// The line in which something begins, counted from 1.
    fn number(&self, span: &Range<usize>) -> usize {
        1 + self.0.partition_point(|end| *end < span.start)
    }
}

/// The first findings of each level, and how many more there are.
fn capped(findings: Vec<Finding>) -> Vec<Finding> {
    let mut counts = [(Level::Error, 0_usize, "mistakes"), (Level::Warning, 0, "warnings")];
    let mut kept = Vec::new();
    for finding in findings {
        for (level, count, _) in &mut counts {
            *count += usize::from(*level == finding.level);
        }
        if counts.iter().all(|(level, count, _)| *level != finding.level || *count <= MAX_FINDINGS) {
            kept.push(finding);
        }
    }
    let more = counts.into_iter().filter(|(_, count, _)| *count > MAX_FINDINGS);
    kept.extend(more.map(|(level, count, what)| {
        let message = format!("there are {} more {what}", count - MAX_FINDINGS);
        Finding { level, line: None, field: None, message }
    }));
    kept
}

fn names() -> String {
    FIELDS.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
}

/// One slip can make many errors; the first ones of each level say enough.
const MAX_FINDINGS: usize = 20;
/// Claims of people's own are flat, or nearly.
const MAX_DEPTH: usize = 16;

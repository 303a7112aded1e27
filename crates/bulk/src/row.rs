//! The columns of a manifest, and one row of it.

use std::path::{Path, PathBuf};

use csv::ByteRecord;
use identity::text::escape_control;

use crate::manifest::Row;
use crate::{CardNames, HostName, RowAction};

/// A column of which the meaning is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    User,
    Hash,
    Certificate,
    Upn,
    Serial,
    Guid,
    Host,
    Slot,
    Action,
}

/// All columns with their names, in the order in which manifests are written.
pub(crate) const COLUMNS: [(Column, &str); 9] = [
    (Column::User, "user"),
    (Column::Action, "action"),
    (Column::Hash, "hash"),
    (Column::Certificate, "certificate"),
    (Column::Upn, "upn"),
    (Column::Serial, "serial"),
    (Column::Guid, "guid"),
    (Column::Host, "host"),
    (Column::Slot, "slot"),
];

impl Column {
    fn name(self) -> &'static str {
        COLUMNS.iter().find(|(column, _)| *column == self).map_or("", |(_, name)| name)
    }
}

/// The header, understood.
pub(crate) struct Header {
    /// For each field of a row its column, unless that is not known.
    pub(crate) columns: Vec<Option<Column>>,
    /// Columns that are not known.
    pub(crate) problems: Vec<String>,
}

/// Reads the header, or says why nothing can be read without it.
pub(crate) fn header(record: &ByteRecord) -> Result<Header, String> {
    let mut header = Header { columns: Vec::new(), problems: Vec::new() };
    for (index, field) in record.iter().enumerate() {
        let name = std::str::from_utf8(field.trim_ascii()).map_err(|_| "has a header that is not UTF-8".to_owned())?;
        let known = COLUMNS.iter().find(|(_, known)| name.eq_ignore_ascii_case(known)).map(|(column, _)| *column);
        match known {
            Some(column) if header.columns.contains(&known) => {
                return Err(format!("has the column {} twice", column.name()));
            }
            Some(_) => {}
            None if name.is_empty() => header.problems.push(format!("column {} has no name", index + 1)),
            None => header.problems.push(format!("there is no column {}", quoted(name))),
        }
        header.columns.push(known);
    }
    if header.columns.contains(&Some(Column::User)) {
        return Ok(header);
    }
    let foreign = |separator: u8| record.iter().any(|field| field.contains(&separator));
    Err(match (foreign(b';'), foreign(b'\t')) {
        (true, _) => "has no column user: its columns are separated by ; and not by commas".to_owned(),
        (_, true) => "has no column user: its columns are separated by tabs and not by commas".to_owned(),
        _ => "has no column user in its first line, which is the header".to_owned(),
    })
}

/// A row that cannot be read, and what can be told of it.
pub(crate) struct Unreadable {
    pub(crate) host: Option<HostName>,
    pub(crate) user: Option<String>,
    pub(crate) problems: Vec<String>,
}

/// Reads one row. `folder` is that of the manifest.
pub(crate) fn row(
    line: u64,
    record: &ByteRecord,
    columns: &[Option<Column>],
    folder: &Path,
) -> Result<Row, Unreadable> {
    let mut fields = Fields { record, columns, problems: Vec::new() };
    fields.check_count();
    let host = fields.parsed(Column::Host, |text| text.parse().map_err(|error: crate::Error| error.to_string()));
    let name = fields.text(Column::User).map(str::to_owned);
    let user = fields.parsed(Column::User, |text| text.parse().map_err(|error: pairing::Error| error.to_string()));
    if name.is_none() && fields.problems.is_empty() {
        fields.problems.push("names no user".to_owned());
    }
    let action = fields.parsed(Column::Action, action).unwrap_or_default();
    let slot = fields.parsed(Column::Slot, slot);
    let hash = fields.parsed(Column::Hash, |text| text.parse().map_err(|error: identity::Error| error.to_string()));
    let certificate = fields.parsed(Column::Certificate, |text| Ok::<PathBuf, String>(folder.join(text)));
    let card = CardNames {
        upn: fields.parsed(Column::Upn, |text| Ok::<String, String>(text.to_owned())),
        serial: fields.parsed(Column::Serial, serial),
        guid: fields.parsed(Column::Guid, guid),
    };
    match (user, fields.problems) {
        (Some(user), problems) if problems.is_empty() => {
            Ok(Row { line, user, action, host, slot, hash, certificate, card })
        }
        (_, problems) => Err(Unreadable { host, user: name, problems }),
    }
}

/// The fields of a row, and what is wrong with them.
struct Fields<'a> {
    record: &'a ByteRecord,
    columns: &'a [Option<Column>],
    problems: Vec<String>,
}

impl<'a> Fields<'a> {
    fn check_count(&mut self) {
        let (here, there) = (self.record.len(), self.columns.len());
        if here != there {
            self.problems.push(format!("has {here} values, and the header {there} columns"));
        }
    }

    /// The text of a column; `None` also for what is no text.
    fn text(&self, column: Column) -> Option<&'a str> {
        self.checked(column).ok().flatten()
    }

    fn checked(&self, column: Column) -> Result<Option<&'a str>, &'static str> {
        let index = self.columns.iter().position(|known| *known == Some(column));
        let field = index.and_then(|index| self.record.get(index)).map(<[u8]>::trim_ascii);
        match field {
            None | Some([]) => Ok(None),
            Some(field) if field.len() > MAX_FIELD => Err("is longer than 4096 bytes"),
            Some(field) if field.iter().any(|byte| matches!(byte, b'\r' | b'\n')) => {
                Err("goes on in the next line; a quotation mark may be missing")
            }
            Some(field) => std::str::from_utf8(field).map(Some).map_err(|_| "is not UTF-8"),
        }
    }

    /// The value of a column, where there is one that is right.
    fn parsed<T>(&mut self, column: Column, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let parsed = match self.checked(column) {
            Ok(text) => text.map(parse).transpose(),
            Err(why) => Err(format!("the value {why}")),
        };
        parsed.unwrap_or_else(|why| {
            self.problems.push(format!("{}: {why}", column.name()));
            None
        })
    }
}

fn action(text: &str) -> Result<RowAction, String> {
    let known = [("pair", RowAction::Pair), ("unpair", RowAction::Unpair), ("replace", RowAction::Replace)];
    let known = known.into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
    known.map(|(_, action)| action).ok_or_else(|| format!("{} is none of pair, unpair, replace", quoted(text)))
}

/// The slots of a PIV card with keys for people (SP 800-73-4 part 1, 3.1 and 3.2), in lower case.
fn slot(text: &str) -> Result<String, String> {
    let slot = text.to_ascii_lowercase();
    let retired = matches!(u8::from_str_radix(&slot, 16), Ok(0x82..=0x95)) && slot.len() == 2;
    if retired || ["9a", "9c", "9d", "9e"].contains(&slot.as_str()) {
        return Ok(slot);
    }
    Err(format!("{} is no slot; they are 9a, 9c, 9d, 9e and 82 to 95", quoted(text)))
}

fn serial(text: &str) -> Result<u32, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| format!("{} is no serial number of a YubiKey", quoted(text)))
}

/// 32 upper-case digits.
fn guid(text: &str) -> Result<String, String> {
    let guid = text.replace('-', "").to_ascii_uppercase();
    let whole = guid.len() == 32 && guid.bytes().all(|byte| byte.is_ascii_hexdigit());
    if whole { Ok(guid) } else { Err("a GUID has 32 hexadecimal digits".to_owned()) }
}

/// A value as it is shown: not too much of it, and nothing that could deceive.
fn quoted(text: &str) -> String {
    let short: String = text.chars().take(MAX_SHOWN).collect();
    let more = if short.len() < text.len() { "..." } else { "" };
    format!("\"{}{more}\"", escape_control(&short))
}

const MAX_FIELD: usize = 4096;
const MAX_SHOWN: usize = 64;

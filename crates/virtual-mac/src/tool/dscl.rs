//! dscl(1) on the local node: `-read`, `-readall`, `-list`, `-search`, and the changes.
//!
//! After its published source: plists have the full names of attributes; one that a record lacks is left out of them; texts go
//! one to a line as soon as one of them has a space; an error is a number whose last byte, without its sign, is the exit code.
//! Whether `-readall` adds the record name without being asked is unknown: here it does not.

use plist::{Dictionary, Value};

use crate::Outcome;
use crate::context::Context;
use crate::mac::Mac;
use crate::record::{Record, full_name};

/// Options before the data source; none of those here takes a value.
pub(super) const OPTIONS: [&str; 4] = ["-plist", "-raw", "-url", "-q"];

pub(super) fn run(mac: &mut Mac, context: &Context, arguments: &[String]) -> Outcome {
    let as_plist = arguments.iter().any(|word| word == "-plist");
    let words: Vec<&str> = arguments.iter().map(String::as_str).skip_while(|word| OPTIONS.contains(word)).collect();
    let [node, verb, path, rest @ ..] = words.as_slice() else {
        return Outcome::fails(64, "dscl (v64)\nusage: dscl [options] [<datasource> [<command>]]\n");
    };
    let Some(place) = Place::parse(node, path) else { return DATA_SOURCE.outcome("dscl_cmd") };
    match verb.trim_start_matches('-') {
        "read" | "cat" | "." => read(mac, &place, rest, as_plist),
        "readall" => read_all(mac, &place, rest, as_plist),
        "list" | "ls" => list(mac, &place, rest),
        "search" => search(mac, &place, rest),
        verb @ ("append" | "create" | "merge" | "delete" | "change") => change(mac, context, &place, verb, rest),
        _ => Outcome::fails(64, format!("Invalid command: {verb}\n")),
    }
}

/// A record, or all of a type, in a node.
struct Place<'a> {
    groups: bool,
    name: Option<&'a str>,
    /// The search node sees directories of the network as well.
    everywhere: bool,
}

impl<'a> Place<'a> {
    fn parse(node: &str, path: &'a str) -> Option<Self> {
        let below = match node {
            "." | "/Local/Default" | "/Search" => path,
            "localhost" => path.strip_prefix('/').unwrap_or(path).strip_prefix("Local/Default")?,
            _ => return None,
        };
        let mut parts = below.trim_matches('/').splitn(2, '/');
        let groups = match parts.next()? {
            "Users" => false,
            "Groups" => true,
            _ => return None,
        };
        Some(Self { groups, name: parts.next(), everywhere: node == "/Search" })
    }

    fn records(&self, mac: &'a Mac) -> impl Iterator<Item = &'a Record> {
        let records = if self.groups { &mac.groups } else { &mac.users };
        let everywhere = self.everywhere;
        records.values().filter(move |record| everywhere || record.is_local())
    }

    fn record(&self, mac: &'a Mac) -> Option<&'a Record> {
        let name = self.name?;
        self.records(mac).find(|record| record.is_called(name))
    }
}

fn read(mac: &Mac, place: &Place<'_>, keys: &[&str], as_plist: bool) -> Outcome {
    let Some(record) = place.record(mac) else { return RECORD_NOT_FOUND.outcome("dscl_cmd") };
    let found = only(record, keys);
    if as_plist {
        return xml(&dictionary(&found));
    }
    let missing = keys.iter().filter(|key| record.values(key).is_empty());
    let missing: String = missing.map(|key| format!("No such key: {key}\n")).collect();
    Outcome { stderr: missing.into_bytes(), ..Outcome::says(text(&found)) }
}

fn read_all(mac: &Mac, place: &Place<'_>, keys: &[&str], as_plist: bool) -> Outcome {
    let found: Vec<Record> = place.records(mac).map(|record| only(record, keys)).collect();
    if as_plist {
        return xml(&Value::Array(found.iter().map(dictionary).collect()));
    }
    Outcome::says(found.iter().map(text).collect::<Vec<_>>().join("-\n"))
}

fn list(mac: &Mac, place: &Place<'_>, keys: &[&str]) -> Outcome {
    let Some(key) = keys.first() else {
        return Outcome::says(place.records(mac).map(|record| format!("{}\n", record.name())).collect::<String>());
    };
    let with_key: Vec<&Record> = place.records(mac).filter(|record| !record.values(key).is_empty()).collect();
    let width = with_key.iter().map(|record| record.name().len()).max().unwrap_or(0) + 2;
    let line = |record: &&Record| format!("{:width$} {}\n", record.name(), record.values(key).join(" "));
    Outcome::says(with_key.iter().map(line).collect::<String>())
}

fn search(mac: &Mac, place: &Place<'_>, rest: &[&str]) -> Outcome {
    let [key, value, ..] = rest else { return Outcome::fails(64, "Usage: search <path> <key> <val>\n") };
    let hits = place.records(mac).filter(|record| record.values(key).iter().any(|one| one == value));
    let line = |record: &Record| {
        let values: Vec<_> = record.values(key).iter().map(|value| format!("    {}", quoted(value))).collect();
        format!("{}\t\t{} = (\n{}\n)\n", record.name(), short_name(&full_name(key)), values.join(",\n"))
    };
    Outcome::says(hits.map(line).collect::<String>())
}

fn change(mac: &mut Mac, context: &Context, place: &Place<'_>, verb: &str, rest: &[&str]) -> Outcome {
    let status = if verb == "delete" { "delete status" } else { "attribute status" };
    if !context.is_root() {
        return PERMISSION.outcome(status);
    }
    let records = if place.groups { &mut mac.groups } else { &mut mac.users };
    let found = records.values_mut().find(|one| one.is_local() && place.name.is_some_and(|name| one.is_called(name)));
    let Some(record) = found else { return RECORD_NOT_FOUND.outcome(status) };
    let (Some(key), values) = (rest.first(), rest.get(1..).unwrap_or_default()) else {
        return PERMISSION.outcome(status);
    };
    match (verb, values) {
        ("create", values) => record.set(key, values),
        ("append", values) => values.iter().for_each(|value| record.append(key, value)),
        ("merge", values) => {
            let missing = values.iter().filter(|value| !record.values(key).iter().any(|one| one == *value));
            let missing: Vec<String> = missing.map(ToString::to_string).collect();
            missing.iter().for_each(|value| record.append(key, value));
        }
        ("delete", _) if record.values(key).is_empty() => return ATTRIBUTE_NOT_FOUND.outcome(status),
        ("delete", []) => record.set::<&str>(key, &[]),
        ("delete", values) => {
            if !values.iter().all(|value| record.remove(key, value)) {
                return ATTRIBUTE_NOT_FOUND.outcome(status);
            }
        }
        (_, [old, new]) => {
            if !record.remove(key, old) {
                return ATTRIBUTE_NOT_FOUND.outcome(status);
            }
            record.append(key, new);
        }
        _ => return Outcome::fails(64, "Usage: change <path> <key> <old value> <new value>\n"),
    }
    Outcome::default()
}

/// The attributes that were asked for; all, if none was named.
fn only(record: &Record, keys: &[&str]) -> Record {
    if keys.is_empty() {
        return record.clone();
    }
    let mut found = Record::default();
    keys.iter().for_each(|key| found.set(key, record.values(key)));
    found
}

fn dictionary(record: &Record) -> Value {
    let values = |values: &Vec<String>| Value::Array(values.iter().cloned().map(Value::String).collect());
    Value::Dictionary(record.0.iter().map(|(key, list)| (key.clone(), values(list))).collect::<Dictionary>())
}

fn xml(value: &Value) -> Outcome {
    let mut bytes = Vec::new();
    match value.to_writer_xml(&mut bytes) {
        Ok(()) => Outcome::says([bytes, b"\n".to_vec()].concat()),
        Err(error) => Outcome::fails(1, error.to_string()),
    }
}

fn text(record: &Record) -> String {
    let mut lines: Vec<(&String, String)> = record
        .0
        .iter()
        .map(|(key, values)| {
            let between = if values.iter().any(|value| value.contains(' ')) { "\n " } else { " " };
            let values: String = values.iter().map(|value| format!("{between}{value}")).collect();
            (key, format!("{}:{values}\n", short_name(key)))
        })
        .collect();
    lines.sort_by_key(|(key, _)| key.to_lowercase());
    lines.into_iter().map(|(_, line)| line).collect()
}

fn short_name(key: &str) -> &str {
    key.strip_prefix("dsAttrTypeStandard:").unwrap_or(key)
}

/// As NSString describes itself in a list.
fn quoted(value: &str) -> String {
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// An error of Directory Services.
struct DsError(i32, &'static str);

impl DsError {
    fn outcome(&self, status: &str) -> Outcome {
        let Self(number, name) = self;
        let first = if status == "dscl_cmd" { String::new() } else { format!("<main> {status}: {name}\n") };
        let code = u8::try_from(number.unsigned_abs() % 256).unwrap_or(1);
        Outcome::fails(code, format!("{first}<dscl_cmd> DS Error: {number} ({name})\n"))
    }
}

const DATA_SOURCE: DsError = DsError(-14009, "eDSUnknownNodeName");
const PERMISSION: DsError = DsError(-14120, "eDSPermissionError");
const ATTRIBUTE_NOT_FOUND: DsError = DsError(-14134, "eDSAttributeNotFound");
const RECORD_NOT_FOUND: DsError = DsError(-14136, "eDSRecordNotFound");

//! JSON that carries passwords, tokens or keys, wiped when it is done with.

use std::fmt;
use std::io::{self, Write};
use std::ops::{Deref, DerefMut};

use serde_json::{Map, Value};
use zeroize::{Zeroize as _, Zeroizing};

/// A JSON object whose texts are overwritten on drop. `Debug` shows nothing of it.
#[derive(Default)]
pub(crate) struct SecretMap(Map<String, Value>);

impl SecretMap {
    /// The object as JSON. It is measured first, so that no half of it stays behind where a buffer grew.
    pub(crate) fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let mut length = Length(0);
        // Neither writer fails, and a map with texts for names has no value that JSON lacks.
        let _ = serde_json::to_writer(&mut length, &self.0);
        let mut json = Zeroizing::new(Vec::with_capacity(length.0));
        let _ = serde_json::to_writer(&mut *json, &self.0);
        json
    }

    /// Adds members; one that is there already stays as it is.
    pub(crate) fn extend_absent(&mut self, more: &Map<String, Value>) {
        for (name, value) in more {
            if !self.0.contains_key(name) {
                self.0.insert(name.clone(), value.clone());
            }
        }
    }

    /// Takes a text that must be there out of the object; an error says what is wrong with it.
    pub(crate) fn require_text(&mut self, name: &str) -> Result<String, &'static str> {
        let is_there = self.0.contains_key(name);
        let missing = if is_there { "it is not a text with something in it" } else { "it is missing" };
        self.take_text(name).ok_or(missing)
    }

    /// Takes a text that is not empty out of the object.
    pub(crate) fn take_text(&mut self, name: &str) -> Option<String> {
        match self.0.remove(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            Some(other) => {
                wipe(other);
                None
            }
            None => None,
        }
    }
}

impl From<Map<String, Value>> for SecretMap {
    fn from(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

impl From<Value> for SecretMap {
    /// Of an object; anything else is empty.
    fn from(value: Value) -> Self {
        match value {
            Value::Object(map) => Self(map),
            _ => Self::default(),
        }
    }
}

impl Deref for SecretMap {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for SecretMap {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Drop for SecretMap {
    fn drop(&mut self) {
        wipe(Value::Object(std::mem::take(&mut self.0)));
    }
}

impl fmt::Debug for SecretMap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretMap(..)")
    }
}

/// Overwrites the texts of a JSON value.
fn wipe(value: Value) {
    match value {
        Value::String(mut text) => text.zeroize(),
        Value::Array(items) => items.into_iter().for_each(wipe),
        Value::Object(members) => members.into_iter().for_each(|(_, member)| wipe(member)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn same_json_in_a_buffer_that_never_grew() {
        let value = json!({"password": "p\"ä\n", "n": [1, {"x": null}], "t": true});
        let secret = SecretMap::from(value.clone());
        let json = secret.to_json();
        assert_eq!(*json, value.to_string().into_bytes());
        assert_eq!(json.capacity(), json.len());
        assert_eq!(format!("{secret:?}"), "SecretMap(..)");
    }

    #[test]
    fn what_is_there_stays() {
        let mut secret = SecretMap::from(json!({"iss": "ours"}));
        secret.extend_absent(&SecretMap::from(json!({"iss": "theirs", "tenant": 7})));
        assert_eq!(Value::Object(secret.clone()), json!({"iss": "ours", "tenant": 7}));
        assert_eq!(secret.take_text("iss").as_deref(), Some("ours"));
        let mut other = SecretMap::from(json!({"a": 7, "b": "", "c": "text"}));
        let not_a_text = Err("it is not a text with something in it");
        assert_eq!((other.require_text("a"), other.require_text("b")), (not_a_text.clone(), not_a_text));
        assert_eq!((other.require_text("c"), other.require_text("c")), (Ok("text".to_owned()), Err("it is missing")));
        assert_eq!((secret.take_text("iss"), secret.take_text("tenant")), (None, None));
    }
}

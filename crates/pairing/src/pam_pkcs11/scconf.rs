//! The grammar of pam_pkcs11.conf, as pam_pkcs11 reads it (its library scconf).
//!
//! ```text
//! file    = { block | value }
//! block   = KEY [ NAME ] "{" { block | value } "}"
//! value   = KEY "=" TEXT { "," TEXT } ";"
//! TEXT    = between quotation marks, or up to the next ";" "," or blank: "=" and braces belong to it there
//! comment = "#" to the end of the line
//! ```
//!
//! Keys and names are compared without regard to case. A key that stands twice in a block has the values of both. A
//! semicolon that is missing before a brace or a new key is forgiven.

/// The deepest nesting that is read; pam_pkcs11's own examples have two.
const MAX_DEPTH: usize = 16;

/// A block, or the whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Block {
    key: String,
    name: String,
    values: Vec<(String, Vec<String>)>,
    blocks: Vec<Block>,
}

impl Block {
    /// Reads a file.
    ///
    /// The error is half a sentence with the line: pam_pkcs11 takes nothing from a file that it cannot read to the end.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { open: vec![Block::default()], state: State::Start };
        for (line, token) in tokens(text)? {
            reader.take(token).map_err(|what| format!("line {line}: {what}"))?;
        }
        match reader.open.pop() {
            Some(root) if reader.open.is_empty() => Ok(root),
            _ => Err("a block is not closed".to_owned()),
        }
    }

    /// The first block with this key, and with this name if one is given.
    pub(crate) fn block(&self, key: &str, name: Option<&str>) -> Option<&Block> {
        let same = |block: &&Block| {
            block.key.eq_ignore_ascii_case(key) && name.is_none_or(|name| block.name.eq_ignore_ascii_case(name))
        };
        self.blocks.iter().find(same)
    }

    /// All values of a key; `None` when it is missing.
    pub(crate) fn list(&self, key: &str) -> Option<&[String]> {
        self.values.iter().find(|(own, _)| own.eq_ignore_ascii_case(key)).map(|(_, values)| values.as_slice())
    }

    /// The first value of a key.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.list(key)?.first().map(String::as_str)
    }

    /// A yes or no: everything that begins with t or y is a yes, as in scconf.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.text(key).is_some_and(|value| value.starts_with(['t', 'T', 'y', 'Y']))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Text(String),
    Open,
    Close,
    Comma,
    Equals,
    Semicolon,
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, String> {
    let mut tokens = Vec::new();
    for (line, text) in text.split('\n').enumerate().map(|(line, text)| (line + 1, text)) {
        let mut rest = text.trim_start_matches(BLANKS);
        while let Some(first) = rest.chars().next() {
            let punctuation = match first {
                '{' => Some(Token::Open),
                '}' => Some(Token::Close),
                ',' => Some(Token::Comma),
                '=' => Some(Token::Equals),
                ';' => Some(Token::Semicolon),
                _ => None,
            };
            let behind = rest.get(first.len_utf8()..).unwrap_or_default();
            rest = match (first, punctuation) {
                ('#', _) => break,
                (_, Some(punctuation)) => {
                    tokens.push((line, punctuation));
                    behind
                }
                ('"', _) => {
                    let (inside, behind) =
                        behind.split_once('"').ok_or(format!("line {line}: a quotation mark is missing"))?;
                    tokens.push((line, Token::Text(inside.to_owned())));
                    behind
                }
                _ => {
                    let end = rest.find([';', ',', ' ', '\t', '\r']).unwrap_or(rest.len());
                    let (word, behind) = rest.split_at(end);
                    tokens.push((line, Token::Text(word.to_owned())));
                    behind
                }
            }
            .trim_start_matches(BLANKS);
        }
    }
    Ok(tokens)
}

enum State {
    Start,
    /// A key, and perhaps a name.
    Named(String, Vec<String>),
    /// Behind the equals sign of a key; whether a value is complete.
    Value(String, bool),
}

struct Reader {
    /// The blocks that are open, the innermost last.
    open: Vec<Block>,
    state: State,
}

impl Reader {
    fn take(&mut self, token: Token) -> Result<(), &'static str> {
        let state = std::mem::replace(&mut self.state, State::Start);
        self.state = match (state, token) {
            (State::Start | State::Value(_, true), Token::Text(key)) => State::Named(key, Vec::new()),
            (State::Named(key, mut name), Token::Text(text)) if name.is_empty() => {
                name.push(text);
                State::Named(key, name)
            }
            (State::Named(key, _), Token::Equals) => {
                self.values(&key);
                State::Value(key, false)
            }
            (State::Named(key, name), Token::Open) => {
                if self.open.len() > MAX_DEPTH {
                    return Err("blocks are nested too deeply");
                }
                let name = name.into_iter().next().unwrap_or_default();
                self.open.push(Block { key, name, ..Block::default() });
                State::Start
            }
            (State::Value(key, false), Token::Text(text)) => {
                if let Some(values) = self.values(&key) {
                    values.push(text);
                }
                State::Value(key, true)
            }
            (State::Value(key, _), Token::Comma) => State::Value(key, false),
            (_, Token::Semicolon) => State::Start,
            (State::Start | State::Value(_, true), Token::Close) => {
                let block = self.open.pop().filter(|_| !self.open.is_empty()).ok_or("a brace is closed twice")?;
                if let Some(outer) = self.open.last_mut() {
                    outer.blocks.push(block);
                }
                State::Start
            }
            (_, Token::Text(_)) => return Err("a word stands where none is expected"),
            (_, Token::Open | Token::Close) => return Err("a brace stands where none is expected"),
            (_, Token::Comma | Token::Equals) => return Err("a sign stands where none is expected"),
        };
        Ok(())
    }

    /// The values of a key in the innermost block.
    fn values(&mut self, key: &str) -> Option<&mut Vec<String>> {
        let block = self.open.last_mut()?;
        let known = block.values.iter().position(|(own, _)| own.eq_ignore_ascii_case(key));
        let at = known.unwrap_or_else(|| {
            block.values.push((key.to_owned(), Vec::new()));
            block.values.len() - 1
        });
        block.values.get_mut(at).map(|(_, values)| values)
    }
}

const BLANKS: [char; 3] = [' ', '\t', '\r'];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_as_it_is_shipped() {
        let file = Block::parse(
            "# remark { \npam_pkcs11 {\n  debug = true; # yes\n  use_mappers = digest, cn , \"null\";\n  \
             pkcs11_module opensc { module = /a.so\n description = \"A; b, {c}\"; cert_policy = ca;\n CERT_POLICY = signature; }\n \
             mapper digest {\n mapfile = file:///etc/x }\n}\n",
        );
        let file = file.unwrap();
        let root = file.block("PAM_PKCS11", None).unwrap();
        assert!(root.is_set("debug") && !root.is_set("nullok"));
        assert_eq!(root.list("use_mappers").unwrap(), ["digest", "cn", "null"]);
        let module = root.block("pkcs11_module", Some("OpenSC")).unwrap();
        assert_eq!(module.text("module"), Some("/a.so"));
        assert_eq!(module.text("description"), Some("A; b, {c}"));
        assert_eq!(module.list("cert_policy").unwrap(), ["ca", "signature"]);
        assert_eq!(root.block("mapper", Some("digest")).unwrap().text("mapfile"), Some("file:///etc/x"));
        assert_eq!(root.block("mapper", Some("ms")), None);
    }

    /// Without blanks around it, the equals sign belongs to the word; a list in quotation marks is one value.
    #[test]
    fn what_looks_right_and_is_not() {
        let file = Block::parse("a=b; policy = \"ca,signature\";").unwrap();
        assert_eq!(file.text("a"), None);
        assert_eq!(file.list("policy").unwrap(), ["ca,signature"]);
    }

    #[test]
    fn damaged_files_are_refused() {
        let deep = "a b {".repeat(100);
        for text in ["a {", "}", "a = {", "= b;", "a b c d;", "a = \"b;", ", a", "a { b = }", &deep] {
            assert!(Block::parse(text).is_err(), "{text}");
        }
        assert!(Block::parse("a {\n\n} }").unwrap_err().starts_with("line 3: "));
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-c{}=;,\"# \n]{0,60}") {
            let _ = Block::parse(&text);
        }
    }
}

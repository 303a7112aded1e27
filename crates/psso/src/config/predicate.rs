//! The predicate that tells a wrong credential from other refusals (`invalidCredentialPredicate`).
//!
//! ```text
//! errorCode = 'C0000006' AND suberror = 'invalid_password'
//! ```
//! Apple's is an NSPredicate, evaluated on the JSON of a 400 or 401. This is the small part of that language that the
//! documentation shows, and nothing else:
//!
//! ```text
//! or         = and { OR and }
//! and        = not { AND not }
//! not        = NOT not | "(" or ")" | keypath ( "=" | "==" | "!=" ) text
//! keypath    = name { "." name }            a dot descends
//! text       = '...' or "..."               \ keeps the next character
//! ```
//! A key path that leads nowhere equals no text.

use serde_json::{Map, Value};

use crate::error::shown;

/// A predicate that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Predicate {
    Equal { path: Vec<String>, text: String },
    Not(Box<Predicate>),
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
}

impl Predicate {
    /// Reads a predicate; an error names what is not understood.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LEN {
            return Err(format!("longer than {MAX_LEN} bytes"));
        }
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens, depth: 0 };
        let predicate = parser.or()?;
        match parser.next() {
            None => Ok(predicate),
            Some(token) => Err(format!("{} is not expected here", token.show())),
        }
    }

    /// Whether it holds for a JSON object.
    pub(crate) fn holds(&self, object: &Map<String, Value>) -> bool {
        match self {
            Self::Equal { path, text } => lookup(object, path).and_then(Value::as_str) == Some(text),
            Self::Not(inner) => !inner.holds(object),
            Self::And(parts) => parts.iter().all(|part| part.holds(object)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(object)),
        }
    }
}

/// The value at a key path.
pub(crate) fn lookup<'a>(object: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(object.get(first)?, |value, step| value.get(step))
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Equal,
    NotEqual,
    Open,
    Close,
}

impl Token {
    fn show(&self) -> String {
        match self {
            Self::Word(word) => format!("\"{}\"", shown(word, 40)),
            Self::Text(text) => format!("the text '{}'", shown(text, 40)),
            Self::Equal => "=".to_owned(),
            Self::NotEqual => "!=".to_owned(),
            Self::Open => "(".to_owned(),
            Self::Close => ")".to_owned(),
        }
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let token = match character {
            _ if character.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            '=' => {
                rest.next_if_eq(&'=');
                Token::Equal
            }
            '!' if rest.next_if_eq(&'=').is_some() => Token::NotEqual,
            '\'' | '"' => Token::Text(quoted(character, &mut rest)?),
            _ if character.is_ascii_alphabetic() || character == '_' => {
                let mut word = String::from(character);
                while let Some(more) = rest.next_if(|more| more.is_ascii_alphanumeric() || "_-.".contains(*more)) {
                    word.push(more);
                }
                Token::Word(word)
            }
            _ => return Err(format!("\"{}\" is not supported", shown(&character.to_string(), 8))),
        };
        tokens.push(token);
    }
    Ok(tokens)
}

fn quoted(quote: char, rest: &mut impl Iterator<Item = char>) -> Result<String, String> {
    let mut text = String::new();
    while let Some(character) = rest.next() {
        match character {
            '\\' => text.extend(rest.next()),
            _ if character == quote => return Ok(text),
            _ => text.push(character),
        }
    }
    Err("a text does not end".to_owned())
}

struct Parser<'a> {
    tokens: &'a [Token],
    depth: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first.clone())
    }

    fn accept(&mut self, keyword: &str) -> bool {
        let found = self.tokens.first().is_some_and(|token| token.is_keyword(keyword));
        if found {
            self.next();
        }
        found
    }

    fn or(&mut self) -> Result<Predicate, String> {
        let mut parts = vec![self.and()?];
        while self.accept("OR") {
            parts.push(self.and()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Predicate::Or(parts) })
    }

    fn and(&mut self) -> Result<Predicate, String> {
        let mut parts = vec![self.not()?];
        while self.accept("AND") {
            parts.push(self.not()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Predicate::And(parts) })
    }

    fn not(&mut self) -> Result<Predicate, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        let predicate = if self.accept("NOT") {
            Predicate::Not(Box::new(self.not()?))
        } else if self.tokens.first() == Some(&Token::Open) {
            self.next();
            let inner = self.or()?;
            match self.next() {
                Some(Token::Close) => inner,
                _ => return Err("a parenthesis is not closed".to_owned()),
            }
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(predicate)
    }

    fn comparison(&mut self) -> Result<Predicate, String> {
        let path = match self.next() {
            Some(Token::Word(word)) => keypath(&word)?,
            Some(token) => return Err(format!("a key path is expected before {}", token.show())),
            None => return Err("it ends where a comparison is expected".to_owned()),
        };
        let equal = match self.next() {
            Some(Token::Equal) => true,
            Some(Token::NotEqual) => false,
            Some(token) => return Err(format!("{} is not supported; only =, == and != are", token.show())),
            None => return Err("it ends where =, == or != is expected".to_owned()),
        };
        let text = match self.next() {
            Some(Token::Text(text)) => text,
            Some(token) => return Err(format!("{} is not supported; only a quoted text is", token.show())),
            None => return Err("it ends where a quoted text is expected".to_owned()),
        };
        let comparison = Predicate::Equal { path, text };
        Ok(if equal { comparison } else { Predicate::Not(Box::new(comparison)) })
    }
}

/// A key path; the words of NSPredicate's own are none.
fn keypath(word: &str) -> Result<Vec<String>, String> {
    if RESERVED.iter().any(|reserved| word.eq_ignore_ascii_case(reserved)) {
        return Err(format!("{} is not supported", word.to_ascii_uppercase()));
    }
    let steps: Vec<String> = word.split('.').map(str::to_owned).collect();
    if steps.iter().any(String::is_empty) {
        return Err(format!("\"{}\" is not a key path", shown(word, 60)));
    }
    Ok(steps)
}

/// Words that NSPredicate reads as its own.
const RESERVED: &[&str] = &[
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "MATCHES",
    "CONTAINS",
    "BEGINSWITH",
    "ENDSWITH",
    "BETWEEN",
    "ANY",
    "ALL",
    "SOME",
    "NONE",
    "SELF",
    "NULL",
    "NIL",
    "TRUE",
    "FALSE",
    "YES",
    "NO",
    "TRUEPREDICATE",
    "FALSEPREDICATE",
    "SUBQUERY",
    "CAST",
    "FUNCTION",
    "FIRST",
    "LAST",
    "SIZE",
];
/// The documented example has 60 bytes.
const MAX_LEN: usize = 1024;
const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(predicate: &str, object: Value) -> bool {
        match object {
            Value::Object(object) => Predicate::parse(predicate).unwrap().holds(&object),
            _ => panic!("not an object"),
        }
    }

    #[test]
    fn the_documented_example() {
        let documented = "errorCode = 'C0000006' AND suberror = 'invalid_password'";
        assert!(holds(documented, json!({"errorCode": "C0000006", "suberror": "invalid_password"})));
        assert!(!holds(documented, json!({"errorCode": "C0000006", "suberror": "locked"})));
        assert!(!holds(documented, json!({"errorCode": "C0000006"})));
        assert!(!holds(documented, json!({})));
    }

    #[test]
    fn operators_and_their_precedence() {
        let object = json!({"a": "1", "b": {"c": "2"}, "n": 1});
        for (predicate, expected) in [
            ("a == \"1\"", true),
            ("a='1'", true),
            ("a != '1'", false),
            ("b.c = '2'", true),
            ("b.c.d = '2'", false),
            ("missing != 'x'", true),
            ("n = '1'", false),
            ("NOT a = '2'", true),
            ("not (a = '1' and b.c = '2')", false),
            ("a = '0' AND a = '0' OR a = '1'", true),
            ("a = '0' AND (a = '0' OR a = '1')", false),
            ("NOT a = '0' AND b.c = '2'", true),
            ("NOT NOT a = '1'", true),
            ("((a = '1'))", true),
        ] {
            assert_eq!(holds(predicate, object.clone()), expected, "{predicate}");
        }
        assert!(holds(r#"a = 'it\'s' OR a = "\"x\"""#, json!({"a": "it's"})));
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        for (predicate, part) in [
            ("", "ends"),
            ("a", "ends"),
            ("a =", "ends"),
            ("a = 'x", "does not end"),
            ("a CONTAINS 'x'", "CONTAINS"),
            ("a LIKE[c] 'x'", "\"[\""),
            ("a > 'x'", "\">\""),
            ("a = 'x' && b = 'y'", "\"&\""),
            ("!(a = 'x')", "\"!\""),
            ("ANY a = 'x'", "ANY"),
            ("a = 1", "\"1\""),
            ("a = nil", "\"nil\""),
            ("'x' = a", "key path"),
            ("a..b = 'x'", "a..b"),
            ("(a = 'x'", "not closed"),
            ("a = 'x')", ") is not expected"),
            ("a = 'x' b = 'y'", "\"b\" is not expected"),
            ("TRUEPREDICATE", "TRUEPREDICATE"),
            ("a = 'x' AND", "ends"),
            ("\u{202e}", "\\u{202e}"),
        ] {
            let why = Predicate::parse(predicate).unwrap_err();
            assert!(why.contains(part), "{predicate}: {why}");
        }
        assert!(Predicate::parse(&"(".repeat(1000)).is_err_and(|why| why.contains("nested")));
        assert!(Predicate::parse(&"a".repeat(2000)).is_err_and(|why| why.contains("longer")));
        let many = vec!["a = 'x'"; 60].join(" OR ");
        assert!(Predicate::parse(&many).is_ok(), "depth is about nesting, not about length");
    }
}

//! From the file to a [`Config`]: every field once, and every mistake at once.

use super::custom::{self, Chosen, LOGIN, OVERWRITES, PARAMETERS, REGISTERED};
use super::finding::{Finding, Level};
use super::reader::{Found, Place, Reader};
use super::{Config, Endpoint, Groups, MAX_CONFIG_LEN, Predicate, RsaKeyId, X5cForm, algorithms, encryption, kerberos};
use crate::error::shown;

/// Reads a configuration: what it says, if it can be used; what was found; which fields were looked for.
pub(super) fn read(text: &str) -> (Option<Config>, Vec<Finding>, Vec<&'static str>) {
    if text.len() > MAX_CONFIG_LEN {
        let message = format!("the configuration is larger than {MAX_CONFIG_LEN} bytes");
        let finding = Finding { level: Level::Error, line: None, field: None, message };
        return (None, vec![finding], Vec::new());
    }
    let mut reader = match Reader::new(text) {
        Ok(reader) => reader,
        Err(findings) => return (None, findings, Vec::new()),
    };
    let config = fields(&mut reader);
    let (findings, asked) = reader.finish();
    let usable = findings.iter().all(|finding| finding.level != Level::Error);
    (config.filter(|_| usable), findings, asked)
}

/// Nothing when a required field is missing or wrong; the reader knows why.
fn fields(reader: &mut Reader<'_>) -> Option<Config> {
    let issuer = reader.required_text("issuer").map(|found| found.value);
    let client_id = reader.required_text("client_id").map(|found| found.value);
    let audience = reader.required_text("audience").map(|found| found.value);
    let account_display_name = reader.text("account_display_name").map(|found| found.value);
    let nonce_endpoint = required_endpoint(reader, "nonce_endpoint");
    let token_endpoint = required_endpoint(reader, "token_endpoint");
    let jwks_endpoint = required_endpoint(reader, "jwks_endpoint");
    let refresh_endpoint = endpoint(reader, "refresh_endpoint");
    let key_endpoint = endpoint(reader, "key_endpoint");
    let registration_endpoint = endpoint(reader, "registration_endpoint");

    let nonce_response_keypath = keypath(reader);
    let server_nonce_claim = server_nonce_claim(reader);
    let previous_refresh_token_claim = previous_refresh_token_claim(reader, &server_nonce_claim);
    let jwt_parameter = jwt_parameter(reader);
    let chosen = Chosen {
        jwt_parameter: Some(&jwt_parameter),
        claims: [Some(&server_nonce_claim), previous_refresh_token_claim.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect(),
    };
    let custom = custom::read(reader, &chosen);
    Some(Config {
        additional_scopes: scopes(reader),
        x5c: x5c(reader),
        id_token_algorithms: algorithms::id_token(reader),
        assertion_algorithms: algorithms::assertion(reader),
        rsa_key_id: rsa_key_id(reader),
        amr: reader.texts("amr").map(|found| found.value).unwrap_or_default(),
        unique_identifier_claim: reader.text("unique_identifier_claim").map(|found| found.value),
        groups: groups(reader),
        login_request_encryption: encryption::read(reader),
        kerberos_ticket_mappings: kerberos::read(reader),
        invalid_credential_predicate: predicate(reader),
        issuer: issuer?,
        client_id: client_id?,
        audience: audience?,
        account_display_name,
        nonce_endpoint: nonce_endpoint?,
        token_endpoint: token_endpoint?,
        jwks_endpoint: jwks_endpoint?,
        refresh_endpoint,
        key_endpoint,
        registration_endpoint,
        nonce_response_keypath,
        server_nonce_claim,
        previous_refresh_token_claim,
        jwt_parameter,
        custom,
    })
}

fn required_endpoint(reader: &mut Reader<'_>, name: &'static str) -> Option<Endpoint> {
    let found = reader.required_text(name);
    checked_endpoint(reader, found)
}

fn endpoint(reader: &mut Reader<'_>, name: &'static str) -> Option<Endpoint> {
    let found = reader.text(name);
    checked_endpoint(reader, found)
}

fn checked_endpoint(reader: &mut Reader<'_>, found: Option<Found<String>>) -> Option<Endpoint> {
    let Found { value, at } = found?;
    match Endpoint::parse(&value) {
        Ok(endpoint) => {
            if endpoint.url().scheme() == "http" {
                reader.warning(at, "http: nothing is encrypted, and this works on this machine only");
            }
            Some(endpoint)
        }
        Err(why) => {
            reader.error(at, why);
            None
        }
    }
}

/// A field with a text of Apple's as default; another text is worth a warning.
fn with_default(reader: &mut Reader<'_>, name: &'static str, default: &str) -> (String, Place) {
    match reader.text(name) {
        None => (default.to_owned(), Place { field: name, line: None }),
        Some(Found { value, at }) => {
            if value != default {
                reader.warning(at, format!("Apple's default is \"{default}\""));
            }
            (value, at)
        }
    }
}

fn keypath(reader: &mut Reader<'_>) -> Vec<String> {
    let (text, at) = with_default(reader, "nonce_response_keypath", "Nonce");
    let path: Vec<String> = text.split('.').map(str::to_owned).collect();
    if path.iter().any(|step| step.trim().is_empty()) {
        reader.error(at, "a step of the path is empty");
    }
    path
}

fn server_nonce_claim(reader: &mut Reader<'_>) -> String {
    let (claim, at) = with_default(reader, "server_nonce_claim", "request_nonce");
    // It is in messages of every kind.
    free(reader, at, &claim, custom::is_claim(&claim));
    claim
}

/// The claim for the previous refresh token; nothing where none is to be sent.
fn previous_refresh_token_claim(reader: &mut Reader<'_>, server_nonce_claim: &str) -> Option<String> {
    let (claim, at) = with_default(reader, "previous_refresh_token_claim", "previous_refresh_token");
    free(reader, at, &claim, LOGIN.contains(&claim.as_str()));
    if claim == server_nonce_claim {
        reader.error(at, OVERWRITES);
    }
    let include = reader.flag("include_previous_refresh_token").is_some_and(|found| found.value);
    if !include && at.line.is_some() {
        reader.warning(at, "it means nothing without include_previous_refresh_token = true");
    }
    include.then_some(claim)
}

fn jwt_parameter(reader: &mut Reader<'_>) -> String {
    let (parameter, at) = with_default(reader, "jwt_parameter", "assertion");
    free(reader, at, &parameter, PARAMETERS.contains(&parameter.as_str()));
    parameter
}

/// A name that does not overwrite one of the protocol's own, nor a registered one.
fn free(reader: &mut Reader<'_>, at: Place, name: &str, is_taken: bool) {
    if is_taken || REGISTERED.iter().any(|(registered, _)| *registered == name) {
        reader.error(at, OVERWRITES);
    }
}

fn scopes(reader: &mut Reader<'_>) -> Vec<String> {
    let Some(Found { value, at }) = reader.texts("additional_scopes") else { return vec![SCOPE.to_owned()] };
    for scope in &value {
        // scope-token of RFC 6749 3.3.
        if !scope.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
            reader.error(at, format!("\"{}\" is not a scope", shown(scope, 80)));
        }
    }
    if !value.iter().any(|scope| scope == SCOPE) {
        reader.warning(at, format!("Apple's default, {SCOPE}, is not among them"));
    }
    value
}

fn x5c(reader: &mut Reader<'_>) -> X5cForm {
    let Some(Found { value, at }) = reader.text("x5c") else { return X5cForm::default() };
    match value.as_str() {
        "array" => X5cForm::Array,
        "string" => {
            reader.warning(at, "a bare text is the form of samples up to 2023; RFC 7515 has a list");
            X5cForm::String
        }
        other => {
            reader.error(at, format!("\"{}\" is neither \"array\" nor \"string\"", shown(other, 40)));
            X5cForm::default()
        }
    }
}

fn rsa_key_id(reader: &mut Reader<'_>) -> RsaKeyId {
    let Some(Found { value, at }) = reader.text("rsa_key_id") else { return RsaKeyId::default() };
    match value.as_str() {
        "pkcs1" => RsaKeyId::Pkcs1,
        "spki" => RsaKeyId::Spki,
        "certificate" => RsaKeyId::Certificate,
        other => {
            let seen = shown(other, 40);
            reader.error(at, format!("\"{seen}\" is none of \"pkcs1\", \"spki\" and \"certificate\""));
            RsaKeyId::default()
        }
    }
}

fn groups(reader: &mut Reader<'_>) -> Groups {
    let text = |reader: &mut Reader<'_>, name| reader.text(name).map(|found| found.value);
    let requested = reader.texts("groups").map(|found| found.value).unwrap_or_default();
    let request_claim = text(reader, "group_request_claim");
    let response_claim = text(reader, "group_response_claim");
    Groups {
        wanted: !requested.is_empty() || response_claim.is_some(),
        requested,
        request_claim: request_claim.unwrap_or_else(|| GROUPS.to_owned()),
        response_claim: response_claim.unwrap_or_else(|| GROUPS.to_owned()),
    }
}

fn predicate(reader: &mut Reader<'_>) -> Option<Predicate> {
    let Found { value, at } = reader.text("invalid_credential_predicate")?;
    match Predicate::parse(&value) {
        Ok(predicate) => Some(predicate),
        Err(why) => {
            reader.error(at, why);
            None
        }
    }
}

/// Apple's default additional scope (LOGIN).
const SCOPE: &str = "urn:apple:platformsso";
/// The claim of groups in Apple's sample (LOGIN).
const GROUPS: &str = "groups";

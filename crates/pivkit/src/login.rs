//! `pivkit psso`: device keys, registration, login, inspection of messages.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use identity::Certificate;
use jose::{Algorithm, PublicKey};
use piv::{LastTry, Pin, Session};
use psso::inspect::{InspectOptions, decryption_key, verification_keys};
use psso::{
    CardCredential, Client, DeviceKeys, LoginOutcome, PendingLogin, RegistrationRequest, TimeLimits, UreqClient,
};
use secrecy::ExposeSecret;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub use psso::http::HttpError;
pub use psso::inspect::Inspection;
pub use psso::{Config, DevicePublicKey};

use crate::choice::connect_one;
use crate::login_identity::LoginIdentity;
use crate::report::{DeviceKeysReport, LoginReport, RegistrationReport, SCHEMA_VERSION, Timings, TokensReport};
use crate::session::{in_session, pin_in_doubt};
use crate::signer::CardSigner;
use crate::transport::CardReaders;
use crate::{CardChoice, Error, IdentityChoice, Ui};

/// Reads a login configuration.
///
/// # Errors
///
/// [`Error::Psso`] if the file cannot be read or has a field that is wrong or unknown.
pub fn config(path: &Path) -> Result<Config, Error> {
    Ok(Config::load(path)?)
}

/// The public keys of this device; makes the keys on first use.
///
/// # Errors
///
/// [`Error::Psso`] if the directory cannot be used or is open to others.
pub fn keys(state: &Path) -> Result<DeviceKeysReport, Error> {
    let keys = DeviceKeys::open_or_create(state)?;
    Ok(DeviceKeysReport {
        schema_version: SCHEMA_VERSION,
        device_signing_key: keys.signing_public(),
        device_encryption_key: keys.encryption_public(),
    })
}

/// Registers this device and a user with the identity provider; makes the keys on first use.
///
/// # Errors
///
/// [`Error::Psso`].
pub fn register(config: Config, state: &Path, user: &str) -> Result<RegistrationReport, Error> {
    let keys = DeviceKeys::open_or_create(state)?;
    let registration = client(config).register(&keys, &RegistrationRequest::new(user))?;
    Ok(RegistrationReport { schema_version: SCHEMA_VERSION, registration })
}

/// What [`register`] would send, for an identity provider that is configured by hand.
///
/// # Errors
///
/// [`Error::Psso`].
pub fn registration(config: &Config, state: &Path, user: &str) -> Result<serde_json::Value, Error> {
    let keys = DeviceKeys::open_or_create(state)?;
    Ok(psso::registration_request(config, &keys, &RegistrationRequest::new(user)))
}

/// What `pivkit psso login` was asked.
#[derive(Debug)]
pub struct LoginRequest {
    /// The login configuration.
    pub config: Config,
    /// The directory of the device's keys.
    pub state: PathBuf,
    /// The user, as the identity provider knows them.
    pub user: String,
    /// Which card.
    pub card: CardChoice,
    /// Which identity on it.
    pub identity: IdentityChoice,
    /// The algorithm of the assertion; none: by the key.
    pub algorithm: Option<Algorithm>,
    /// Whether the last PIN try may be used.
    pub last_try: LastTry,
    /// Put the tokens into the report.
    pub show_tokens: bool,
}

/// Signs in with the card: the nonce, the identity, the PIN, the assertion that the card signs, the login request that the
/// device signs, the response and its checks. The card's transaction is open only around its signature.
///
/// The nonce comes first, so that nobody types a PIN for an identity provider that does not answer. Servers forget a nonce
/// after a minute or a few; where a card or a PIN was waited for longer than half a minute, a new one is fetched.
///
/// # Errors
///
/// Those of choosing a card and an identity; [`Error::Algorithm`]; [`Error::Psso`], in which a failure of the card is the
/// source of [`psso::Error::Signer`].
pub fn login(readers: &mut CardReaders, request: LoginRequest, ui: &mut dyn Ui) -> Result<LoginReport, Error> {
    let started = Instant::now();
    let keys = DeviceKeys::open(&request.state)?;
    let client = client(request.config);
    let pending = client.begin_login(&request.user)?;
    let begun = Instant::now();
    let mut card = connect_one(readers, &request.card, ui)?;
    let reader = card.reader().to_owned();
    let pending = renewed(&client, pending, begun.elapsed())?;
    let sign = |session: Session<'_>, chosen: &LoginIdentity, pending: &PendingLogin, pin: &Pin| {
        let certificate = &chosen.identity.certificate;
        let algorithm = algorithm(client.config(), certificate, request.algorithm)?;
        let in_reader = |source| Error::Card { reader: reader.clone(), source };
        let session = session.verify_pin(pin, request.last_try).map_err(in_reader)?;
        let mut signer = CardSigner::new(session, chosen.slot, certificate.public_key().algorithm(), algorithm)?;
        let credential = CardCredential { certificate_der: certificate.der(), signer: &mut signer };
        Ok(client.sign_assertion(pending.clone(), credential)?)
    };
    let pin = ui.pin_at_hand()?;
    let found = request.identity.with_found(&mut card, ui, |session, chosen| {
        algorithm(client.config(), &chosen.identity.certificate, request.algorithm)?;
        let signed = pin.as_ref().map(|pin| sign(session, &chosen, &pending, pin)).transpose()?;
        Ok((chosen, signed))
    });
    let (chosen, signed) = found.map_err(|error| pin_in_doubt(error, &card))?;
    let signed = match signed {
        Some(signed) => signed,
        None => {
            let pin = ui.pin(&reader)?;
            let pending = renewed(&client, pending, begun.elapsed())?;
            in_session(&mut card, |session| sign(session, &chosen, &pending, &pin))
                .map_err(|error| pin_in_doubt(error, &card))?
        }
    };
    drop(card);
    let outcome = client.submit(signed, &keys)?;
    Ok(report(outcome, started.elapsed(), request.show_tokens))
}

/// The same login, begun anew if its nonce is old.
fn renewed(client: &Client, pending: PendingLogin, age: Duration) -> Result<PendingLogin, psso::Error> {
    if age > NONCE_AGE { client.begin_login(pending.user()) } else { Ok(pending) }
}

/// The shortest time for which a server is known to remember a nonce is 60 s; half of it is left for the login itself.
const NONCE_AGE: Duration = Duration::from_secs(30);

fn algorithm(config: &Config, certificate: &Certificate, wanted: Option<Algorithm>) -> Result<Algorithm, Error> {
    let unfit = || Error::Algorithm {
        key: certificate.public_key().algorithm().to_string(),
        algorithm: wanted.map_or("any algorithm of Platform SSO".to_owned(), |algorithm| algorithm.to_string()),
    };
    let key = PublicKey::from_spki_der(certificate.spki_der()).map_err(|_| unfit())?;
    config.card_algorithm(&key, wanted).map_err(|_| unfit())
}

fn client(config: Config) -> Client {
    Client::new(config, Box::new(UreqClient::new(TimeLimits::default())))
}

fn report(outcome: LoginOutcome, total: Duration, show_tokens: bool) -> LoginReport {
    let tokens = show_tokens.then(|| TokensReport {
        id_token: outcome.tokens.id_token.expose_secret().to_owned(),
        refresh_token: outcome.tokens.refresh_token.as_ref().map(|token| token.expose_secret().to_owned()),
    });
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    LoginReport {
        schema_version: SCHEMA_VERSION,
        user: outcome.user,
        id_token_claims: outcome.id_token_claims,
        refresh_token_expires_in: outcome.refresh_token_expires_in,
        timings_ms: Timings {
            nonce: ms(outcome.timings.nonce),
            card: ms(outcome.timings.card),
            token: ms(outcome.timings.token),
            total: ms(total),
        },
        tokens,
    }
}

/// What `pivkit psso inspect` was asked.
#[derive(Clone, Debug)]
pub struct InspectRequest {
    /// The file with the message; `-` is standard input.
    pub message: PathBuf,
    /// The file with the private key that opens a JWE.
    pub decryption_key: Option<PathBuf>,
    /// The file with the public key that verifies a JWS.
    pub verification_key: Option<PathBuf>,
    /// The PartyVInfo that was sent, base64url.
    pub apv: Option<String>,
    /// The moment at which times are judged, RFC 3339.
    pub at: Option<String>,
    /// Show secrets that the message holds.
    pub show_tokens: bool,
}

/// Takes a message apart and checks it. A check that fails is part of the result.
///
/// # Errors
///
/// [`Error::File`]; [`Error::Input`] if a time or base64url cannot be understood; [`Error::Psso`] with
/// [`psso::Error::Unreadable`] if a key is none, or the message is neither a JWS nor a JWE.
pub fn inspect(request: &InspectRequest) -> Result<Inspection, Error> {
    let read_key = |path: &PathBuf| read_text(path).map(zeroize::Zeroizing::new);
    let opening = request.decryption_key.as_ref().map(read_key).transpose()?;
    let verifying = request.verification_key.as_deref().map(read_text).transpose()?;
    let options = InspectOptions {
        decryption_key: opening.map(|text| decryption_key(&text)).transpose()?,
        verification_keys: verifying.map(|text| verification_keys(&text)).transpose()?.unwrap_or_default(),
        apv: request.apv.as_deref().map(base64url).transpose()?,
        at: request.at.as_deref().map(time).transpose()?.map(OffsetDateTime::unix_timestamp),
        show_secrets: request.show_tokens,
    };
    Ok(psso::inspect::inspect(&read_text(&request.message)?, &options)?)
}

fn base64url(text: &str) -> Result<Vec<u8>, Error> {
    jose::base64url::decode("apv", text).map_err(|error| Error::Input { what: error.to_string() })
}

fn time(text: &str) -> Result<OffsetDateTime, Error> {
    let unlike = |_| Error::Input { what: format!("{text:?} is no time in RFC 3339, such as 2026-01-31T12:00:00Z") };
    OffsetDateTime::parse(text, &Rfc3339).map_err(unlike)
}

/// A text file of at most 1 MiB; `-` is standard input.
fn read_text(path: &Path) -> Result<String, Error> {
    let input: Result<Box<dyn Read>, _> = match path.to_str() {
        Some("-") => Ok(Box::new(std::io::stdin())),
        _ => std::fs::File::open(path).map(|file| Box::new(file) as Box<dyn Read>),
    };
    let mut text = String::new();
    let result = input.and_then(|input| input.take(MAX_TEXT).read_to_string(&mut text));
    result.map_err(|source| Error::File { path: path.to_owned(), source })?;
    Ok(text)
}

const MAX_TEXT: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use psso::http::{HttpClient, HttpRequest, HttpResponse};

    use super::*;

    /// Gives nonces, and counts them.
    struct Nonces(Arc<AtomicUsize>);

    impl HttpClient for Nonces {
        fn send(&self, _: &HttpRequest) -> Result<HttpResponse, HttpError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let body = br#"{"Nonce":"n"}"#.to_vec().into();
            Ok(HttpResponse { status: 200, content_type: None, body })
        }
    }

    #[test]
    fn a_nonce_that_waited_too_long_is_fetched_anew() {
        let endpoint = |name: &str| format!("{name}_endpoint = \"https://idp.example/{name}\"\n");
        let text = ["nonce", "token", "jwks"].map(endpoint).concat();
        let config =
            Config::from_toml(&format!("issuer = \"i\"\nclient_id = \"c\"\naudience = \"a\"\n{text}")).unwrap();
        let fetched = Arc::new(AtomicUsize::new(0));
        let client = Client::new(config, Box::new(Nonces(fetched.clone())));
        let begun = client.begin_login("alice").unwrap();
        let first = begun.nonce().to_owned();
        let kept = renewed(&client, begun, Duration::from_secs(30)).unwrap();
        assert_eq!((kept.nonce(), fetched.load(Ordering::Relaxed)), (first.as_str(), 1));
        let anew = renewed(&client, kept, Duration::from_secs(31)).unwrap();
        assert_eq!((anew.user(), fetched.load(Ordering::Relaxed)), ("alice", 2));
        assert_ne!(anew.nonce(), first);
    }
}

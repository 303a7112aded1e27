//! `pivkit psso login`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use identity::Certificate;
use jose::{Algorithm, PublicKey};
use piv::{LastTry, Pin, Session};
use psso::{
    CardCredential, Client, DeviceKeys, KeyChoice, KeyPlace, LockedSignOn, LoginOutcome, Method, PendingLogin,
    Registrations, SignOn, SignOnStore, SignedLogin, StateDir, UserKey,
};

use super::Configuration;
use super::config::client;
use crate::choice::connect_one;
use crate::login_identity::LoginIdentity;
use crate::report::LoginReport;
use crate::session::{in_session, pin_in_doubt};
use crate::signer::CardSigner;
use crate::transport::CardReaders;
use crate::{CardChoice, Error, IdentityChoice, Ui};

/// What every `pivkit psso login` is asked.
#[derive(Debug)]
pub struct LoginRequest {
    /// The login configuration.
    pub configuration: Configuration,
    /// Certificates of authorities to be trusted instead of the system's.
    pub ca: Option<PathBuf>,
    /// The device's state directory.
    pub state: PathBuf,
    /// The user, as the identity provider knows them.
    pub user: String,
    /// Where the key is to be kept that seals the tokens.
    pub key_choice: KeyChoice,
    /// Put the tokens into the report.
    pub show_tokens: bool,
}

/// What a login with a card is asked beside that.
#[derive(Debug)]
pub struct CardLoginRequest {
    /// Which card.
    pub card: CardChoice,
    /// Which identity on it.
    pub identity: IdentityChoice,
    /// The algorithm of the assertion; none: by the key.
    pub algorithm: Option<Algorithm>,
    /// Whether the last PIN try may be used.
    pub last_try: LastTry,
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
pub fn login(
    readers: &mut CardReaders,
    request: LoginRequest,
    with: &CardLoginRequest,
    ui: &mut dyn Ui,
) -> Result<LoginReport, Error> {
    let login = Login::begin(request, Method::SmartCard)?;
    let signed = signed_by_card(&login, readers, with, ui)?;
    login.finish(signed)
}

/// Signs in with the user key of the Secure Enclave method, for which a key in software stands in.
///
/// # Errors
///
/// [`Error::Psso`], also when there is no such key.
pub fn login_with_user_key(request: LoginRequest) -> Result<LoginReport, Error> {
    let mut key = UserKey::open(&request.state)?;
    let login = Login::begin(request, Method::SecureEnclaveKey)?;
    let public = key.public();
    let signed = login.client.sign_with_user_key(login.pending()?, key.signer(), &public)?;
    login.finish(signed)
}

/// Signs in with a password, which is encrypted to the identity provider where the configuration has its key.
///
/// # Errors
///
/// [`Error::Psso`]; [`Error::Ui`] when nobody gives the password.
pub fn login_with_password(request: LoginRequest, ui: &mut dyn Ui) -> Result<LoginReport, Error> {
    let login = Login::begin(request, Method::Password)?;
    let password = ui.password(&login.request.user)?;
    let signed = login.client.with_password(login.pending()?, &password)?;
    login.finish(signed)
}

/// A login that has begun: the state directory is found fit, and the identity provider has given a nonce.
struct Login {
    request: LoginRequest,
    method: Method,
    client: Client,
    keys: DeviceKeys,
    store: SignOnStore,
    pending: PendingLogin,
    /// When it began, and when the nonce came.
    started: Instant,
    begun: Instant,
}

impl Login {
    fn begin(request: LoginRequest, method: Method) -> Result<Self, Error> {
        let started = Instant::now();
        let keys = DeviceKeys::open(&request.state)?;
        let store = SignOnStore::new(StateDir::open(&request.state)?);
        // Before anything is sent: another identity provider has no business with this device, let alone with a password.
        Registrations::check_provider(store.dir(), &request.configuration.config)?;
        store.check_provider(&request.configuration.config)?;
        let client = client(request.configuration.config.clone(), request.ca.as_deref())?;
        let pending = client.begin_login(&request.user)?;
        Ok(Self { request, method, client, keys, store, pending, started, begun: Instant::now() })
    }

    /// The login; begun anew if its nonce is old.
    fn pending(&self) -> Result<PendingLogin, psso::Error> {
        renewed(&self.client, self.pending.clone(), self.begun.elapsed())
    }

    /// Sends it, and keeps what the answer brings.
    fn finish(self, signed: SignedLogin) -> Result<LoginReport, Error> {
        let (outcome, (place, replaced_refreshable)) = if self.client.config().previous_refresh_token_claim().is_some()
        {
            // The token that goes along may be worth nothing afterwards, as with a refresh.
            let locked = self.store.lock()?;
            locked.reserve()?;
            let outcome = self.client.submit(self.with_previous_token(signed)?, &self.keys)?;
            let place = self.keep(&locked, &outcome)?;
            (outcome, place)
        } else {
            let outcome = self.client.submit(signed, &self.keys)?;
            let place = self.keep(&self.store.lock()?, &outcome)?;
            (outcome, place)
        };
        let report = LoginReport::new(outcome, self.method, self.started.elapsed(), place, self.request.show_tokens);
        Ok(LoginReport { replaced_refreshable, ..report })
    }

    /// Sends the user's refresh token along, if there is one that can still be read. Nobody else may be at work in the store.
    fn with_previous_token(&self, signed: SignedLogin) -> Result<SignedLogin, psso::Error> {
        let old = match self.store.load() {
            Ok(old) => old,
            Err(psso::Error::SignOn(_)) => None,
            Err(error) => return Err(error),
        };
        let of_user = old.filter(|old| old.user == self.request.user);
        Ok(match of_user.and_then(|old| old.refresh_token) {
            Some(token) => signed.with_previous_refresh_token(token),
            None => signed,
        })
    }

    /// Keeps the sign-on; tells where its key is, and whether the one that was there could be refreshed.
    fn keep(&self, locked: &LockedSignOn<'_>, outcome: &LoginOutcome) -> Result<(KeyPlace, bool), Error> {
        let configuration = &self.request.configuration;
        let mut sign_on = SignOn::after_login(&configuration.config, self.method, outcome);
        sign_on.configuration = Some(configuration.text.clone());
        let old = locked.load(Some(&configuration.config)).ok();
        let was_refreshable = old.as_ref().is_some_and(|old| old.usable_refresh_token().is_ok());
        // The key for unlocking is of the user, and outlives a login.
        if let Some(old) = old.filter(|old| old.user == sign_on.user) {
            sign_on.unlock_key = old.unlock_key;
        }
        Ok((locked.save(&sign_on, self.request.key_choice)?, was_refreshable))
    }
}

fn signed_by_card(
    login: &Login,
    readers: &mut CardReaders,
    with: &CardLoginRequest,
    ui: &mut dyn Ui,
) -> Result<SignedLogin, Error> {
    let client = &login.client;
    let mut card = connect_one(readers, &with.card, ui)?;
    let reader = card.reader().to_owned();
    let pending = login.pending()?;
    let sign = |session: Session<'_>, chosen: &LoginIdentity, pending: &PendingLogin, pin: &Pin| {
        let certificate = &chosen.identity.certificate;
        let algorithm = algorithm(client, certificate, with.algorithm)?;
        let in_reader = |source| Error::Card { reader: reader.clone(), source };
        let session = session.verify_pin(pin, with.last_try).map_err(in_reader)?;
        let mut signer = CardSigner::new(session, chosen.slot, certificate.public_key().algorithm(), algorithm)?;
        let credential = CardCredential { certificate_der: certificate.der(), signer: &mut signer };
        Ok(client.sign_assertion(pending.clone(), credential)?)
    };
    let pin = ui.pin_at_hand()?;
    let found = with.identity.with_found(&mut card, ui, |session, chosen| {
        algorithm(client, &chosen.identity.certificate, with.algorithm)?;
        let signed = pin.as_ref().map(|pin| sign(session, &chosen, &pending, pin)).transpose()?;
        Ok((chosen, signed))
    });
    let (chosen, signed) = found.map_err(|error| pin_in_doubt(error, &card))?;
    match signed {
        Some(signed) => Ok(signed),
        None => {
            let pin = ui.pin(&reader)?;
            let pending = login.pending()?;
            in_session(&mut card, |session| sign(session, &chosen, &pending, &pin))
                .map_err(|error| pin_in_doubt(error, &card))
        }
    }
}

/// The same login, begun anew if its nonce is old.
fn renewed(client: &Client, pending: PendingLogin, age: Duration) -> Result<PendingLogin, psso::Error> {
    if age > NONCE_AGE { client.begin_login(pending.user()) } else { Ok(pending) }
}

/// The shortest time for which a server is known to remember a nonce is 60 s; half of it is left for the login itself.
const NONCE_AGE: Duration = Duration::from_secs(30);

fn algorithm(client: &Client, certificate: &Certificate, wanted: Option<Algorithm>) -> Result<Algorithm, Error> {
    let unfit = || Error::Algorithm {
        key: certificate.public_key().algorithm().to_string(),
        algorithm: wanted.map_or("any algorithm of Platform SSO".to_owned(), |algorithm| algorithm.to_string()),
    };
    let key = PublicKey::from_spki_der(certificate.spki_der()).map_err(|_| unfit())?;
    client.config().card_algorithm(&key, wanted).map_err(|_| unfit())
}

#[cfg(test)]
mod tests;

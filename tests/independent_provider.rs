//! pivkit as a client of an identity provider that shares no code with it: every method, every kind of key.
//!
//! Numbers that begin with a zero byte are where implementations fail, one time in a hundred and more. So the library
//! logs in with hundreds of new devices, cards and user keys; some are made so that padding is needed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use psso::jose::{EcPrivateKey, PublicKey};
use psso::{CardCredential, Client, Config, DeviceKeys, LoginOutcome, RegistrationRequest, TimeLimits, UreqClient};
use secrecy::{ExposeSecret as _, SecretString};

use crate::bench::Bench;
use crate::bench::software_card::{CardKey, SoftwareAuthority, SoftwareCard};
use crate::bench::stand_in::{PASSWORD, PROFILES, StandIn};

/// New devices, cards and user keys: at least so many of each.
const ROUNDS: usize = 500;
/// Whoever needs more than this many is not unlucky, but wrong.
const MOST_ROUNDS: usize = 20 * ROUNDS;
/// The provider has one core; while it thinks about one login, we prepare another.
const THREADS: usize = 2;

#[test]
fn hundreds_of_devices_log_in_with_every_method() {
    let bench = Bench::vpcd();
    let authority = SoftwareAuthority::new(&bench);
    let rsa = [2048, 3072, 4096].map(|bits: u32| {
        let file = bench.path(format!("rsa-{bits}.pem"));
        let size = format!("rsa_keygen_bits:{bits}");
        bench.openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", &size, "-out", file.to_str().unwrap()], &[]);
        (bits, file)
    });
    let stand_in = StandIn::start(&bench, &authority.file, None);
    let configurations = PROFILES.map(|profile| fs::read_to_string(stand_in.configuration(&bench, profile)).unwrap());
    let (next, folder) = (AtomicUsize::new(0), bench.path("devices"));
    fs::create_dir(&folder).unwrap();
    let mut until = ROUNDS;
    let padding = loop {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let clients = configurations.each_ref().map(|text| client(text));
                    // The number of a round is taken once; what is over the limit is taken by the next crowd.
                    while let Ok(turn) = next
                        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |turn| (turn < until).then_some(turn + 1))
                    {
                        let round = Round::new(&folder, &authority, turn);
                        round.run(&clients[turn % PROFILES.len()], PROFILES[turn % PROFILES.len()], &rsa);
                    }
                });
            }
        });
        let padding = stand_in.padding(&bench);
        if padding.missing().is_empty() {
            break padding;
        }
        assert!(until < MOST_ROUNDS, "still not padded: {:?}", padding.missing());
        until += ROUNDS / 5;
    };
    println!("{until} rounds; numbers, and how many of them begin with a zero byte:\n{}", padding.table());
}

fn client(configuration: &str) -> Client {
    Client::new(Config::from_toml(configuration).unwrap(), Box::new(UreqClient::new(TimeLimits::default())))
}

/// One user with a device, cards and a user key that are all new.
struct Round<'a> {
    authority: &'a SoftwareAuthority,
    turn: usize,
    user: String,
    keys: DeviceKeys,
    user_key: EcPrivateKey,
}

impl<'a> Round<'a> {
    fn new(folder: &Path, authority: &'a SoftwareAuthority, turn: usize) -> Self {
        let folder = folder.join(turn.to_string());
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        for name in ["signing", "encryption"] {
            let file = folder.join(format!("device-{name}-key.pem"));
            fs::write(&file, key(turn, CardKey::p256).pem()).unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let keys = DeviceKeys::open(&folder).unwrap();
        let user_key = EcPrivateKey::from_pem(&key(turn, CardKey::p256).pem()).unwrap();
        Self { authority, turn, user: format!("user-{turn}"), keys, user_key }
    }

    fn run(mut self, client: &Client, profile: &str, rsa: &[(u32, PathBuf)]) {
        let mut card = self.authority.issue(&self.user, key(self.turn, CardKey::p256));
        // Some users have their certificate registered; then no other one is theirs.
        let pinned = self.turn % 50 == 7;
        self.register(client, pinned.then_some(card.certificate.as_slice()));
        let first = self.with_card(client, &mut card).unwrap();
        let outcome = self.check(profile, first);
        let mut card = self.authority.issue(&self.user, key(self.turn, CardKey::p384));
        let other = self.with_card(client, &mut card);
        if pinned {
            assert!(matches!(other, Err(psso::Error::Endpoint { status: 401, .. })), "{other:?}");
        } else {
            self.check(profile, other.unwrap());
            // Their keys are always the same, because making one takes seconds.
            for (bits, file) in rsa.iter().filter(|_| self.turn.is_multiple_of(5)) {
                let mut card = self.authority.issue(&self.user, CardKey::rsa(file, *bits));
                let outcome = self.with_card(client, &mut card).unwrap();
                self.check(profile, outcome);
            }
        }
        self.with_user_key(client, profile);
        self.with_password(client, profile, outcome.tokens.refresh_token.as_ref().unwrap());
        let token = self.refresh(client, profile, &outcome.tokens.refresh_token.unwrap());
        self.key_service(client, &token);
    }

    fn register(&self, client: &Client, certificate: Option<&[u8]>) {
        let public = self.user_key.public();
        let mut request = RegistrationRequest::new(&self.user);
        request.user_key = Some(&public);
        request.user_certificate = certificate;
        assert!(client.register(&self.keys, &request).unwrap().created);
    }

    fn with_card(&self, client: &Client, card: &mut SoftwareCard) -> Result<LoginOutcome, psso::Error> {
        card.padded = self.turn % 100 == 3;
        let pending = client.begin_login(&self.user)?;
        let certificate = card.certificate.clone();
        client.finish_login(pending, &self.keys, CardCredential { certificate_der: &certificate, signer: card })
    }

    fn with_user_key(&mut self, client: &Client, profile: &str) {
        let public = self.user_key.public();
        let pending = client.begin_login(&self.user).unwrap();
        let signed = client.sign_with_user_key(pending, &mut self.user_key, &public).unwrap();
        self.check(profile, client.submit(signed, &self.keys).unwrap());
    }

    /// In the clear or encrypted, as the configuration says.
    fn with_password(&self, client: &Client, profile: &str, previous: &SecretString) {
        let pending = client.begin_login(&self.user).unwrap().with_previous_refresh_token(previous.clone());
        let signed = client.with_password(pending, &SecretString::from(PASSWORD)).unwrap();
        self.check(profile, client.submit(signed, &self.keys).unwrap());
        if self.turn % 50 == 8 {
            let pending = client.begin_login(&self.user).unwrap();
            let signed = client.with_password(pending, &SecretString::from("wrong")).unwrap();
            let refused = client.submit(signed, &self.keys).unwrap_err();
            assert!(matches!(refused, psso::Error::InvalidCredential { .. }), "{refused:?}");
        }
    }

    fn refresh(&self, client: &Client, profile: &str, token: &SecretString) -> SecretString {
        let outcome = self.check(profile, client.refresh(&self.user, token, &self.keys).unwrap());
        let new = outcome.tokens.refresh_token.unwrap();
        assert_ne!(new.expose_secret(), token.expose_secret());
        if self.turn % 50 == 9 {
            let again = client.refresh(&self.user, token, &self.keys);
            assert!(again.is_err(), "{again:?}");
            let mut card = self.authority.issue(&self.user, CardKey::p256());
            return self.with_card(client, &mut card).unwrap().tokens.refresh_token.unwrap();
        }
        new
    }

    /// The provider's key and one of ours agree on the same secret, whichever side computes it.
    fn key_service(&self, client: &Client, token: &SecretString) {
        let provided = client.key_request(&self.user, token, &self.keys).unwrap();
        let held = certified_key(&provided.certificate_der);
        let other = loop {
            let other = EcPrivateKey::from_pem(&key(self.turn, CardKey::p256).pem()).unwrap();
            // In a few rounds that secret begins with a zero byte.
            if self.turn % 100 != 4 || other.diffie_hellman(&held).unwrap()[0] == 0 {
                break other;
            }
        };
        let context = provided.key_context.as_ref();
        let exchanged = client.key_exchange(&self.user, token, &other.public(), context, &self.keys).unwrap();
        assert_eq!(exchanged.key.as_slice(), other.diffie_hellman(&held).unwrap().as_slice());
    }

    fn check(&self, profile: &str, outcome: LoginOutcome) -> LoginOutcome {
        assert_eq!(outcome.user, self.user);
        assert_eq!(outcome.id_token_claims["sub"], self.user.as_str());
        if profile.is_empty() {
            assert!(outcome.kerberos.is_empty() && outcome.groups.is_empty(), "{outcome:?}");
        } else {
            assert_eq!(outcome.groups, ["admins", "staff"]);
            let [ticket] = outcome.kerberos.as_slice() else { panic!("{outcome:?}") };
            assert_eq!((ticket.realm.as_str(), ticket.service.as_str()), ("EXAMPLE.TEST", "krbtgt/EXAMPLE.TEST"));
            assert_eq!((ticket.client.as_str(), ticket.encryption_key_type), (self.user.as_str(), 18));
        }
        outcome
    }
}

/// A new key; in a few rounds its X has to be padded, in a few its Y.
fn key(turn: usize, make: fn() -> CardKey) -> CardKey {
    match turn % 100 {
        1 => CardKey::padded(make, 0),
        2 => CardKey::padded(make, 1),
        _ => make(),
    }
}

/// The key on P-256 in a certificate: behind the one SubjectPublicKeyInfo header that such keys have (RFC 5480 section 2).
fn certified_key(certificate: &[u8]) -> PublicKey {
    let header = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
    let at = certificate.windows(header.len()).position(|window| window == header).unwrap();
    PublicKey::from_spki_der(&certificate[at..at + header.len() + 65]).unwrap()
}

use std::sync::{Arc, Mutex};

use psso::config::Config;
use psso::{RegisteredUser, SignOnError};
use secrecy::SecretString;

use super::*;

include!(concat!(env!("CARGO_MANIFEST_DIR"), "/../psso/tests/data/small_idp.rs"));

/// The claims of the requests that the device signed.
type Seen = Arc<Mutex<Vec<Value>>>;

/// The small identity provider, and what it was asked.
struct Watched(SmallIdp, Seen);

impl HttpClient for Watched {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        if request.url.path() == "/psso/token" {
            let (_, token) = url::form_urlencoded::parse(&request.body).nth(2).unwrap();
            self.1.lock().unwrap().push(Value::Object(Jws::parse(&token).unwrap().claims().unwrap()));
        }
        self.0.send(request)
    }
}

fn request(state: &std::path::Path, config: Config) -> LoginRequest {
    LoginRequest {
        configuration: Configuration { config, text: String::new() },
        ca: None,
        state: state.to_owned(),
        user: "alice".to_owned(),
        key_choice: KeyChoice::File,
        show_tokens: false,
    }
}

/// Logins from one device, and what the identity provider was asked.
struct Scene {
    _dir: tempfile::TempDir,
    state: PathBuf,
    config: Config,
    seen: Seen,
}

impl Scene {
    fn new() -> Self {
        let (client, _, dir) = client("include_previous_refresh_token = true\n");
        let state = dir.path().join("state");
        Self { _dir: dir, state, config: client.config().clone(), seen: Seen::default() }
    }

    /// A login that was begun so long ago.
    fn begun(&self, age: Duration) -> Login {
        let keys = DeviceKeys::open(&self.state).unwrap();
        let http = Watched(SmallIdp::new(&keys), self.seen.clone());
        let client = Client::new(self.config.clone(), Box::new(http));
        let pending = client.begin_login("alice").unwrap();
        let begun = Instant::now().checked_sub(age).unwrap();
        let store = SignOnStore::new(StateDir::open(&self.state).unwrap());
        let request = request(&self.state, self.config.clone());
        Login { request, method: Method::Password, client, keys, store, pending, started: Instant::now(), begun }
    }
}

fn with_password(login: &Login) -> SignedLogin {
    login.client.with_password(login.pending().unwrap(), &SecretString::from("secret")).unwrap()
}

#[test]
fn a_nonce_that_waited_too_long_is_fetched_anew() {
    let scene = Scene::new();
    let young = scene.begun(Duration::from_secs(5));
    assert_eq!(young.pending().unwrap().nonce(), young.pending.nonce());
    let old = scene.begun(Duration::from_secs(31));
    let anew = old.pending().unwrap();
    assert_ne!(anew.nonce(), old.pending.nonce());
    assert_eq!(anew.user(), "alice");
}

#[test]
fn the_previous_token_is_the_latest_and_survives_a_new_nonce() {
    let scene = Scene::new();
    // Before there is any token; and so long ago that its nonce is renewed.
    let waiting = scene.begun(Duration::from_secs(31));
    let first = scene.begun(Duration::ZERO);
    let signed = with_password(&first);
    first.finish(signed).unwrap();
    let signed = with_password(&waiting);
    waiting.finish(signed).unwrap();
    let seen = scene.seen.lock().unwrap();
    let sent: Vec<_> = seen.iter().map(|claims| &claims["previous_refresh_token"]).collect();
    assert_eq!(sent, [&Value::Null, &json!("refresh-2")]);
}

#[test]
fn a_device_that_is_registered_elsewhere_sends_nothing() {
    let scene = Scene::new();
    let keys = DeviceKeys::open(&scene.state).unwrap();
    let dir = StateDir::open(&scene.state).unwrap();
    Registrations::note(&dir, &scene.config, &keys, RegisteredUser::now("alice", Method::Password)).unwrap();
    // Nobody listens there: a login that asked would say so.
    let other = Config::from_toml(
        "issuer = \"https://other.example\"\nclient_id = \"9b0f\"\naudience = \"urn:example:psso\"\n\
         nonce_endpoint = \"http://127.0.0.1:1/nonce\"\ntoken_endpoint = \"http://127.0.0.1:1/token\"\n\
         jwks_endpoint = \"http://127.0.0.1:1/jwks\"\n",
    );
    match Login::begin(request(&scene.state, other.unwrap()), Method::Password) {
        Err(Error::Psso(psso::Error::SignOn(SignOnError::OtherProvider { .. }))) => {}
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("it was begun"),
    }
}

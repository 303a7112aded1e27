//! Logins at `pivkit-idp`, as many as it takes: requests are signed beforehand, and sent on connections that stay open.
//!
//! The messages are the library's own. A login has three steps here, and each is done for a whole batch before the next one
//! begins: nonces are fetched (timed), everything is signed (not the provider's work), login requests are sent (timed).

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::mem;
use std::net::TcpStream;
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use psso::http::{HttpClient, HttpError, HttpRequest, HttpResponse, Method};
use psso::{CardCredential, Client, Config, DeviceKeys, PendingLogin, RegistrationRequest, TimeLimits, UreqClient};

use super::software_card::{CardKey, SoftwareAuthority, SoftwareCard};

/// Connections, each with a thread.
pub(crate) const CONNECTIONS: usize = 8;
/// Devices behind each connection.
const DEVICES: usize = 16;
/// What the steps took.
#[derive(Default)]
pub(crate) struct Times {
    pub(crate) logins: usize,
    /// The provider's work: nonces and login requests.
    pub(crate) provider: Duration,
    /// Ours, between the two.
    pub(crate) signing: Duration,
}

/// Logs in at least so many times, `batch` times on each connection between two steps; `after` hears of the number of logins
/// so far. As many nonces are outstanding at once as there are logins in all the batches.
pub(crate) fn log_in(
    folder: &Path,
    configuration: &str,
    authority: &SoftwareAuthority,
    (logins, batch): (usize, usize),
    mut after: impl FnMut(usize),
) -> Times {
    let batches = logins.div_ceil(CONNECTIONS * batch);
    let mut times = Times::default();
    thread::scope(|scope| {
        let hands = [(); CONNECTIONS].map(|()| {
            let ((orders, receiver), (sender, done)) = (channel(), channel());
            scope.spawn(move || {
                let folder = tempfile::tempdir_in(folder).unwrap();
                let mut worker = Worker::new(folder.path(), configuration, authority);
                for step in receiver {
                    worker.do_step(step, batch);
                    sender.send(()).unwrap();
                }
            });
            Hand { orders, done }
        });
        // The first time is for getting ready.
        all(&hands, Step::Nonces);
        all(&hands, Step::Forget);
        for _ in 0..batches {
            times.provider += all(&hands, Step::Nonces);
            times.signing += all(&hands, Step::Sign);
            times.provider += all(&hands, Step::Send);
            times.logins += batch * CONNECTIONS;
            after(times.logins);
        }
    });
    times
}

#[derive(Clone, Copy)]
enum Step {
    Nonces,
    Sign,
    Send,
    Forget,
}

/// A worker's thread: it does a step when it is told to, and says when that is done.
struct Hand {
    orders: Sender<Step>,
    done: Receiver<()>,
}

/// Lets all do a step at once.
fn all(hands: &[Hand], step: Step) -> Duration {
    let start = Instant::now();
    hands.iter().for_each(|hand| hand.orders.send(step).unwrap());
    hands.iter().for_each(|hand| hand.done.recv().expect("a worker failed"));
    start.elapsed()
}

/// One connection, with a card and some devices.
struct Worker {
    client: Client,
    wire: Rc<Wire>,
    card: SoftwareCard,
    devices: Vec<DeviceKeys>,
    turn: usize,
    pending: Vec<PendingLogin>,
    requests: Vec<HttpRequest>,
}

impl Worker {
    fn new(folder: &Path, configuration: &str, authority: &SoftwareAuthority) -> Self {
        let config = Config::from_toml(configuration).unwrap();
        let online = Client::new(config.clone(), Box::new(UreqClient::new(TimeLimits::default())));
        let devices = (0..DEVICES).map(|number| {
            let keys = DeviceKeys::open_or_create(&folder.join(number.to_string())).unwrap();
            online.register(&keys, &RegistrationRequest::new("alice")).unwrap();
            keys
        });
        let devices = devices.collect();
        let wire = Rc::new(Wire::new(&config));
        let client = Client::new(config, Box::new(KeepsLogins { wire: Rc::clone(&wire), got: RefCell::default() }));
        Self {
            client,
            wire,
            card: authority.issue("alice", CardKey::p256()),
            devices,
            turn: 0,
            pending: Vec::new(),
            requests: Vec::new(),
        }
    }

    fn do_step(&mut self, step: Step, logins: usize) {
        match step {
            Step::Nonces => self.pending = (0..logins).map(|_| self.client.begin_login("alice").unwrap()).collect(),
            Step::Sign => {
                self.requests = mem::take(&mut self.pending).into_iter().map(|login| self.sign(login)).collect()
            }
            Step::Send => mem::take(&mut self.requests).iter().for_each(|request| self.send(request)),
            Step::Forget => self.pending.clear(),
        }
    }

    /// The login request of a login that has its nonces.
    fn sign(&mut self, login: PendingLogin) -> HttpRequest {
        self.turn += 1;
        let certificate = self.card.certificate.clone();
        let card = CardCredential { certificate_der: &certificate, signer: &mut self.card };
        let signed = self.client.sign_assertion(login, card).unwrap();
        self.client.submit(signed, &self.devices[self.turn % DEVICES]).unwrap_err();
        self.wire.kept.take().unwrap()
    }

    fn send(&self, request: &HttpRequest) {
        let answer = self.wire.exchange(request);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.body.iter().filter(|byte| **byte == b'.').count(), 4, "no JWE");
    }
}

/// A connection to the provider, and the login request that was not sent on it yet.
struct Wire {
    stream: RefCell<BufReader<TcpStream>>,
    token_endpoint: String,
    kept: RefCell<Option<HttpRequest>>,
}

/// Sends everything but a login request, which it keeps. What it gets is always the same and is asked for once.
struct KeepsLogins {
    wire: Rc<Wire>,
    got: RefCell<Option<HttpResponse>>,
}

impl HttpClient for KeepsLogins {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        if request.method == Method::Get {
            let mut got = self.got.borrow_mut();
            if got.is_none() {
                *got = Some(UreqClient::new(TimeLimits::default()).send(request)?);
            }
            return Ok(got.clone().unwrap());
        }
        if request.url.as_str() == self.wire.token_endpoint {
            self.wire.kept.replace(Some(request.clone()));
            return Err(HttpError::Unreachable("kept for later".into()));
        }
        Ok(self.wire.exchange(request))
    }
}

impl Wire {
    fn new(config: &Config) -> Self {
        let url = config.token_endpoint().url();
        let stream = TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).unwrap();
        stream.set_nodelay(true).unwrap();
        let stream = RefCell::new(BufReader::new(stream));
        Self { stream, token_endpoint: url.as_str().to_owned(), kept: RefCell::default() }
    }

    /// One POST (RFC 9112), and its answer, the length of which has to be given.
    fn exchange(&self, request: &HttpRequest) -> HttpResponse {
        let mut stream = self.stream.borrow_mut();
        let url = &request.url;
        let mut message = format!("POST {} HTTP/1.1\r\nhost: {}\r\n", url.path(), url.authority()).into_bytes();
        for (name, value) in &request.headers {
            message.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        message.extend_from_slice(format!("content-length: {}\r\n\r\n", request.body.len()).as_bytes());
        message.extend_from_slice(&request.body);
        stream.get_mut().write_all(&message).unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let status =
            line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{line:?}"));
        let (mut length, mut content_type) = (0, None);
        loop {
            line.clear();
            stream.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "content-type" => content_type = Some(value.to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        HttpResponse { status, content_type, body: body.into() }
    }
}

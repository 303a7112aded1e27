//! Stands between a client and a server, and keeps what the server answers.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use super::process::LIMIT;

/// A port that leads to a server. It needs a connection for each request.
pub(crate) struct Recorder {
    address: SocketAddr,
    server: Arc<OnceLock<String>>,
    answers: Arc<Mutex<Vec<Vec<u8>>>>,
    gate: Arc<Mutex<Option<Gate>>>,
}

/// Where the next request for a path waits.
struct Gate {
    path: String,
    arrived: Sender<()>,
    opened: Receiver<bool>,
}

/// The other side of the gate.
pub(crate) struct Held {
    arrived: Receiver<()>,
    open: Sender<bool>,
}

impl Held {
    /// Waits until the request is there. It goes no further.
    pub(crate) fn wait_for_request(&self) {
        self.arrived.recv_timeout(LIMIT).unwrap();
    }

    /// Lets it through.
    pub(crate) fn let_through(self) {
        self.open.send(true).unwrap();
    }

    /// Closes its connection instead.
    pub(crate) fn cut(self) {
        self.open.send(false).unwrap();
    }
}

impl Recorder {
    /// Takes a port. Nobody is to connect before it [leads](Self::lead_to) somewhere.
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (server, answers) = (Arc::new(OnceLock::<String>::new()), Arc::default());
        let gate = Arc::<Mutex<Option<Gate>>>::default();
        let recorder =
            Self { address, server: Arc::clone(&server), answers: Arc::clone(&answers), gate: Arc::clone(&gate) };
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(server.get().unwrap()).unwrap();
                let (answers, gate) = (Arc::clone(&answers), Arc::clone(&gate));
                thread::spawn(move || {
                    if may_pass(&client, &gate) {
                        pass_on(client, server, &answers);
                    }
                });
            }
        });
        recorder
    }

    /// The URL of this port.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Leads to the server at a URL.
    pub(crate) fn lead_to(&self, url: &str) {
        self.server.set(url.strip_prefix("http://").unwrap().to_owned()).unwrap();
    }

    /// Has the next request for this path wait.
    pub(crate) fn hold(&self, path: &str) -> Held {
        let ((arrived, arrives), (open, opened)) = (channel(), channel());
        *self.gate.lock().unwrap() = Some(Gate { path: path.to_owned(), arrived, opened });
        Held { arrived: arrives, open }
    }

    /// The bodies of the answers since the last call, as far as they have been passed on.
    pub(crate) fn bodies(&self) -> Vec<String> {
        let answers = std::mem::take(&mut *self.answers.lock().unwrap());
        let body = |answer: Vec<u8>| {
            let text = String::from_utf8_lossy(&answer).into_owned();
            text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
        };
        answers.into_iter().map(body).collect()
    }
}

fn may_pass(client: &TcpStream, gate: &Mutex<Option<Gate>>) -> bool {
    if gate.lock().unwrap().is_none() {
        return true;
    }
    let mut start = [0; 200];
    let length = client.peek(&mut start).unwrap_or(0);
    let start = String::from_utf8_lossy(&start[..length]).into_owned();
    let held = gate.lock().unwrap().take_if(|gate| start.split(' ').nth(1) == Some(gate.path.as_str()));
    held.is_none_or(|gate| {
        gate.arrived.send(()).unwrap();
        gate.opened.recv().unwrap_or(false)
    })
}

fn pass_on(client: TcpStream, server: TcpStream, answers: &Mutex<Vec<Vec<u8>>>) {
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let requests = thread::spawn(move || {
        // The end of either side is the end of both.
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let place = {
        let mut answers = answers.lock().unwrap();
        answers.push(Vec::new());
        answers.len() - 1
    };
    let (mut server, mut client) = (server, client);
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = server.read(&mut buffer) {
        let piece = &buffer[..length];
        // Kept before it is passed on: who has seen the client end finds all that it got.
        if let Some(answer) = answers.lock().unwrap().get_mut(place).filter(|answer| answer.len() < KEPT) {
            answer.extend_from_slice(piece);
        }
        if client.write_all(piece).is_err() {
            break;
        }
    }
    for stream in [&client, &server] {
        let _ = stream.shutdown(Shutdown::Both);
    }
    let _ = requests.join();
}

/// Of one answer, in bytes, about.
const KEPT: usize = 1 << 20;

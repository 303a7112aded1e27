//! Connections of strangers that take all places: whoever waits gets a turn.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jose::Algorithm;

use crate::world::World;

const PLACES: usize = 4;

fn request(host: &str) -> Vec<u8> {
    format!("GET /psso.toml HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes()
}

/// A connection that asks for as much as it can send, and reads nothing.
fn deaf(host: &str) -> TcpStream {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_nonblocking(true).unwrap();
    let asked = request(host).repeat(1000);
    let begun = Instant::now();
    // Until nothing was taken for a while: then the server waits for us.
    let mut taken = Instant::now();
    while taken.elapsed() < Duration::from_millis(100) && begun.elapsed() < Duration::from_secs(5) {
        match stream.write(&asked) {
            Ok(_) => taken = Instant::now(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(_) => break,
        }
    }
    stream
}

fn quick_login(world: &World, what: &str) {
    let begun = Instant::now();
    assert_eq!(world.login(Algorithm::Es256).send().status, 200, "{what}");
    assert!(begun.elapsed() < Duration::from_secs(8), "{what}: {:?}", begun.elapsed());
}

#[test]
fn clients_that_read_no_answers_do_not_keep_others_out() {
    let world = World::with(|options| options.max_connections = PLACES);
    let host = world.url.strip_prefix("http://").unwrap();
    let all: Vec<_> = std::thread::scope(|scope| {
        let each: Vec<_> = (0..PLACES).map(|_| scope.spawn(|| deaf(host))).collect();
        each.into_iter().map(|each| each.join().unwrap()).collect()
    });
    quick_login(&world, "all places taken");
    drop(all);
}

#[test]
fn connections_that_are_kept_alive_give_way() {
    let world = World::with(|options| options.max_connections = PLACES);
    let host = world.url.strip_prefix("http://").unwrap();
    let asked = request(host);
    let ended = AtomicBool::new(false);
    let mut all: Vec<_> = (0..PLACES).map(|_| TcpStream::connect(host).unwrap()).collect();
    let ask = |stream: &mut TcpStream| stream.write_all(&asked).and_then(|()| stream.read(&mut [0; 4096]));
    for stream in &mut all {
        assert!(ask(stream).unwrap() > 0);
    }
    std::thread::scope(|scope| {
        // Busier than any time limit for those who are idle.
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                for stream in &mut all {
                    // The server may have closed it.
                    let _ = ask(stream);
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let login = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| quick_login(&world, "keep-alive")));
        ended.store(true, Ordering::Relaxed);
        login.unwrap();
    });
}

#[test]
fn a_client_that_reads_no_answer_loses_its_connection() {
    let world = World::with(|options| options.request_time_limit = Duration::from_secs(1));
    let mut stream = deaf(world.url.strip_prefix("http://").unwrap());
    let begun = Instant::now();
    let lost = loop {
        match stream.write(b"GET") {
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => break error.kind(),
            Ok(_) => {}
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "still there");
    };
    assert!(matches!(lost, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{lost}");
}

use std::io::Write;
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use smartcard::vpcd::{Listener, read_message, write_message};
use smartcard::{CardTransport, Command, Exchange, Link, StatusWord};

use super::*;
use crate::{CardOptions, Content};

/// One test at a time: a port that one has freed may be given to another, which then meets the wrong card.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const LIMIT: Duration = Duration::from_secs(20);

/// A card on its own thread, told when it was inserted.
struct Running {
    stop: Stop,
    inserted: mpsc::Receiver<()>,
    thread: JoinHandle<(Result<End, Error>, VirtualCard)>,
}

fn run(address: &str, faults: &str) -> Running {
    let client = VpcdClient::new(address);
    let (stop, mut plan) = (client.stop(), faults.parse::<FaultPlan>().unwrap());
    let (tell, inserted) = mpsc::channel();
    let thread = thread::spawn(move || {
        let mut card = VirtualCard::new(Content::blank().unwrap(), CardOptions::default());
        (client.run(&mut card, &mut plan, |_| tell.send(()).unwrap()), card)
    });
    Running { stop, inserted, thread }
}

impl Running {
    fn stop(self) -> End {
        self.stop.request();
        self.thread.join().unwrap().0.unwrap()
    }
}

fn send(reader: &mut impl CardTransport, command: &Command) -> Result<StatusWord, smartcard::Error> {
    let mut link = Link::SHORT;
    Exchange::new(reader.transaction()?, &mut link).send(command).map(|response| response.status)
}

fn select() -> Command {
    Command::new(0, 0xa4, 4, 0).with_data([0xa0, 0, 0, 3, 8]).expecting_answer()
}

fn tries() -> Command {
    Command::new(0, 0x20, 0, 0x80)
}

#[test]
fn a_card_serves_one_reader_after_the_other_and_is_reset_between() {
    let _alone = alone();
    let first = Listener::bind("127.0.0.1:0").unwrap();
    let address = first.address();
    let card = run(&address.to_string(), "");
    let mut reader = first.accept(LIMIT, LIMIT).unwrap();
    assert_eq!(reader.atr()[..2], [0x3b, 0x8c]);
    card.inserted.recv_timeout(LIMIT).unwrap();
    assert_eq!(send(&mut reader, &select()).unwrap(), StatusWord::OK);
    assert_eq!(send(&mut reader, &tries()).unwrap(), StatusWord(0x63c3));
    drop((reader, first));
    for _ in 0..3 {
        let listener = Listener::bind(&address.to_string()).unwrap();
        let mut reader = listener.accept(LIMIT, LIMIT).unwrap();
        assert_eq!(send(&mut reader, &tries()).unwrap(), StatusWord::COMMAND_NOT_ALLOWED, "not selected any more");
        assert_eq!(send(&mut reader, &select()).unwrap(), StatusWord::OK);
    }
    assert_eq!(card.inserted.try_recv(), Err(mpsc::TryRecvError::Empty), "told once");
    assert_eq!(card.stop(), End::Stopped);
}

#[test]
fn the_readers_control_codes_reset_the_card() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let card = run(&listener.local_addr().unwrap().to_string(), "");
    let (mut stream, _) = listener.accept().unwrap();
    let mut exchange = |messages: &[&[u8]]| {
        messages.iter().for_each(|message| write_message(&mut stream, message).unwrap());
        read_message(&mut stream).unwrap()
    };
    let (select, tries) = ([0x00, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8], [0x00, 0x20, 0x00, 0x80]);
    assert_eq!(exchange(&[&[4]])[0], 0x3b);
    for control in [0, 1, 2] {
        assert!(exchange(&[&select]).ends_with(&[0x90, 0x00]));
        assert_eq!(exchange(&[&tries]), [0x63, 0xc3]);
        assert_eq!(exchange(&[&[control], &tries]), [0x69, 0x86], "control code {control} has no answer of its own");
    }
    assert_eq!(card.stop(), End::Stopped);
}

#[test]
fn a_stop_ends_it_while_it_waits_for_a_reader_and_while_one_is_silent() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let card = run(&address, "");
    let (silent, _) = listener.accept().unwrap();
    assert_eq!(card.stop(), End::Stopped);
    drop((silent, listener));
    assert_eq!(run(&address, "").stop(), End::Stopped);
}

/// Whoever accepts and hangs up is no reader.
#[test]
fn a_reader_that_stays_away_is_looked_for_less_often() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let start = Instant::now();
    let card = run(&listener.local_addr().unwrap().to_string(), "");
    let mut early = 0;
    while start.elapsed() < PATIENCE {
        drop(listener.accept().unwrap());
        early += 1;
    }
    assert!(early >= 30, "only {early} times in {PATIENCE:?}");
    let late = Instant::now();
    for _ in 0..10 {
        drop(listener.accept().unwrap());
    }
    assert!(late.elapsed() > Duration::from_millis(500), "10 times in {:?}", late.elapsed());
    assert_eq!(card.stop(), End::Stopped);
}

#[test]
fn a_card_that_is_pulled_leaves_its_reader() {
    let _alone = alone();
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let card = run(&listener.address().to_string(), "at 2 sw=6F00\nat 3 remove");
    let mut reader = listener.accept(LIMIT, LIMIT).unwrap();
    assert_eq!(send(&mut reader, &select()).unwrap(), StatusWord::OK);
    assert_eq!(send(&mut reader, &tries()).unwrap(), StatusWord::NO_DIAGNOSIS);
    assert!(matches!(send(&mut reader, &tries()), Err(smartcard::Error::Removed { .. })));
    assert_eq!(card.thread.join().unwrap().0.unwrap(), End::Removed { command: 3 });
}

#[test]
fn a_card_that_leaves_or_is_reset_after_a_command_has_executed_it() {
    let _alone = alone();
    let wrong = Command::new(0, 0x20, 0, 0x80).with_secret(b"000000\xff\xff".to_vec().into());
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let card = run(&listener.address().to_string(), "at 1 of 20 reset-after\nat 2 of 20 remove-after");
    let mut reader = listener.accept(LIMIT, LIMIT).unwrap();
    send(&mut reader, &select()).unwrap();
    assert!(matches!(send(&mut reader, &wrong), Err(smartcard::Error::Reset { .. })));
    send(&mut reader, &select()).unwrap();
    assert!(matches!(send(&mut reader, &wrong), Err(smartcard::Error::Removed { .. })));
    let (end, card) = card.thread.join().unwrap();
    assert_eq!((end.unwrap(), card.tries_left()), (End::Removed { command: 4 }, 1), "both were counted");
}

#[test]
fn a_reset_is_told_and_the_card_stays() {
    let _alone = alone();
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let card = run(&listener.address().to_string(), "at 2 of 20 reset");
    let mut reader = listener.accept(LIMIT, LIMIT).unwrap();
    assert_eq!(send(&mut reader, &select()).unwrap(), StatusWord::OK);
    assert_eq!(send(&mut reader, &tries()).unwrap(), StatusWord(0x63c3));
    assert!(matches!(send(&mut reader, &tries()), Err(smartcard::Error::Reset { .. })));
    assert_eq!(send(&mut reader, &tries()).unwrap(), StatusWord::COMMAND_NOT_ALLOWED, "not selected any more");
    assert_eq!(card.stop(), End::Stopped);
}

#[test]
fn a_card_that_hangs_answers_late_and_is_there_for_the_next_reader_at_once() {
    let _alone = alone();
    let first = Listener::bind("127.0.0.1:0").unwrap();
    let address = first.address();
    let card = run(&address.to_string(), "at 2 hang=0.2\nat 3 hang=3600\nat 5 hang=3600");
    let mut reader = first.accept(LIMIT, Duration::from_secs(1)).unwrap();
    assert_eq!(send(&mut reader, &select()).unwrap(), StatusWord::OK);
    let start = Instant::now();
    assert_eq!(send(&mut reader, &tries()).unwrap(), StatusWord(0x63c3));
    assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
    assert!(matches!(send(&mut reader, &tries()), Err(smartcard::Error::TimedOut { .. })));
    drop((reader, first));

    let second = Listener::bind(&address.to_string()).unwrap();
    let mut reader = second.accept(LIMIT, Duration::from_millis(50)).unwrap();
    assert_eq!(send(&mut reader, &select()).unwrap(), StatusWord::OK);
    assert!(matches!(send(&mut reader, &tries()), Err(smartcard::Error::TimedOut { .. })));
    assert_eq!(card.stop(), End::Stopped, "while it hangs");
}

#[test]
fn an_address_that_names_nothing_is_an_error() {
    let _alone = alone();
    for address in ["", "nonsense", "127.0.0.1", "127.0.0.1:99999"] {
        assert!(matches!(run(address, "").thread.join().unwrap().0, Err(Error::Address { .. })), "{address}");
    }
}

/// vpcd's habit: length and data in two writes, with Nagle's algorithm. Each exchange then waits for an
/// acknowledgement, some 40 ms if the card's side delays it.
#[cfg(target_os = "linux")]
#[test]
fn a_reader_that_writes_in_two_parts_need_not_wait_for_acknowledgements() {
    let _alone = alone();
    const EXCHANGES: u32 = 100;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let card = run(&listener.local_addr().unwrap().to_string(), "");
    let (mut stream, _) = listener.accept().unwrap();
    let start = Instant::now();
    for _ in 0..EXCHANGES {
        stream.write_all(&[0, 4]).unwrap();
        stream.write_all(&[0, 0x20, 0, 0x80]).unwrap();
        assert_eq!(read_message(&mut stream).unwrap(), [0x69, 0x86]);
    }
    let took = start.elapsed();
    assert!(took < EXCHANGES * Duration::from_millis(20), "{EXCHANGES} exchanges took {took:?}");
    assert_eq!(card.stop(), End::Stopped);
}

#[test]
fn a_card_never_takes_itself_for_a_reader() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let own = socket.local_addr().unwrap();
    socket.connect(&own).unwrap();
    assert!(super::not_itself(socket.into()).is_err());
}

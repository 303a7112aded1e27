use std::collections::VecDeque;

use std::cell::Cell;
use std::rc::Rc;

use zeroize::Zeroizing;

use super::*;

/// A card that expects exactly these commands and gives exactly these answers, all in hex.
struct Script {
    steps: VecDeque<(String, String)>,
}

impl CardTransaction for &mut Script {
    fn transmit(&mut self, apdu: &Apdu) -> Result<Vec<u8>, Error> {
        let sent = hex::encode(apdu.as_bytes());
        let (expected, answer) =
            self.steps.pop_front().unwrap_or_else(|| panic!("nothing more was expected, got {sent}"));
        assert_eq!(sent, expected);
        if answer == "fail" {
            return Err(Error::Failed { reader: "script".into(), source: "refused by the driver".into() });
        }
        Ok(hex::decode(answer).unwrap())
    }
}

fn run(link: &mut Link, command: &Command, steps: &[(&str, &str)]) -> Result<Response, Error> {
    let mut script = Script { steps: steps.iter().map(|(c, a)| (c.replace(' ', ""), a.replace(' ', ""))).collect() };
    let result = Exchange::new(Box::new(&mut script), link).send(command);
    assert!(script.steps.is_empty(), "not all was sent: {:?}", script.steps);
    result
}

fn get_data() -> Command {
    Command::new(0, 0xcb, 0x3f, 0xff).with_data([0x5c, 1, 0x7e]).expecting_answer()
}

const HONOURED: Link = Link { answers: LongAnswers::Honoured, data: LongData::Taken, protocol: Protocol::T1 };
const SHORT: &str = "00cb3fff 03 5c017e 00";
const EXTENDED: &str = "00cb3fff 000003 5c017e 0000";

#[test]
fn a_short_card_gives_its_answer_in_pieces() {
    let first = format!("{}6102", "aa".repeat(256));
    let mut link = Link::SHORT;
    let response = run(&mut link, &get_data(), &[(SHORT, &first), ("00c0000002", "bbcc9000")]).unwrap();
    assert_eq!(response.data.len(), 258);
    assert!(response.status.is_ok());
    assert!(response.data.ends_with(&[0xbb, 0xcc]));
}

#[test]
fn an_extended_card_is_recognised_by_a_long_answer() {
    let long = format!("{}9000", "aa".repeat(300));
    let mut link = Link::default();
    assert_eq!(run(&mut link, &get_data(), &[(EXTENDED, &long)]).unwrap().data.len(), 300);
    assert!(link.extended_length());
    run(&mut link, &get_data(), &[(EXTENDED, "9000")]).unwrap();
}

#[test]
fn a_short_answer_does_not_tell_whether_long_ones_come_in_one_piece() {
    let mut link = Link::default();
    for _ in 0..2 {
        run(&mut link, &get_data(), &[(EXTENDED, "6a82")]).unwrap();
    }
    assert!(!link.extended_length());
}

#[test]
fn a_card_that_ignores_the_extended_le_is_not_asked_again() {
    let first = format!("{}6101", "aa".repeat(255));
    let mut link = Link::default();
    let response = run(&mut link, &get_data(), &[(EXTENDED, &first), ("00c0000001", "bb9000")]).unwrap();
    assert_eq!(response.data.len(), 256);
    run(&mut link, &get_data(), &[(SHORT, "9000")]).unwrap();
}

#[test]
fn a_card_or_driver_that_refuses_the_extended_form_gets_the_short_one_from_then_on() {
    for refusal in ["6700", "6d00", "6f00", "6c05", "fail"] {
        let mut link = Link::default();
        let response = run(&mut link, &get_data(), &[(EXTENDED, refusal), (SHORT, "019000")]).unwrap();
        assert_eq!(response.data, [1], "{refusal}");
        run(&mut link, &get_data(), &[(SHORT, "9000")]).unwrap();
    }
}

#[test]
fn long_data_are_chained_and_the_answer_is_read_to_its_end() {
    let data = vec![0x11; 266];
    let command = Command::new(0, 0x87, 0x07, 0x9a).with_data(data).expecting_answer();
    let head = format!("10870 79a ff {}", "11".repeat(255));
    let tail = format!("0087079a 0b {} 00", "11".repeat(11));
    let mut link = Link::default();
    let steps = [(head.as_str(), "9000"), (&tail, "aa6101"), ("00c0000001", "bb9000")];
    assert_eq!(run(&mut link, &command, &steps).unwrap().data, [0xaa, 0xbb]);
}

#[test]
fn long_data_go_in_one_piece_to_a_card_that_takes_them() {
    let mut link = HONOURED;
    let command = Command::new(0, 0x87, 0x07, 0x9a).with_data(vec![0x11; 266]).expecting_answer();
    let apdu = format!("0087079a 00010a {} 0000", "11".repeat(266));
    run(&mut link, &command, &[(&apdu, "9000")]).unwrap();
}

#[test]
fn a_card_with_a_small_buffer_gets_a_chain_after_all() {
    let mut link = HONOURED;
    let command = Command::new(0, 0x87, 0x07, 0x9a).with_data(vec![0x11; 256]).expecting_answer();
    let whole = format!("0087079a 000100 {} 0000", "11".repeat(256));
    let head = format!("1087079a ff {}", "11".repeat(255));
    run(&mut link, &command, &[(&whole, "6700"), (&head, "9000"), ("0087079a 01 11 00", "9000")]).unwrap();
}

#[test]
fn a_card_that_is_likely_to_take_long_data_is_tried_once() {
    let command = || Command::new(0, 0x87, 0x07, 0x9a).with_data(vec![0x11; 256]).expecting_answer();
    let whole = format!("0087079a 000100 {} 0000", "11".repeat(256));
    let head = format!("1087079a ff {}", "11".repeat(255));
    let chain = [(head.as_str(), "9000"), ("0087079a 01 11 00", "9000")];
    for refusal in ["6700", "6d00", "6a80", "fail"] {
        // The first answer was short: extended APDUs are taken, perhaps with long data, too.
        let mut link = Link::default();
        run(&mut link, &get_data(), &[(EXTENDED, "9000")]).unwrap();
        run(&mut link, &command(), &[&[(whole.as_str(), refusal)][..], &chain].concat()).unwrap();
        run(&mut link, &command(), &chain).unwrap();
    }
    let mut link = Link::new(Protocol::T1, &hex::decode("3bfd1300008131fe158073c021c057597562694b657940").unwrap());
    run(&mut link, &command(), &[(&whole, "9000")]).unwrap();
    run(&mut link, &command().once(), &[(&whole, "9000")]).unwrap();
}

#[test]
fn a_command_that_must_not_be_repeated_is_chained_until_long_data_were_taken() {
    let mut link = Link { data: LongData::Likely, ..Link::default() };
    let command = Command::new(0, 0x87, 0x07, 0x9c).with_data(vec![0x11; 256]).expecting_answer().once();
    let head = format!("1087079c ff {}", "11".repeat(255));
    run(&mut link, &command, &[(&head, "9000"), ("0087079c 01 11 00", "9000")]).unwrap();
}

#[test]
fn a_refusal_in_the_middle_of_a_chain_ends_it() {
    let mut link = Link::SHORT;
    let command = Command::new(0, 0x87, 0x07, 0x9a).with_data(vec![0x11; 300]).expecting_answer();
    let head = format!("1087079a ff {}", "11".repeat(255));
    assert_eq!(run(&mut link, &command, &[(&head, "6884")]).unwrap().status, StatusWord::CHAINING_NOT_SUPPORTED);
}

#[test]
fn a_wrong_le_is_corrected_once() {
    let mut link = Link::SHORT;
    let right = "00cb3fff 03 5c017e 02";
    assert_eq!(run(&mut link, &get_data(), &[(SHORT, "6c02"), (right, "aabb9000")]).unwrap().data, [0xaa, 0xbb]);
    assert_eq!(run(&mut link, &get_data(), &[(SHORT, "6c02"), (right, "6c03")]).unwrap().status, StatusWord(0x6c03));
}

#[test]
fn a_secret_is_sent_once_whatever_the_card_says() {
    for status in ["6c08", "6700", "6f00"] {
        let verify = Command::new(0, 0x20, 0, 0x80).with_secret(Zeroizing::new(b"123456\xff\xff".to_vec()));
        for mut link in [Link::default(), Link::SHORT, HONOURED] {
            run(&mut link, &verify, &[("00200080 08 313233343536ffff", status)]).unwrap();
        }
    }
}

#[test]
fn a_chain_without_end_is_cut_off() {
    struct Endless(Rc<Cell<usize>>, usize);
    impl CardTransaction for Endless {
        fn transmit(&mut self, _: &Apdu) -> Result<Vec<u8>, Error> {
            self.0.set(self.0.get() + 1);
            let mut answer = vec![0; self.1];
            answer.extend([0x61, 0]);
            Ok(answer)
        }
    }
    for (part, reason) in [(256, "64 KiB"), (1, "512 parts")] {
        let commands = Rc::new(Cell::new(0));
        let endless = Box::new(Endless(Rc::clone(&commands), part));
        let error = Exchange::new(endless, &mut Link::default()).send(&get_data()).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(commands.get() < 600, "{} commands", commands.get());
    }
}

#[test]
fn a_chain_of_empty_parts_is_cut_off() {
    let mut link = Link::SHORT;
    let error = run(&mut link, &get_data(), &[(SHORT, "6110"), ("00c0000010", "6110")]).unwrap_err();
    assert!(matches!(error, Error::MalformedAnswer { .. }));
}

#[test]
fn short_commands_stay_short_on_a_card_with_extended_length() {
    let mut link = HONOURED;
    run(&mut link, &Command::new(0, 0x20, 0, 0x80), &[("00200080", "63c3")]).unwrap();
    let select = Command::new(0, 0xa4, 4, 0).with_data([0xa0]).expecting_answer();
    run(&mut link, &select, &[("00a40400 01 a0 00", "9000")]).unwrap();
}

#[test]
fn a_t0_card_gets_commands_with_five_bytes_or_data_and_no_le() {
    let mut link = Link::new(Protocol::T0, &[]);
    run(&mut link, &Command::new(0, 0x20, 0, 0x80), &[("00200080 00", "63c3")]).unwrap();
    let first = format!("{}6102", "aa".repeat(256));
    let steps = [("00cb3fff 03 5c017e", "6100"), ("00c0000000", &first), ("00c0000002", "bbcc9000")];
    assert_eq!(run(&mut link, &get_data(), &steps).unwrap().data.len(), 258);
}

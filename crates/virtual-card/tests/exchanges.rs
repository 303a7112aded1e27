//! Plays the scripts `exchanges.txt` and `exchanges/*.txt`, and checks what they cannot say: the other ways of extended
//! length, and that nothing a reader sends makes the card panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use smartcard::tlv::Tag;
use virtual_card::{Algorithm, CardOptions, Content, ExtendedLength, PrivateKey, Profile, Quirks, Slot, VirtualCard};

#[test]
fn the_card_answers_as_the_standard_says() {
    play(include_str!("exchanges.txt"));
}

#[test]
fn the_card_is_administered_as_the_standard_says() {
    play(include_str!("exchanges/administration.txt"));
}

#[test]
fn a_yubikey_has_the_commands_of_its_firmware() {
    play(include_str!("exchanges/yubikey.txt"));
}

#[test]
fn a_quirk_changes_what_it_says() {
    play(include_str!("exchanges/quirks.txt"));
}

/// Plays a script. Beside exchanges it has `reset`, `card PROFILE [QUIRKS]` for another card, and `administrator`, which
/// authenticates with the profile's management key, as openssl encrypts with it.
fn play(script: &str) {
    let keys = Keys::generate();
    let (mut card, mut title, mut answer) = (keys.card(CardOptions::default()), "", Vec::new());
    let (mut failures, mut exchanges, mut profile) = (String::new(), 0, Profile::Plain);
    for (number, line) in script.lines().enumerate() {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("==", new) => (card, title, profile) = (keys.card(CardOptions::default()), new, Profile::Plain),
            ("card", kind) => {
                let (name, quirks) = kind.split_once(' ').unwrap_or((kind, ""));
                profile = name.parse().unwrap();
                let quirks = if quirks.is_empty() { Quirks::default() } else { quirks.parse().unwrap() };
                card = keys.card(CardOptions { profile, quirks, ..CardOptions::default() });
            }
            ("administrator", _) => authenticate(&mut card, profile),
            (">", apdu) => answer = card.transmit(&bytes(apdu)),
            ("<", expected) => {
                exchanges += 1;
                if !matches(expected, &answer) {
                    let got = hex::encode_upper(&answer);
                    writeln!(failures, "line {}, {title}: expected {expected}, got {got}", number + 1).unwrap();
                }
            }
            ("reset", _) => card.reset(),
            ("#" | "", _) => {}
            _ => panic!("line {} of the script: {line:?}", number + 1),
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert_eq!(exchanges, script.lines().filter(|line| line.starts_with('>')).count(), "every answer is checked");
}

/// External authentication: the host encrypts the card's challenge.
fn authenticate(card: &mut VirtualCard, profile: Profile) {
    let (algorithm, cipher, length) = match profile {
        Profile::YubiKey57 => ("0A", "-aes-192-ecb", 24),
        Profile::Federal => ("0C", "-aes-256-ecb", 32),
        _ => ("03", "-des-ede3", 24),
    };
    let answer = card.transmit(&bytes(&format!("0087{algorithm}9B04 7C028100 00")));
    let [0x7c, _, 0x81, _, challenge @ .., 0x90, 0x00] = &answer[..] else { panic!("{}", hex::encode(answer)) };
    let key: Vec<u8> = (1..=8).cycle().take(length).collect();
    let mut openssl = Command::new("openssl")
        .args(["enc", "-e", cipher, "-nopad", "-K", &hex::encode(key)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl");
    openssl.stdin.take().unwrap().write_all(challenge).unwrap();
    let response = openssl.wait_with_output().unwrap().stdout;
    assert_eq!(response.len(), challenge.len());
    let template = [&[0x7c, u8::try_from(response.len() + 2).unwrap(), 0x82], &[response.len() as u8][..], &response];
    let template = template.concat();
    let apdu = format!("0087{algorithm}9B{:02X}{}", template.len(), hex::encode(template));
    assert_eq!(card.transmit(&bytes(&apdu)), [0x90, 0x00]);
}

#[test]
fn a_card_without_extended_length_refuses_the_form_and_works_without() {
    let mut card = Keys::generate().card(with_extended_length(ExtendedLength::Refused));
    assert_eq!(card.transmit(&bytes("00A4040000000B A000000308000010000100 0000")), [0x67, 0x00]);
    assert!(matches("61*9000", &card.transmit(&bytes("00A4040005 A000000308 00"))));
    assert_eq!(card.transmit(&bytes("00CB3FFF000005 5C035FC105 0000")), [0x67, 0x00]);
    assert!(matches("5382*6100", &card.transmit(&bytes("00CB3FFF05 5C035FC105 00"))));
}

#[test]
fn a_card_that_ignores_le_takes_the_form_and_answers_in_parts() {
    let mut card = Keys::generate().card(with_extended_length(ExtendedLength::LeIgnored));
    assert!(matches("61*9000", &card.transmit(&bytes("00A4040000000B A000000308000010000100 0000"))));
    let mut part = card.transmit(&bytes("00CB3FFF000005 5C035FC105 0000"));
    let mut object = Vec::new();
    while matches("*6100", &part) || matches("*61*", &part[part.len() - 2..]) {
        assert_eq!(part.len(), 258);
        object.extend_from_slice(&part[..256]);
        part = card.transmit(&bytes("00C00000000000"));
    }
    object.extend_from_slice(&part);
    assert!(matches("5382*FE009000", &object));
}

#[test]
fn the_answer_to_reset_is_its_own_and_its_check_byte_is_right() {
    let keys = Keys::generate();
    for (extended, capabilities) in [(ExtendedLength::Honoured, 0xc0), (ExtendedLength::Refused, 0x80)] {
        let atr = keys.card(with_extended_length(extended)).atr();
        assert_eq!(atr[..4], [0x3b, 0x8c, 0x80, 0x01], "T=1, 12 historical bytes");
        assert_eq!(atr.len(), 4 + 12 + 1);
        assert_eq!(atr[8], capabilities);
        assert_eq!(atr[1..].iter().fold(0, |check, byte| check ^ byte), 0, "TCK");
    }
}

#[test]
fn a_card_with_protocol_t0_says_so() {
    let keys = Keys::generate();
    for profile in [Profile::Plain, Profile::YubiKey4] {
        let options = |quirks: &str| CardOptions { profile, quirks: quirks.parse().unwrap(), ..CardOptions::default() };
        let atr = keys.card(options("t0")).atr();
        assert_eq!((&atr[..2], atr.len()), (&[0x3b, 0x0c][..], 2 + 12), "no TD1, no TCK");
        assert_eq!(keys.card(options("t0,atr=3B00")).atr(), [0x3b, 0x00]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_makes_it_panic(apdus in proptest::collection::vec(apdu(), 1..12)) {
        let content = Content::blank().unwrap();
        let mut card = VirtualCard::new(content, CardOptions::default());
        let _ = card.transmit(&bytes("00A4040005 A000000308 00"));
        for apdu in apdus {
            let answer = card.transmit(&apdu);
            prop_assert!(answer.len() >= 2 && answer.len() <= 65_538);
        }
    }

    #[test]
    fn nothing_makes_a_yubikey_panic(apdus in proptest::collection::vec(apdu(), 1..12)) {
        let mut card = YUBIKEY.with(|content| {
            VirtualCard::new(content.clone(), CardOptions { profile: Profile::YubiKey57, ..CardOptions::default() })
        });
        let _ = card.transmit(&bytes("00A4040005 A000000308 00"));
        for apdu in apdus {
            let answer = card.transmit(&apdu);
            prop_assert!(answer.len() >= 2 && answer.len() <= 65_538);
        }
    }
}

thread_local! {
    /// Making one takes time for its attestation key.
    static YUBIKEY: Content = Content::factory(Profile::YubiKey57).unwrap();
}

/// Noise, and noise behind headers that lead somewhere.
fn apdu() -> impl Strategy<Value = Vec<u8>> {
    let header = prop_oneof![
        Just(vec![0x00, 0xa4, 0x04, 0x00]),
        Just(vec![0x00, 0xcb, 0x3f, 0xff]),
        Just(vec![0x10, 0xcb, 0x3f, 0xff]),
        Just(vec![0x00, 0x20, 0x00, 0x80]),
        Just(vec![0x00, 0x2c, 0x00, 0x80, 0x10]),
        Just(vec![0x00, 0x87, 0x11, 0x9e]),
        Just(vec![0x10, 0x87, 0x11, 0x9e]),
        Just(vec![0x00, 0x87, 0x03, 0x9b]),
        Just(vec![0x00, 0x47, 0x00, 0x9a]),
        Just(vec![0x00, 0xdb, 0x3f, 0xff]),
        Just(vec![0x00, 0x24, 0x00, 0x81, 0x10]),
        (0xf6..=0xff_u8, any::<u8>()).prop_map(|(ins, p2)| vec![0x00, ins, 0x00, p2]),
        Just(vec![0x00, 0xfe, 0x07, 0x9a]),
        Just(vec![0x00, 0xff, 0xff, 0xff]),
        Just(vec![0x00, 0xc0, 0x00, 0x00]),
        proptest::collection::vec(any::<u8>(), 0..6),
    ];
    (header, proptest::collection::vec(any::<u8>(), 0..80)).prop_map(|(header, body)| [header, body].concat())
}

fn with_extended_length(extended_length: ExtendedLength) -> CardOptions {
    CardOptions { extended_length, ..CardOptions::default() }
}

struct Keys {
    ec: PrivateKey,
    rsa: PrivateKey,
    /// Making a YubiKey takes time for its attestation key.
    factory: RefCell<HashMap<Profile, Content>>,
}

impl Keys {
    fn generate() -> Self {
        let generate = |algorithm| PrivateKey::generate(algorithm).unwrap();
        Self { ec: generate(Algorithm::P256), rsa: generate(Algorithm::Rsa2048), factory: RefCell::new(HashMap::new()) }
    }

    fn card(&self, options: CardOptions) -> VirtualCard {
        let mut factory = self.factory.borrow_mut();
        let factory = factory.entry(options.profile).or_insert_with(|| Content::factory(options.profile).unwrap());
        let mut content = factory.clone();
        for slot in [Slot::AUTHENTICATION, Slot::SIGNATURE, Slot::CARD_AUTHENTICATION] {
            content.put_key(slot, self.ec.clone());
        }
        content.put_key(Slot::KEY_MANAGEMENT, self.rsa.clone());
        // 70 { 900 bytes } 71 { 00 } FE {}
        let certificate = [&[0x70, 0x82, 0x03, 0x84][..], &[0x5a; 900], &[0x71, 1, 0, 0xfe, 0]].concat();
        content.put_object(Tag(0x5fc105), certificate).unwrap();
        VirtualCard::new(content, options)
    }
}

/// Hexadecimal with spaces, and {byte count}.
fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, part) in text.split(['{', '}']).enumerate() {
        if index % 2 == 0 {
            out.extend(hex::decode(part.replace(' ', "")).expect("hexadecimal in the script"));
        } else {
            let (byte, count) = part.split_once(' ').expect("{byte count} in the script");
            out.extend(vec![u8::from_str_radix(byte, 16).unwrap(); count.parse().unwrap()]);
        }
    }
    out
}

/// True if the parts between the stars come in this order, the first at the start and the last at the end.
fn matches(pattern: &str, answer: &[u8]) -> bool {
    let answer = hex::encode_upper(answer);
    let parts: Vec<String> = pattern.split('*').map(|part| part.replace(' ', "")).collect();
    let [first, middle @ .., last] = parts.as_slice() else { return parts[0] == answer };
    let Some(mut rest) = answer.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
        return false;
    };
    for part in middle {
        let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
        rest = after;
    }
    true
}

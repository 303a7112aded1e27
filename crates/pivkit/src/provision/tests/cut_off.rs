//! PIN and PUK keep their tries, whatever was cut off.

use super::*;

#[test]
fn repeating_a_run_that_lost_an_answer_costs_no_try_on_a_card_without_metadata() {
    for profile in [Profile::YubiKey4, Profile::Plain] {
        let content = factory(profile);
        for number in 1..400 {
            let card = inserted(content.clone());
            let request = || ProvisionRequest { last_try: LastTry::Use, ..request() };
            // The command is carried out, and nobody hears of it.
            card.fault_at(number, Fault::Hang(InProcess::ANSWER_LIMIT + Duration::from_secs(1)));
            let first = run(&card, &request(), ALL);
            if card.commands() < number {
                assert!(first.is_ok_and(|first| first.changed));
                break;
            }
            let mut codes = sent(&card, &[0x24]);
            for repeated in 0..3 {
                let context = format!("{profile:?}, command {number}, repeated {repeated} times");
                match run(&card, &request(), ALL) {
                    Ok(_) => {}
                    // The card tells nothing of the key whose making was not heard of.
                    Err(Error::Provision(ProvisionError::SlotInUse { .. })) if profile == Profile::Plain => {
                        let replace = ProvisionRequest { replace: true, ..request() };
                        let answers = if codes == 0 { ALL } else { Answers { pin: Some("843925"), ..ALL } };
                        run(&card, &replace, answers).unwrap_or_else(|error| panic!("{context}: {error:?}"));
                    }
                    Err(error) => panic!("{context}: {error:?}"),
                }
                assert_eq!((card.tries_left(), card.puk_tries_left()), (3, 3), "{context}");
                if repeated > 0 {
                    assert_eq!(sent(&card, &[0x24]), codes, "{context}");
                }
                codes = sent(&card, &[0x24]);
            }
            assert!(number < 399, "it never comes to an end");
        }
    }
}

#[test]
fn a_yubikey_that_was_cut_off_needs_no_pin_to_go_on() {
    let content = factory(Profile::YubiKey54);
    // Every third command: the scenarios have the others.
    for number in (1..400).step_by(3) {
        let card = inserted(content.clone());
        let answers = || Answers { new_pin: Some("843925"), new_puk: Some("55554444"), ..Answers::default() };
        card.fault_at(number, Fault::Hang(InProcess::ANSWER_LIMIT + Duration::from_secs(1)));
        let first = run(&card, &request(), answers());
        if card.commands() < number {
            assert!(first.is_ok_and(|first| first.changed));
            return;
        }
        let again = run(&card, &request(), answers()).unwrap_or_else(|error| panic!("command {number}: {error:?}"));
        assert_eq!((again.pin_is_factory, again.puk_is_factory), (Some(false), Some(false)), "command {number}");
        assert_eq!((card.tries_left(), card.puk_tries_left()), (3, 3), "command {number}");
    }
    panic!("it never comes to an end");
}

#[test]
fn a_new_pin_is_never_tried_as_the_current_one() {
    let card = inserted(factory(Profile::YubiKey57));
    let own = |text| Pin::new(text).unwrap();
    client(&card).session().unwrap().change_pin(&own("123456"), &own("918273"), LastTry::Keep).unwrap();
    let (before, pins) = (sent(&card, &CHANGES), card.pins_sent());
    let answers = || Answers { new_pin: Some("843925"), new_puk: Some("55554444"), ..Answers::default() };

    let planned = run(&card, &ProvisionRequest { dry_run: true, ..request() }, answers()).unwrap();
    assert!(planned.notes.iter().any(|note| note.contains("the PIN is not the factory's; it stays")), "{planned:?}");
    let refused = run(&card, &request(), answers());
    assert!(matches!(refused, Err(Error::Ui(UiError::Unanswered { flag: "--pin-file", .. }))), "{refused:?}");
    assert_eq!((sent(&card, &CHANGES), card.pins_sent(), card.tries_left()), (before, pins, 3));
    run(&card, &request(), Answers { pin: Some("918273"), ..answers() }).unwrap();
}

#[test]
fn what_may_be_sent_on_its_last_try_is_one_of_the_two() {
    let card = inserted(factory(Profile::Plain));
    for _ in 0..2 {
        drop(client(&card).session().unwrap().verify_pin(&Pin::new("000000").unwrap(), LastTry::Keep));
    }
    let pins = card.pins_sent();
    let refused = run(&card, &ProvisionRequest { last_try: LastTry::Use, ..request() }, ALL);
    assert!(matches!(refused, Err(Error::Card { source: piv::Error::PukTriesUnknown { .. }, .. })), "{refused:?}");
    assert_eq!((card.pins_sent(), sent(&card, &CHANGES), card.tries_left()), (pins, 0, 1));
    // Without a new PUK it is the PIN that is allowed its last try.
    run(&card, &ProvisionRequest { last_try: LastTry::Use, ..request() }, Answers { new_puk: None, ..ALL }).unwrap();
    assert_eq!(card.tries_left(), 3);
}

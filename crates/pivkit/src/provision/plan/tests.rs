use identity::Certificate;
use rcgen::{CertificateParams, DnType, KeyPair};

use super::*;
use crate::provision::state::{CertificateState, CodeState, ManagementKeyState, PresentKey, SlotState};
use crate::provision::tests::request;

/// A YubiKey from the factory.
fn factory_yubikey() -> CardState {
    let code = CodeState { is_factory: Some(true), tries_left: Some(3), untold: None };
    CardState {
        is_yubikey: true,
        version: Some(piv::Version([5, 7, 2])),
        serial: Some(12_345_678),
        pin: code,
        puk: code,
        management_key: ManagementKeyState { is_factory: true, algorithm: Some(piv::ManagementAlgorithm::Aes192) },
        admin_data: piv::AdminData::default(),
        chuid: ChuidState::Absent,
        has_ccc: false,
        authentication: SlotState { key: KeyState::Absent, ..SlotState::default() },
        key_management: SlotState { key: KeyState::Absent, ..SlotState::default() },
    }
}

/// The same as a card that answers no command beyond the standard.
fn plain() -> CardState {
    let unknown = CodeState { is_factory: None, tries_left: Some(3), untold: None };
    CardState {
        is_yubikey: false,
        version: None,
        serial: None,
        pin: unknown,
        puk: CodeState { tries_left: None, ..unknown },
        authentication: SlotState::default(),
        key_management: SlotState::default(),
        ..factory_yubikey()
    }
}

fn steps(state: &CardState, request: &ProvisionRequest) -> Vec<String> {
    names(&plan(state, request, &Surroundings::default()).unwrap())
}

/// `Generate 9a` and so on.
fn names(plan: &Plan) -> Vec<String> {
    let name = |step: &Step| {
        let text = format!("{step:?}");
        let slot = match step {
            Step::Generate { slot, .. } | Step::Attest { slot } | Step::Certify { slot, .. } => format!(" {slot}"),
            Step::Request { slot, .. } | Step::Import { slot } => format!(" {slot}"),
            _ => String::new(),
        };
        text.split([' ', '{']).next().unwrap_or_default().to_owned() + &slot
    };
    plan.steps.iter().map(name).collect()
}

/// A P-256 key and a certificate for it.
fn certified(common_name: &str) -> (Vec<u8>, Certificate) {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let certificate = Certificate::from_der(certificate.der()).unwrap();
    (certificate.spki_der().to_vec(), certificate)
}

fn key(public_key: &[u8]) -> KeyState {
    KeyState::Present(PresentKey {
        public_key: Some(public_key.to_vec()),
        pin_policy: Some(piv::PinPolicy::Once),
        touch_policy: Some(piv::TouchPolicy::Never),
    })
}

#[test]
fn a_card_from_the_factory_gets_everything_and_is_never_left_open() {
    let expected = [
        "ProtectManagementKey",
        "WriteChuid",
        "WriteCcc",
        "Generate 9a",
        "Certify 9a",
        "Generate 9d",
        "Certify 9d",
        "ChangePin",
        "ChangePuk",
    ];
    assert_eq!(steps(&factory_yubikey(), &request()), expected);
}

#[test]
fn a_run_that_was_cut_off_goes_on_where_it_stopped() {
    let mut state = factory_yubikey();
    let all = steps(&state, &request());
    let not_factory = CodeState { is_factory: Some(false), tries_left: Some(3), untold: None };
    let (key_9a, certificate_9a) = certified("Alice");
    let (key_9d, certificate_9d) = certified("Alice");
    let advance: [&dyn Fn(&mut CardState); 9] = [
        &|state| {
            state.management_key.is_factory = false;
            state.admin_data.management_key_stored = true;
        },
        &|state| state.chuid = ChuidState::Named([7; 16]),
        &|state| state.has_ccc = true,
        &|state| state.authentication.key = key(&key_9a),
        &|state| {
            state.authentication.certificate = CertificateState::Present(Box::new(certificate_9a.clone()));
        },
        &|state| state.key_management.key = key(&key_9d),
        &|state| {
            state.key_management.certificate = CertificateState::Present(Box::new(certificate_9d.clone()));
        },
        &|state| state.pin = not_factory,
        &|state| state.puk = not_factory,
    ];
    for (done, step) in advance.iter().enumerate() {
        assert_eq!(steps(&state, &request()), all[done..], "after {done} steps");
        step(&mut state);
    }
    assert_eq!(steps(&state, &request()), [""; 0]);
    assert_eq!(steps(&state, &ProvisionRequest { subject: None, ..request() }), [""; 0]);
}

#[test]
fn a_management_key_that_was_set_and_not_noted_is_found_under_the_pin() {
    let mut state = factory_yubikey();
    state.management_key.is_factory = false;
    let plan = plan(&state, &request(), &Surroundings::default()).unwrap();
    assert_eq!(plan.access, Access::Protected);
    assert_eq!(names(&plan)[0], "MarkManagementKey");
}

#[test]
fn a_management_key_that_nobody_gives_is_an_error() {
    let mut state = plain();
    state.management_key.is_factory = false;
    let unknown = plan(&state, &request(), &Surroundings::default());
    assert!(matches!(unknown, Err(ProvisionError::UnknownManagementKey)));
    let given = ProvisionRequest { management_key: Some(piv::ManagementKey::factory_default()), ..request() };
    assert_eq!(plan(&state, &given, &Surroundings::default()).unwrap().access, Access::Given);
    // A key derived from the PIN is none that is stored.
    let mut derived = factory_yubikey();
    derived.management_key.is_factory = false;
    derived.admin_data.salt = Some(vec![1; 16]);
    assert!(matches!(plan(&derived, &request(), &Surroundings::default()), Err(ProvisionError::UnknownManagementKey)));
}

#[test]
fn a_card_without_extensions_gets_its_pin_last_and_keeps_its_management_key() {
    let plan = plan(&plain(), &request(), &Surroundings::default()).unwrap();
    let expected =
        ["WriteChuid", "WriteCcc", "Generate 9a", "Certify 9a", "Generate 9d", "Certify 9d", "ChangePinOfFactory"];
    assert_eq!(names(&plan), expected);
    let notes = plan.notes.join("\n");
    assert!(notes.contains("no command to replace it") && notes.contains("does not say whether its PUK"), "{notes}");

    let given = Surroundings { new_puk_given: true, ..Surroundings::default() };
    let with_puk = names(&super::plan(&plain(), &request(), &given).unwrap());
    assert_eq!(with_puk[6..], ["ChangePinOfFactory", "ChangePuk"]);
}

#[test]
fn what_is_in_a_slot_is_not_overwritten_unless_told() {
    let (public_key, certificate) = certified("Bob");
    let mut used = factory_yubikey();
    used.authentication.key = key(&public_key);
    used.authentication.certificate = CertificateState::Present(Box::new(certificate.clone()));
    let holds = |state: &CardState, request: &ProvisionRequest| match plan(state, request, &Surroundings::default()) {
        Err(ProvisionError::SlotInUse { slot: KeySlot::Authentication, holds }) => holds,
        other => panic!("{other:?}"),
    };
    assert!(holds(&used, &request()).contains("another subject"));
    let rsa = ProvisionRequest { authentication_algorithm: Some(KeyAlgorithm::Rsa2048), subject: None, ..request() };
    assert!(holds(&used, &rsa).contains("P256, not RSA2048"));
    let touch = ProvisionRequest { touch_policy: TouchPolicy::Always, subject: None, ..request() };
    assert!(holds(&used, &touch).contains("touch policy"));

    let mut orphan = used.clone();
    orphan.authentication.key = KeyState::Absent;
    assert!(holds(&orphan, &request()).contains("without its key"));
    let mut broken = used.clone();
    broken.authentication.certificate = CertificateState::Unreadable;
    assert!(holds(&broken, &request()).contains("cannot be read"));
    let mut other = used.clone();
    other.authentication.key = key(&certified("Bob").0);
    assert!(holds(&other, &request()).contains("another key"));

    let replace = ProvisionRequest { replace: true, ..request() };
    let plan = plan(&used, &replace, &Surroundings::default()).unwrap();
    assert!(
        plan.steps
            .iter()
            .any(|step| matches!(step, Step::Generate { slot: KeySlot::Authentication, replaces: true, .. }))
    );
    assert!(
        plan.steps
            .iter()
            .any(|step| matches!(step, Step::Generate { slot: KeySlot::KeyManagement, replaces: false, .. }))
    );
    // What is not asked for is not looked at.
    let only_9d = ProvisionRequest { slots: vec![KeySlot::KeyManagement], ..request() };
    assert!(!steps(&used, &only_9d).iter().any(|step| step.ends_with("9a")));
}

#[test]
fn a_key_whose_request_waits_for_its_certificate_stays() {
    let (key_9a, _) = certified("Alice");
    let folder = ProvisionRequest { certificates: Certificates::Requests { folder: "/folder".into() }, ..request() };
    let around =
        Surroundings { requests: [(KeySlot::Authentication, key_9a.clone())].into(), ..Surroundings::default() };
    // The card tells nothing, the request in the folder does; and the card tells itself.
    let mut telling = factory_yubikey();
    telling.authentication.key = key(&key_9a);
    for state in [plain(), telling] {
        let plan = plan(&state, &folder, &around).unwrap();
        assert!(!names(&plan).iter().any(|step| step.ends_with("9a")), "{:?}", names(&plan));
        assert!(names(&plan).windows(2).any(|steps| steps == ["Generate 9d", "Request 9d"]), "{:?}", names(&plan));
        assert_eq!(plan.keys[&KeySlot::Authentication], key_9a);
    }
    // The request is gone: another one for the same key.
    let mut state = factory_yubikey();
    state.authentication.key = key(&key_9a);
    assert_eq!(steps(&state, &folder)[3..6], ["Request 9a", "Generate 9d", "Request 9d"]);
}

#[test]
fn attestation_comes_before_the_certificate() {
    let root = certified("root").1.to_pem();
    let roots = || identity::attestation::Roots::read(root.as_bytes()).ok();
    let attested = ProvisionRequest { attestation: roots(), ..request() };
    let planned = steps(&factory_yubikey(), &attested);
    assert_eq!(planned[3..9], ["Generate 9a", "Attest 9a", "Certify 9a", "Generate 9d", "Attest 9d", "Certify 9d"]);
    assert!(matches!(plan(&plain(), &attested, &Surroundings::default()), Err(ProvisionError::NotAttested { .. })));
}

#[test]
fn keys_that_a_firmware_makes_badly_or_not_at_all_are_refused_first() {
    let with = |version, algorithm| {
        let state = CardState { version: Some(piv::Version(version)), ..factory_yubikey() };
        let request = ProvisionRequest { authentication_algorithm: Some(algorithm), ..request() };
        plan(&state, &request, &Surroundings::default()).map(|plan| plan.steps.len())
    };
    for (version, algorithm, makes) in [
        ([5, 7, 0], KeyAlgorithm::Rsa4096, true),
        ([5, 6, 9], KeyAlgorithm::Rsa3072, false),
        ([5, 4, 3], KeyAlgorithm::Rsa2048, true),
        ([4, 3, 5], KeyAlgorithm::Rsa2048, true),
        ([4, 3, 4], KeyAlgorithm::Rsa2048, false),
        ([4, 3, 4], KeyAlgorithm::P256, true),
        ([4, 2, 6], KeyAlgorithm::Rsa2048, false),
    ] {
        let planned = with(version, algorithm);
        assert_eq!(planned.is_ok(), makes, "{version:?} {algorithm}: {planned:?}");
    }
}

#[test]
fn secrets_are_asked_for_only_where_they_are_needed() {
    let planned = plan(&factory_yubikey(), &request(), &Surroundings::default()).unwrap();
    assert!(planned.writes() && planned.wants_pin() && planned.wants_subject());
    let nothing = Plan { steps: Vec::new(), ..planned };
    assert!(!nothing.writes() && !nothing.wants_pin() && !nothing.wants_subject());
}

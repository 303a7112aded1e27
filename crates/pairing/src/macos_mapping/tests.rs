use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ::macos::command::Ending;
use ::macos::{Captured, CommandRunner, Error as MacError, Tool, ToolCommand};
use plist::{Dictionary, Value};

use super::*;
use crate::macos::Macos;

/// A Mac with some accounts, whose tools do what they are told, or not.
#[derive(Default)]
struct Mac {
    users: Mutex<BTreeMap<String, Vec<String>>>,
    settings: Vec<(&'static str, i64)>,
    /// Says yes and does nothing.
    lies: bool,
    calls: Mutex<Vec<Vec<String>>>,
}

impl CommandRunner for Mac {
    fn program(&self, tool: Tool) -> PathBuf {
        tool.path().to_owned()
    }

    fn run(&self, command: &ToolCommand) -> Result<Captured, MacError> {
        self.calls.lock().unwrap().push(command.arguments.clone());
        let mut users = self.users.lock().unwrap();
        let words: Vec<&str> = command.arguments.iter().map(String::as_str).collect();
        let number = |name: &str| {
            if name == "alice" { "501".to_owned() } else { (600 + u32::from(name.as_bytes()[0])).to_string() }
        };
        let record = |name: &str, values: &Vec<String>| {
            let texts = |texts: &[&str]| Value::Array(texts.iter().map(|text| Value::String((*text).into())).collect());
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let mut record = Dictionary::new();
            record.insert("dsAttrTypeStandard:RecordName".into(), texts(&[name]));
            if name != "damaged" {
                record.insert("dsAttrTypeStandard:UniqueID".into(), texts(&[&number(name)]));
            }
            record.insert("dsAttrTypeStandard:AltSecurityIdentities".into(), texts(&values));
            Value::Dictionary(record)
        };
        let name = |path: &str| path.trim_start_matches("/Users/").to_owned();
        let answer = match (command.tool, words.as_slice()) {
            (Tool::Defaults, _) => {
                let settings =
                    self.settings.iter().map(|(key, value)| ((*key).to_owned(), Value::Integer((*value).into())));
                Some(Value::Dictionary(settings.collect()))
            }
            (Tool::Dscl, ["-plist", ".", "-readall", ..]) => {
                Some(Value::Array(users.iter().map(|(name, values)| record(name, values)).collect()))
            }
            (Tool::Dscl, ["-plist", ".", "-read", path, ..]) => Some(record(&name(path), &users[&name(path)])),
            (Tool::Dscl, _) if self.lies => None,
            (Tool::Dscl, [".", "-append", path, "AltSecurityIdentities", value]) => {
                users.get_mut(&name(path)).unwrap().push((*value).to_owned());
                None
            }
            (Tool::Dscl, [".", "-delete", path, "AltSecurityIdentities", value]) => {
                let values = users.get_mut(&name(path)).unwrap();
                values.remove(values.iter().position(|one| one == value).unwrap());
                None
            }
            _ => return Err(MacError::ToolMissing { program: self.program(command.tool) }),
        };
        let mut stdout = Vec::new();
        answer.inspect(|value| value.to_writer_xml(&mut stdout).unwrap());
        Ok(Captured { ending: Ending::Code(0), stdout, stderr: Vec::new() })
    }
}

struct World {
    mac: Arc<Mac>,
    backend: MacosMapping,
    folder: tempfile::TempDir,
}

impl World {
    fn new(users: &[(&str, &[&str])]) -> Self {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let users = users.iter().map(|(name, values)| ((*name).to_owned(), texts(values))).collect();
        Self::with(Mac { users: Mutex::new(users), settings: vec![("checkCertificateTrust", 1)], ..Mac::default() })
    }

    fn with(mac: Mac) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        let mac = Arc::new(mac);
        let runner: Arc<dyn CommandRunner> = Arc::clone(&mac) as _;
        let mut backend = MacosMapping::new(Macos::new(runner).with_files_below(folder.path()));
        backend.mac.owner = nix::unistd::geteuid().as_raw();
        let world = World { mac, backend, folder };
        world.install("NT Principal Name", "dsAttrTypeStandard:AltSecurityIdentities");
        world
    }

    fn install(&self, field: &str, attribute: &str) {
        let text = format!(
            "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>AttributeMapping</key><dict><key>fields</key><array>\
             <string>{field}</string></array><key>formatString</key><string>Kerberos:$1</string>\
             <key>dsAttributeString</key><string>{attribute}</string></dict></dict></plist>"
        );
        ::macos::smartcard_login::place(&self.backend.path(), text.as_bytes(), true).unwrap();
    }

    fn values(&self, user: &str) -> Vec<String> {
        self.mac.users.lock().unwrap()[user].clone()
    }

    fn plan(&self, user: &str, request: &Request) -> Result<Plan, Error> {
        self.backend.plan(&account(user), request)
    }

    fn apply(&self, user: &str, request: &Request) -> Result<Applied, Error> {
        self.backend.apply(&self.plan(user, request)?)
    }
}

fn account(name: &str) -> Account {
    let uid = if name == "alice" { 501 } else { 600 + u32::from(name.as_bytes()[0]) };
    Account { name: name.parse().unwrap(), uid, gid: 20, home: format!("/Users/{name}").into() }
}

/// A certificate with a user principal name and a common name.
fn certificate(upn: &str) -> Certificate {
    let mut params = rcgen::CertificateParams::default();
    let mut value = vec![0xA0, u8::try_from(upn.len()).unwrap() + 2, 0x0C, u8::try_from(upn.len()).unwrap()];
    value.extend(upn.as_bytes());
    let oid = [0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03];
    let other = [vec![0xA0, u8::try_from(oid.len() + value.len()).unwrap()], oid.to_vec(), value].concat();
    let san = [vec![0x30, u8::try_from(other.len()).unwrap()], other].concat();
    params.custom_extensions.push(rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 17], san));
    let key = rcgen::KeyPair::generate().unwrap();
    Certificate::from_der(params.self_signed(&key).unwrap().der()).unwrap()
}

fn pair(upn: &str) -> Request {
    Request::Pair(Key::from(&certificate(upn)))
}

#[test]
fn pairing_adds_a_value_and_undoing_takes_it_away() {
    let world = World::new(&[("alice", &["X509:<S>CN=old", "Kerberos:other@AD"]), ("bob", &[])]);
    let request = pair("Alice@EXAMPLE.test");
    let applied = world.apply("alice", &request).unwrap();
    let before = ["X509:<S>CN=old", "Kerberos:other@AD"];
    assert_eq!(world.values("alice"), [&before[..], &["Kerberos:Alice@EXAMPLE.test"]].concat());
    let sentences: Vec<String> = applied.changes().iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences,
        ["add Kerberos:Alice@EXAMPLE.test to dsAttrTypeStandard:AltSecurityIdentities of the account's record"]
    );
    assert!(world.plan("alice", &request).unwrap().is_unchanged());

    let pairings = world.backend.pairings(&account("alice")).unwrap();
    assert_eq!(pairings.entries.len(), 2, "what the format could not have made is no pairing");
    let opens = |upn| world.backend.opens(&pairings, &certificate(upn));
    assert!(opens("Alice@EXAMPLE.test") && opens("other@AD") && !opens("alice@example.test"));
    assert_eq!(world.backend.accounts_with_pairings().unwrap().len(), 1);

    for _ in 0..2 {
        world.backend.undo(&account("alice"), applied.undo()).unwrap();
        assert_eq!(world.values("alice"), before);
    }
}

#[test]
fn a_value_that_would_open_two_accounts_is_refused() {
    let world = World::new(&[("alice", &[]), ("bob", &["Kerberos:a@x"]), ("carol", &[])]);
    let taken = |result: Result<Plan, Error>| match result {
        Err(Error::ValueTaken { accounts, .. }) => accounts,
        other => panic!("{other:?}"),
    };
    assert_eq!(taken(world.plan("alice", &pair("a@x"))), ["bob"]);
    let request = pair("b@x");
    let both =
        [(account("alice"), request.clone()), (account("carol"), request.clone()), (account("bob"), pair("c@x"))];
    let mut plans = world.backend.plan_many(&both).into_iter();
    let first = plans.next().unwrap().unwrap();
    assert_eq!(taken(plans.next().unwrap()), ["alice"]);
    assert!(plans.next().unwrap().is_ok());
    // Somebody else was quicker.
    world.apply("carol", &request).unwrap();
    assert!(matches!(world.backend.apply(&first), Err(Error::ValueTaken { .. })));
    assert_eq!(world.values("alice"), [""; 0]);
}

#[test]
fn removing_one_or_all() {
    let world = World::new(&[("alice", &["other", "Kerberos:a@x", "Kerberos:b@x", "Kerberos:a@x"])]);
    let hash = certificate("a@x").pairing_hash();
    let refused = world.plan("alice", &Request::Unpair(Selection::Hash(hash)));
    assert!(matches!(refused, Err(Error::NeedsCertificate { .. })));
    let one = Request::Unpair(Selection::Certificate(Box::new(certificate("a@x"))));
    let applied = world.apply("alice", &one).unwrap();
    assert_eq!(world.values("alice"), ["other", "Kerberos:b@x"]);
    world.backend.undo(&account("alice"), applied.undo()).unwrap();
    assert_eq!(world.values("alice"), ["other", "Kerberos:b@x", "Kerberos:a@x"]);
    let all = world.plan("alice", &Request::Unpair(Selection::All)).unwrap();
    world.mac.users.lock().unwrap().get_mut("alice").unwrap().push("Kerberos:new@x".to_owned());
    assert!(matches!(world.backend.apply(&all), Err(Error::Changed { .. })));
    world.apply("alice", &Request::Unpair(Selection::All)).unwrap();
    assert_eq!(world.values("alice"), ["other"]);
}

#[test]
fn a_renewed_certificate_with_the_same_names_needs_nothing() {
    let world = World::new(&[("alice", &["Kerberos:a@x"]), ("bob", &["Kerberos:b@x", "Kerberos:c@x"])]);
    let replace = |upn| Request::Replace { new: Key::from(&certificate(upn)), old: Selection::All };
    assert!(world.plan("alice", &replace("a@x")).unwrap().is_unchanged());
    world.apply("alice", &replace("new@x")).unwrap();
    assert_eq!(world.values("alice"), ["Kerberos:new@x"]);
    assert!(
        matches!(world.plan("bob", &replace("d@x")), Err(Error::SeveralValues { values, .. }) if values.len() == 2)
    );
}

#[test]
fn the_witness_comes_first_and_lies_come_to_light() {
    let world = World::new(&[("alice", &[]), ("bob", &[])]);
    let plan = |user: &str, upn| world.plan(user, &pair(upn)).unwrap();
    let plans = [plan("alice", "a@x"), plan("bob", "b@x")];
    let mut told = Vec::new();
    let results = world.backend.apply_many(&plans, &mut |undos| {
        told.push((undos[0].0, world.values("alice").len() + world.values("bob").len()));
        if told.len() == 2 { Err(std::io::Error::other("disk full")) } else { Ok(()) }
    });
    assert_eq!(told, [(0, 0), (1, 1)], "each before its change");
    assert!(results[0].is_ok() && matches!(results[1], Err(Error::Witness(_))));
    assert_eq!(world.values("bob"), [""; 0]);

    let liar =
        World::with(Mac { lies: true, users: Mutex::new([("alice".to_owned(), vec![])].into()), ..Mac::default() });
    assert!(matches!(liar.apply("alice", &pair("a@x")), Err(Error::NotReadBack { .. })));
}

#[test]
fn what_the_file_must_be() {
    let world = World::new(&[("alice", &["Kerberos:A@X"])]);
    let why = |world: &World| match world.plan("alice", &pair("a@x")) {
        Err(Error::NoMapping { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    let planned = world.plan("alice", &pair("a@x")).unwrap();
    let alike = Note::Mac(Finding::DiffersInCase { value: "Kerberos:A@X".to_owned() });
    assert_eq!(planned.notes(), [alike], "and nothing of trust, which is checked");

    world.install("Common Name", "dsAttrTypeStandard:AltSecurityIdentities");
    assert!(matches!(world.backend.apply(&planned), Err(Error::Changed { .. })), "another file than that of the plan");
    world.install("UserId", "dsAttrTypeStandard:AltSecurityIdentities");
    assert!(matches!(world.plan("alice", &pair("a@x")), Err(Error::Unmapped(Unmapped::Missing { .. }))));
    world.install("NT Principal Name", "dsAttrTypeNative:longName");
    assert!(matches!(world.plan("alice", &pair("a@x")), Err(Error::NotForMapping { .. })));
    world.install("UPN", "dsAttrTypeStandard:AltSecurityIdentities");
    assert!(why(&world).contains("\"UPN\""));
    ::macos::smartcard_login::place(&world.backend.path(), b"<plist><dict/></plist>", true).unwrap();
    assert!(why(&world).contains("AttributeMapping"));
    std::fs::remove_file(world.folder.path().join("etc/SmartcardLogin.plist")).unwrap();
    assert!(why(&world).contains("not there"));
    let calls = world.mac.calls.lock().unwrap();
    assert!(calls.iter().all(|call| !call.iter().any(|word| word == "-create")), "never overwritten");
}

#[test]
fn certificates_that_nobody_checks_are_told_of() {
    let users = || Mutex::new([("alice".to_owned(), vec![])].into());
    for settings in [vec![], vec![("checkCertificateTrust", 0)]] {
        let world = World::with(Mac { users: users(), settings, ..Mac::default() });
        assert_eq!(world.plan("alice", &pair("a@x")).unwrap().notes(), [Note::Mac(Finding::NotChecked)]);
    }
}

#[test]
fn an_office_gets_its_file_with_the_first_pairing() {
    let mut world = World::new(&[("alice", &[]), ("bob", &["Kerberos:b@x"]), ("carol", &[])]);
    let mapping = world.backend.mapping().unwrap();
    let file = world.backend.path();
    let owner = world.backend.mac.owner;
    std::fs::remove_file(&file).unwrap();
    world.backend = MacosMapping::installing(world.backend.mac.clone(), "macos_mapping:upn", mapping);
    world.backend.mac.owner = owner;
    assert_eq!(world.backend.name(), "macos_mapping:upn");
    let requests = [("alice", "a@x"), ("bob", "b@x")].map(|(user, upn)| (account(user), pair(upn)));
    let plans: Vec<Plan> = world.backend.plan_many(&requests).into_iter().map(Result::unwrap).collect();
    assert_eq!(plans.iter().map(|plan| plan.changes().len()).collect::<Vec<_>>(), [2, 1]);
    assert!(!file.exists(), "a plan changes nothing");
    let applied: Vec<Applied> =
        world.backend.apply_many(&plans, &mut |_| Ok(())).into_iter().map(Result::unwrap).collect();
    assert_eq!(applied.iter().map(|applied| applied.changes().len()).collect::<Vec<_>>(), [2, 0]);
    assert!(world.plan("alice", &pair("a@x")).unwrap().is_unchanged());
    world.backend.undo(&account("alice"), applied[0].undo()).unwrap();
    assert!(world.values("alice").is_empty() && file.exists(), "others count on the file");

    world.install("Common Name", "dsAttrTypeStandard:AltSecurityIdentities");
    let refused = world.plan("carol", &pair("c@x"));
    assert!(matches!(refused, Err(Error::NoMapping { why, .. }) if why.contains("another way")));
}

#[test]
fn undo_gives_nobody_a_value_that_another_account_has_by_now() {
    let world = World::new(&[("alice", &["Kerberos:a@x"]), ("bob", &[])]);
    let applied = world.apply("alice", &Request::Unpair(Selection::All)).unwrap();
    let moved = world.apply("bob", &pair("a@x")).unwrap();
    let refused = world.backend.undo(&account("alice"), applied.undo());
    assert!(matches!(refused, Err(Error::ValueTaken { accounts, .. }) if accounts == ["bob"]));
    assert!(world.values("alice").is_empty());
    world.backend.undo(&account("bob"), moved.undo()).unwrap();
    world.backend.undo(&account("alice"), applied.undo()).unwrap();
    assert_eq!(world.values("alice"), ["Kerberos:a@x"]);
}

#[test]
fn a_damaged_record_does_not_hide_the_others() {
    let world = World::new(&[("alice", &["Kerberos:a@x"]), ("damaged", &["Kerberos:b@x"])]);
    let listed = world.backend.accounts_with_pairings().unwrap();
    let seen: Vec<_> = listed.iter().map(|entry| (entry.account.name.as_str(), entry.pairings.is_ok())).collect();
    assert_eq!(seen, [("alice", true), ("damaged", false)]);
}

#[test]
fn the_accounts_are_those_of_the_directory() {
    let world = World::new(&[("alice", &[])]);
    let table = world.backend.account_table().unwrap().unwrap();
    assert_eq!(table.account(&"alice".parse().unwrap()).unwrap().uid, 501);
    assert!(matches!(table.account(&"root".parse().unwrap()), Err(Error::AccountNotFound { .. })));
}

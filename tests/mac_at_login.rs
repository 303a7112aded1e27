//! Rows whose person is not there: `bulk apply --at-login` leaves them for the next login, and a LaunchAgent finishes them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use plist::Value;

use crate::bench::process::{Output, Run};
use crate::bench::{Bench, not_run};
use crate::mac_bulk::Office;

const USAGE: i32 = 2;
const REFUSED: i32 = 5;
const SOME_ROWS: i32 = 8;
const AGENT: &str = "Library/LaunchAgents/pivkit.at-login.plist";
const LEFT: &str = "Library/Application Support/pivkit/at-login";

/// `None`, said aloud, where nothing can belong to root.
fn bench() -> Option<Bench> {
    if !nix::unistd::geteuid().is_root() {
        return not_run::report("what is left for logins belongs to root");
    }
    Some(Bench::vpcd())
}

/// An office whose plan was carried out for those who are there; bob's row waits.
fn waiting(bench: &Bench) -> Office<'_> {
    let office = Office::new(bench);
    office.plan("hash", &["--strategy", "pairing"]);
    let done = office.apply(&["--at-login"]).exits_with(SOME_ROWS).json();
    assert_eq!((&done["this_run"]["changed"], &done["this_run"]["waiting"]), (&2.into(), &1.into()), "{done}");
    assert_eq!((&done["at_login"]["people"], &done["at_login"]["installed"]), (&1.into(), &true.into()), "{done}");
    office
}

/// The one slice, of bob.
fn slice(office: &Office<'_>) -> PathBuf {
    let plans: Vec<_> = fs::read_dir(office.file(LEFT)).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(plans.len(), 1, "{plans:?}");
    let slices: Vec<_> = fs::read_dir(&plans[0]).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(slices, [plans[0].join("502.json")]);
    slices[0].clone()
}

/// What launchd runs, as the agent's file tells it.
fn agent(office: &Office<'_>) -> Run {
    let agent = Value::from_file(office.file(AGENT)).unwrap().into_dictionary().unwrap();
    assert_eq!(agent.get("LimitLoadToSessionType").and_then(Value::as_string), Some("Aqua"));
    assert_eq!(agent.get("RunAtLoad").and_then(Value::as_boolean), Some(true));
    let arguments = agent.get("ProgramArguments").and_then(Value::as_array).unwrap();
    let arguments: Vec<&str> = arguments.iter().map(|argument| argument.as_string().unwrap()).collect();
    office.bench.command(arguments[0], &arguments[1..])
}

/// Somebody logs in, and launchd runs the agent.
fn log_in(office: &Office<'_>, person: &str) -> Output {
    office.mac.set(&["login", person]);
    office.mac.set(&["caller", person]);
    let output = agent(office).output().never_panicked();
    office.mac.set(&["caller", "root"]);
    output
}

#[test]
fn who_was_not_there_is_paired_at_the_next_login() {
    let Some(bench) = bench() else { return };
    let office = waiting(&bench);
    let wanted: Vec<Vec<String>> = office.people.iter().map(|person| vec![person.hash.clone()]).collect();
    assert_eq!(office.paired(), [wanted[0].clone(), Vec::new(), wanted[2].clone()]);
    let slice = slice(&office);
    for path in [slice.clone(), office.file(AGENT)] {
        let data = fs::symlink_metadata(&path).unwrap();
        assert_eq!((data.is_file(), data.mode() & 0o7777, data.uid(), data.gid()), (true, 0o644, 0, 0), "{path:?}");
    }
    let plan = fs::read_to_string(&slice).unwrap();
    let of_others = [&office.people[0], &office.people[2]].iter().any(|other| plan.contains(&other.hash));
    assert!(plan.contains(&office.people[1].hash) && !of_others && !plan.contains("certificate"), "{plan}");

    // Of others nothing waits, and nothing is asked of the Mac but who they are.
    let calls = |tool: &str| office.mac.calls().iter().filter(|call| call.tool() == tool).count();
    office.mac.forget_calls();
    assert_eq!(log_in(&office, "alice").success().stdout, "nothing waits for alice\n");
    assert_eq!((calls("sc_auth"), calls("launchctl")), (0, 0));

    // Without a card, the row fails and is tried again.
    office.mac.set(&["quirk", "sc_auth.pair#1=error -7"]);
    log_in(&office, "bob").exits_with(SOME_ROWS);
    assert_eq!(office.mac.paired("bob"), [""; 0]);

    log_in(&office, "bob").success().prints(&["1 changed"]);
    assert_eq!(office.paired(), wanted);
    let pair = office.mac.calls().into_iter().rfind(|call| call.arguments().first() == Some(&"pair")).unwrap();
    assert_eq!((pair.user(), pair.session()), ("bob", Some(502)), "{}", pair.text());

    // Again, and nothing is done. Root sees that nothing waits any more, and takes it away.
    office.mac.forget_calls();
    log_in(&office, "bob").success();
    assert!(office.mac.calls().iter().all(|call| call.arguments().first() != Some(&"pair")));
    let done = office.apply(&["--resume", "--at-login"]).success().json();
    assert_eq!((&done["at_login"]["people"], &done["at_login"]["installed"]), (&0.into(), &false.into()), "{done}");
    assert!(!office.file(AGENT).exists() && !office.file(LEFT).exists());
    assert_eq!(office.paired(), wanted);
}

#[test]
fn undo_leaves_nothing_for_a_login() {
    let Some(bench) = bench() else { return };
    let office = waiting(&bench);
    slice(&office);
    office.apply(&["--resume", "--at-login"]).exits_with(SOME_ROWS);
    slice(&office);
    office.bulk(&["undo", &office.path("journal"), "--yes"]).success();
    assert!(!office.file(AGENT).exists() && !office.file(LEFT).exists());
    assert_eq!(office.paired(), [[""; 0]; 3]);
}

#[test]
fn what_others_than_root_could_have_written_is_not_believed() {
    let Some(bench) = bench() else { return };
    let office = waiting(&bench);
    let slice = slice(&office);
    let folder = slice.parent().unwrap().to_owned();
    let plan = fs::read(&slice).unwrap();
    let refused = || {
        let refused = log_in(&office, "bob").exits_with(REFUSED);
        assert!(office.mac.paired("bob").is_empty(), "{refused}");
    };
    let set = |path: &PathBuf, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for mode in [0o664, 0o646] {
        set(&slice, mode);
        refused();
    }
    set(&slice, 0o644);
    set(&folder, 0o777);
    refused();
    set(&folder, 0o755);
    std::os::unix::fs::chown(&slice, Some(502), None).unwrap();
    refused();
    fs::remove_file(&slice).unwrap();
    symlink(bench.file("elsewhere.json", &plan), &slice).unwrap();
    refused();
    fs::remove_file(&slice).unwrap();
    // Of another person.
    let of_alice = String::from_utf8(plan.clone()).unwrap().replace("\"bob\"", "\"alice\"");
    fs::write(&slice, of_alice).unwrap();
    set(&slice, 0o644);
    log_in(&office, "bob").exits_with(USAGE);
    assert!(office.mac.paired("bob").is_empty());
    fs::write(&slice, &plan).unwrap();
    log_in(&office, "bob").success();
    assert_eq!(office.mac.paired("bob").len(), 1);
}

#[test]
fn a_program_that_others_can_change_is_not_left_for_logins() {
    let Some(bench) = bench() else { return };
    let office = Office::new(&bench);
    office.plan("hash", &["--strategy", "pairing"]);
    let tools = bench.path("mac-tools");
    fs::set_permissions(&tools, fs::Permissions::from_mode(0o777)).unwrap();
    let refused = office.apply(&["--at-login"]).exits_with(REFUSED);
    assert!(refused.stderr.contains("mac-tools"), "{refused}");
    assert_eq!(office.paired(), [[""; 0]; 3]);
    assert!(!bench.path("journal").exists() && !office.file("Library").exists());
    // Nor is anything left where others could put something else.
    fs::set_permissions(&tools, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(office.file("Library/Application Support")).unwrap();
    fs::set_permissions(office.file("Library"), fs::Permissions::from_mode(0o775)).unwrap();
    let refused = office.apply(&["--at-login"]).exits_with(REFUSED);
    assert!(refused.stderr.contains("Library") && office.paired() == [[""; 0]; 3], "{refused}");
    fs::remove_dir_all(office.file("Library")).unwrap();
    // And only a Mac's pairings wait for logins.
    fs::create_dir_all(office.file("etc")).unwrap();
    office.plan("certificate", &[]);
    office.apply(&["--at-login"]).exits_with(USAGE);
    assert!(!office.file("Library").exists());
}

#[test]
fn names_of_accounts_are_nothing_but_names() {
    let Some(bench) = bench() else { return };
    let office = Office::new(&bench);
    let names = ["mallory <&> \"x\"", "a;touch x", "$(id)", "..x"];
    for (number, name) in names.iter().enumerate() {
        office.mac.set(&["user", name, "--uid", &format!("{}", 600 + number)]);
    }
    let row = |(number, name): (usize, &&str)| format!("\"{}\",{:040X}\n", name.replace('"', "\"\""), number + 1);
    let rows: String = names.iter().enumerate().map(row).collect();
    let manifest = bench.file("hostile.csv", format!("user,hash\n{rows}"));
    let plan = ["plan", manifest.to_str().unwrap(), "--strategy", "pairing", "--json"];
    let planned = office.bulk(&plan).never_panicked();
    bench.file("plan.json", &planned.bytes);
    let planned = planned.json()["rows"].as_array().unwrap().len();
    let done = office.apply(&["--at-login", "--skip-problems"]).never_panicked().json();
    assert_eq!(done["this_run"]["waiting"], planned, "{done}");
    // Files have the number of the account for a name, and only the account's row is in there.
    let mut left = 0;
    for plan in fs::read_dir(office.file(LEFT)).into_iter().flatten() {
        for slice in fs::read_dir(plan.unwrap().path()).unwrap().map(|slice| slice.unwrap().path()) {
            let uid: usize = slice.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let read: serde_json::Value = serde_json::from_slice(&fs::read(&slice).unwrap()).unwrap();
            assert_eq!(
                (&read["rows"][0]["user"], read["rows"].as_array().unwrap().len()),
                (&names[uid - 600].into(), 1)
            );
            left += 1;
        }
    }
    assert_eq!((left, done["at_login"]["people"].as_u64()), (planned, Some(planned as u64)));
    println!("{planned} of {} names can be accounts", names.len());
    assert!(planned >= 1);
}

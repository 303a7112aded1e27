//! `pivkit bulk apply` ends in the middle: killed at each of its system calls, stopped by Ctrl-C, with a full disk, beside
//! another one. Nothing is lost, nothing is done twice, and everything can be put back.

use std::fs;
use std::path::Path;

use crate::bench::process::Output;
use crate::bench::{binary, not_run};
use crate::bulk_apply::Office;

const FAILED: i32 = 1;
const BUSY: i32 = 6;
const INTERRUPTED: i32 = 130;

/// Calls that change files, and those that wait for the disk.
const CALLS: [&str; 9] =
    ["pwrite64", "fdatasync", "fsync", "mkdirat", "renameat", "fchmod", "fchown", "unlinkat", "write"];

#[test]
fn killed_at_every_system_call() {
    let Some(office) = Office::of(3) else { return };
    if not_run::unless_installed("strace").is_none() {
        return;
    }
    // One of them has a pairing already, so that a file is replaced.
    let older = office.crowd.sample(1)[2].clone();
    let file = office.file(1);
    let home = office.crowd.root.join("home/p000001");
    fs::create_dir(file.parent().unwrap()).unwrap();
    fs::copy(older, &file).unwrap();
    for path in [file.parent().unwrap(), &file] {
        let uid = std::os::unix::fs::MetadataExt::uid(&fs::metadata(&home).unwrap());
        std::os::unix::fs::chown(path, Some(uid), Some(uid)).unwrap();
    }
    let before = office.snapshot();
    let mut kills = 0;
    for call in CALLS {
        for number in 1..100 {
            let run = under_strace(&office, &[&format!("inject={call}:signal=SIGKILL:when={number}")]);
            if run.code == Some(0) {
                assert_eq!(office.report()["counts"]["changed"], 3);
                office.undo(&[]).success();
                assert_eq!(office.snapshot(), before, "{call} {number}");
                fs::remove_file(office.bench.path("journal")).unwrap();
                break;
            }
            kills += 1;
            if number % 2 == 0 {
                // Gone on with.
                office.apply(&["--resume"]).success();
                let report = office.report();
                let paired =
                    (0..3).all(|person| fs::read_to_string(office.file(person)).unwrap().contains("CERTIFICATE"));
                assert!(paired && report["counts"]["changed"] == 3, "{call} {number}: {report}");
                let certificates = |person| fs::read_to_string(office.file(person)).unwrap().matches("BEGIN").count();
                assert_eq!([certificates(0), certificates(1), certificates(2)], [1, 2, 1], "{call} {number}");
                office.apply(&["--resume"]).success().prints(&["0 changed", "3 done before"]);
            }
            if office.bench.path("journal").exists() {
                let undone = office.undo(&[]);
                // Not even the first line of the journal was whole: then nothing was done.
                assert!(undone.code == Some(0) || undone.code == Some(2), "{call} {number}: {undone}");
                fs::remove_file(office.bench.path("journal")).unwrap();
            }
            assert_eq!(office.snapshot(), before, "{call} {number}");
        }
    }
    assert!(kills > 20, "{kills}");
    not_run::to_terminal(&format!("{}: killed {kills} times", not_run::test_name()));
}

/// One file for all accounts, and undoing it: killed at each write, sync and renaming of both.
#[test]
fn a_batch_and_its_undo_killed_at_every_system_call() {
    let Some(office) = Office::of(3) else { return };
    if not_run::unless_installed("strace").is_none() {
        return;
    }
    let folder = office.crowd.root.join("etc/pam_pkcs11");
    fs::create_dir_all(&folder).unwrap();
    let text = "pam_pkcs11 {\n use_pkcs11_module = opensc;\n pkcs11_module opensc { cert_policy = signature; }\n \
        use_mappers = digest;\n mapper digest { algorithm = sha256; mapfile = file:///etc/pam_pkcs11/digest_mapping; }\n}\n";
    fs::write(folder.join("pam_pkcs11.conf"), text).unwrap();
    office.plan(&["--backend", "pam_pkcs11"]);
    let before = office.snapshot_without_locks();
    let mapped = || fs::read_to_string(folder.join("digest_mapping")).unwrap_or_default().matches(" -> p").count();
    let mut kills = [0, 0];
    for call in ["pwrite64", "fdatasync", "fsync", "renameat", "unlinkat", "write"] {
        let mut over = [false; 2];
        for number in 1..60 {
            let option = format!("inject={call}:signal=SIGKILL:when={number}");
            let run = under_strace(&office, &[&option]);
            over[0] |= run.code == Some(0);
            kills[0] += usize::from(run.code != Some(0));
            assert!([0, 3].contains(&mapped()), "{call} {number}: all or none");
            office.apply(&["--resume"]).success();
            assert_eq!((mapped(), &office.report()["counts"]["changed"]), (3, &3.into()), "{call} {number}");
            let journal = office.path("journal");
            let undo = ["bulk", "undo", &journal, "--root", office.root(), "--yes"];
            let run = strace(&office, &[&option], &undo);
            over[1] |= run.code == Some(0);
            kills[1] += usize::from(run.code != Some(0));
            assert!([0, 3].contains(&mapped()), "{call} {number}: all or none");
            office.undo(&[]).success();
            assert_eq!(office.snapshot_without_locks(), before, "{call} {number}");
            fs::remove_file(&journal).unwrap();
            if over == [true, true] {
                break;
            }
        }
    }
    assert!(kills[0] > 5 && kills[1] > 3, "{kills:?}");
    not_run::to_terminal(&format!("{}: killed {kills:?} times", not_run::test_name()));
}

fn under_strace(office: &Office, options: &[&str]) -> Output {
    let (plan, journal) = (office.path("plan.json"), office.path("journal"));
    let apply = ["bulk", "apply", &plan, "--journal", &journal, "--root", office.root(), "--yes", "--jobs", "1"];
    strace(office, options, &apply)
}

fn strace(office: &Office, options: &[&str], pivkit: &[&str]) -> Output {
    let program = binary("pivkit");
    let mut args = vec!["-f", "-qq", "-o", "/dev/null"];
    options.iter().for_each(|option| args.extend(["-e", option]));
    args.push(program.to_str().unwrap());
    args.extend(pivkit);
    office.bench.command("strace", &args).output()
}

#[test]
fn a_full_disk_changes_nothing_that_is_not_written_down() {
    let Some(office) = Office::of(40) else { return };
    let before = office.snapshot();
    // The disk of the journal is full after some rows: in a world of its own, of which nothing stays.
    let script = "mount -t tmpfs -o size=12k none \"$1\" && \"$2\" bulk apply \"$3\" --journal \"$1/journal\" --root \"$4\" --yes --jobs 1; \
        code=$?; cp \"$1/journal\" \"$5\"; exit $code";
    let (disk, journal, pivkit) = (office.path("disk"), office.path("journal"), binary("pivkit"));
    fs::create_dir(&disk).unwrap();
    let (plan, pivkit) = (office.path("plan.json"), pivkit.to_str().unwrap());
    let args = ["-m", "sh", "-c", script, "sh", &disk, pivkit, &plan, office.root(), &journal];
    let run = office.bench.command("unshare", &args).output().exits_with(FAILED);
    assert!(run.stderr.contains("No space left") && run.stderr.contains("Make room"), "{run}");
    let counts = office.report()["counts"].clone();
    assert!(counts["changed"].as_u64().unwrap() > 0 && counts["not_reached"].as_u64().unwrap() > 0, "{counts}");
    let paired = (0..40).filter(|person| office.file(*person).exists()).count() as u64;
    assert!(paired <= counts["changed"].as_u64().unwrap() + counts["in_doubt"].as_u64().unwrap(), "{counts}");
    office.apply(&["--resume"]).success();
    assert_eq!(office.report()["counts"]["changed"], 40);
    office.undo(&[]).success();
    assert_eq!(office.snapshot(), before);
}

#[test]
fn two_runs_do_not_share_a_journal() {
    let Some(office) = Office::of(2) else { return };
    let before = office.snapshot();
    office.apply(&[]).success();
    let journal = fs::File::open(office.bench.path("journal")).unwrap();
    journal.lock().unwrap();
    assert!(office.apply(&["--resume"]).exits_with(BUSY).stderr.contains("in use"));
    assert!(office.undo(&[]).exits_with(BUSY).stderr.contains("in use"));
    drop(journal);
    office.undo(&[]).success();
    assert_eq!(office.snapshot(), before);
}

/// Ctrl-C on a terminal, while the bar is shown: what is in hand is finished, and the rest can be gone on with.
#[test]
fn ctrl_c_on_a_terminal() {
    let Some(office) = Office::of(1000) else { return };
    let before = office.snapshot();
    let (plan, journal, pivkit) = (office.path("plan.json"), office.path("journal"), binary("pivkit"));
    let script = "import os, pty, select, sys\n\
        child, terminal = pty.fork()\n\
        if child == 0: os.execve(sys.argv[2], sys.argv[2:], {'TERM': 'xterm'})\n\
        screen, sent = b'', 0\n\
        while True:\n\
        \x20   if select.select([terminal], [], [], 0.01)[0]:\n\
        \x20       try: data = os.read(terminal, 4096)\n\
        \x20       except OSError: break\n\
        \x20       if not data: break\n\
        \x20       screen += data\n\
        \x20   if sent == 0 and b'/N]' in screen: os.write(terminal, b'y'); sent = 1\n\
        \x20   done = open(sys.argv[1]).read().count('\"outcome\"') if os.path.exists(sys.argv[1]) else 0\n\
        \x20   if sent == 1 and done > 5: os.write(terminal, b'\\x03'); sent = 2\n\
        print(screen.decode('utf-8', 'replace')); sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n";
    let args = ["-c", script, &journal, pivkit.to_str().unwrap()];
    let rest = ["bulk", "apply", &plan, "--journal", &journal, "--root", office.root(), "--jobs", "1"];
    let run = office.bench.command("python3", &[&args[..], &rest].concat()).output().exits_with(INTERRUPTED);
    assert!(run.stdout.contains(" of 1000 rows"), "the bar: {run}");
    assert!(run.stdout.contains("stopping after what is in hand") && run.stdout.contains("--resume"), "{run}");
    let counts = office.report()["counts"].clone();
    assert!(counts["changed"].as_u64().unwrap() > 5 && counts["not_reached"].as_u64().unwrap() > 0, "{counts}");
    assert_eq!(counts["in_doubt"], 0);
    assert!(Path::new(&journal).exists());
    office.apply(&["--resume"]).success();
    assert_eq!(office.report()["counts"]["changed"], 1000);
    office.undo(&[]).success();
    assert_eq!(office.snapshot(), before);
}

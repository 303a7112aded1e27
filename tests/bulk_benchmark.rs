//! Not a test: how long a hundred thousand rows take, beside a shell loop that asks openssl. A part of docs/benchmarks.md.

use std::fs;
use std::time::{Duration, Instant};

use crate::bench::crowd::Crowd;
use crate::bench::{Bench, binary};

/// People in the manifest.
const PEOPLE: usize = 100_000;
/// openssl is asked for so many of them, and its time scaled.
const SAMPLE: usize = 500;

/// What a run of a whole program took.
struct Cost {
    wall: f64,
    /// Of all cores together.
    cpu: f64,
    /// MiB.
    peak: f64,
}

/// The time alone, for whoever works on it: `... -- --ignored --exact bulk_benchmark::measure_plan --nocapture`.
#[test]
#[ignore = "it measures; scripts/bench runs it"]
fn measure_plan() {
    print!("{}", section());
}

/// The part of the page.
pub(crate) fn section() -> String {
    let bench = Bench::vpcd();
    let folder = bench.path("crowd");
    fs::create_dir(&folder).unwrap();
    let crowd = Crowd::make(&folder, PEOPLE);
    let tenth = cost(&bench, &crowd.manifest_of(PEOPLE / 10), &crowd);
    // The first time brings the files into the cache.
    let [_, whole] = [(); 2].map(|()| cost(&bench, &crowd.manifest, &crowd));
    let loop_ = shell_loop(&bench, &crowd).as_secs_f64() * (PEOPLE as f64 / SAMPLE as f64);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "\n## A manifest of {PEOPLE} rows\n\n\
         Each row names a certificate file of its own (P-256, PEM), each account has a home directory in a tree; the backend is\n\
         pam_p11; {cores} cores; files in the cache. The other line is a shell loop that asks `openssl` for validity and pairing\n\
         hash of each file and nothing else; it was run for {SAMPLE} of the files, in the same run, and its time multiplied.\n\n\
         | what | time, s | CPU, s | peak memory, MiB |\n|---|---|---|---|\n\
         | `pivkit bulk plan --json`, {PEOPLE} rows | {:.1} | {:.1} | {:.0} |\n\
         | `pivkit bulk plan --json`, {} rows | {:.1} | {:.1} | {:.0} |\n\
         | a loop with `openssl`, {PEOPLE} files (scaled) | {loop_:.0} | | |\n",
        whole.wall,
        whole.cpu,
        whole.peak,
        PEOPLE / 10,
        tenth.wall,
        tenth.cpu,
        tenth.peak,
    ) + &applied(&bench, &crowd)
}

/// What carrying it out takes, through the digest mapper of pam_pkcs11: one file for all accounts.
fn applied(bench: &Bench, crowd: &Crowd) -> String {
    let folder = crowd.root.join("etc/pam_pkcs11");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("pam_pkcs11.conf"), PAM_PKCS11).unwrap();
    let taking = taking_away(bench, crowd);
    let tenth = apply_cost(bench, &crowd.manifest_of(PEOPLE / 10), crowd);
    let whole = apply_cost(bench, &crowd.manifest, crowd);
    let times = whole.wall / tenth.wall;
    assert!(times <= 12.0, "{PEOPLE} rows take {times:.1} times as long as a tenth of them");
    format!(
        "| `pivkit bulk plan --json`, {PEOPLE} rows, one unpairs, pam_pkcs11 | {:.1} | {:.1} | {:.0} |\n\
         | `pivkit bulk apply`, {PEOPLE} rows, pam_pkcs11 | {:.1} | {:.1} | {:.0} |\n\
         | `pivkit bulk apply`, {} rows, pam_pkcs11 | {:.1} | {:.1} | {:.0} |\n\n\
         Ten times the rows take {times:.1} times as long.\n",
        taking.wall,
        taking.cpu,
        taking.peak,
        whole.wall,
        whole.cpu,
        whole.peak,
        PEOPLE / 10,
        tenth.wall,
        tenth.cpu,
        tenth.peak,
    )
}

/// Plans the manifest for one file, the last row of which takes its person's pairings away: then each row counts on those before.
fn taking_away(bench: &Bench, crowd: &Crowd) -> Cost {
    let text = fs::read_to_string(&crowd.manifest).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let (others, last) = rows.trim_end().rsplit_once('\n').unwrap();
    let manifest = crowd.manifest.with_file_name("taking.csv");
    let with_action: String = others.lines().map(|row| format!("{row},pair\n")).collect();
    fs::write(&manifest, format!("{header},action\n{with_action}{last},unpair\n")).unwrap();
    let (out, pivkit) = (bench.path("taking.json"), binary("pivkit"));
    let [pivkit, manifest, root] = [&pivkit, &manifest, &crowd.root].map(|path| path.to_str().unwrap());
    let args = [pivkit, "bulk", "plan", manifest, "--root", root, "--backend", "pam_pkcs11", "--json"];
    let cost = measured(bench, &out, &args);
    let plan: serde_json::Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
    let rows = plan["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[PEOPLE - 1]["action"]), (PEOPLE, &"unpair".into()));
    fs::remove_file(out).unwrap();
    cost
}

/// Plans the manifest, carries it out, checks that the file has all rows, and puts everything back.
fn apply_cost(bench: &Bench, manifest: &std::path::Path, crowd: &Crowd) -> Cost {
    let [plan, journal] = ["plan.json", "journal"].map(|name| bench.path(name));
    let (plan_text, journal_text) = (plan.to_str().unwrap(), journal.to_str().unwrap());
    let (manifest_text, root) = (manifest.to_str().unwrap(), crowd.root.to_str().unwrap());
    let run =
        |args: &[&str]| bench.pivkit(&[&["bulk"], args].concat()).limit(Duration::from_secs(600)).output().success();
    let planned = run(&["plan", manifest_text, "--root", root, "--backend", "pam_pkcs11", "--json"]);
    fs::write(&plan, planned.bytes).unwrap();
    let pivkit = binary("pivkit");
    let args =
        [pivkit.to_str().unwrap(), "bulk", "apply", plan_text, "--journal", journal_text, "--root", root, "--yes"];
    let cost = measured(bench, &bench.path("applied"), &args);
    let kept = fs::read_to_string(crowd.root.join("etc/pam_pkcs11/digest_mapping")).unwrap();
    let rows = fs::read_to_string(manifest).unwrap().lines().count() - 1;
    assert_eq!(kept.lines().filter(|line| !line.starts_with('#') && line.contains(" -> ")).count(), rows);
    run(&["undo", journal_text, "--root", root, "--yes"]);
    assert!(!crowd.root.join("etc/pam_pkcs11/digest_mapping").exists());
    fs::remove_file(journal).unwrap();
    cost
}

const PAM_PKCS11: &str = "pam_pkcs11 {\n  use_pkcs11_module = opensc;\n  pkcs11_module opensc { cert_policy = signature; }\n  \
    use_mappers = digest;\n  mapper digest { algorithm = sha256; mapfile = file:///etc/pam_pkcs11/digest_mapping; }\n}\n";

/// Plans the manifest, and checks that every row was.
fn cost(bench: &Bench, manifest: &std::path::Path, crowd: &Crowd) -> Cost {
    let out = bench.path("plan.json");
    let (pivkit, out_text) = (binary("pivkit"), out.clone());
    let [pivkit, manifest_text, root] =
        [&pivkit, manifest, &crowd.root].map(|path: &std::path::Path| path.to_str().unwrap());
    let cost = measured(bench, &out_text, &[pivkit, "bulk", "plan", manifest_text, "--root", root, "--json"]);
    let rows = fs::read_to_string(manifest).unwrap().lines().count() - 1;
    let planned =
        fs::read(&out).unwrap().split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"      \"user\"")).count();
    assert_eq!(planned, rows);
    cost
}

/// What a program takes, the output of which goes into a file.
fn measured(bench: &Bench, out: &std::path::Path, program: &[&str]) -> Cost {
    let script = "import json, resource, subprocess, sys, time\n\
        start = time.monotonic()\n\
        subprocess.run(sys.argv[2:], stdout=open(sys.argv[1], 'wb'), check=True)\n\
        used = resource.getrusage(resource.RUSAGE_CHILDREN)\n\
        print(json.dumps([time.monotonic() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))\n";
    let args = [&["-c", script, out.to_str().unwrap()], program].concat();
    let run = bench.command("python3", &args).limit(Duration::from_secs(600)).output().success();
    let figures: [f64; 3] = serde_json::from_value(run.json()).unwrap();
    Cost { wall: figures[0], cpu: figures[1], peak: figures[2] }
}

/// What an admin writes without pivkit: whether the certificate is valid still, and its pairing hash.
fn shell_loop(bench: &Bench, crowd: &Crowd) -> Duration {
    let files = crowd.sample(PEOPLE / SAMPLE);
    let list: String = files.iter().map(|file| format!("{}\n", file.display())).collect();
    let script = "while read -r file; do\n\
        openssl x509 -in \"$file\" -noout -checkend 0 >/dev/null || continue\n\
        hash=$(openssl x509 -in \"$file\" -noout -pubkey | openssl pkey -pubin -outform DER | tail -c 65 | sha1sum)\n\
        echo \"${hash%% *} $file\"\n\
        done";
    let start = Instant::now();
    let output = bench.command("sh", &["-c", script]).stdin(list).limit(Duration::from_secs(600)).output().success();
    let time = start.elapsed();
    // Both say the same of every file of the sample.
    let plan: serde_json::Value = serde_json::from_slice(&fs::read(bench.path("plan.json")).unwrap()).unwrap();
    let rows = plan["rows"].as_array().unwrap();
    assert_eq!(output.stdout.lines().count(), SAMPLE);
    for (line, row) in output.stdout.lines().zip(rows.iter().step_by(PEOPLE / SAMPLE)) {
        let (hash, file) = line.split_once(' ').unwrap();
        assert_eq!(row["pairing_hash"], hash.to_uppercase(), "{line}");
        assert!(file.ends_with(&format!("{}.pem", row["user"].as_str().unwrap())), "{line}");
    }
    time
}

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
    let whole = cost(&bench, &crowd.manifest, &crowd);
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
    )
}

/// Plans the manifest, and checks that every row was.
fn cost(bench: &Bench, manifest: &std::path::Path, crowd: &Crowd) -> Cost {
    let out = bench.path("plan.json");
    let script = "import json, resource, subprocess, sys, time\n\
        start = time.monotonic()\n\
        subprocess.run(sys.argv[2:], stdout=open(sys.argv[1], 'wb'), check=True)\n\
        used = resource.getrusage(resource.RUSAGE_CHILDREN)\n\
        print(json.dumps([time.monotonic() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))\n";
    let pivkit = binary("pivkit");
    let [out_text, pivkit, manifest, root] =
        [&out, &pivkit, manifest, &crowd.root].map(|path: &std::path::Path| path.to_str().unwrap());
    let args = ["-c", script, out_text, pivkit, "bulk", "plan", manifest, "--root", root, "--json"];
    let run = bench.command("python3", &args).limit(Duration::from_secs(600)).output().success();
    let figures: [f64; 3] = serde_json::from_value(run.json()).unwrap();
    let rows = fs::read_to_string(manifest).unwrap().lines().count() - 1;
    let planned =
        fs::read(&out).unwrap().split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"      \"user\"")).count();
    assert_eq!(planned, rows);
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

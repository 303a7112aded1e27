//! Not a test: measures pivkit and other tools on one card in one run, and writes docs/benchmarks.md. scripts/bench runs it.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::bench::process::{Output, Run};
use crate::bench::reference_card::{Keys, ReferenceCard, pin_file};
use crate::bench::{Bench, PIN};
use crate::foreign_clients::opensc_pkcs11;

/// How long the card takes for each command, in milliseconds: real ones take 5 to 50.
const DELAY: &str = "10";
/// Wall times are the median of so many runs.
const RUNS: usize = 5;

#[test]
#[ignore = "it measures; scripts/bench runs it"]
fn measure() {
    let (bulk, logins) = (crate::bulk_benchmark::section(), crate::login_benchmark::section());
    let page = [head(), commands_and_times(), several_cards(), bulk, logins, "\n".to_owned()].concat();
    std::fs::write(crate::bench::project().join("docs/benchmarks.md"), page).unwrap();
}

/// A job, and the tools that do it; pivkit first.
struct Job {
    name: &'static str,
    tools: Vec<(&'static str, Vec<String>)>,
}

fn jobs(bench: &Bench) -> Vec<Job> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let module = opensc_pkcs11(bench);
    let module = module.to_str().unwrap();
    let pin = pin_file(bench);
    let message = bench.file("message", "what is signed");
    let message = message.to_str().unwrap();
    let (ours, out) = (bench.path("ours"), bench.path("theirs"));
    let (ours, out) = (ours.to_str().unwrap(), out.to_str().unwrap());
    let yubico = "yubico-piv-tool --reader Virtual";
    vec![
        Job {
            name: "List every certificate",
            tools: vec![
                ("`pivkit identities`", words("pivkit identities")),
                ("`pkcs15-tool -c`", words("pkcs15-tool -c")),
                ("`pkcs11-tool -O`", words(&format!("pkcs11-tool --module {module} -O"))),
                ("`yubico-piv-tool -a status`", words(&format!("{yubico} -a status"))),
            ],
        },
        Job {
            name: "The pairing hash of one slot (others: its certificate)",
            tools: vec![
                ("`pivkit hash --slot 9a`", words("pivkit hash --slot 9a")),
                ("`yubico-piv-tool -a read-certificate`", words(&format!("{yubico} -a read-certificate -s 9a"))),
                ("`pkcs15-tool --read-certificate 01`", words("pkcs15-tool --read-certificate 01")),
            ],
        },
        Job {
            name: "A signature with the PIN, slot 9a",
            tools: vec![
                (
                    "`pivkit card sign`",
                    words(&format!(
                        "pivkit card sign --slot 9a --algorithm RS256 --pin-file {pin} --out {ours} {message}"
                    )),
                ),
                (
                    "`pkcs11-tool --sign`",
                    words(&format!(
                        "pkcs11-tool --module {module} --login --pin {PIN} --sign --id 01 -m SHA256-RSA-PKCS -i {message} -o {out}"
                    )),
                ),
                (
                    "`yubico-piv-tool --sign`",
                    words(&format!(
                        "{yubico} -a verify-pin -P {PIN} --sign -s 9a -A RSA2048 -H SHA256 -i {message} -o {out}"
                    )),
                ),
            ],
        },
    ]
}

fn run(bench: &Bench, command: &[String]) -> Output {
    let args: Vec<&str> = command.iter().skip(1).map(String::as_str).collect();
    let run: Run = if command[0] == "pivkit" { bench.pivkit(&args) } else { bench.command(&command[0], &args) };
    run.output().success()
}

fn commands_and_times() -> String {
    let bench = Bench::pcscd().expect("the benchmark needs what the scenarios need");
    let keys = Keys::make(&bench);
    let jobs = jobs(&bench);
    let [extended, short] = [[].as_slice(), &["--no-extended"]].map(|options: &[&str]| {
        let options = [&["--delay", DELAY], options].concat();
        let card = ReferenceCard::insert(&bench, &bench.reader_address(), &keys, &options);
        bench.wait_for_card();
        let measured: Vec<Vec<(usize, Duration)>> = jobs.iter().map(|job| measure_job(&bench, &card, job)).collect();
        drop(card);
        bench.wait_for_empty_reader();
        measured
    });
    let mut text = String::new();
    for (index, job) in jobs.iter().enumerate() {
        let _ = write!(
            text,
            "\n## {}\n\n| tool | commands, extended length | commands, short | time, extended length | time, short |\n|---|---|---|---|---|\n",
            job.name
        );
        let ours = (extended[index][0].1, short[index][0].1);
        for (tool, (name, _)) in job.tools.iter().enumerate() {
            let ((n, t), (m, u)) = (extended[index][tool], short[index][tool]);
            let _ = writeln!(text, "| {name} | {n} | {m} | {:.1} | {:.1} |", ratio(t, ours.0), ratio(u, ours.1));
        }
    }
    text
}

/// For each tool the commands that the card got, and the median time.
fn measure_job(bench: &Bench, card: &ReferenceCard, job: &Job) -> Vec<(usize, Duration)> {
    let measured = job.tools.iter().map(|(_, command)| {
        let (commands, _) = card.count(|| run(bench, command));
        (commands, median(|| drop(run(bench, command))))
    });
    measured.collect()
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[RUNS / 2]
}

fn ratio(time: Duration, ours: Duration) -> f64 {
    time.as_secs_f64() / ours.as_secs_f64()
}

/// `pivkit identities` with one card, and with eight of the same kind.
fn several_cards() -> String {
    let readers = [("Reader A", 35963), ("Reader B", 36963), ("Reader C", 37963), ("Reader D", 38963)];
    let bench = Bench::with_readers(&readers).expect("the benchmark needs what the scenarios need");
    let keys = Keys::make(&bench);
    let mut cards = Vec::new();
    let mut measured = |count: usize| {
        let ports = readers.iter().flat_map(|(_, port)| [*port, port + 1]).take(count).skip(cards.len());
        for port in ports.collect::<Vec<u16>>() {
            cards.push(ReferenceCard::insert(&bench, &format!("127.0.0.1:{port}"), &keys, &["--delay", DELAY]));
            bench.wait_for_card();
        }
        median(|| {
            let report = bench.pivkit(&["identities", "--json"]).output().success();
            assert_eq!(report.json()["cards"].as_array().unwrap().len(), count, "{report}");
        })
    };
    let (one, eight) = (measured(1), measured(8));
    format!(
        "\n## Several readers at once\n\n`pivkit identities` with eight such cards takes {:.1} times as long as with one.\n",
        ratio(eight, one)
    )
}

fn head() -> String {
    let bench = Bench::pcscd().expect("the benchmark needs what the scenarios need");
    let version = |package: &str| {
        let found = bench.command("dpkg-query", &["-W", "-f", "${Version}", package]).output();
        format!("{package} {}", found.stdout.trim())
    };
    let versions = ["pcscd", "vsmartcard-vpcd", "opensc", "yubico-piv-tool"].map(version).join(", ");
    format!(
        "# Benchmarks\n\n\
         Written by `scripts/bench`; do not edit.\n\n\
         One card with certificates in 9a (RSA-2048), 9c (P-256), 9d (RSA-2048), 9e (P-256) and 82 (RSA-2048), played by\n\
         `pivkit-vcard` behind pcscd and vpcd, once taking extended APDUs and once not. The card counts every command APDU that\n\
         reaches it, GET RESPONSE included, and answers each {DELAY} ms late, as a card in a reader does (5 to 50 ms). Times are\n\
         medians of {RUNS} runs of the whole program, as multiples of pivkit's in the same run.\n\n\
         Measured with {versions}.\n"
    )
}

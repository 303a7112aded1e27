//! Not a test: how many logins `pivkit-idp` takes beside what their cryptography costs alone, what memory that needs, and what
//! a login costs the client beside the card. A part of docs/benchmarks.md.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use psso::http::{HttpClient, HttpError, HttpRequest, HttpResponse};
use psso::jose::jwe::{self, Recipient};
use psso::jose::{Algorithm, EcPrivateKey, PublicKey, Signer, SignerError, ecdsa, jws};
use psso::{CardCredential, Client, Config, DeviceKeys, RegistrationRequest, TimeLimits, UreqClient};

use crate::bench::Bench;
use crate::bench::idp::Idp;
use crate::bench::load;
use crate::bench::software_card::{CardKey, SoftwareAuthority};

/// How much is measured.
struct Amount {
    logins: usize,
    /// On each connection between two steps.
    batch: usize,
    /// After so many, the memory is read for the first time.
    warm: usize,
    /// Rounds of the cryptography alone, on each core; logins of a client alone.
    rounds: usize,
}

const WHOLE: Amount = Amount { logins: 100_000, batch: 250, warm: 10_000, rounds: 2_000 };

/// The numbers alone, for whoever works on them: `... -- --ignored --exact login_benchmark::measure_logins --nocapture`.
#[test]
#[ignore = "it measures; scripts/bench runs it"]
fn measure_logins() {
    print!("{}", section());
}

#[test]
fn what_measures_logins_works() {
    let text = measured(&Amount { logins: 160, batch: 10, warm: 80, rounds: 5 });
    print!("{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("| ")).count(), 10, "{text}");
}

/// The part of the page.
pub(crate) fn section() -> String {
    measured(&WHOLE)
}

fn measured(amount: &Amount) -> String {
    let bench = Bench::vpcd();
    let authority = SoftwareAuthority::new(&bench);
    let idp = Idp::start_quietly(&bench, &authority.file);
    let configuration = fs::read_to_string(idp.configuration(&bench)).unwrap();
    let own = own_time(&bench.path("alone"), &configuration, &authority, amount.rounds);
    let before = cryptography(&authority, amount.rounds);
    fs::create_dir(bench.path("load")).unwrap();
    let mut memory = Vec::new();
    let times =
        load::log_in(&bench.path("load"), &configuration, &authority, (amount.logins, amount.batch), |logins| {
            if memory.is_empty() && logins >= amount.warm {
                memory.push((logins, resident(idp.process())));
            }
        });
    memory.push((times.logins, resident(idp.process())));
    let limit = f64::midpoint(before, cryptography(&authority, amount.rounds));
    page(&times, limit, &memory, &own)
}

fn page(times: &load::Times, limit: f64, memory: &[(usize, f64)], own: &OwnTime) -> String {
    let cores = cores();
    let logins = times.logins as f64 / times.provider.as_secs_f64();
    let signed = times.signing.as_secs_f64() / times.logins as f64 * 1e6;
    let [(warm, before), (all, after)] = memory else { panic!("{memory:?}") };
    format!(
        "\n## Logins at `pivkit-idp`\n\n\
         SmartCard logins with cards on P-256, over {} connections that stay open, state on the disk, the log at warnings; {cores}\n\
         cores, which the client that asks has its share of. A login is a nonce request and a login request; what the client\n\
         signs between the two is done for many logins at once and left out: {signed:.0} µs for each login. The cryptography\n\
         alone is what a login cannot do without, in a loop on {cores} cores in the same run: three ECDSA signatures verified (device,\n\
         card, certificate), one made (id_token), an ephemeral key, ECDH and AES-GCM. At least half of that was the aim.\n\n\
         | what | logins per second |\n|---|---|\n\
         | the cryptography alone | {limit:.0} |\n\
         | `pivkit-idp` | {logins:.0} |\n\
         | part of the limit | {:.0} % |\n\n\
         | after so many logins | memory of `pivkit-idp`, MiB |\n|---|---|\n\
         | {warm} | {before:.1} |\n\
         | {all} | {after:.1} |\n\n\
         ## A login, beside the card\n\n\
         The library against `pivkit-idp` on the same machine, with a card in software; medians. The aim was 5 ms.\n\n\
         | what | time, ms |\n|---|---|\n\
         | the client alone: messages, device signature, decryption, checks of the id_token | {:.2} |\n\
         | with HTTP on the loopback interface and what the identity provider does | {:.2} |\n",
        load::CONNECTIONS,
        100.0 * logins / limit,
        millis(own.alone),
        millis(own.with_provider),
    )
}

/// Resident memory of a process, in MiB.
fn resident(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// How many times per second all cores together can do what a login cannot do without.
fn cryptography(authority: &SoftwareAuthority, rounds: usize) -> f64 {
    let key = || EcPrivateKey::generate().unwrap();
    let (mut device, encryption, mut provider) = (key(), key(), key());
    let mut card = authority.issue("alice", CardKey::p256());
    let header = serde_json::json!({"alg": "ES256", "kid": "k".repeat(44), "typ": "JWT"});
    let header = header.as_object().unwrap();
    // As long as the messages are.
    let (outer, embedded, claims) = (vec![b'x'; 2600], vec![b'x'; 1300], vec![b'x'; 400]);
    let signatures = [device.sign(&outer).unwrap(), card.sign(&embedded).unwrap()];
    let issued = PublicKey::from_spki_der(&authority.public_key()).unwrap();
    let certificate = (card.certificate.clone(), ecdsa::der_to_raw(&authority.sign(&card.certificate), 32).unwrap());
    let keys = [device.public(), card.public_key()];
    let work = |provider: &mut EcPrivateKey| {
        keys[0].verify(Algorithm::Es256, &outer, &signatures[0]).unwrap();
        keys[1].verify(Algorithm::Es256, &embedded, &signatures[1]).unwrap();
        issued.verify(Algorithm::Es256, &certificate.0, &certificate.1).unwrap();
        let id_token = jws::sign(header, &claims, provider).unwrap();
        let recipient = Recipient {
            public: &encryption.public(),
            apu: &|point| point.to_vec(),
            apv: &[0; 118],
            apv_in_header: true,
            typ: None,
            kid: None,
        };
        jwe::encrypt(&recipient, id_token.as_bytes()).unwrap();
    };
    work(&mut provider);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..cores() {
            let (work, mut provider) = (&work, provider.clone());
            scope.spawn(move || (0..rounds).for_each(|_| work(&mut provider)));
        }
    });
    (cores() * rounds) as f64 / start.elapsed().as_secs_f64()
}

/// What a login costs a client beside the card's signature.
struct OwnTime {
    alone: Duration,
    with_provider: Duration,
}

fn own_time(folder: &Path, configuration: &str, authority: &SoftwareAuthority, logins: usize) -> OwnTime {
    let elsewhere = Rc::new(Cell::new(Duration::ZERO));
    let http = Timed { inner: UreqClient::new(TimeLimits::default()), time: Rc::clone(&elsewhere) };
    let client = Client::new(Config::from_toml(configuration).unwrap(), Box::new(http));
    let keys = DeviceKeys::open_or_create(folder).unwrap();
    client.register(&keys, &RegistrationRequest::new("alice")).unwrap();
    let mut card = authority.issue("alice", CardKey::p256());
    let certificate = card.certificate.clone();
    let (mut alone, mut with_provider) = (Vec::new(), Vec::new());
    for _ in 0..logins {
        elsewhere.set(Duration::ZERO);
        let mut signer = Timed { inner: &mut card, time: Rc::new(Cell::default()) };
        let start = Instant::now();
        let pending = client.begin_login("alice").unwrap();
        let credential = CardCredential { certificate_der: &certificate, signer: &mut signer };
        let outcome = client.finish_login(pending, &keys, credential).unwrap();
        let whole = start.elapsed();
        assert_eq!(outcome.id_token_claims["sub"], "alice");
        let beside_card = whole - signer.time.get();
        alone.push(beside_card - elsewhere.get());
        with_provider.push(beside_card);
    }
    OwnTime { alone: median(alone), with_provider: median(with_provider) }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Somebody else's work, and the time that it takes.
struct Timed<T> {
    inner: T,
    time: Rc<Cell<Duration>>,
}

impl<T> Timed<T> {
    fn measure<R>(time: &Cell<Duration>, work: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = work();
        time.set(time.get() + start.elapsed());
        result
    }
}

impl<T: HttpClient> HttpClient for Timed<T> {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        Self::measure(&self.time, || self.inner.send(request))
    }
}

impl<T: Signer> Signer for Timed<&mut T> {
    fn algorithm(&self) -> Algorithm {
        self.inner.algorithm()
    }

    fn sign(&mut self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let inner = &mut self.inner;
        Self::measure(&self.time, || inner.sign(message))
    }
}

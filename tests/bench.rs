//! What a scenario stands on: a card in a reader, an identity provider, people with accounts.
//!
//! ```text
//! Bench::pcscd()   a World (namespaces): pcscd, live accounts, PAM          Linux, root
//! Bench::vpcd()    --transport vpcd:, accounts in a directory tree (--root)  anywhere
//! ```
//!
//! Everything ends with the bench, and nothing of the machine changes. Nothing waits for a length of time: a bench waits for
//! events, with [`LIMIT`](process::LIMIT) as the time after which something hangs.

pub(crate) mod browser;
pub(crate) mod card;
pub(crate) mod crowd;
pub(crate) mod fleet;
pub(crate) mod foreign_card;
pub(crate) mod hosted_card;
pub(crate) mod idp;
pub(crate) mod load;
pub(crate) mod mac;
pub(crate) mod not_run;
pub(crate) mod oracle;
pub(crate) mod process;
pub(crate) mod recorder;
pub(crate) mod reference_card;
pub(crate) mod secret;
pub(crate) mod software_card;
pub(crate) mod stand_in;
pub(crate) mod stub_card;
pub(crate) mod terminal;
mod world;
pub(crate) mod yubikey;

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use base64::Engine as _;
use process::{Output, Run, Service};
use terminal::Terminal;
use world::World;

/// Where a scenario takes place.
pub(crate) struct Bench {
    // Dropped in this order: programs, namespaces, files.
    services: RefCell<Vec<Service>>,
    world: Option<World>,
    directory: tempfile::TempDir,
    /// The virtual reader's port of a bench without pcscd.
    port: u16,
}

/// The PIN of every virtual card.
pub(crate) const PIN: &str = "123456";

impl Bench {
    /// A bench with pcscd and a virtual reader. `None`, said aloud, where that cannot be.
    pub(crate) fn pcscd() -> Option<Self> {
        let bench = Self::without_pcscd()?;
        bench.start_pcscd();
        Some(bench)
    }

    /// As [`Bench::pcscd`], with a reader of this name: some programs go by it.
    pub(crate) fn pcscd_with_reader(name: &str) -> Option<Self> {
        let bench = Self::without_pcscd()?;
        let file = bench.inside("/etc/reader.conf.d/vpcd");
        let readers = fs::read_to_string(&file).unwrap();
        assert!(readers.contains(READER), "{readers}");
        fs::write(&file, readers.replace(READER, name)).unwrap();
        bench.start_pcscd();
        Some(bench)
    }

    /// As [`Bench::pcscd`], before pcscd is started.
    pub(crate) fn without_pcscd() -> Option<Self> {
        Self::world(&[("Virtual PCD", VPCD_PORT)])
    }

    /// As [`Bench::pcscd`], with virtual readers of these names, each with two slots: at its port and at the next one.
    pub(crate) fn with_readers(readers: &[(&str, u16)]) -> Option<Self> {
        let bench = Self::world(readers)?;
        bench.start_pcscd();
        Some(bench)
    }

    fn world(readers: &[(&str, u16)]) -> Option<Self> {
        if let Some(why) = World::obstacle() {
            return not_run::report(why);
        }
        for program in ["pcscd", "opensc-tool", "ip"] {
            not_run::unless_installed(program)?;
        }
        let directory = working_directory();
        let world = World::new(directory.path(), readers);
        Some(Self { services: RefCell::default(), world: Some(world), directory, port: readers[0].1 })
    }

    /// A bench whose virtual card connects straight to pivkit, and whose people live in a directory tree.
    pub(crate) fn vpcd() -> Self {
        let bench =
            Self { services: RefCell::default(), world: None, directory: working_directory(), port: free_port() };
        // Without root, a file can only be given to oneself.
        let own = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
        let (uid, gid) = if own.0 == 0 { (4001, 4001) } else { own };
        let root = bench.root();
        fs::create_dir_all(root.join("etc")).unwrap();
        let mut passwd = String::from("root:x:0:0:root:/root:/bin/sh\n");
        for (name, uid, gid) in [("alice", uid, gid), ("bob", uid + 1, gid + 1)] {
            passwd.push_str(&format!("{name}:x:{uid}:{gid}:{name}:/home/{name}:/bin/sh\n"));
            let home = root.join("home").join(name);
            fs::create_dir_all(&home).unwrap();
            if own.0 == 0 {
                std::os::unix::fs::chown(&home, Some(uid), Some(gid)).unwrap();
            }
        }
        fs::write(root.join("etc/group"), format!("root:x:0:\nalice:x:{gid}:\nbob:x:{}:\n", gid + 1)).unwrap();
        fs::write(root.join("etc/passwd"), passwd).unwrap();
        bench
    }

    /// Starts pcscd, unless it runs, and waits until it is ready.
    pub(crate) fn start_pcscd(&self) {
        let help = self.command("pcscd", &["--help"]).output();
        // Newer ones ask polkit, which is not in here.
        let more: &[&str] = if help.stdout.contains("--disable-polkit") { &["--disable-polkit"] } else { &[] };
        let pcscd = self.service("pcscd", &[&["--foreground", "--debug"], more].concat());
        pcscd.wait_for("that it is ready", |line| line.contains("daemon ready").then_some(()));
        self.keep(pcscd);
    }

    /// Waits until pcscd has powered on the card that was just inserted.
    pub(crate) fn wait_for_card(&self) {
        let services = self.services.borrow();
        let pcscd = services.first().unwrap();
        pcscd.wait_for("that a card is in", |line| line.contains("Card inserted into").then_some(()));
    }

    /// Waits until pcscd has noticed that the card is gone.
    pub(crate) fn wait_for_empty_reader(&self) {
        let services = self.services.borrow();
        let pcscd = services.first().unwrap();
        pcscd.wait_for("that the card is gone", |line| line.contains("Card Removed From").then_some(()));
    }

    /// Lets a service run as long as this bench.
    pub(crate) fn keep(&self, service: Service) {
        self.services.borrow_mut().push(service);
    }

    /// A file or directory of the scenario.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file of the scenario that only its owner can read.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// The file that pam_p11 reads, as it is reached from this process.
    pub(crate) fn authorized_certificates(&self, person: &str) -> PathBuf {
        let below = format!("home/{person}/.eid/authorized_certificates");
        match &self.world {
            Some(world) => world.path(Path::new("/").join(below)),
            None => self.root().join(below),
        }
    }

    /// A path of the scenario's world, as it is reached from this process.
    pub(crate) fn inside(&self, path: &str) -> PathBuf {
        self.world.as_ref().map_or_else(|| PathBuf::from(path), |world| world.path(path))
    }

    fn root(&self) -> PathBuf {
        self.path("root")
    }

    /// The address of the virtual reader.
    pub(crate) fn reader_address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// True if the cards go through pcscd.
    pub(crate) fn has_pcscd(&self) -> bool {
        self.world.is_some()
    }

    /// A program, with nothing of this process' environment in it but what it needs.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, program: impl AsRef<OsStr>, args: &[S]) -> Run {
        Run::new(self.bare(program)).args(args)
    }

    /// pivkit, on this bench's cards and accounts.
    pub(crate) fn pivkit(&self, args: &[&str]) -> Run {
        self.pivkit_with(args, &[])
    }

    /// pivkit, with more variables in its environment.
    pub(crate) fn pivkit_with(&self, args: &[&str], environment: &[(&str, &str)]) -> Run {
        let mut command = self.bare(binary("pivkit"));
        command.args(args).args(self.own_arguments(args));
        for (name, value) in environment {
            command.env(name, value);
        }
        Run::new(command)
    }

    /// pivkit on a terminal that is so many columns wide, with a person at it.
    pub(crate) fn at_terminal(&self, columns: u16, args: &[&str]) -> Terminal {
        self.at_terminal_with_output(columns, args, Path::new("/dev/tty"))
    }

    /// As [`Bench::at_terminal`], with the standard output in a file.
    pub(crate) fn at_terminal_with_output(&self, columns: u16, args: &[&str], output: &Path) -> Terminal {
        let columns = columns.to_string();
        let mut words = vec!["-c".into(), terminal::SCRIPT.into(), "sh".into(), columns.into()];
        words.extend([binary("pivkit").into_os_string()]);
        words.extend(args.iter().map(Into::into));
        words.extend(self.own_arguments(args));
        // A signal that the terminal sends is for the programs in the world, and not for the one that leads there.
        let (program, leading): (_, &[&str]) =
            if self.has_pcscd() { ("setsid", &["--ctty", "--wait", "sh"]) } else { ("sh", &[]) };
        let mut command = self.bare(program);
        command.args(leading).args(words).env("TERM", "xterm").env("OUTPUT", output);
        Terminal::start(command)
    }

    /// What pivkit needs to be told of a bench without pcscd.
    fn own_arguments(&self, args: &[&str]) -> Vec<OsString> {
        let mut own = Vec::new();
        if self.world.is_none() {
            let words: Vec<&str> = args.iter().copied().take_while(|word| !word.starts_with('-')).collect();
            if matches!(
                words.as_slice(),
                ["readers" | "identities" | "pair" | "check" | "card" | "provision", ..]
                    | ["psso", "login", ..]
                    | ["hash"]
            ) {
                own.extend(["--transport".into(), format!("vpcd:{}", self.reader_address()).into()]);
            }
            if matches!(words.as_slice(), ["pair" | "unpair" | "list" | "check", ..]) {
                own.extend(["--root".into(), self.root().into_os_string()]);
            }
        }
        own
    }

    /// Runs openssl, with `input`, and expects it to succeed.
    pub(crate) fn openssl(&self, args: &[&str], input: &[u8]) -> Output {
        self.command("openssl", args).stdin(input).output().success()
    }

    /// A program that runs in the background.
    pub(crate) fn service<S: AsRef<OsStr>>(&self, program: &str, args: &[S]) -> Service {
        let mut command = self.bare(program);
        command.args(args);
        Service::keep(program, &command)
    }

    fn bare(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match &self.world {
            Some(world) => world.command(program),
            None => Command::new(program),
        };
        command.env_clear().env("PATH", PATH).env("HOME", self.directory.path()).env("LANG", "C.UTF-8");
        // A panic would show itself.
        command.env("RUST_BACKTRACE", "1").env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// What tests/bench/world.sh calls the reader.
const READER: &str = "Virtual PCD";

/// Where vpcd of vsmartcard listens, for its first reader.
const VPCD_PORT: u16 = 35963;

/// The address of vpcd's second reader.
pub(crate) fn second_reader() -> String {
    format!("127.0.0.1:{}", VPCD_PORT + 1)
}

/// The bytes of a base64 text in a report.
pub(crate) fn from_base64(text: &serde_json::Value) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(text.as_str().unwrap()).unwrap()
}

const PATH: &str =
    "/opt/homebrew/opt/openssl/bin:/opt/homebrew/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn working_directory() -> tempfile::TempDir {
    let keep = std::env::var_os("KEEP").is_some();
    let directory = tempfile::Builder::new().prefix("pivkit-").disable_cleanup(keep).tempdir().unwrap();
    if keep {
        not_run::to_terminal(&format!("{}: {}", not_run::test_name(), directory.path().display()));
    }
    directory
}

/// A port below those that systems give to outgoing connections, that nobody listens on. It is tried by connecting: a socket
/// that listened here, even for a moment, could live on in a program that another thread is just starting.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (0..1000)
        .map(|_| start + NEXT.fetch_add(1, Ordering::Relaxed) % 2000)
        .find(|port| TcpStream::connect(("127.0.0.1", *port)).is_err())
        .unwrap()
}

/// The directory of the whole project.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// A binary under test.
pub(crate) fn binary(name: &str) -> PathBuf {
    let pivkit = Path::new(env!("CARGO_BIN_EXE_pivkit"));
    let path = pivkit.with_file_name(name);
    assert!(path.exists(), "{} is missing. Please run: cargo build --workspace --bins", path.display());
    path
}

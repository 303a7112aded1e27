//! Several hosts and the administrator's own, each a world with its own /etc, /home, /run, /var and network, joined by cables.
//!
//! ```text
//! administrator  10.77.1.1 ---- 10.77.1.2  first host, sshd
//! (ansible)      10.77.2.1 ---- 10.77.2.2  second host, sshd
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{LIMIT, Run, Service};
use super::world::World;
use super::{Bench, PATH, binary, not_run, project};

/// Hosts that the administrator reaches through ssh.
pub(crate) struct Fleet {
    // Dropped in this order: who calls, who is called, files.
    administrator: World,
    hosts: Vec<Host>,
    /// Files of the scenario, and openssl.
    pub(crate) bench: Bench,
}

struct Host {
    name: &'static str,
    _sshd: Service,
    world: World,
}

impl Fleet {
    /// Hosts of these names, each with the people alice and bob. `None`, said aloud, where that cannot be.
    pub(crate) fn new(names: &[&'static str]) -> Option<Self> {
        if let Some(why) = World::obstacle() {
            return not_run::report(why);
        }
        for program in ["ip", "ssh", "ssh-keygen"] {
            not_run::unless_installed(program)?;
        }
        let ansible = python_program("ansible-playbook");
        if !ansible.exists() {
            return not_run::report("needs ansible-core, which needs Python 3.11; scripts/setup installs it");
        }
        let sshd = sshd_tree();
        if sshd.is_none() {
            not_run::unless_installed("sshd")?;
        }
        let bench = Bench::vpcd();
        let administrator = World::new(&folder(&bench, "administrator"), &[]);
        let key = bench.path("administrator/key");
        bench.command("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()]).output().success();
        let hosts =
            (1..).zip(names).map(|(number, name)| Host::new(&bench, &administrator, number, name, sshd.as_deref()));
        let hosts = hosts.collect();
        let fleet = Self { administrator, hosts, bench };
        fleet.write_known_hosts();
        Some(fleet)
    }

    /// A path of a host, as it is reached from this process.
    pub(crate) fn inside(&self, host: &str, path: &str) -> PathBuf {
        self.host(host).world.path(path)
    }

    /// The administrator's file of this name.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.bench.path("administrator").join(name)
    }

    /// Writes a file of the administrator.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// pivkit on a host, as root there.
    pub(crate) fn pivkit(&self, host: &str, args: &[&str]) -> Run {
        let mut command = self.host(host).world.command(binary("pivkit"));
        command.args(args).env_clear().env("PATH", PATH).env("LANG", "C.UTF-8");
        Run::new(command)
    }

    /// One of Ansible's programs, run by the administrator.
    pub(crate) fn ansible(&self, program: &str, args: &[&str]) -> Run {
        let mut command = self.administrator.command(python_program(program));
        command.args(args).env_clear().env("PATH", PATH).env("LANG", "C.UTF-8").env("HOME", self.path(""));
        command.env("ANSIBLE_CONFIG", self.path("ansible.cfg")).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("TMPDIR", folder(&self.bench, "administrator/temporary"));
        // A play is a row of many programs.
        Run::new(command).limit(3 * LIMIT)
    }

    /// Lets Ansible find the collection, and writes an inventory with all hosts, and one that nobody answers for.
    pub(crate) fn set_up_ansible(&self) {
        let known_hosts = self.path("known_hosts");
        let ssh = format!(
            "-F none -o UserKnownHostsFile={} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes -o ConnectTimeout=20 \
             -o ControlMaster=auto -o ControlPersist=60s -o ControlPath={}/%C",
            known_hosts.display(),
            folder(&self.bench, "administrator/ssh").display()
        );
        let here = self.path("");
        let here = here.display();
        self.file(
            "ansible.cfg",
            &format!(
                "[defaults]\ninventory = {here}/inventory\ncollections_path = {here}/collections\nlocal_tmp = {here}/tmp\n\
                 remote_tmp = /run/ansible\nremote_user = root\ninterpreter_python = /usr/bin/python3\nforks = 10\n\
                 retry_files_enabled = False\nprivate_key_file = {here}/key\n\
                 [galaxy]\ncache_dir = {here}/galaxy\n\
                 [connection]\npipelining = True\n[ssh_connection]\nssh_args = {ssh}\n"
            ),
        );
        let mut inventory = String::from("[fleet]\n");
        for (number, host) in (1..).zip(&self.hosts) {
            inventory.push_str(&format!("{} ansible_host={}\n", host.name, address(number, 2)));
        }
        // The near end of the first cable: nothing listens there.
        inventory.push_str(&format!("[unreachable]\ngone ansible_host={}\n", address(1, 1)));
        inventory.push_str(&format!(
            "[all:vars]\npivkit_executable={}\npivkit_backend=pam_p11\n",
            binary("pivkit").display()
        ));
        self.file("inventory", &inventory);
        // As it lies there: building and installing it takes longer than a play.
        let namespace = self.path("collections/ansible_collections/pivkit");
        fs::create_dir_all(&namespace).unwrap();
        std::os::unix::fs::symlink(project().join("contrib/ansible"), namespace.join("pairing")).unwrap();
    }

    /// Puts in the place of the collection's source what administrators have: it is built, and installed from the archive.
    pub(crate) fn install_collection(&self) {
        fs::remove_file(self.path("collections/ansible_collections/pivkit/pairing")).unwrap();
        let (source, here, collections) = (project().join("contrib/ansible"), self.path(""), self.path("collections"));
        let build = ["collection", "build", source.to_str().unwrap(), "--output-path", here.to_str().unwrap()];
        self.ansible("ansible-galaxy", &build).output().success();
        let archive = fs::read_dir(here).unwrap().map(|entry| entry.unwrap().path());
        let archive =
            archive.filter(|path| path.extension().is_some_and(|extension| extension == "gz")).last().unwrap();
        let install =
            ["collection", "install", archive.to_str().unwrap(), "-p", collections.to_str().unwrap(), "--offline"];
        self.ansible("ansible-galaxy", &install).output().success();
    }

    fn host(&self, name: &str) -> &Host {
        self.hosts.iter().find(|host| host.name == name).unwrap()
    }

    fn write_known_hosts(&self) {
        let line = |(number, host): (u8, &Host)| {
            let key = fs::read_to_string(self.bench.path(host.name).join("host_key.pub")).unwrap();
            format!("{} {key}", address(number, 2))
        };
        self.file("known_hosts", &(1..).zip(&self.hosts).map(line).collect::<String>());
    }
}

impl Host {
    fn new(bench: &Bench, administrator: &World, number: u8, name: &'static str, sshd: Option<&Path>) -> Self {
        let directory = folder(bench, name);
        fs::copy(bench.path("administrator/key.pub"), directory.join("administrator.pub")).unwrap();
        let world = World::new(&directory, &[]);
        let (near, far) = (format!("h{number}"), world.first_process().to_string());
        let net = |words: &[&str]| {
            let mut command = Command::new("nsenter");
            command.args(["--target", &administrator.first_process().to_string(), "--net", "ip"]).args(words);
            Run::new(command).output().success();
        };
        net(&["link", "add", &near, "type", "veth", "peer", "name", "eth0", "netns", &far]);
        net(&["address", "add", &format!("{}/24", address(number, 1)), "dev", &near]);
        net(&["link", "set", &near, "up"]);
        let mut command = world.command("sh");
        command.arg(project().join("tests/bench/host.sh")).arg(&directory).arg(name);
        command.arg(format!("{}/24", address(number, 2))).args(sshd);
        command.env_clear().env("PATH", PATH).env("LANG", "C.UTF-8");
        let service = Service::keep(&format!("sshd of {name}"), &command);
        service.wait_for("that it listens", |line| line.starts_with("Server listening on 0.0.0.0").then_some(()));
        Self { name, _sshd: service, world }
    }
}

/// The address of an end of a cable: 1 is the administrator's, 2 the host's.
fn address(number: u8, end: u8) -> String {
    format!("10.77.{number}.{end}")
}

fn folder(bench: &Bench, name: &str) -> PathBuf {
    let path = bench.path(name);
    fs::create_dir_all(&path).unwrap();
    path
}

/// A program of the virtual environment for the tests.
pub(crate) fn python_program(name: &str) -> PathBuf {
    super::oracle::python().with_file_name(name)
}

/// OpenSSH's server as scripts/setup has unpacked it, where the machine has none.
fn sshd_tree() -> Option<PathBuf> {
    binary("pivkit").ancestors().map(|path| path.join("openssh")).find(|path| path.join("usr/sbin/sshd").exists())
}

//! A hundred thousand people: accounts in a directory tree, a certificate for each, and the manifest that joins them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, OtherNameValue, SanType,
};

/// People `p000000`, `p000001` ..., each with a home directory below `root` and a P-256 certificate of one authority in
/// `certificates`, a thousand files to a folder.
pub(crate) struct Crowd {
    pub(crate) root: PathBuf,
    pub(crate) manifest: PathBuf,
    folder: PathBuf,
    count: usize,
}

impl Crowd {
    pub(crate) fn make(folder: &Path, count: usize) -> Self {
        let (root, manifest) = (folder.join("root"), folder.join("people.csv"));
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::create_dir_all(root.join("home")).unwrap();
        let crowd = Crowd { root, manifest, folder: folder.to_owned(), count };
        crowd.accounts();
        crowd.certificates();
        let rows = (0..count).map(|index| format!("{},{}\n", name(index), file(index)));
        fs::write(&crowd.manifest, format!("user,certificate\n{}", rows.collect::<String>())).unwrap();
        crowd
    }

    /// The manifest of the first `count` people.
    pub(crate) fn manifest_of(&self, count: usize) -> PathBuf {
        let path = self.folder.join(format!("people-{count}.csv"));
        let lines = fs::read_to_string(&self.manifest).unwrap();
        let lines: Vec<&str> = lines.split_inclusive('\n').take(count + 1).collect();
        fs::write(&path, lines.concat()).unwrap();
        path
    }

    /// The certificate files of every `step`th person.
    pub(crate) fn sample(&self, step: usize) -> Vec<PathBuf> {
        (0..self.count).step_by(step).map(|index| self.folder.join(file(index))).collect()
    }

    fn accounts(&self) {
        let (mut passwd, mut group) = (String::from("root:x:0:0::/root:\n"), String::from("root:x:0:\n"));
        for index in 0..self.count {
            let (name, id) = (name(index), 100_000 + index);
            let _ = writeln!(passwd, "{name}:x:{id}:{id}:Person {index}:/home/{name}:/bin/sh");
            let _ = writeln!(group, "{name}:x:{id}:");
            let home = self.root.join("home").join(&name);
            fs::create_dir(&home).unwrap();
            let id = u32::try_from(id).unwrap();
            std::os::unix::fs::chown(&home, Some(id), Some(id)).unwrap();
        }
        fs::write(self.root.join("etc/passwd"), passwd).unwrap();
        fs::write(self.root.join("etc/group"), group).unwrap();
    }

    fn certificates(&self) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Crowd CA");
        let issuer = Issuer::new(params, key);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        for start in (0..self.count).step_by(1000) {
            fs::create_dir_all(self.folder.join(file(start)).parent().unwrap()).unwrap();
        }
        thread::scope(|scope| {
            for first in 0..threads {
                let issuer = &issuer;
                scope.spawn(move || {
                    for index in (first..self.count).step_by(threads) {
                        fs::write(self.folder.join(file(index)), certificate(index, issuer)).unwrap();
                    }
                });
            }
        });
    }
}

fn name(index: usize) -> String {
    format!("p{index:06}")
}

fn file(index: usize) -> String {
    format!("certificates/{:03}/{}.pem", index / 1000, name(index))
}

fn certificate(index: usize, issuer: &Issuer<'_, KeyPair>) -> String {
    let name = name(index);
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, &name);
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2050, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let upn = OtherNameValue::Utf8String(format!("{name}@example.test"));
    params.subject_alt_names = vec![SanType::OtherName((vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 3], upn))];
    params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap().pem()
}

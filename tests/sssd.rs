//! Real logins: PAM with pam_sss, SSSD with a rule for each certificate, the card in pcscd's reader.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bench::card::Card;
use crate::bench::oracle::{self, P256, P384, RSA2048};
use crate::bench::process::{Output, Service};
use crate::bench::{Bench, PIN, not_run};
use crate::foreign_clients::load;
use crate::pam_pkcs11::certificate_for_the_same_key;

#[test]
fn an_rsa_card_opens_the_account_it_is_paired_with_and_no_other() {
    assert_pairing_decides(&RSA2048);
}

#[test]
fn a_p256_card_opens_the_account_it_is_paired_with_and_no_other() {
    assert_pairing_decides(&P256);
}

#[test]
fn a_p384_card_opens_the_account_it_is_paired_with_and_no_other() {
    assert_pairing_decides(&P384);
}

/// The rule names issuer and subject, so a renewed certificate is still paired; one of another authority is not.
#[test]
fn a_renewed_certificate_is_still_paired_and_one_of_another_authority_is_not() {
    let Some(bench) = bench("no_ocsp") else { return };
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", &P256, &authority);
    let card = Card::insert_with_state(&bench, "first", &["--load", &load("9a", &certificate, &key)]);
    pair(&bench, "alice", Some(&authority.0)).success();
    drop(card);
    bench.wait_for_empty_reader();
    let renewed = certificate_for_the_same_key(&bench, &key, &authority);
    let card = Card::insert_with_state(&bench, "second", &["--load", &load("9a", &renewed, &key)]);
    let sssd = start(&bench);
    assert_accepted(&authenticate(&bench, "alice", PIN));
    drop(card);
    bench.wait_for_empty_reader();
    let false_authority = oracle::authority(&bench, "false");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", &P256, &false_authority);
    let _card = Card::insert_with_state(&bench, "third", &["--load", &load("9a", &certificate, &key)]);
    assert_no_card_is_asked_for(&authenticate(&bench, "alice", PIN));
    drop(sssd);
}

/// With partial_chain the certificate itself can be what is trusted: no other one of its authority is accepted.
#[test]
fn a_certificate_can_be_pinned_without_its_authority() {
    let Some(bench) = bench("no_ocsp, partial_chain") else { return };
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", &P256, &authority);
    let card = Card::insert_with_state(&bench, "first", &["--load", &load("9a", &certificate, &key)]);
    pair(&bench, "alice", Some(&certificate)).success();
    let _sssd = start(&bench);
    assert_accepted(&authenticate(&bench, "alice", PIN));
    drop(card);
    bench.wait_for_empty_reader();
    let renewed = certificate_for_the_same_key(&bench, &key, &authority);
    let _card = Card::insert_with_state(&bench, "second", &["--load", &load("9a", &renewed, &key)]);
    assert_no_card_is_asked_for(&authenticate(&bench, "alice", PIN));
}

#[test]
fn what_sssd_would_not_accept_is_refused() {
    let Some(bench) = bench("no_ocsp") else { return };
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", &P256, &authority);
    let _card = Card::insert_with_state(&bench, "card", &["--load", &load("9a", &certificate, &key)]);
    let refused = pair(&bench, "alice", None).never_panicked();
    assert!(refused.code == Some(6) && refused.stderr.contains("--ca"), "{refused}");
    // Its own certificate is no authority without partial_chain.
    let refused = pair(&bench, "alice", Some(&certificate)).never_panicked();
    assert!(refused.code == Some(6), "{refused}");
    assert!(!bench.inside("/etc/sssd/conf.d/pivkit.conf").exists());
    pair(&bench, "alice", Some(&authority.0)).success();
    let refused = pair(&bench, "bob", None).never_panicked();
    assert!(refused.code == Some(6) && refused.stderr.contains("mapped to account alice"), "{refused}");
}

/// SSSD's own tool says of each rule whether it fits, for names with all that has a meaning in rules, and not for others.
#[test]
fn sssd_reads_the_rules_as_they_are_meant() {
    let Some(bench) = bench("no_ocsp") else { return };
    let _sssd = start(&bench);
    let names = [
        "/CN=alice",
        "/C=DE/O=Müller, GmbH/OU=a\\+b/CN=Al (x) [1].*|{$^ \\\\ 'q'",
        "/DC=test/DC=example/CN=Smith \"Al\" <a>;#/UID=u1/serialNumber=17/emailAddress=a@b.test/GN=gn/SN=sn/title=Dr",
    ];
    let authority = oracle::authority(&bench, "ca");
    let certificates: Vec<_> = names.iter().map(|name| issue_named(&bench, name, &authority)).collect();
    for (at, certificate) in certificates.iter().enumerate() {
        let card = Card::insert_with_state(
            &bench,
            &format!("card{at}"),
            &["--load", &load("9a", &certificate.0, &certificate.1)],
        );
        pair(&bench, "alice", Some(&authority.0)).success();
        drop(card);
        bench.wait_for_empty_reader();
    }
    let rules = fs::read_to_string(bench.inside("/etc/sssd/conf.d/pivkit.conf")).unwrap();
    let rules: Vec<_> = rules.lines().filter_map(|line| line.strip_prefix("matchrule = ")).collect();
    assert_eq!(rules.len(), certificates.len());
    for (of, rule) in rules.iter().enumerate() {
        for (at, (certificate, _)) in certificates.iter().enumerate() {
            let der = bench.openssl(&["x509", "-in", certificate.to_str().unwrap(), "-outform", "DER"], &[]).bytes;
            let text = bench.openssl(&["base64", "-A"], &der).stdout;
            let said = bench.command("sssctl", &["cert-eval-rule", text.trim(), "--match", rule]).output();
            assert_eq!(said.stdout.contains("Certificate matches rule"), of == at, "{rule}\n{said}");
        }
    }
}

/// The whole life of a pairing, as PAM sees it. SSSD reads its rules when it starts.
fn assert_pairing_decides(new_key: &[&str]) {
    let Some(bench) = bench("no_ocsp") else { return };
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "alice", "alice@example.test", new_key, &authority);
    let _card = Card::insert_with_state(&bench, "loaded-card", &["--load", &load("9a", &certificate, &key)]);
    let paired = pair(&bench, "alice", Some(&authority.0));
    assert!(paired.success().stderr.contains("restart"));
    let sssd = start(&bench);
    assert_accepted(&authenticate(&bench, "alice", PIN));
    assert_refused(&authenticate(&bench, "alice", "654321"), "Authentication failure");
    assert_no_card_is_asked_for(&authenticate(&bench, "bob", PIN));
    assert_accepted(&authenticate(&bench, "alice", PIN));
    let pin = bench.file("pin", PIN);
    let check = ["check", "--user", "alice", "--backend", "sssd", "--pin-file", pin.to_str().unwrap()];
    bench.pivkit(&check).output().success();
    drop(sssd);
    bench.pivkit(&["unpair", "--user", "alice", "--backend", "sssd", "--yes"]).output().success();
    let _sssd = start(&bench);
    assert_no_card_is_asked_for(&authenticate(&bench, "alice", PIN));
}

/// A bench with SSSD's configuration, and a PAM service `t-sss` that asks pam_sss.
fn bench(verification: &str) -> Option<Bench> {
    let bench = Bench::pcscd()?;
    for program in ["pamtester", "sssd", "sssctl"] {
        not_run::unless_installed(program)?;
    }
    let help = bench.command("sssd", &["--version"]).output().stdout;
    if !["1.", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "2.9"]
        .iter()
        .any(|old| help.starts_with(old))
    {
        return not_run::report("needs SSSD up to 2.9, with its provider for local files");
    }
    // What SSSD keeps elsewhere lies in the world's own memory.
    let script = "mount -t tmpfs none /var/lib/sss && mkdir -p /var/lib/sss/db /var/lib/sss/pipes/private /var/lib/sss/mc \
                  /var/lib/sss/pubconf && mount -t tmpfs none /var/log && mkdir -p /var/log/sssd /etc/sssd/conf.d /etc/sssd/pki \
                  && sed -i 's/^passwd:.*/passwd: sss files/' /etc/nsswitch.conf";
    bench.command("sh", &["-c", script]).output().success();
    let configuration = format!(
        "[sssd]\nservices = nss, pam\ndomains = files\ncertificate_verification = {verification}\n[nss]\n[pam]\n\
         pam_cert_auth = True\npam_p11_allowed_services = +t-sss\np11_child_timeout = 60\n[domain/files]\nid_provider = files\n"
    );
    let file = bench.inside("/etc/sssd/sssd.conf");
    fs::write(&file, configuration).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(bench.inside("/etc/pam.d/t-sss"), "auth required pam_sss.so\naccount required pam_permit.so\n").unwrap();
    Some(bench)
}

/// SSSD, until the value is dropped; it answers when this returns.
fn start(bench: &Bench) -> Service {
    for path in ["/var/lib/sss/pipes/pam", "/run/sssd.pid", "/var/run/sssd.pid"] {
        let _ = fs::remove_file(bench.inside(path));
    }
    let sssd = bench.service("sssd", &["--interactive", "--logger=stderr", "--debug-level=0x0400"]);
    // The domain has read the accounts when the name service gives one out of it.
    let asked = "until getent -s sss passwd alice && [ -S /var/lib/sss/pipes/pam ]; do :; done";
    bench.command("sh", &["-c", asked]).limit(Duration::from_secs(30)).output().success();
    sssd
}

fn issue_named(bench: &Bench, subject: &str, authority: &(PathBuf, PathBuf)) -> (PathBuf, PathBuf) {
    let number = subject.len();
    let (certificate, key) = (bench.path(format!("{number}.pem")), bench.path(format!("{number}.key")));
    let mut args = vec!["req", "-x509", "-noenc", "-days", "30", "-utf8", "-subj", subject];
    args.extend(["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "keyUsage=critical,digitalSignature"]);
    args.extend(["-addext", "extendedKeyUsage=clientAuth", "-CA", authority.0.to_str().unwrap()]);
    args.extend(["-CAkey", authority.1.to_str().unwrap(), "-keyout", key.to_str().unwrap()]);
    args.extend(["-out", certificate.to_str().unwrap(), "-newkey"]);
    args.extend(P256);
    bench.openssl(&args, &[]);
    (certificate, key)
}

fn pair(bench: &Bench, user: &str, authority: Option<&Path>) -> Output {
    let pin = bench.file("pin", PIN);
    let mut args = vec!["pair", "--user", user, "--slot", "9a", "--backend", "sssd", "--yes"];
    args.extend(["--pin-file", pin.to_str().unwrap()]);
    args.extend(authority.into_iter().flat_map(|file| ["--ca", file.to_str().unwrap()]));
    bench.pivkit(&args).output()
}

/// Logs in through PAM.
fn authenticate(bench: &Bench, user: &str, pin: &str) -> Output {
    let args = ["--kill-after", "1", "30", "pamtester", "t-sss", user, "authenticate"];
    bench.command("timeout", &args).stdin(format!("{pin}\n")).limit(Duration::from_secs(60)).output()
}

#[track_caller]
fn assert_accepted(login: &Output) {
    let asked = login.stdout.contains("PIN for") || login.stderr.contains("PIN for");
    assert!(asked && login.code == Some(0) && login.stdout.contains("successfully authenticated"), "{login}");
}

#[track_caller]
fn assert_refused(login: &Output, word: &str) {
    let asked = login.stdout.contains("PIN for") || login.stderr.contains("PIN for");
    let refused = login.code == Some(1) && (login.stdout.contains(word) || login.stderr.contains(word));
    assert!(asked && refused, "{login}");
}

/// Without a rule for the card SSSD asks for a password, and nobody has one.
#[track_caller]
fn assert_no_card_is_asked_for(login: &Output) {
    let asked = login.stdout.contains("Password:") || login.stderr.contains("Password:");
    assert!(asked && login.code == Some(1) && !login.stdout.contains("successfully"), "{login}");
}

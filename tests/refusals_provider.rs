//! The refusal matrix, the other half: everything that can be done to a login, a refresh, a request to the key service and a
//! registration, by a client in Python that shares no code with pivkit, against `pivkit-idp`. Each is refused by the right check,
//! and nothing is stored but a line of the log, with that check and no secret.

use std::time::Duration;

use crate::bench::idp::Idp;
use crate::bench::oracle::{self, python, script};
use crate::bench::secret::begins_a_token;
use crate::bench::{Bench, not_run};

#[test]
fn every_tampering_of_a_request_is_refused_by_the_identity_provider() {
    let bench = Bench::vpcd();
    let (certificate, key) = oracle::authority(&bench, "ca");
    let passwords = bench.file("passwords", "alice:correct horse battery staple\nbob:Tr0ub4dor&3\n");
    let idp = Idp::start(&bench, &certificate, &["--user", "bob", "--passwords", passwords.to_str().unwrap()]);
    let state = bench.path("idp");
    let arguments = [script("tamper.py"), idp.url.as_str().into(), state, certificate, key];
    let output = bench.command(python(), &arguments).limit(Duration::from_secs(300)).output();
    let sum = output.stdout.lines().last().unwrap_or_default().to_owned();
    not_run::to_terminal(&format!("{sum} (of the identity provider)"));
    let output = output.success();
    let (right, all) = sum.strip_prefix("refusals: ").and_then(|sum| sum.split_once(" of ")).unwrap();
    assert_eq!(right, all, "{output}");
    assert!(all.parse::<usize>().unwrap() >= 1500, "{output}");
    // The script has looked into the log of the requests; that of the process has no piece of a token either.
    let log = idp.log();
    let leak = log.lines().find(|line| begins_a_token(line));
    assert_eq!(leak, None, "a token begins in the log");
}

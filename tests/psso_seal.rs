//! The seal on what a login leaves on the disk, and where its key is kept.

use std::fs;

use serde_json::Value;

use crate::bad_input::assert_refused;
use crate::bench::idp::Device;
use crate::bench::not_run;
use crate::bench::oracle::{python, script};
use crate::psso_state::{refresh_token, signed_in};

const FAILED: i32 = 1;
const NO_IDENTITY: i32 = 5;

#[test]
fn the_sealed_file_is_opened_by_another_implementation_with_its_key_and_by_nobody_else() {
    let (bench, _idp, _card, device) = signed_in();
    let shown = device.signed_in(&bench, "refresh", &["--show-token"]).success().json();
    let token = refresh_token(&shown);
    for entry in fs::read_dir(&device.state).unwrap() {
        let path = entry.unwrap().path();
        let content = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(!content.contains(token), "the token is in {}", path.display());
    }
    let open = || {
        let (script, state) = (script("open_sign_on.py"), device.state.display().to_string());
        bench.command(python(), &[script.to_str().unwrap(), &state]).output()
    };
    assert_eq!(open().success().json()["refresh_token"], token);
    // Python finds the issuer authenticated, too.
    let file = device.state.join("sign-on.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"issuer\":\"http://127", "\"issuer\":\"http://128")).unwrap();
    assert!(open().stderr.contains("InvalidTag"));
    for command in ["refresh", "status"] {
        assert_refused(&device.signed_in(&bench, command, &[]), FAILED, &["damaged", "psso logout"]);
    }
}

#[test]
fn the_kernel_keeps_the_key_until_it_forgets_it() {
    let Ok(keys) = fs::read_to_string("/proc/keys") else {
        return not_run::report("needs a kernel with keyrings").unwrap_or_default();
    };
    let (bench, _idp, _card, device) = signed_in();
    device.signed_in(&bench, "logout", &["--yes"]).success();
    let login = bench.pivkit(&[&device.login_arguments()[..2], &in_system(&device)].concat()).output();
    if login.stderr.contains("no persistent keyring") {
        return not_run::report("needs persistent keyrings, which this kernel or container has not")
            .unwrap_or_default();
    }
    let login = login.success();
    assert_eq!(login.json()["sealed_with"]["place"], "kernel-keyring", "{login}");
    assert!(!device.state.join("sign-on-key").exists(), "there is no key on the disk");
    let id = key_id(&device);
    assert!(!keys.contains(&id) && kernel_has(&id), "the key is in the kernel");
    device.signed_in(&bench, "refresh", &[]).success();
    assert_eq!(key_id(&device), id, "the key stays");

    // As a restart of the computer would.
    let (forget, name) = (script("forget_kernel_key.py"), format!("keyring:{id}@pivkit-sign-on"));
    bench.command(python(), &[forget.to_str().unwrap(), &name]).output().success();
    assert!(!kernel_has(&id));
    assert_refused(&device.signed_in(&bench, "refresh", &[]), NO_IDENTITY, &["not there any more", "psso login"]);
    let status = device.signed_in(&bench, "status", &[]).success();
    assert!(status.json()["sign_on"]["problem"].as_str().unwrap().contains("kernel keyring"), "{status}");

    bench.pivkit(&[&device.login_arguments()[..2], &in_system(&device)].concat()).output().success();
    let anew = key_id(&device);
    assert!(anew != id && kernel_has(&anew));
    device.signed_in(&bench, "logout", &["--yes"]).success();
    assert!(!kernel_has(&anew), "nothing is left in the kernel");
}

/// The arguments of a login whose key the system keeps.
fn in_system(device: &Device) -> Vec<&str> {
    let mut arguments = device.login_arguments().split_off(2);
    let place = arguments.iter().position(|argument| *argument == "file").unwrap();
    arguments[place] = "system";
    arguments
}

fn key_id(device: &Device) -> String {
    let file: Value = serde_json::from_slice(&fs::read(device.state.join("sign-on.json")).unwrap()).unwrap();
    file["key"]["id"].as_str().unwrap().to_owned()
}

/// Whether the kernel shows the key to its owner, and does not call it invalid (proc(5): the flag i).
fn kernel_has(id: &str) -> bool {
    let keys = fs::read_to_string("/proc/keys").unwrap();
    let name = format!("keyring:{id}@");
    keys.lines().any(|line| line.contains(&name) && !line.split_whitespace().nth(1).unwrap().contains('i'))
}

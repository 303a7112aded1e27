//! `pivkit-idp serve --demo`: the commands that it prints, run as they are printed.

use crate::bench::idp::url_in;
use crate::bench::process::Output;
use crate::bench::{Bench, binary, free_port};

#[test]
fn the_printed_commands_lead_to_a_login() {
    let bench = Bench::vpcd();
    let state = bench.path("it's a demo");
    let arguments = ["serve", "--demo", "--listen", "127.0.0.1:0", "--state", state.to_str().unwrap()];
    let demo = bench.service(binary("pivkit-idp").to_str().unwrap(), &arguments);
    demo.wait_for("where it listens", url_in);
    let mut commands = Vec::new();
    demo.wait_for("that these were the commands", |line| {
        commands.push(line.to_owned());
        line.starts_with("# That is all").then_some(())
    });
    // Here another scenario may have this port; the tools are those that were just built.
    let reader = format!("127.0.0.1:{}", free_port());
    let folder = binary("pivkit").parent().unwrap().to_str().unwrap().to_owned();
    let typed = |line: &str| format!("PATH={folder}:$PATH; exec {}", line.replace("127.0.0.1:35963", &reader));
    let lines: Vec<_> =
        commands.iter().filter(|line| line.starts_with("pivkit") || line.starts_with("curl ")).collect();
    let (card, rest) = lines.split_first().unwrap();
    assert!(card.starts_with("pivkit-vcard run "), "{card}");
    let _card = bench.service("sh", &["-c", &typed(card)]);

    let outputs: Vec<(&str, Output)> =
        rest.iter().map(|line| (line.as_str(), bench.command("sh", &["-c", &typed(line)]).output())).collect();
    let mut logins = Vec::new();
    for (line, output) in outputs {
        if line.starts_with("pivkit psso login ") { logins.push(output) } else { drop(output.success()) }
    }
    let refused = logins.pop().unwrap().exits_with(7);
    assert!(refused.stderr.contains("check of nonce"), "{refused}");
    assert!(!logins.is_empty());
    for login in logins {
        drop(login.success().prints(&["signed in: alice"]));
    }
}

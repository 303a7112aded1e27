//! The collection in contrib/ansible: ansible-core through ssh, on hosts that each have accounts of their own.

use crate::bench::fleet::Fleet;

#[test]
fn the_documentation_renders() {
    let Some(fleet) = Fleet::new(&[]) else { return };
    fleet.set_up_ansible();
    for module in ["account", "manifest"] {
        let name = format!("pivkit.pairing.{module}");
        let documentation = fleet.ansible("ansible-doc", &["-t", "module", "--json", &name]).output().success().json();
        let module = &documentation[&name];
        assert!(module["doc"]["options"]["backend"]["description"].is_string(), "{module}");
        assert!(module["examples"].as_str().unwrap().contains(&name), "{module}");
        assert!(module["return"]["pairings"].is_object(), "{module}");
        fleet.ansible("ansible-doc", &["-t", "module", &name]).output().success().prints(&["OPTIONS", "EXAMPLES"]);
    }
    let role = fleet.ansible("ansible-doc", &["-t", "role", "pivkit.pairing.accounts"]).output().success();
    role.prints(&["pivkit_slices", "pivkit_manifest"]);
}

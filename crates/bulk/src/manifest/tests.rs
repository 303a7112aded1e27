use proptest::prelude::*;

use super::*;

fn parse(text: &[u8]) -> Manifest {
    Manifest::parse(Path::new("/lists/people.csv"), text).unwrap()
}

fn problems(manifest: &Manifest) -> Vec<(u64, &str)> {
    manifest.problems.iter().map(|(_, note)| (note.line, note.why.as_str())).collect()
}

fn refused(bytes: &[u8]) -> String {
    Manifest::parse(Path::new("people.csv"), bytes).unwrap_err().to_string()
}

const HASH: &str = "7a3c1e4b5d6f708192a3b4c5d6e7f8091a2b3c4d";

#[test]
fn columns_in_any_order_and_every_value() {
    let text = format!(
        "Slot,user,ACTION,hash,certificate,upn,serial,guid, host \n\
         9A,alice,replace,{HASH},certs/alice.pem,alice@example.test,12345678,4d7d11d5-14c94675-af2645fc-65d1f755,Mac1\n\
         ,\" bob \",,,/abs/bob.der,,,,\n"
    );
    let manifest = parse(text.as_bytes());
    assert_eq!(problems(&manifest), []);
    let [alice, bob] = manifest.rows.as_slice() else { panic!("{manifest:?}") };
    assert_eq!((alice.line, alice.user.as_str(), alice.action), (2, "alice", RowAction::Replace));
    assert_eq!(alice.hash.unwrap().to_string(), HASH.to_uppercase());
    assert_eq!(alice.certificate.as_deref(), Some(Path::new("/lists/certs/alice.pem")));
    assert_eq!(alice.card.upn.as_deref(), Some("alice@example.test"));
    assert_eq!((alice.card.serial, alice.slot.as_deref()), (Some(12_345_678), Some("9a")));
    assert_eq!(alice.card.guid.as_deref(), Some("4D7D11D514C94675AF2645FC65D1F755"));
    assert_eq!(alice.host.as_ref().unwrap().as_str(), "mac1");
    assert_eq!((bob.line, bob.user.as_str(), bob.action), (3, "bob", RowAction::Pair));
    assert_eq!(bob.certificate.as_deref(), Some(Path::new("/abs/bob.der")));
    assert!(bob.card.is_empty() && bob.host.is_none() && bob.slot.is_none() && bob.hash.is_none());
}

#[test]
fn a_byte_order_mark_and_the_ends_of_lines_make_no_difference() {
    for end in ["\n", "\r\n"] {
        for mark in ["", "\u{feff}"] {
            let lines = ["user,hash", "alice,x", "", "", ",", "\"bob\",y", "carol,z"];
            let manifest = parse(format!("{mark}{}", lines.join(end)).as_bytes());
            let lines: Vec<u64> = problems(&manifest).iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, [2, 6, 7], "{end:?} {mark:?}");
        }
    }
}

#[test]
fn a_value_over_several_lines_is_one_row() {
    let manifest = parse(b"user,hash\r\n\"ali\r\nce\",x\r\nbob,y\r\n");
    let expected = [
        (2, "user: the value goes on in the next line; a quotation mark may be missing"),
        (2, "hash: a pairing hash has exactly 40 hexadecimal digits"),
        (4, "hash: a pairing hash has exactly 40 hexadecimal digits"),
    ];
    assert_eq!(problems(&manifest), expected);
}

#[test]
fn every_problem_is_told_with_its_line_and_the_good_rows_stay() {
    let text = b"user,hash,action,slot,serial,guid,host,colour\n\
        alice,12,,,,,,\n\
        a/b,,enroll,9b,x1,77,..,\n\
        ,,,,7,,,\n\
        bob,,,,7,,mac1,\n\
        bob,short\n\
        \xff,,,,7,,mac2,\n\
        carol,zz,,,,,mac2,\n";
    let manifest = parse(text);
    let expected = [
        (1, "there is no column \"colour\""),
        (2, "hash: a pairing hash has exactly 40 hexadecimal digits"),
        (3, "host: a host name does not begin with - or ., end with ., or have two dots side by side"),
        (3, "user: an account name must not contain / or :"),
        (3, "action: \"enroll\" is none of pair, unpair, replace"),
        (3, "slot: \"9b\" is no slot; they are 9a, 9c, 9d, 9e and 82 to 95"),
        (3, "serial: \"x1\" is no serial number of a YubiKey"),
        (3, "guid: a GUID has 32 hexadecimal digits"),
        (4, "names no user"),
        (6, "has 2 values, and the header 8 columns"),
        (6, "hash: a pairing hash has exactly 40 hexadecimal digits"),
        (7, "user: the value is not UTF-8"),
        (8, "hash: a pairing hash has exactly 40 hexadecimal digits"),
    ];
    assert_eq!(problems(&manifest), expected);
    assert_eq!(manifest.rows.iter().map(|row| row.line).collect::<Vec<_>>(), [5]);
    // A row of another host is nobody else's problem.
    let host = |index: usize| manifest.problems[index].0.as_ref().map(HostName::as_str);
    assert_eq!((host(11), host(12), host(1)), (Some("mac2"), Some("mac2"), None));
    assert_eq!(manifest.problems[2].1.user.as_deref(), Some("a/b"));
}

#[test]
fn what_is_no_manifest() {
    assert!(refused(b"").contains("is empty"));
    assert!(refused(b"\xEF\xBB\xBF\n\n").contains("is empty"));
    assert!(refused(b"alice,0123\n").contains("no column user"));
    assert!(refused(b"user;hash\nalice;1\n").contains("separated by ;"));
    assert!(refused(b"user\thash\nalice\t1\n").contains("separated by tabs"));
    assert!(refused(b"user,hash,Hash\n").contains("the column hash twice"));
    assert!(refused(b"\xFF\xFEu\0s\0e\0r\0").contains("UTF-16"));
    assert!(refused(b"user,\xff\n").contains("not UTF-8"));
    assert!(matches!(Manifest::read(Path::new("/no/such/file")), Err(Error::ManifestFile { .. })));
}

#[test]
fn values_are_bounded_and_shown_without_harm() {
    let manifest = parse(format!("user,action\nalice,\u{1b}[31m{}\n", "x".repeat(200)).as_bytes());
    let (_, why) = problems(&manifest)[0];
    assert!(why.contains("\\u{1b}[31mxxx") && why.contains("...\"") && why.len() < 200, "{why}");
    let manifest = parse(format!("user,upn\nalice,{}\n", "x".repeat(4097)).as_bytes());
    assert_eq!(problems(&manifest), [(2, "upn: the value is longer than 4096 bytes")]);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Manifest::parse(Path::new("x"), &bytes);
    }

    #[test]
    fn every_row_is_there_or_told_of_and_lines_are_right(
        rows in proptest::collection::vec("[a-z0-9@\"\u{80}-\u{ff},. -]{0,20}", 0..20), crlf: bool
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let text = format!("user,hash{end}{}", rows.iter().map(|row| format!("{row}{end}")).collect::<String>());
        let manifest = parse(text.as_bytes());
        for line in manifest.rows.iter().map(|row| row.line).chain(problems(&manifest).iter().map(|(line, _)| *line)) {
            let row = &rows[usize::try_from(line).unwrap() - 2];
            prop_assert!(!row.is_empty());
        }
        // Without quotation marks, which can join lines, nothing gets lost.
        if !text.contains('"') {
            for (index, row) in rows.iter().enumerate() {
                let line = u64::try_from(index).unwrap() + 2;
                let told = problems(&manifest).iter().any(|(of, _)| *of == line);
                let kept = manifest.rows.iter().any(|row| row.line == line);
                let blank = row.trim_matches([' ', ',']).is_empty();
                prop_assert_eq!(told || kept, !blank, "line {}: {:?}", line, row);
            }
        }
    }
}

//! Tests of finding and writing blocks.

use super::*;

#[test]
fn finds_blocks_between_other_text() {
    let file = b"Bag Attributes\r\n-----BEGIN A-----\r\nAAEC\r\n-----END A-----\r\n\xff junk\n-----BEGIN B-----\nAA\nEC\n-----END B-----";
    let found = blocks(file);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].label, found[0].contents.clone()), ("A", Ok(vec![0, 1, 2])));
    assert_eq!((found[1].label, found[1].contents.clone()), ("B", Ok(vec![0, 1, 2])));
    assert!(file[found[0].range.clone()].starts_with(b"-----BEGIN A"));
    assert!(file[found[0].range.clone()].ends_with(b"-----END A-----\r\n"));
    assert_eq!(found[1].range.end, file.len());
}

#[test]
fn a_block_without_end_swallows_the_next_but_not_for_people() {
    let file = b"-----BEGIN A-----\nAAEC\n-----BEGIN A-----\nAA!C\n-----END A-----\n-----BEGIN A-----\nAAEC\n-----END B-----\n-----BEGIN A-----\nAAEC\n-----END A-----\n-----BEGIN A-----\nAAEC\n";
    let contents = |blocks: Vec<Block<'_>>| -> Vec<_> { blocks.into_iter().map(|block| block.contents).collect() };
    let other = Err(Malformed::OtherLabel);
    assert_eq!(contents(blocks(file)), [Ok(vec![0, 1, 2]), other.clone(), Ok(vec![0, 1, 2]), Err(Malformed::NoEnd)]);
    assert!(blocks(file)[0].swallows && !blocks(file)[0].strict);
    assert_eq!(blocks(file).iter().map(|block| block.line).collect::<Vec<_>>(), [1, 6, 9, 12]);
    assert_eq!(
        contents(sections(file)),
        [Err(Malformed::NoEnd), Err(Malformed::NotBase64), other, Ok(vec![0, 1, 2]), Err(Malformed::NoEnd)]
    );
}

#[test]
fn ranges_cover_whole_lines() {
    let file = b"x\n-----BEGIN A-----\n-----BEGIN A-----\n\n-----END A-----\n-----END A-----\n";
    let ranges = |blocks: Vec<Block<'_>>| -> Vec<_> { blocks.into_iter().map(|block| block.range).collect() };
    assert!(matches!(ranges(blocks(file)).as_slice(), [one] if *one == (2..55)));
    assert_eq!(ranges(sections(file)), [2..20, 20..55]);
}

#[test]
fn reads_what_openssl_reads_of_damaged_lines() {
    let body = encode("A", &[0, 1, 2]);
    let odd: Vec<Vec<u8>> = vec![
        body.replacen("A-----\n", "A-----\u{a0}\n", 1).into_bytes().into_iter().collect(),
        body.replace("END A-----", "END A-----\u{1}").into(),
        body.replacen("A-----\n", "A-----\0 and more\n", 1).into(),
        body.replacen("AAEC", "AAEC\u{e9}", 1).into(),
        body.replacen("AAEC", "AAEC\n- a remark", 1).into(),
        body.replacen("AAEC", "AAEC- a remark", 1).into(),
        body.replace("-----END", "----END").into_bytes().into_iter().chain(body.bytes()).collect(),
    ];
    for file in odd {
        let certificate = String::from_utf8(file).unwrap().replace("A-----", "CERTIFICATE-----");
        let found = blocks(certificate.as_bytes());
        assert_eq!(found.len(), 1, "{certificate}");
        assert_eq!((found[0].contents.clone(), found[0].strict), (Ok(vec![0, 1, 2]), false), "{certificate}");
    }
    // Whether this opens a block depends on the processor OpenSSL runs on.
    let other = format!("-----BEGIN X-----\u{a0}\n{body}-----END X-----\n");
    assert_eq!(blocks(other.as_bytes())[0].contents, Err(Malformed::Ambiguous));
}

#[test]
fn says_which_blocks_every_program_reads() {
    let block = encode(CERTIFICATE, &[7; 100]);
    for strict in [block.clone(), block.replace('\n', "\r\n"), block.replace('\n', " \n"), format!("x\n{block}")] {
        assert!(blocks(strict.as_bytes())[0].strict, "{strict}");
    }
    let long = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", "AAAA".repeat(20));
    let spaced = block.replacen("Bw", "B w", 1);
    for lax in
        [format!("\u{feff}{block}"), block.replacen('\n', "\n\n", 1), block.replacen('\n', "\n ", 1), long, spaced]
    {
        let found = blocks(lax.as_bytes());
        assert!(found.len() == 1 && found[0].contents.is_ok() && !found[0].strict, "{lax}");
        assert!(is_pem(lax.as_bytes()));
    }
}

#[test]
fn looks_at_long_lines_in_pieces() {
    let file = format!("{}{}", "x".repeat(254), encode("A", &[0, 1, 2]));
    let found = blocks(file.as_bytes());
    assert_eq!((found[0].range.clone(), found[0].strict), (254..file.len(), false));
    // A zero byte, or a long line, anywhere before.
    for before in ["\0\n".to_owned(), format!("{}\n", "x".repeat(252))] {
        assert!(!blocks(format!("{before}{}", encode("A", &[1])).as_bytes())[0].strict);
    }
}

#[test]
fn writes_what_it_reads() {
    for length in [1, 47, 48, 49, 200] {
        let contents: Vec<u8> = (0..length).map(|n| n as u8).collect();
        let text = encode(CERTIFICATE, &contents);
        assert!(text.lines().all(|line| line.len() <= 64), "{text}");
        let found = blocks(text.as_bytes());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].contents, Ok(contents));
        assert_eq!(found[0].range, 0..text.len());
    }
}

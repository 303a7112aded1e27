//! The house is as it is drawn: crates depend on each other only along the arrows of docs/architecture.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, TargetKind};

use crate::bench::project;

type Arrows = BTreeSet<(String, String)>;

#[test]
fn the_crates_depend_on_each_other_as_drawn() {
    assert_same("arrows", &drawn("arrows"), &arrows(&metadata(), DependencyKind::Normal));
}

#[test]
fn the_tests_depend_on_crates_as_drawn() {
    assert_same("dev-arrows", &drawn("dev-arrows"), &arrows(&metadata(), DependencyKind::Development));
}

#[test]
fn every_crate_forbids_unsafe_code() {
    let mut seen = 0;
    for package in metadata().workspace_packages() {
        for target in &package.targets {
            let root = fs::read_to_string(&target.src_path).unwrap();
            if target.kind.iter().any(|kind| matches!(kind, TargetKind::Lib | TargetKind::Bin)) {
                assert!(root.contains("#![forbid(unsafe_code)]"), "{}", target.src_path);
                seen += 1;
            }
        }
    }
    assert!(seen >= 10, "{seen} crate roots were found");
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let mut files = Vec::new();
    for folder in ["cli", "crates", "hardware-tests", "tests"] {
        rust_files(&project().join(folder), &mut files);
    }
    assert!(files.len() > 50, "{} files were found", files.len());
    for file in files {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 600, "{} has {lines} lines", file.display());
    }
}

#[test]
fn a_missing_or_a_surplus_arrow_is_noticed() {
    let arrow = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let drawn = parse("a -> b, [c]\nd -> b\n");
    assert_eq!(drawn, [arrow("a", "b"), arrow("a", "c"), arrow("d", "b")].into());
    assert!(differences(&drawn, &drawn).is_empty());
    let real: Arrows = [arrow("a", "b"), arrow("a", "c"), arrow("b", "a")].into();
    assert_eq!(differences(&drawn, &real), ["b -> a is not drawn", "d -> b is drawn and does not exist"]);
}

fn metadata() -> Metadata {
    let manifest = project().join("Cargo.toml");
    // What was just built needs no network.
    MetadataCommand::new().manifest_path(manifest).no_deps().other_options(["--offline".to_owned()]).exec().unwrap()
}

/// The dependencies of one kind between members of the workspace. What a build script needs counts as normal.
fn arrows(metadata: &Metadata, kind: DependencyKind) -> Arrows {
    let packages = metadata.workspace_packages();
    let names: BTreeMap<PathBuf, String> = packages
        .iter()
        .map(|package| (package.manifest_path.parent().unwrap().into(), package.name.to_string()))
        .collect();
    let mut arrows = Arrows::new();
    for package in &packages {
        for dependency in &package.dependencies {
            let dependency_kind = match dependency.kind {
                DependencyKind::Build => DependencyKind::Normal,
                other => other,
            };
            let member = dependency.path.as_ref().and_then(|path| names.get(path.as_std_path()));
            if let Some(member) = member.filter(|_| dependency_kind == kind) {
                arrows.insert((package.name.to_string(), member.clone()));
            }
        }
    }
    arrows
}

/// The arrows in the block of docs/architecture.md that begins with ```text NAME.
fn drawn(name: &str) -> Arrows {
    let text = fs::read_to_string(project().join("docs/architecture.md")).unwrap();
    let start = format!("```text {name}\n");
    let block = text.split_once(&start).and_then(|(_, rest)| rest.split_once("```"));
    parse(block.unwrap_or_else(|| panic!("docs/architecture.md has no block {name}")).0)
}

/// Lines `a -> b, c`; brackets mark what is optional.
fn parse(block: &str) -> Arrows {
    let mut arrows = Arrows::new();
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        let (from, to) = line.split_once("->").unwrap_or_else(|| panic!("not an arrow: {line}"));
        for to in to.split(',') {
            arrows.insert((from.trim().to_owned(), to.trim().trim_matches(['[', ']']).to_owned()));
        }
    }
    arrows
}

fn assert_same(name: &str, drawn: &Arrows, real: &Arrows) {
    let differences = differences(drawn, real);
    assert!(differences.is_empty(), "docs/architecture.md, {name}:\n{}", differences.join("\n"));
}

fn differences(drawn: &Arrows, real: &Arrows) -> Vec<String> {
    let surplus = real.difference(drawn).map(|(from, to)| format!("{from} -> {to} is not drawn"));
    let missing = drawn.difference(real).map(|(from, to)| format!("{from} -> {to} is drawn and does not exist"));
    surplus.chain(missing).collect()
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

//! What the documents say that a test shows is shown by a test of that name.

use std::{collections::BTreeSet, fs, path::Path};

/// The code spans of a text that name a test: `tests/a.rs::b` or `src/a.rs::b`.
fn named(text: &str) -> Vec<(&str, &str)> {
    text.split('`').skip(1).step_by(2).filter_map(|span| span.split_once(".rs::")).collect()
}

/// Whether this function is in the text and marked as a test.
fn is_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    lines.iter().enumerate().any(|(at, line)| {
        let found =
            line.strip_prefix("fn ").and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with('('));
        let above = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        found && above.into_iter().any(|line| line.starts_with("#[test]"))
    })
}

/// What the document names and nobody has; it names at least so many.
fn missing(document: &str, at_least: usize) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join(document)).unwrap();
    let named: BTreeSet<(&str, &str)> = named(&text).into_iter().collect();
    assert!(named.len() >= at_least, "{document} names {} tests", named.len());
    named
        .into_iter()
        // The comparison is a package of its own, which a copy of this one may lack.
        .filter(|(file, _)| !file.starts_with("benches/peers/") || root.join("benches/peers").is_dir())
        .filter(|(file, name)| {
            !fs::read_to_string(root.join(format!("{file}.rs"))).is_ok_and(|source| is_test(&source, name))
        })
        .map(|(file, name)| format!("{document}: {file}.rs::{name}"))
        .collect()
}

#[test]
fn every_test_that_a_document_names_exists() {
    assert_eq!(missing("src/manual/mistakes.rs", 90), Vec::<String>::new());
    assert_eq!(missing("SECURITY.md", 50), Vec::<String>::new());
    assert_eq!(missing("COMPARE.md", 40), Vec::<String>::new());
}

#[test]
fn each_mistake_is_listed_once_with_its_rule_and_its_test() {
    let page = include_str!("../src/manual/mistakes.rs");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").collect())
        .filter(|row: &Vec<&str>| row[0] != "published")
        .collect();
    assert!(rows.len() >= 50, "{} mistakes", rows.len());
    let mut published = BTreeSet::new();
    for row in rows {
        assert_eq!(row.len(), 4, "{row:?}");
        for reference in row[0].split(", ") {
            assert!(published.insert(reference), "{reference} is listed twice");
        }
        assert!(!named(row[3]).is_empty(), "{row:?}");
    }
}

#[test]
fn a_name_that_nobody_has_is_missed() {
    assert_eq!(named("a `tests/a.rs::b`, `c` and `d::e`"), [("tests/a", "b")]);
    let source = "#[test]\nfn there() {}\nfn plain() {}\n    #[test]\n    #[ignore]\n    fn inside() {}";
    assert!(is_test(source, "there") && is_test(source, "inside"));
    assert!(!is_test(source, "plain") && !is_test(source, "ther") && !is_test(source, "elsewhere"));
}

//! What the layers may name, read off the source.

#![allow(clippy::unwrap_used)] // a test may

use std::fs;
use std::path::{Path, PathBuf};

/// All that the engine may take from the standard library: values, and nothing that reaches outside.
const STD_OF_THE_ENGINE: [&str; 9] = [
    "borrow::Borrow",
    "cmp::Reverse",
    "collections::",
    "fmt",
    "mem::",
    "num::",
    "str::",
    "sync::Arc",
    "time::Duration",
];

/// The layers around it, and what belongs to them.
const FOREIGN_TO_THE_ENGINE: [&str; 6] =
    ["napi", "tokio", "crate::node", "crate::store", "crate::durable", "crate::error_code"];

/// What a store must not know: it keeps rows, and whose they are is nothing to it.
const FOREIGN_TO_A_STORE: [&str; 5] =
    ["napi", "crate::node", "crate::engine", "crate::durable", "crate::error_code"];

/// What does not belong where one form of a run becomes the other: that is a matter of values.
const FOREIGN_TO_THE_MIDDLE: [&str; 7] =
    ["napi", "tokio", "crate::node", "std::time::", "std::thread", "std::fs", "std::env"];

fn rust_files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// The code of a line, without its comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

#[test]
fn the_engine_names_nothing_outside_itself() {
    for (path, text) in rust_files("src/engine") {
        for line in text.lines().map(code) {
            for foreign in FOREIGN_TO_THE_ENGINE {
                assert!(!line.contains(foreign), "{} names {foreign}: {line}", path.display());
            }
            // A list in braces right after `std::` is refused as well: each name stands in full.
            for (at, _) in line.match_indices("std::") {
                let name = &line[at + "std::".len()..];
                let allowed = STD_OF_THE_ENGINE.iter().any(|allowed| name.starts_with(allowed));
                assert!(allowed, "{} takes std::{name}", path.display());
            }
        }
    }
}

#[test]
fn a_store_names_no_layer_beside_or_above_it() {
    assert_names_none("src/store", &FOREIGN_TO_A_STORE);
}

#[test]
fn between_the_engine_and_a_store_there_are_only_values() {
    assert_names_none("src/durable", &FOREIGN_TO_THE_MIDDLE);
}

fn assert_names_none(folder: &str, foreign: &[&str]) {
    for (path, text) in rust_files(folder) {
        for line in text.lines().map(code) {
            let found = foreign.iter().find(|foreign| line.contains(**foreign));
            let exempt = line.contains("std::time::Duration");
            assert!(found.is_none() || exempt, "{} names {found:?}: {line}", path.display());
        }
    }
}

#[test]
fn nothing_but_the_node_layer_names_napi() {
    for (path, text) in rust_files("src") {
        if path.components().any(|part| part.as_os_str() == "node") {
            continue;
        }
        assert!(!text.lines().map(code).any(|line| line.contains("napi")), "{} names napi", path.display());
    }
}

#[test]
fn every_exported_function_catches_panics() {
    for (path, text) in rust_files("src/node") {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (number, line) in lines.iter().enumerate() {
            let is_function = lines[number + 1..]
                .iter()
                .find(|next| !next.starts_with("#["))
                .is_some_and(|next| next.starts_with("pub fn") || next.starts_with("pub async fn"));
            // What runs once, when the module is loaded, has nothing to panic about yet.
            if line.starts_with("#[napi") && is_function && !line.contains("module_exports") {
                let place = format!("{}:{}", path.display(), number + 1);
                assert!(line.contains("catch_unwind"), "{place} lets a panic reach the process");
            }
            if line.contains("extern \"C\" fn") && !line.starts_with("//") {
                let body = lines[number + 1];
                assert!(body.contains("catch_unwind("), "{}:{}: {body}", path.display(), number + 1);
            }
        }
    }
}

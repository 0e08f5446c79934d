//! What stands on each line of a string to sign: the way back, for explaining a difference.

use super::{canonical::Layout, shared_key::line_names, version::Version};
use alloc::{string::String, vec::Vec};

/// More lines than any token has.
const LONGEST: usize = 40;

/// The fields of a string to sign by name, in the order of its lines, if it is one of a version that this crate knows.
pub(crate) fn named(text: &str) -> Option<Vec<(String, &str)>> {
    shared_key(text).or_else(|| token(text))
}

fn token(text: &str) -> Option<Vec<(String, &str)>> {
    let lines: Vec<&str> = text.split('\n').collect();
    if lines.len() > LONGEST {
        return None;
    }
    for layout in Layout::ALL {
        for version in lines.iter().filter_map(|line| Version::parse(line)) {
            let names = layout.names(version);
            let is_version = |(name, line): (&&str, &&str)| *name == "sv" && *line == version.as_str();
            if names.len() == lines.len() && names.iter().zip(&lines).any(is_version) {
                let pairs = names.iter().zip(&lines).filter(|(name, _)| !name.is_empty());
                return Some(pairs.map(|(name, line)| ((*name).into(), *line)).collect());
            }
        }
    }
    None
}

fn shared_key(text: &str) -> Option<Vec<(String, &str)>> {
    let (method, rest) = text.split_once('\n')?;
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let lines: Vec<&str> = rest.split('\n').collect();
    let names = line_names(lines.len())?;
    let mut pairs = Vec::with_capacity(lines.len().saturating_add(1));
    pairs.push(("verb".into(), method));
    let mut lines = lines.into_iter();
    pairs.extend(names.iter().zip(lines.by_ref()).map(|(name, line)| ((*name).into(), line)));
    for line in lines {
        pairs.push(match line.split_once(':') {
            _ if line.starts_with('/') => ("canonicalized resource".into(), line),
            Some((name, value)) => (name.into(), value),
            None => ("line".into(), line),
        });
    }
    Some(pairs)
}

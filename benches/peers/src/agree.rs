//! Whether two outputs are the same work.

use percent_encoding::percent_decode_str;

/// In what two URLs that mean the same differ: nothing, for the same bytes.
///
/// # Panics
/// If they do not mean the same: another host or path, or another set of parameters.
#[must_use]
pub fn on_url(ours: &str, theirs: &str) -> &'static str {
    if ours == theirs {
        return "";
    }
    let ((our_head, our_query), (head, query)) = (ours.split_once('?').unwrap(), theirs.split_once('?').unwrap());
    assert_eq!(our_head, head);
    on_query(our_query, query)
}

/// The same for queries.
///
/// # Panics
/// If they hold other parameters.
#[must_use]
pub fn on_query(ours: &str, theirs: &str) -> &'static str {
    let (our_pairs, pairs) = (pairs(ours), pairs(theirs));
    if ours == theirs {
        return "";
    }
    if our_pairs == pairs {
        return if sorted(ours) == sorted(theirs) { "order" } else { "order, escapes" };
    }
    let lower = |pairs: &[(String, String)]| -> Vec<(String, String)> {
        let is_hex = |name: &str| name.ends_with("-Signature");
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), if is_hex(name) { value.to_ascii_lowercase() } else { value.clone() }))
            .collect()
    };
    assert_eq!(our_pairs, lower(&pairs));
    "hex in upper case"
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let mut pairs: Vec<(String, String)> =
        query.split('&').map(|pair| pair.split_once('=').unwrap()).map(|(n, v)| (decoded(n), decoded(v))).collect();
    pairs.sort();
    pairs
}

fn sorted(query: &str) -> Vec<&str> {
    let mut pairs: Vec<&str> = query.split('&').collect();
    pairs.sort_unstable();
    pairs
}

/// The value of a parameter.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn param(url: &str, name: &str) -> String {
    let (_, query) = url.split_once('?').unwrap();
    pairs(query).into_iter().find(|(other, _)| other == name).unwrap_or_else(|| panic!("no {name} in {url}")).1
}

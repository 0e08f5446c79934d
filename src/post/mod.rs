//! HTML forms with a signed policy: what Amazon's and Google's have in common.
//!
//! A form is a list of fields, and its policy a JSON document of conditions on them. What the two providers
//! differ in (the names of the fields, which of them a prefix may be asked of, how a missing one counts) is
//! told by [`Rules`]; how the document is laid out, by [`Layout`](write::Layout).

pub(crate) mod conditions;
pub(crate) mod form;
pub(crate) mod view;
pub(crate) mod write;

use crate::{encode, target::has_dot_segment};

/// What a form's server replaces with the name of the file.
pub(crate) const FILE_NAME: &str = "${filename}";

/// What a provider's policies may say.
pub(crate) struct Rules {
    /// Whether a form can have a field of this name, beside the file, the policy and its signature.
    pub(crate) is_field: fn(&str) -> bool,
    /// Whether a condition may ask of this field how it begins, and not only what it is.
    pub(crate) takes_prefix: fn(&str) -> bool,
    /// Whether a field that the form lacks begins with nothing. Otherwise it meets no condition at all.
    pub(crate) absent_is_empty: bool,
    /// Whether a condition that names no such field, or asks of it what cannot be asked, is read and never met.
    /// Otherwise the policy itself cannot be read.
    pub(crate) odd_is_unmet: bool,
    /// How many digits a fraction of a second has in `expiration`.
    pub(crate) fraction: core::ops::RangeInclusive<usize>,
}

/// A field name for an error.
pub(crate) fn shown(name: &str) -> alloc::string::String {
    name.chars().take(64).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}

/// Whether a segment of an object's name is one that clients fold.
pub(crate) fn is_dotted(name: &str) -> bool {
    has_dot_segment(&alloc::format!("/{}", encode::path(name.as_bytes())))
}

/// Whether a server passes this field over.
pub(crate) fn is_ignored(name: &str) -> bool {
    name.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("x-ignore-"))
}

/// Whether a name is that of an extension field: the prefix, and letters, digits, `-`, `_` or `.` behind it.
pub(crate) fn is_extension(name: &str, prefix: &str) -> bool {
    let Some((start, rest)) = name.split_at_checked(prefix.len()) else { return false };
    start.eq_ignore_ascii_case(prefix)
        && !rest.is_empty()
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

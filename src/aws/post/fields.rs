//! The fields of a form: their names, which of them a condition may say what about, and what may be asked for.

use crate::{
    aws::canonical::SECURITY_TOKEN,
    encode,
    error::IssueError,
    post::{FILE_NAME, Rules, is_extension, is_ignored, write::Entry},
};
use alloc::{borrow::ToOwned, string::String};

/// The fields that belong to the signer.
pub(super) const POLICY: &str = "policy";
pub(super) const KEY: &str = "key";
pub(super) const BUCKET: &str = "bucket";
pub(super) const FILE: &str = "file";
pub(super) const ALGORITHM_FIELD: &str = "x-amz-algorithm";
pub(super) const CREDENTIAL: &str = "x-amz-credential";
pub(super) const DATE: &str = "x-amz-date";
pub(super) const SIGNATURE: &str = "x-amz-signature";
pub(super) const SIZE: &str = "content-length-range";

pub(super) const RULES: Rules =
    Rules { is_field, takes_prefix, absent_is_empty: false, odd_is_unmet: true, fraction: 3..=3 };

/// The most tags of an object, and the longest key and value of one, in characters.
///
/// Source: Amazon S3 User Guide, "Categorizing your objects using tags".
const MAX_TAGS: usize = 10;
const MAX_TAG_KEY: usize = 128;
const MAX_TAG_VALUE: usize = 256;

pub(super) fn is(name: &str, fields: &[&str]) -> bool {
    fields.iter().any(|field| name.eq_ignore_ascii_case(field))
}

/// Fields that a condition may ask a beginning of, beside user metadata.
const PREFIXED: [&str; 9] = [
    "acl",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-type",
    "expires",
    KEY,
    "redirect",
    "success_action_redirect",
];

/// Whether a form can have a field of this name, beside the file, the policy and its signature.
///
/// Source: Amazon S3 API Reference, "POST Object", form fields.
fn is_field(name: &str) -> bool {
    is(name, &PREFIXED) || is(name, &[BUCKET, "success_action_status", "tagging"]) || is_extension(name, "x-amz-")
}

/// Source: Amazon S3 API Reference, "Creating a POST Policy", the table of conditions.
fn takes_prefix(name: &str) -> bool {
    is(name, &PREFIXED) || is_extension(name, "x-amz-meta-")
}

pub(super) fn check_field(name: &str) -> Result<(), IssueError> {
    let reserved = [KEY, BUCKET, FILE, POLICY, ALGORITHM_FIELD, CREDENTIAL, DATE, SECURITY_TOKEN, SIGNATURE, SIZE];
    let invalid = |why| Err(IssueError::Invalid { what: "form field", why });
    if is(name, &reserved) {
        return Err(IssueError::Reserved { name: name.to_owned() });
    }
    if is_ignored(name) {
        return invalid("`x-ignore-*` is not checked: add it to the form only");
    }
    if !is_field(name) {
        return invalid("S3 takes no field of that name");
    }
    Ok(())
}

/// What S3 would pass over or replace instead of doing what was asked.
pub(super) fn check_value(entry: &Entry) -> Result<(), IssueError> {
    let invalid = |why| Err(IssueError::Invalid { what: "form field", why });
    let value = match entry {
        Entry::StartsWith(name, ..) if !takes_prefix(name) => {
            return invalid("S3 compares it as a whole only: see `field`");
        }
        Entry::Field(_, value) | Entry::StartsWith(_, _, Some(value)) => value,
        Entry::StartsWith(..) | Entry::Size(_) => return Ok(()),
    };
    if value.contains(FILE_NAME) {
        return invalid("`${filename}` in it would be replaced");
    }
    if is(entry.name(), &["success_action_status"]) && !matches!(value.as_str(), "200" | "201" | "204") {
        return invalid("`success_action_status` is 200, 201 or 204");
    }
    if is(entry.name(), &["success_action_redirect", "redirect"]) {
        let host = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
        if !host
            .is_some_and(|rest| rest.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'['))
        {
            return invalid("a redirect is an absolute HTTP or HTTPS URL");
        }
    }
    Ok(())
}

/// The tags as the field that S3 takes them in.
pub(super) fn tagging(tags: &[(String, String)], entries: &[Entry]) -> Result<Option<Entry>, IssueError> {
    if tags.is_empty() {
        return Ok(None);
    }
    let invalid = |why| Err(IssueError::Invalid { what: "tag", why });
    if tags.len() > MAX_TAGS {
        return invalid("an object has at most 10");
    }
    let mut xml = String::from("<Tagging><TagSet>");
    for (at, (key, value)) in tags.iter().enumerate() {
        let long = key.chars().count() > MAX_TAG_KEY || value.chars().count() > MAX_TAG_VALUE;
        if key.is_empty() || long || [key, value].into_iter().any(|text| text.chars().any(char::is_control)) {
            return invalid("a key has 1 to 128 and a value up to 256 characters, none of them a control character");
        }
        if tags.iter().take(at).any(|(other, _)| other == key) {
            return invalid("a key is there twice");
        }
        xml.push_str("<Tag><Key>");
        encode::push_xml(&mut xml, key.chars());
        xml.push_str("</Key><Value>");
        encode::push_xml(&mut xml, value.chars());
        xml.push_str("</Value></Tag>");
    }
    xml.push_str("</TagSet></Tagging>");
    if entries.iter().any(|entry| is(entry.name(), &["tagging"])) {
        return invalid("the form has a field `tagging` as well");
    }
    Ok(Some(Entry::Field("tagging".to_owned(), xml)))
}

//! `x-amz-copy-source`: which object a copy reads, written and read.
//!
//! ```text
//! bucket/name?versionId=id        arn:aws:s3:region:account:accesspoint/name/object/name
//! ```
//!
//! S3 decodes the value once, and reads a bare `+` in it as a blank, which others do not; `%2F` separates for some and
//! is a byte of the name for others. What is written holds neither, and what holds one is not read.
//!
//! Source: Amazon S3 API Reference, "`CopyObject`" and "`UploadPartCopy`".

use super::{
    endpoint::{AccessPoint, check_bucket},
    s3::check_object_name,
};
use crate::{
    encode::{self, Spelling},
    error::{IssueError, VerifyError},
    grant::CopySource,
    target::has_dot_segment,
    v4::checks::check_id,
};
use alloc::{format, string::String};
use core::ops::RangeInclusive;

pub(super) const COPY_SOURCE: &str = "x-amz-copy-source";
pub(super) const COPY_SOURCE_RANGE: &str = "x-amz-copy-source-range";

/// The value of the header.
pub(super) fn written(source: &CopySource, dot_segments: bool) -> Result<String, IssueError> {
    check_object_name(&source.name)?;
    let between = if AccessPoint::parse(&source.container).is_some() {
        "/object/"
    } else {
        check_bucket(&source.container)?;
        "/"
    };
    let mut value = String::new();
    encode::push_path(&mut value, &format!("{}{between}{}", source.container, source.name));
    if !dot_segments && has_dot_segment(&format!("/{value}")) {
        return Err(IssueError::Invalid {
            what: "copy source",
            why: "a segment is `.` or `..`, which servers may fold: see `allow_dot_segments`",
        });
    }
    if let Some(version) = &source.version {
        check_id("version", version)?;
        value.push_str("?versionId=");
        value.extend(encode::component(version.as_bytes()));
    }
    Ok(value)
}

/// The value of the header with the bytes.
pub(super) fn written_range(range: &RangeInclusive<u64>) -> Result<String, IssueError> {
    if range.is_empty() {
        return Err(IssueError::Invalid { what: "copy source", why: "its range of bytes is empty" });
    }
    Ok(format!("bytes={}-{}", range.start(), range.end()))
}

/// What the header names.
pub(super) fn read(value: &[u8], dot_segments: bool) -> Result<CopySource, VerifyError> {
    parse(value, dot_segments).ok_or(VerifyError::FieldForm {
        field: COPY_SOURCE,
        expected: "a bucket or access point, `/` and a name, percent-encoded without `+` and `%2F`, and at most \
                   `?versionId=` with one",
    })
}

fn parse(value: &[u8], dot_segments: bool) -> Option<CopySource> {
    let text = core::str::from_utf8(value).ok()?;
    let (path, version) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query.strip_prefix("versionId=")?)),
        None => (text, None),
    };
    let path = path.strip_prefix('/').unwrap_or(path);
    let escaped_slash = path.as_bytes().windows(3).any(|escape| escape.eq_ignore_ascii_case(b"%2f"));
    if escaped_slash || text.contains('+') || (!dot_segments && has_dot_segment(&format!("/{path}"))) {
        return None;
    }
    let decoded = |text: &str, separator| {
        (encode::spelling(text, separator) != Spelling::Malformed).then(|| encode::decode(text)).flatten()
    };
    let path = decoded(path, Some(b'/'))?;
    let (container, name) = match path.find(":accesspoint") {
        Some(at) if path.starts_with("arn:") => {
            let name_at = at.checked_add(":accesspoint/".len())?;
            let cut = name_at.checked_add(path.get(name_at..)?.find('/')?)?;
            let (arn, rest) = path.split_at_checked(cut)?;
            AccessPoint::parse(arn)?;
            (arn, rest.strip_prefix("/object/")?)
        }
        _ => {
            let (bucket, name) = path.split_once('/')?;
            check_bucket(bucket).ok()?;
            (bucket, name)
        }
    };
    check_object_name(name).ok()?;
    let source = CopySource::new(container, name);
    let Some(version) = version else { return Some(source) };
    let version = decoded(version, None).filter(|_| !version.contains(['&', '?']))?;
    check_id("version", &version).ok()?;
    Some(source.version(version))
}

/// The bytes that the header names.
pub(super) fn read_range(value: &[u8]) -> Result<RangeInclusive<u64>, VerifyError> {
    let number = |text: &str| {
        let plain = (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| plain)
    };
    let range = || {
        let (first, last) = core::str::from_utf8(value).ok()?.strip_prefix("bytes=")?.split_once('-')?;
        Some(number(first)?..=number(last)?).filter(|range| !range.is_empty())
    };
    range().ok_or(VerifyError::FieldForm { field: COPY_SOURCE_RANGE, expected: "`bytes=first-last` in digits" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_text(value: &str) -> Option<CopySource> {
        read(value.as_bytes(), false).ok()
    }

    #[test]
    fn names_are_encoded_once_with_their_slashes() {
        for (source, value) in [
            (CopySource::new("src-bucket", "a b/c+d.txt"), "src-bucket/a%20b/c%2Bd.txt"),
            (CopySource::new("src-bucket", "\u{fc}/%41"), "src-bucket/%C3%BC/%2541"),
            (CopySource::new("src-bucket", "a+b %41"), "src-bucket/a%2Bb%20%2541"),
            (CopySource::new("src-bucket", "a?versionId=b"), "src-bucket/a%3FversionId%3Db"),
            (CopySource::new("src-bucket", "//a//"), "src-bucket///a//"),
            (CopySource::new("src-bucket", "a").version("3/L+k=="), "src-bucket/a?versionId=3%2FL%2Bk%3D%3D"),
            (
                CopySource::new("arn:aws:s3:eu-west-1:123456789012:accesspoint/object", "object/a"),
                "arn%3Aaws%3As3%3Aeu-west-1%3A123456789012%3Aaccesspoint/object/object/object/a",
            ),
        ] {
            assert_eq!(written(&source, false).unwrap(), value);
            assert_eq!(read_text(value), Some(source));
        }
    }

    #[test]
    fn another_spelling_is_read_only_where_nobody_doubts_it() {
        let source = Some(CopySource::new("src-bucket", "a(b)~"));
        for value in ["src-bucket/a(b)~", "/src-bucket/a%28b%29~", "src-bucket/a%28b%29%7e"] {
            assert_eq!(read_text(value), source, "{value}");
        }
        for value in [
            "",
            "/",
            "src-bucket",
            "src-bucket/",
            "//src-bucket/a",
            "src-bucket%2Fa",
            "src-bucket/a%2fb",
            "src-bucket/a+b",
            "src-bucket/a b",
            "src-bucket/a#b",
            "src-bucket/a%",
            "src-bucket/%00",
            "src-bucket/%FF",
            "src-bucket/../other/a",
            "src-bucket/%2e%2E/a",
            "src-bucket/a?",
            "src-bucket/a?versionId=",
            "src-bucket/a?versionId=+",
            "src-bucket/a?versionId=1&versionId=2",
            "src-bucket/a?versionId=1?x",
            "src-bucket/a?versionid=1",
            "src-bucket/a?x=1",
            "b/a",
            "arn:aws:s3:eu-west-1:123456789012:accesspoint/reader",
            "arn:aws:s3:eu-west-1:123456789012:accesspoint/reader/a",
            "arn:aws:s3:eu-west-1:12:accesspoint/reader/object/a",
        ] {
            assert_eq!(read_text(value), None, "{value}");
        }
        assert!(read(b"src-bucket/..", true).is_ok() && written(&CopySource::new("src-bucket", ".."), false).is_err());
    }

    #[test]
    fn ranges_are_two_plain_numbers_in_order() {
        assert_eq!(written_range(&(0..=9)).unwrap(), "bytes=0-9");
        assert_eq!(read_range(b"bytes=0-9").ok(), Some(0..=9));
        for value in ["", "bytes=", "bytes=9-0", "bytes=-9", "bytes=0-", "bytes=+0-9", "bytes=0-9,20-30", "0-9"] {
            assert!(read_range(value.as_bytes()).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(name in "\\PC{1,40}", version in proptest::option::of("\\PC{1,20}")) {
            let source = CopySource { version, ..CopySource::new("src-bucket", name) };
            let value = written(&source, true).unwrap();
            prop_assert_eq!(read(value.as_bytes(), true), Ok(source));
        }

        #[test]
        fn whatever_is_read_has_one_way_to_be_written(value in "(/|)[a-c]{3}/[a-z/%2F+?.=A-D0-9]{0,20}") {
            if let Ok(source) = read(value.as_bytes(), false) {
                let again = written(&source, false).unwrap();
                prop_assert_eq!(read(again.as_bytes(), false), Ok(source));
            }
        }
    }
}

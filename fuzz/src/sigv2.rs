//! Signature Version 2 of S3: a URL of any shape against a slow reading, and what we sign against every change of a byte.

use super::{ACCESS_KEY_ID, HOST, now, reference};
use std::sync::LazyLock;
use valet_key::{
    aws::{Endpoint, LegacyExpect, LegacyPresented, LegacyUrlRequest, Region, S3Error, SigV4, StaticKey},
    error::VerifyError,
    view::{HeaderLine, RequestView},
};

static KEY: LazyLock<StaticKey> = LazyLock::new(|| StaticKey::new(ACCESS_KEY_ID, "a secret").unwrap());

/// A URL of any shape: the method, the target, a place to change, and header lines, each on a line.
///
/// Law: whatever passes the check without a key has the text of the slow reading, and is refused with a signature that
/// nobody made. An object of that name, signed by us, is accepted, and is refused after the change of a byte.
///
/// # Panics
/// If the law is broken.
pub fn sigv2_verify(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut input = text.split('\n');
    let mut next = || input.next().unwrap_or_default();
    let (method, raw, change) = (next(), next(), next());
    let mut lines: Vec<HeaderLine<'_>> = vec![("host", HOST.as_bytes())];
    lines.extend(input.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.as_bytes())));
    let expires = now().unix() + 300;
    let separator = if raw.contains('?') { '&' } else { '?' };
    let target =
        format!("{raw}{separator}AWSAccessKeyId={ACCESS_KEY_ID}&Expires={expires}&Signature={}%3D", "A".repeat(27));
    let expect = LegacyExpect::new(HOST).bucket_in_host("photos").allow_unsigned_query("prefix");
    let presented = LegacyPresented::parse(&RequestView::new(method, &target, &lines));
    match presented.and_then(|presented| presented.check(KEY.credential(), &expect, now())) {
        Err(error) => assert!(S3Error::from(&error).status >= 400),
        Ok(pending) => {
            let expected = slow_text(method, &target, &lines, expires);
            assert_eq!(
                String::from_utf8_lossy(pending.string_to_sign().as_bytes()),
                String::from_utf8_lossy(&expected)
            );
            let presented = LegacyPresented::parse(&RequestView::new(method, &target, &lines)).unwrap();
            let refused = KEY.legacy_verify(presented, &expect, now()).map(|_| ());
            assert_eq!(refused, Err(VerifyError::SignatureMismatch));
        }
    }

    let endpoint = Endpoint::custom(&format!("https://{HOST}"), Region::new(super::REGION).unwrap()).unwrap();
    let Ok(mut request) = LegacyUrlRequest::new(method, &endpoint, "photos", raw) else { return };
    for (name, value) in lines.iter().skip(1) {
        request = request.header(*name, *value);
    }
    let Ok(url) = KEY.legacy_presign(&request, now()) else { return };
    let target = url.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap().to_owned();
    let verify = |target: &str| {
        let presented = LegacyPresented::parse(&RequestView::new(method, target, &lines))?;
        KEY.legacy_verify(presented, &LegacyExpect::new(HOST), now()).map(|verified| verified.path().to_owned())
    };
    assert_eq!(verify(&target).as_deref(), Ok(target.split('?').next().unwrap()));
    let mut bytes = target.clone().into_bytes();
    let at = change.bytes().map(usize::from).sum::<usize>() % bytes.len();
    bytes[at] = if bytes[at] == b'~' { b'!' } else { bytes[at] + 1 };
    let changed = String::from_utf8_lossy(&bytes).into_owned();
    let folded = |target: &str| {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        (path.to_owned(), query.to_ascii_lowercase())
    };
    if folded(&changed) != folded(&target) {
        assert!(verify(&changed).is_err(), "accepted after a change at {at}");
    }
}

/// The text, one rule after the other.
fn slow_text(method: &str, target: &str, lines: &[HeaderLine<'_>], expires: i64) -> Vec<u8> {
    let (path, query) = target.split_once('?').unwrap();
    let header = |name: &str| reference::header(lines.iter().copied(), name);
    // A value that is alone on its line keeps its inner blanks.
    let alone = |name: &str| {
        let line = lines.iter().find(|(line, _)| line.eq_ignore_ascii_case(name));
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        line.map_or(Vec::new(), |(_, value)| {
            let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
            let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |at| at + 1);
            value[start..end].to_vec()
        })
    };
    let mut text = method.as_bytes().to_vec();
    for part in [alone("content-md5"), alone("content-type"), expires.to_string().into_bytes()] {
        text.push(b'\n');
        text.extend(part);
    }
    text.push(b'\n');
    let (mut amz, mut resources) = (Vec::new(), Vec::new());
    for (name, _) in lines {
        let name = name.to_ascii_lowercase();
        if name.starts_with("x-amz-") {
            let value = header(&name).unwrap();
            amz.push((name, value));
        }
    }
    for param in query.split('&') {
        let (name, value) = param.split_once('=').unwrap_or((param, ""));
        let value = reference::decode(value).unwrap();
        if name.starts_with("x-amz-") {
            amz.push((name.to_owned(), value));
        } else if !["AWSAccessKeyId", "Expires", "Signature", "prefix"].contains(&name) {
            let named_alone = !name.starts_with("response-")
                && !["partNumber", "select-type", "uploadId", "versionId"].contains(&name);
            resources.push(if named_alone {
                name.as_bytes().to_vec()
            } else {
                [name.as_bytes(), b"=", &value].concat()
            });
        }
    }
    amz.sort();
    amz.dedup();
    for (name, value) in amz {
        text.extend([name.as_bytes(), b":", &*value, b"\n"].concat());
    }
    // By name, and not by the whole text.
    resources.sort_by_key(|resource| resource.split(|byte| *byte == b'=').next().unwrap().to_vec());
    text.extend(format!("/photos{path}").into_bytes());
    for (at, resource) in resources.into_iter().enumerate() {
        text.push(if at == 0 { b'?' } else { b'&' });
        text.extend(resource);
    }
    text
}

//! What stays of a text that holds a secret, and what does not.

#[cfg(all(feature = "aws", feature = "azure", feature = "gcs"))]
mod laws;

use std::borrow::Cow;
use valet_key::redact::{Redacted, Redactor, redact};

const HEX: &str = "5e1d0c1c6ad1fcb5a0a15e1d0c1c6ad1fcb5a0a15e1d0c1c6ad1fcb5a0a1abcd";
const B64: &str = "uJ0n3Yd8/KcR5+w2bQvXhT7mLsPzA9fEoGi1NtVx4Ck=";

/// Every spelling of the interface says the same.
#[track_caller]
pub(crate) fn redacted(text: &str) -> String {
    let whole = redact(text);
    assert_eq!(Redacted(text).to_string(), *whole);
    for size in [1, 2, 3, 7, 16, 64] {
        let (mut redactor, mut output) = (Redactor::new(), Vec::new());
        text.as_bytes().chunks(size).for_each(|piece| redactor.push(piece, &mut output));
        redactor.finish(&mut output);
        assert_eq!(String::from_utf8(output).unwrap(), *whole, "in pieces of {size}");
    }
    whole.into_owned()
}

/// And what is left is no secret.
#[track_caller]
fn redacted_once(text: &str) -> String {
    let shown = redacted(text);
    assert_eq!(redact(&shown), shown, "once is enough");
    shown
}

#[test]
fn each_name_of_a_secret_is_known_in_each_place() {
    let names = [
        "X-Amz-Signature",
        "x-amz-signature",
        "X-AMZ-SECURITY-TOKEN",
        "X-Amz-S3session-Token",
        "X-Goog-Signature",
        "Signature",
        "CloudFront-Signature",
        "CloudFront-Policy",
        "Policy",
        "token",
        "sig",
        "SIG",
        "chunk-signature",
        "x-amz-trailer-signature",
        "SecretAccessKey",
        "secretAccessKey",
        "aws_secret_access_key",
        "SessionToken",
        "AccountKey",
        "SharedAccessKey",
        "access_token",
        "subject_token",
        "WebIdentityToken",
        "private_key",
        "upload_id",
        "X-GUploader-UploadID",
        "x-goog-encryption-key",
        "x-amz-server-side-encryption-customer-key",
        "aeg-sas-key",
        "PGPASSWORD",
        "HTTP_X_AMZ_SECURITY_TOKEN",
    ];
    for name in names {
        for (before, between, after) in [
            ("", "=", ""),
            ("GET /k?a=1&", "=", "&b=2 HTTP/1.1"),
            ("GET /k?a=1&amp;", "=", "&amp;b=2"),
            (r"/k?a=1\u0026", r"\u003d", r"\u0026b=2"),
            ("next=%2Fk%3Fa%3D1%26", "%3D", "%26b%3D2"),
            ("next=%252Fk%253Fa%253D1%2526", "%253d", "%2526b"),
            ("a: b\r\n", ": ", "\r\nc: d"),
            (r#"{"a":1,""#, r#"":""#, r#"","b":2}"#),
            (r#"{\"a\":1,\""#, r#"\": \""#, r#"\",\"b\":2}"#),
            ("{'a':1,'", "': '", "'}"),
            ("<a><", ">", "</a>"),
            ("&lt;", "&gt;", "&lt;/a&gt;"),
            ("<ns:", " xmlns='x'>", "</a>"),
            ("<", "><![CDATA[", ""),
            ("-H '", ": ", "' -v"),
            ("[(\"", "\", \"", "\")]"),
            ("map[", ":[", "] x:[y]]"),
            ("{", ": Some(\"", "\") }"),
            ("", " = ", "\nregion = x"),
            ("\"", "\"=>\"", "\"}"),
            ("form-data; name=\"", "\"\r\n\r\n", "\r\n--b"),
            ("form-data; name=\"", "\"\r\nContent-Type: text/plain\r\n\r\n", "\r\n--b"),
            ("<input type='hidden' name=\"", "\" value=\"", "\">"),
            ("{\"name\":\"", "\",\"value\":\"", "\"}"),
            ("fooX-Amz-Signature=bar&x", "=", ""),
        ] {
            // These are secrets as whole names only: `continuation-token` is none.
            if before.ends_with("&x") && ["policy", "token"].contains(&name.to_ascii_lowercase().as_str()) {
                continue;
            }
            for secret in [HEX, B64] {
                let text = format!("{before}{name}{between}{secret}{after}");
                let shown = redacted_once(&text);
                assert!(shown.contains("REDACTED") && shown.contains(name), "{text}: {shown}");
                for at in 0..secret.len() - 16 {
                    assert!(!shown.contains(&secret[at..at + 16]), "{text}: {shown}");
                }
                if !after.is_empty() {
                    assert!(shown.ends_with(after.rsplit(['/', '&']).next().unwrap()), "{text}: {shown}");
                }
            }
        }
    }
}

#[test]
fn the_value_of_a_user_delegation_key_goes_and_no_other_value() {
    for (before, after) in [
        (
            "<UserDelegationKey><SignedOid>1</SignedOid><SignedVersion>2026-10-06</SignedVersion><Value>",
            "</Value></UserDelegationKey>",
        ),
        ("&lt;SignedVersion&gt;2026-10-06&lt;/SignedVersion&gt;&lt;Value&gt;", "&lt;/Value&gt;"),
        (r#"{"signedVersion":"2026-10-06","value":""#, r#"","a":1}"#),
        ("{'signed_version': '2026-10-06', 'value': '", "'}"),
        ("UserDelegationKey { value: ", ", a: 1 }"),
    ] {
        assert_eq!(redacted_once(&format!("{before}{B64}{after}")), format!("{before}REDACTED{after}"));
    }
    let tags =
        "<UserDelegationKey></UserDelegationKey><Tag><Key>a</Key><Value>something that is no secret</Value></Tag>";
    assert_eq!(redacted(tags), tags);
}

#[test]
fn a_password_in_a_url_goes_and_a_port_stays() {
    for (text, shown) in [
        ("MC_HOST_a=https://AKID:wJalrXUtnFEMI%40K7MDENG@h/a", "MC_HOST_a=https://AKID:REDACTED@h/a"),
        ("postgres://user:pw@h:5432/db", "postgres://user:REDACTED@h:5432/db"),
        ("to=https%3A%2F%2Fuser%3Ahunter2%40h%2Fa", "to=https%3A%2F%2Fuser%3AREDACTED%40h%2Fa"),
        (r"https:\/\/a.b:hunter2@h\/a", r"https:\/\/a.b:REDACTED@h\/a"),
        (
            "https://h:8443/a:longer@b https://h:65535?x=1 http://h:80",
            "https://h:8443/a:longer@b https://h:65535?x=1 http://h:80",
        ),
        ("see https://example.com: it is a: b@c", "see https://example.com: it is a: b@c"),
        ("ssh://git@h:22/a https://[2001:db8::1]:8443/", "ssh://git@h:22/a https://[2001:db8::1]:8443/"),
    ] {
        assert_eq!(redacted_once(text), shown);
    }
}

#[test]
fn an_authorization_keeps_who_and_not_what() {
    for (text, shown) in [
        (
            format!(
                "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261124/r/s3/aws4_request, SignedHeaders=host, Signature={HEX}\r\nHost: h"
            ),
            "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261124/r/s3/aws4_request, SignedHeaders=host, Signature=REDACTED\r\nHost: h",
        ),
        (format!("authorization: AWS AKIDEXAMPLE:{B64}\n"), "authorization: AWS AKIDEXAMPLE:REDACTED\n"),
        (format!("Authorization=SharedKeyLite account:{B64} x"), "Authorization=SharedKeyLite account:REDACTED x"),
        (format!("SharedKey account:{B64}"), "SharedKey account:REDACTED"),
        (
            format!(
                "Authorization: SharedAccessSignature sr=sb%3A%2F%2Fn&sig={}&se=1&skn=send",
                B64.replace('/', "%2F")
            ),
            "Authorization: SharedAccessSignature sr=sb%3A%2F%2Fn&sig=REDACTED&se=1&skn=send",
        ),
        (format!("{{\"authorization\":\"Bearer {HEX}\",\"a\":1}}"), "{\"authorization\":\"Bearer REDACTED\",\"a\":1}"),
        ("Authorization: Bearer ya29.short\nHost: h".to_owned(), "Authorization: Bearer REDACTED\nHost: h"),
        ("Authorization: something of its own\nHost: h".to_owned(), "Authorization: REDACTED\nHost: h"),
        ("Authorization: raw".to_owned(), "Authorization: REDACTED"),
        (format!("sent Bearer {HEX} to"), "sent Bearer REDACTED to"),
        (format!("aeg-sas-token: r=https%3A%2F%2Ft&e=1&s={B64}"), "aeg-sas-token: REDACTED"),
        (format!("r=https%3A%2F%2Ft&e=1&s={}", B64.replace('+', "%2B")), "r=https%3A%2F%2Ft&e=1&s=REDACTED"),
        (format!("token: k8s-aws-v1.{B64}"), "token: k8s-aws-v1.REDACTED"),
        (
            format!("The MAC signature found in the HTTP request '{B64}' is not"),
            "The MAC signature found in the HTTP request 'REDACTED' is not",
        ),
        (
            format!("DefaultEndpointsProtocol=https;AccountName=a;AccountKey={B64};EndpointSuffix=x"),
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=REDACTED;EndpointSuffix=x",
        ),
        (
            format!("x -----BEGIN RSA PRIVATE KEY-----\n{B64}\n{B64}\n-----END RSA PRIVATE KEY----- y"),
            "x -----BEGIN RSA PRIVATE KEY-----REDACTED y",
        ),
        (
            format!("{{\"k\":\"-----BEGIN PRIVATE KEY-----\\n{B64}\\n-----END PRIVATE KEY-----\\n\",\"b\":2}}"),
            "{\"k\":\"-----BEGIN PRIVATE KEY-----REDACTED\\n\",\"b\":2}",
        ),
    ] {
        assert_eq!(redacted_once(&text), shown);
    }
}

#[test]
fn malformed_text_hides_its_secrets_too() {
    for text in [
        format!("?%53ignature={HEX}"),
        format!("?X-Amz-Signature={HEX}"),
        format!("?X-Amz-Signature={HEX}&X-Amz-Signature={HEX}"),
        format!("/sig={HEX}/k"),
        format!("/k#sig={HEX}"),
        format!("https://user:pass@h/?sig={HEX}%"),
        format!("?sig=%zz{HEX}"),
        format!("?sig==={HEX}"),
        format!("?sig=\u{200b}{HEX}\u{e9}"),
        format!("\"sig\":\"{HEX}"),
        format!("sig= X-Amz-Signature: {HEX}"),
        format!("[\"authorization\",\"Signature\":\"{HEX}\"]"),
        format!("{{\"SignedHeaders\":\"host;x-amz-security-token\",\"Signature\":\"{HEX}\"}}"),
        format!("a=Bearer s=abcdefghijs={HEX}"),
        format!("-----BEGIN PRIVATE KEY-----\n{HEX}"),
    ] {
        let shown = redacted(&text);
        assert!(!shown.contains(&HEX[..16]) && !shown.contains(&HEX[HEX.len() - 16..]), "{text}: {shown}");
    }
}

#[test]
fn text_without_a_secret_is_left_alone() {
    for text in [
        "",
        "GET /photos/2026/cat.jpg?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261124%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20261124T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host",
        "https://a.blob.core.windows.net/c/b?sp=r&sv=2022-11-02&sr=b&se=2026-11-24T12%3A15%3A00Z&skoid=0f2a",
        "/bucket/key?uploads=&uploadId=VXBsb2FkIElEIGZvciA2aWWpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA&partNumber=1",
        "the signature was refused; a bearer token is missing, and AWS says: try again",
        "signature: expected 64 digits",
        "AccessKeyId=AKIAIOSFODNN7EXAMPLE",
        "100% of a\\b & c < d > \u{e9}\u{1f511} \\u00e9 &eacute; %E9",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----",
        "?q=s&s=cats",
    ] {
        assert!(matches!(redact(text), Cow::Borrowed(same) if same == text), "{}", redact(text));
        assert_eq!(redacted(text), text);
    }
}

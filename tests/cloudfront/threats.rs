//! The rules of a verifier and a generator, each with what it refuses and a neighbour that it accepts.

use crate::{
    HOST, ID, at, ec_key, facts, key_file, ring, rsa_key, signed, verdict, verdict_at, verifier, why, with_policy,
    with_view,
};
use base64ct::{Base64, Encoding};
use valet_key::{
    aws::cloudfront::{
        Carrier, CloudFrontError, CookieScope, Credential, Distribution, Expect, KeyRing, Pattern, PolicyDocument,
        PolicyRequest, Presented, Signature, SignedPolicy, Verifier,
    },
    error::{IssueError, KeyError, VerifyError},
    grant::{
        Action, Actions, Classification, Constraint, ContentDisposition, Encryption, Grant, Lifetime, Listing,
        OnShortCredential, ResponseHeader,
    },
    view::{HeaderLine, RequestView},
};

fn url(path: &str) -> String {
    format!("https://{HOST}{path}")
}

/// A policy for everything under `/a/`, with one part of it replaced.
fn policy(from: &str, to: &str) -> String {
    let policy = format!(
        "{{\"Statement\":[{{\"Resource\":\"https://{HOST}/a/*\",\"Condition\":{{\"DateLessThan\":{{\"AWS:EpochTime\":1767290400}}}}}}]}}"
    );
    assert!(policy.contains(from), "{from}");
    policy.replacen(from, to, 1)
}

fn verdict_of_policy(path: &str, from: &str, to: &str) -> Result<(), VerifyError> {
    verdict(&with_policy(path, &policy(from, to)))
}

fn folder() -> SignedPolicy {
    let pattern = Pattern::parse(&url("/a/*")).unwrap();
    rsa_key().signed_policy(&PolicyRequest::for_pattern(pattern).because(why()), at(0)).unwrap()
}

fn cookies() -> Vec<String> {
    folder().cookies().expose().map(|(name, value)| format!("{name}={value}")).collect()
}

fn verdict_with(expect: &Expect, url: &str, cookies: &[&str]) -> Result<(), VerifyError> {
    with_view(url, cookies, |view| ring().verify(Presented::parse(&view)?, expect, at(0)).map(drop))
}

fn verdict_of_cookies(lines: &[&str]) -> Result<(), VerifyError> {
    verdict_with(&Expect::new(HOST), &url("/a/x"), lines)
}

fn verdict_with_lines(target: &str, more: &[HeaderLine<'_>]) -> Result<(), VerifyError> {
    let mut lines: Vec<HeaderLine<'_>> = vec![("host", HOST.as_bytes())];
    lines.extend(more);
    verifier().verify(&RequestView::new("GET", target, &lines).over_https(), at(0)).map(drop)
}

#[test]
fn r01_one_mechanism_for_one_request() {
    let (token, line) = (signed("/a/x"), cookies().join("; "));
    assert!(verdict_with(&Expect::new(HOST), &token, &[]).is_ok());
    assert!(verdict_of_cookies(&[&line]).is_ok());
    // Both are right, and still: a server behind may go by the other.
    let both = verdict_with(&Expect::new(HOST), &token, &[&line]);
    assert!(matches!(both, Err(VerifyError::TwoMechanisms { .. })), "{both:?}");
    let one = verdict_with(&Expect::new(HOST), &token, &["CloudFront-Policy=x"]);
    assert!(matches!(one, Err(VerifyError::TwoMechanisms { .. })), "{one:?}");
    // By name, the URL decides, and it alone.
    let decides = Expect::new(HOST).url_decides();
    assert!(verdict_with(&decides, &token, &[&line, "CloudFront-Policy=x"]).is_ok());
    let forged = format!("{}&Signature=x", url("/a/x?Expires=1767290400"));
    assert!(verdict_with(&decides, &forged, &[&line]).is_err());

    let target = &token[url("").len()..];
    for (name, value) in [("authorization", "Bearer x"), ("Authorization", "AWS4-HMAC-SHA256 x")] {
        let found = verdict_with_lines(target, &[(name, value.as_bytes())]);
        assert!(matches!(found, Err(VerifyError::TwoMechanisms { .. })), "{found:?}");
    }
    let lines: [HeaderLine<'_>; 2] = [("host", HOST.as_bytes()), ("authorization", b"Bearer x")];
    let allowed = Verifier::new(ring(), Expect::new(HOST).allow_authorization());
    assert!(allowed.verify(&RequestView::new("GET", target, &lines).over_https(), at(0)).is_ok());
    for name in
        ["X-Amz-Signature", "x-amz-date", "X-Goog-Signature", "AWSAccessKeyId", "googleaccessid", "%58-Amz-Date"]
    {
        let foreign = verdict(&with_policy(&format!("/a/x?{name}=00"), &policy("", "")));
        assert!(matches!(foreign, Err(VerifyError::TwoMechanisms { .. })), "{name}: {foreign:?}");
    }
    assert!(verdict(&with_policy("/a/x?Amz-Signature=00&x-am=1", &policy("", ""))).is_ok());
}

#[test]
fn r02_every_field_once_in_one_spelling() {
    let token = signed("/a/x");
    for (from, to, expected) in [
        ("Expires=1767290400", "Expires=1767290400&Expires=1767290400", "field_count"),
        ("Expires=", "expires=", "field_form"),
        ("Expires=", "%45xpires=", "field_form"),
        ("Key-Pair-Id=", "Key-Pair-ID=", "field_form"),
        ("Hash-Algorithm=SHA256", "Hash-Algorithm=SHA256&hash-algorithm=SHA1", "field_form"),
        ("Signature=", "Signature=x&Signature=", "field_count"),
        ("Expires=1767290400&", "", "field_count"),
        ("Expires=1767290400", "Expires", "field_form"),
    ] {
        assert!(token.contains(from), "{from}");
        assert_eq!(verdict(&token.replacen(from, to, 1)).unwrap_err().code(), expected, "{to}");
    }
    // The neighbours: an order of its own, and names that only begin alike.
    let (base, query) = token.split_once('?').unwrap();
    let reversed: Vec<&str> = query.split('&').rev().collect();
    assert!(verdict(&format!("{base}?{}", reversed.join("&"))).is_ok());
    assert!(verdict(&signed("/a/x?ExpiresAt=1&Signatures=2&x=Policy")).is_ok());

    let all = cookies();
    for cookie in &all {
        let twice = format!("{}; {cookie}", all.join("; "));
        assert_eq!(verdict_of_cookies(&[&twice]).unwrap_err().code(), "field_count", "{cookie}");
        assert_eq!(verdict_of_cookies(&[&all.join("; "), cookie]).unwrap_err().code(), "field_count", "{cookie}");
        let name = cookie.split('=').next().unwrap();
        let other = all.join("; ").replace(name, &name.to_ascii_lowercase());
        assert_eq!(verdict_of_cookies(&[&other]).unwrap_err().code(), "field_form", "{cookie}");
    }
    // The first of several counts by name only, and still has to be right.
    let first = Expect::new(HOST).first_cookie_counts();
    let junk = ["CloudFront-Policy=x", "CloudFront-Signature=y"].join("; ");
    let right = all.join("; ");
    assert!(verdict_with(&first, &url("/a/x"), &[&right, &junk]).is_ok());
    assert!(verdict_with(&first, &url("/a/x"), &[&junk, &right]).is_err());
    // Cookies of others are none of ours, whatever they hold and wherever they stand.
    assert!(verdict_of_cookies(&["a=b; ; =; x", &right, "cloudfront=1; My-CloudFront-Policy=2; \u{fc}=\""]).is_ok());
    assert!(verdict_of_cookies(&[&all[0], &all[1], &all[2], &all[3]]).is_ok());
    // Quotes do not hide a cookie.
    assert!(verdict_of_cookies(&[&format!("a=\"; {}; \"", all.join("; "))]).is_ok());
    assert!(verdict_of_cookies(&[&right, &format!("a=\"; {}; \"", all[0])]).is_err());
    assert!(verdict_of_cookies(&[&right.replace("Policy=", "Policy=\"").replacen("; ", "\"; ", 1)]).is_err());
    assert!(verdict_of_cookies(&[&right.replace("Policy=", "Policy =")]).is_err());
}

#[test]
fn r04_escapes_are_whole() {
    let token = signed("/a/x?y=%41");
    assert!(verdict(&token).is_ok());
    for bad in ["%", "%4", "%4g", "\u{fc}", "\"", "\\", "\0", " "] {
        let found = verdict(&token.replacen("%41", bad, 1));
        assert!(matches!(found, Err(VerifyError::Malformed { .. })), "{bad}: {found:?}");
    }
}

#[test]
fn r05_the_path_is_the_one_that_was_sent() {
    for path in ["/a/../b", "/a/./b", "/a/%2e%2e/b", "/a/..%2fb", "/a/..%5Cb", "/a/.."] {
        let error = verdict_of_policy(path, "", "").unwrap_err();
        assert!(matches!(error, VerifyError::AmbiguousPath { .. }), "{path}: {error}");
        let allowed = Expect::new(HOST).allow_dot_segments();
        assert!(verdict_with(&allowed, &with_policy(path, &policy("", "")), &[]).is_ok(), "{path}");
    }
    for path in ["/a/b", "/a//b", "/a/..b", "/a/%2Fb", "/a/b%2e"] {
        assert!(verdict_of_policy(path, "", "").is_ok(), "{path}");
    }
    // Another spelling of the same path is another URL.
    let token = signed("/a/x%20y");
    assert!(verdict(&token).is_ok());
    assert_eq!(verdict(&token.replace("x%20y", "%78%20y")), Err(VerifyError::SignatureMismatch));
    facts(&signed("/a/x%20y?z=1"), |facts| {
        assert_eq!((facts.path(), facts.target()), ("/a/x%20y", "/a/x%20y?z=1"));
        assert_eq!(facts.url(), url("/a/x%20y?z=1"));
    });
    for text in ["https://a.example/a/../b", "https://a.example/%2e"] {
        assert!(PolicyRequest::for_url(text).is_err());
    }
    assert!(PolicyRequest::new(&Grant::read(HOST, "a/../b")).is_err());
    assert!(PolicyRequest::new(&Grant::read(HOST, "a/../b").allow_dot_segments()).is_ok());
}

#[test]
fn r06_no_line_feed_anywhere() {
    let token = signed("/a/x");
    let target = &token[url("").len()..];
    assert!(verdict_with_lines(target, &[("x-note", b"a b")]).is_ok());
    for value in [&b"a\r\nb"[..], b"a\nb", b"a\0b"] {
        assert!(verdict_with_lines(target, &[("x-note", value)]).is_err());
        assert!(verdict_with_lines("/a/x", &[("cookie", value)]).is_err());
    }
    for name in ["a\nb", "a\rb", "a\"b", "a\\b", "a\0b", "a?b*c"] {
        let request = PolicyRequest::new(&Grant::read(HOST, name)).unwrap().prepare(rsa_key().credential(), at(0));
        let request = request.unwrap();
        let policy: serde_json::Value = serde_json::from_str(request.string_to_sign().as_str()).unwrap();
        let resource = policy["Statement"][0]["Resource"].as_str().unwrap();
        assert!(!resource.contains(['\n', '\r', '"', '\\', '\0', '*', '?']), "{resource}");
    }
}

#[test]
fn r07_one_host_that_is_served_here() {
    let token = signed("/a/x");
    let target = &token[url("").len()..];
    let with = |target: &str, hosts: &[&str]| {
        let lines: Vec<HeaderLine<'_>> = hosts.iter().map(|host| ("host", host.as_bytes())).collect();
        let view = RequestView::new("GET", target, &lines).over_https();
        verifier().verify(&view, at(0)).map(drop)
    };
    assert!(with(target, &[HOST]).is_ok());
    assert_eq!(with(target, &[]).unwrap_err().code(), "field_count");
    assert_eq!(with(target, &[HOST, HOST]).unwrap_err().code(), "field_count");
    assert_eq!(with(target, &["other.example"]), Err(VerifyError::Host));
    assert_eq!(with(target, &[&format!("{HOST}:443")]), Err(VerifyError::Host));
    assert!(with(&format!("https://{HOST}{target}"), &[HOST]).is_ok());
    assert!(with(&format!("https://other.example{target}"), &[HOST]).is_err());
    assert!(with(&format!("http://{HOST}{target}"), &[HOST]).is_err());
    // What a header says of the protocol or the host is nothing.
    let lines: [HeaderLine<'_>; 3] =
        [("host", HOST.as_bytes()), ("x-forwarded-proto", b"https"), ("x-forwarded-host", HOST.as_bytes())];
    let plain = verifier().verify(&RequestView::new("GET", target, &lines), at(0)).map(drop);
    assert_eq!(plain, Err(VerifyError::SignatureMismatch));
    // Another name of the same distribution is another URL.
    let both = Expect::new(HOST).host("cdn.example.com");
    assert!(verdict_with(&both, &token, &[]).is_ok());
    assert_eq!(verdict_with(&both, &token.replace(HOST, "cdn.example.com"), &[]), Err(VerifyError::SignatureMismatch));
}

#[test]
fn r14_what_proxies_add_is_none_of_ours() {
    let token = signed("/a/x");
    let target = &token[url("").len()..];
    let more: [HeaderLine<'_>; 4] =
        [("via", b"1.1 x"), ("x-amz-cf-id", b"y"), ("Accept-Encoding", b"gzip"), ("range", b"bytes=0-")];
    assert!(verdict_with_lines(target, &more).is_ok());
}

#[test]
fn r16_a_time_is_whole_seconds_that_the_cloud_can_read() {
    let token = signed("/a/x");
    for bad in [
        "",
        "0",
        "-1",
        "+1767290400",
        "01767290400",
        "1767290400.5",
        "1767290400 ",
        "1.7e9",
        "2147483648",
        "1767290400000",
        "x",
    ] {
        let changed = token.replacen("1767290400", bad, 1);
        let error = verdict(&changed).unwrap_err();
        assert!(matches!(error.code(), "field_form" | "malformed"), "{bad}: {error}");
    }
    let last = PolicyRequest::for_url(&url("/a/x")).unwrap().because(why());
    let most = u32::try_from(2_147_483_647 - crate::NOW).unwrap();
    let lives = |seconds: u32| {
        last.clone().lives(Lifetime::from_seconds(seconds).unwrap()).prepare(rsa_key().credential(), at(0))
    };
    assert_eq!(lives(most).unwrap().expires_at().unix(), 2_147_483_646);
    assert!(matches!(lives(most + 1), Err(IssueError::LifetimeTooLong { .. })));
    assert!(last.prepare(rsa_key().credential(), at(i64::from(most))).is_err());
}

#[test]
fn r18_good_before_its_end_and_from_its_start() {
    let token = signed("/a/x");
    assert!(verdict_at(&token, at(899)).is_ok());
    let over = verdict_at(&token, at(900)).unwrap_err();
    assert_eq!(over, VerifyError::Expired { expired_at: at(899), now: at(900) });
    facts(&token, |facts| assert_eq!((facts.expires_at(), facts.not_before()), (at(899), None)));

    let request = PolicyRequest::for_url(&url("/a/x")).unwrap().not_before(at(60));
    let later = rsa_key().signed_url(&request, at(0)).unwrap();
    assert_eq!(later.expires_at(), at(899));
    assert_eq!(verdict_at(later.expose(), at(59)), Err(VerifyError::NotYetValid { valid_from: at(60), now: at(59) }));
    assert!(verdict_at(later.expose(), at(60)).is_ok());
    for start in [900, 901] {
        assert!(
            PolicyRequest::for_url(&url("/a/x"))
                .unwrap()
                .not_before(at(start))
                .prepare(rsa_key().credential(), at(0))
                .is_err()
        );
    }
    assert!(
        PolicyRequest::for_url(&url("/a/x"))
            .unwrap()
            .not_before(at(899))
            .prepare(rsa_key().credential(), at(0))
            .is_ok()
    );

    let short = Expect::new(HOST).max_lifetime(Lifetime::from_seconds(900).unwrap());
    assert!(verdict_with(&short, &token, &[]).is_ok());
    let shorter = Expect::new(HOST).max_lifetime(Lifetime::from_seconds(899).unwrap());
    assert_eq!(verdict_with(&shorter, &token, &[]), Err(VerifyError::Lifetime { found: 900, maximum: 899 }));
}

#[test]
fn r20_no_token_outlives_its_key() {
    let request = PolicyRequest::for_url(&url("/a/x")).unwrap();
    let ending = |seconds| Credential::rsa(ID).unwrap().expiring(at(seconds));
    assert!(request.prepare(&ending(900), at(0)).is_ok());
    assert!(matches!(request.prepare(&ending(899), at(0)), Err(IssueError::OutlivesCredential { .. })));
    let clamped = request.clone().on_short_credential(OnShortCredential::Clamp).prepare(&ending(300), at(0)).unwrap();
    assert_eq!(clamped.expires_at(), at(299));
    let document = PolicyDocument::parse(&policy("", "")).unwrap().because(why());
    assert!(document.prepare(&ending(900), at(0)).is_ok());
    assert!(matches!(document.prepare(&ending(899), at(0)), Err(IssueError::OutlivesCredential { .. })));
    assert!(document.prepare(&ending(2000), at(900)).is_err());

    let token = signed("/a/x");
    let with_end = |seconds| {
        let ring = KeyRing::new().with(ending(seconds), rsa_key().public_key()).unwrap();
        with_view(&token, &[], |view| {
            ring.verify(Presented::parse(&view).unwrap(), &Expect::new(HOST), at(60)).map(drop)
        })
    };
    assert!(with_end(60).is_ok());
    assert_eq!(with_end(59), Err(VerifyError::CredentialExpired { ended_at: at(59), now: at(60) }));
}

#[test]
fn r21_the_hash_and_the_kind_of_key_are_the_verifiers() {
    let token = signed("/a/x");
    let legacy = valet_key::aws::cloudfront::SigningKey::from_rsa_pem(
        Credential::rsa(ID).unwrap().legacy_sha1(),
        &key_file("cloudfront-rsa.pem"),
    )
    .unwrap();
    let request = PolicyRequest::for_url(&url("/a/x")).unwrap();
    let old = legacy.signed_url(&request, at(0)).unwrap().expose().to_owned();
    assert!(!old.contains("Hash-Algorithm"));
    // A key that signs SHA-256 is never asked about SHA-1, and the other way round.
    let of_hash = verdict(&old).unwrap_err();
    assert!(matches!(of_hash, VerifyError::Algorithm { field: "Hash-Algorithm", .. }), "{of_hash}");
    assert_eq!(verdict(&format!("{old}&Hash-Algorithm=SHA256")), Err(VerifyError::SignatureMismatch));
    for name in ["SHA1", "SHA-256", "sha256", "SHA512", ""] {
        let renamed = token.replace("Hash-Algorithm=SHA256", &format!("Hash-Algorithm={name}"));
        assert_eq!(verdict(&renamed).unwrap_err().code(), "field_form", "{name}");
    }
    let old_ring = KeyRing::new().with(legacy.credential().clone(), legacy.public_key()).unwrap();
    let by_old = |url: &str| {
        with_view(url, &[], |view| {
            old_ring.verify(Presented::parse(&view).unwrap(), &Expect::new(HOST), at(0)).map(drop)
        })
    };
    assert!(by_old(&old).is_ok());
    assert!(by_old(&token).is_err());
    assert!(by_old(&token.replace("&Hash-Algorithm=SHA256", "")).is_err());

    // A signature of the other kind of key.
    let ec = ec_key().signed_url(&request, at(0)).unwrap();
    let of_kind = verdict(ec.expose()).unwrap_err();
    assert!(matches!(of_kind, VerifyError::Algorithm { field: "Signature", .. }), "{of_kind}");
    let ec_ring = KeyRing::new().with(ec_key().credential().clone(), ec_key().public_key()).unwrap();
    let by_ec = |url: &str| {
        with_view(url, &[], |view| {
            ec_ring.verify(Presented::parse(&view).unwrap(), &Expect::new(HOST), at(0)).map(drop)
        })
    };
    assert!(by_ec(ec.expose()).is_ok());
    assert!(by_ec(&token).is_err());
    assert!(KeyRing::new().with(Credential::ecdsa(ID).unwrap(), rsa_key().public_key()).is_err());
}

#[test]
fn r23_a_signature_has_one_alphabet() {
    let token = signed("/a/x");
    let value = token.split("Signature=").nth(1).unwrap().split('&').next().unwrap();
    assert!(value.contains('-') && value.contains('~') && value.ends_with("__"), "a signature without the three signs");
    for changed in [
        value.replace('-', "%2B"),
        value.replace('-', "+"),
        value.replace('~', "/"),
        value.replace('_', "="),
        value.trim_end_matches('_').to_owned(),
        format!("{value}AAAA"),
        format!("{value}_"),
        String::new(),
        "A".repeat(400),
    ] {
        let error = verdict(&token.replace(value, &changed)).unwrap_err();
        assert!(matches!(error, VerifyError::FieldForm { .. } | VerifyError::Algorithm { .. }), "{error}");
    }
}

#[test]
fn r25_an_unknown_key_looks_like_a_wrong_signature() {
    let token = signed("/a/x");
    let unknown = verdict(&token.replace(ID, "KUNKNOWN")).unwrap_err();
    let wrong = verdict(&token.replace("1767290400", "1767290401")).unwrap_err();
    assert_eq!((&unknown, &wrong), (&VerifyError::UnknownKey, &VerifyError::SignatureMismatch));
    assert_eq!(CloudFrontError::from(&unknown), CloudFrontError::from(&wrong));
    assert_ne!(CloudFrontError::detailed(&unknown), CloudFrontError::detailed(&wrong));
    assert_eq!(
        CloudFrontError::from(&wrong).to_xml(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>AccessDenied</Code><Message>Access denied</Message></Error>"
    );
    // Whose fault it is decides the status.
    let status = |error: VerifyError| CloudFrontError::from(&error).status;
    assert_eq!(status(VerifyError::TooLarge { what: "query", found: 2, limit: 1 }), 400);
    assert_eq!(status(VerifyError::Malformed { what: "query", why: "x" }), 400);
    assert_eq!(status(VerifyError::FieldCount { field: "Host", found: 2 }), 400);
    assert_eq!(status(VerifyError::FieldCount { field: "Expires", found: 2 }), 403);
    assert_eq!(status(VerifyError::Key(KeyError::Holder("down".to_owned()))), 500);
    // The id picks the key: that another one would do is never tried.
    let mut two = ring();
    two.insert(Credential::rsa("KOTHER").unwrap(), rsa_key().public_key()).unwrap();
    assert_eq!((two.len(), two.is_empty(), KeyRing::new().is_empty()), (2, false, true));
    assert!(two.remove(ID) && !two.remove(ID));
    let error = with_view(&token, &[], |view| {
        two.verify(Presented::parse(&view).unwrap(), &Expect::new(HOST), at(0)).map(drop)
    });
    assert_eq!(error, Err(VerifyError::UnknownKey));
    for number in two.len()..20 {
        two.insert(Credential::rsa(format!("K{number}")).unwrap(), rsa_key().public_key()).unwrap();
    }
    assert!(two.insert(Credential::rsa("K21").unwrap(), rsa_key().public_key()).is_err());
    assert!(ring().insert(Credential::rsa(ID).unwrap(), rsa_key().public_key()).is_err());
}

#[test]
fn r35_a_policy_is_written_by_a_writer_and_read_as_given() {
    for document in ["", "{}", "null", &policy("AWS:EpochTime", "aws:EpochTime"), &policy("]}", "]},")] {
        assert!(PolicyDocument::parse(document).is_err(), "{document}");
    }
    let given = policy("", "").replace(',', " ,\n");
    let prepared =
        PolicyDocument::parse(&given).unwrap().because(why()).prepare(rsa_key().credential(), at(0)).unwrap();
    assert_eq!(prepared.string_to_sign().as_str(), given);
    assert!(matches!(
        PolicyDocument::parse(&given).unwrap().prepare(rsa_key().credential(), at(0)),
        Err(IssueError::Unjustified { .. })
    ));
}

#[test]
fn r43_exactly_one_statement_without_a_second_reading() {
    assert!(verdict_of_policy("/a/x", "", "").is_ok());
    let statement = policy("", "").trim_start_matches("{\"Statement\":").trim_end_matches('}').to_owned();
    let statement = statement.trim_matches(['[', ']']).to_owned() + "}";
    for (from, to) in [
        ("[{", &format!("[{statement},{{")[..]),
        ("{\"Statement\"", "{\"Statement\":[],\"Statement\""),
        ("{\"Statement\"", "{\"Version\":\"2012-10-17\",\"Statement\""),
        ("\"Resource\"", "\"Resource\":\"https://other.example/*\",\"Resource\""),
        ("\"Resource\"", "\"Effect\":\"Allow\",\"Resource\""),
        ("{\"DateLessThan\"", "{\"DateLessThan\":{\"AWS:EpochTime\":2147483647},\"DateLessThan\""),
        ("{\"DateLessThan\"", "{\"StringEquals\":{},\"DateLessThan\""),
        ("1767290400", "2147483648"),
        ("1767290400", "\"1767290400\""),
        ("}}}]}", "}}}]}{}"),
        ("}}}]}", "}}}]"),
    ] {
        let error = verdict_of_policy("/a/x", from, to).unwrap_err();
        assert!(matches!(error, VerifyError::Policy { .. }), "{to}: {error}");
        assert_eq!(CloudFrontError::from(&error).code, "MalformedPolicy");
    }
    // The neighbours: blanks, another order, escapes that stand for the same.
    for (from, to) in [(",", " , "), ("/a/*", "\\/a\\/\\u002a"), ("1767290400", "2147483647")] {
        assert!(verdict_of_policy("/a/x", from, to).is_ok(), "{to}");
    }
}

#[test]
fn r43_the_resource_is_held_against_the_whole_url_without_the_token() {
    let for_resource = |path: &str, resource: &str| verdict_of_policy(path, &format!("https://{HOST}/a/*"), resource);
    let here = |rest: &str| format!("https://{HOST}{rest}");
    let not_covered = Err(VerifyError::NotCovered { field: "Resource", what: "URL" });
    for (path, resource, covered) in [
        ("/a/x?y=1", here("/a/*"), true),
        ("/a/", here("/a/*"), true),
        ("/b/x", here("/a/*"), false),
        ("/a", here("/a/*"), false),
        ("/a/b.jpg", here("/a/?.jpg"), true),
        ("/a/bb.jpg", here("/a/?.jpg"), false),
        ("/a/.jpg", here("/a/?.jpg"), false),
        ("/a/x", here("/a/x"), true),
        ("/a/x?y=1", here("/a/x"), false),
        ("/a/x?y=1", here("/a/x\\\\?y=1"), true),
        ("/a/x?y=2", here("/a/x\\\\?y=1"), false),
        ("/a/x?y=1", here("/a/x?y=1"), true),
        ("/a/x?y=1&z=2", here("/a/x?y=1"), false),
        ("/hello?world", here("/hello*world"), false),
        ("/a/x", "*".to_owned(), true),
        ("/a/x", "http*://*".to_owned(), true),
        ("/a/x", "http://*".to_owned(), false),
        ("/a/x", "https://*.cloudfront.net/a/x".to_owned(), true),
        ("/a/x", "https://other.example/a/x".to_owned(), false),
        ("/a/x", format!("https://{HOST}:443/a/x"), false),
    ] {
        let expected = if covered { Ok(()) } else { not_covered.clone() };
        assert_eq!(for_resource(path, &resource), expected, "{resource} for {path}");
    }
    // The token itself is not part of the URL, wherever it stands in the query.
    let token = signed("/a/x?y=1");
    let (base, query) = token.split_once('?').unwrap();
    let (own, rest) = query.split_once('&').unwrap();
    assert!(verdict(&format!("{base}?{rest}&{own}")).is_ok());
    assert_eq!(verdict(&format!("{token}&z=2")), Err(VerifyError::SignatureMismatch));
    assert_eq!(verdict(&format!("{token}&")), Err(VerifyError::SignatureMismatch));
    assert_eq!(verdict(&format!("{base}?{rest}")), Err(VerifyError::SignatureMismatch));
    assert_eq!(verdict(&token.replace("y=1", "y=2")), Err(VerifyError::SignatureMismatch));
    // A resource that is left out would be every URL, and nobody wrote that.
    let without = verdict_of_policy("/a/x", &format!("\"Resource\":\"https://{HOST}/a/*\","), "").unwrap_err();
    assert!(matches!(without, VerifyError::Policy { .. }), "{without}");
}

#[test]
fn r43_network_and_address() {
    let network = |network: &str| {
        let condition = format!("\"IpAddress\":{{\"AWS:SourceIp\":\"{network}\"}},\"DateLessThan\"");
        with_policy("/a/x", &policy("\"DateLessThan\"", &condition))
    };
    let from = |url: &str, address: Option<&str>| {
        with_view(url, &[], |view| {
            let view = match address {
                Some(address) => view.from_address(address.parse().unwrap()),
                None => view,
            };
            verifier().verify(&view, at(0)).map(drop)
        })
    };
    let token = network("192.0.2.0/24");
    assert!(from(&token, Some("192.0.2.255")).is_ok());
    assert!(from(&token, Some("::ffff:192.0.2.1")).is_ok());
    for address in [None, Some("192.0.3.0"), Some("2001:db8::1"), Some("::192.0.2.1")] {
        assert!(matches!(from(&token, address), Err(VerifyError::ClientAddress { .. })), "{address:?}");
    }
    // Every IPv4 address is not every address.
    let all = network("0.0.0.0/0");
    assert!(from(&all, Some("198.51.100.1")).is_ok());
    assert!(from(&all, Some("2001:db8::1")).is_err());
    assert!(from(&network("192.0.2.1"), Some("192.0.2.1")).is_ok());
    for bad in ["2001:db8::/32", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0-192.0.2.9", "", "any"] {
        assert!(matches!(from(&network(bad), Some("192.0.2.1")), Err(VerifyError::Policy { .. })), "{bad}");
    }
}

#[test]
fn r43_policy_and_expires_are_exclusive() {
    let canned = signed("/a/x");
    let custom = with_policy("/a/x", &policy("", ""));
    for (token, more) in [(&canned, "Policy=e30_"), (&custom, "Expires=1767290400")] {
        assert!(verdict(token).is_ok());
        let error = verdict(&format!("{token}&{more}")).unwrap_err();
        assert!(matches!(error, VerifyError::TwoMechanisms { .. }), "{error}");
    }
    let line = cookies().join("; ");
    assert!(verdict_of_cookies(&[&line]).is_ok());
    let error = verdict_of_cookies(&[&line, "CloudFront-Expires=1767290400"]).unwrap_err();
    assert!(matches!(error, VerifyError::TwoMechanisms { .. }), "{error}");
    assert_eq!(verdict(&url("/a/x")), Err(VerifyError::NotSigned));
    assert_eq!(CloudFrontError::from(&VerifyError::NotSigned).code, "MissingKey");
}

/// They would end the text of a canned policy, or escape what follows.
#[test]
fn r43_a_quote_or_a_backslash_is_in_neither_path_nor_host() {
    let token = signed("/a/x");
    let refused = Err(VerifyError::Malformed { what: "target", why: "it holds a byte that no URL may hold" });
    assert!(verdict(&token).is_ok());
    for path in ["/a/\"x", "/a/\\x"] {
        assert_eq!(verdict(&token.replacen("/a/x", path, 1)), refused, "{path}");
    }
    let target = &token[url("").len()..];
    for host in ["cdn\".example.com", "cdn\\.example.com", "cdn.example.com/", "cdn.example.com?", "a@cdn.example.com"]
    {
        let lines: [HeaderLine<'_>; 1] = [("host", host.as_bytes())];
        let view = RequestView::new("GET", target, &lines).over_https();
        assert_eq!(verifier().verify(&view, at(0)).map(|_| ()), refused, "{host}");
    }
}

#[test]
fn r43_a_token_says_nothing_of_methods_so_the_verifier_does() {
    let token = signed("/a/x");
    let target = &token[url("").len()..];
    let lines: [HeaderLine<'_>; 1] = [("host", HOST.as_bytes())];
    for (method, expected) in
        [("GET", true), ("HEAD", true), ("PUT", false), ("DELETE", false), ("OPTIONS", false), ("get", false)]
    {
        let view = RequestView::new(method, target, &lines).over_https();
        assert_eq!(verifier().verify(&view, at(0)).is_ok(), expected, "{method}");
        let any = Verifier::new(ring(), Expect::new(HOST).any_method());
        assert!(any.verify(&view, at(0)).is_ok(), "{method}");
    }
}

#[test]
fn r44_any_signer_of_the_callers_finishes_what_was_prepared() {
    let request = PolicyRequest::for_url(&url("/a/x")).unwrap();
    let prepared = request.prepare(&Credential::rsa(ID).unwrap(), at(0)).unwrap();
    let elsewhere = crate::case::sign_elsewhere(&key_file("cloudfront-rsa.pem"), prepared.string_to_sign().as_bytes());
    let token = prepared.clone().finish(&Signature::rsa(elsewhere.clone()).unwrap()).unwrap().signed_url().unwrap();
    assert!(verdict(token.expose()).is_ok());
    assert_eq!(prepared.digest().len(), 32);
    assert_eq!(request.prepare(&Credential::rsa(ID).unwrap().legacy_sha1(), at(0)).unwrap().digest().len(), 20);
    // Of the wrong length, or by the wrong kind of key.
    assert!(matches!(Signature::rsa(elsewhere[1..].to_vec()), Err(KeyError::Invalid { .. })));
    let ec = ec_key().sign(prepared.string_to_sign()).unwrap();
    assert!(matches!(prepared.finish(&ec), Err(KeyError::Invalid { .. })));

    // And any verifier of the caller's, or whoever can sign the same again.
    let credential = Credential::rsa(ID).unwrap();
    with_view(token.expose(), &[], |view| {
        let pending = || Presented::parse(&view).unwrap().check(&credential, &Expect::new(HOST), at(0)).unwrap();
        assert_eq!(
            pending().string_to_sign().as_str(),
            request.prepare(&credential, at(0)).unwrap().string_to_sign().as_str()
        );
        assert!(pending().accept(&Signature::rsa(elsewhere.clone()).unwrap()).is_ok());
        assert!(pending().accept_public(&rsa_key().public_key()).is_ok());
        assert_eq!(pending().accept(&Signature::rsa([1; 256]).unwrap()).unwrap_err(), VerifyError::SignatureMismatch);
        assert_eq!(pending().accept_public(&ec_key().public_key()).unwrap_err(), VerifyError::SignatureMismatch);
        assert!(matches!(pending().accept(&ec), Err(VerifyError::Key(_))));
        assert!(pending().accept_by(|policy, signature| policy.as_bytes().len() > 9 && signature == elsewhere).is_ok());
        assert_eq!(pending().accept_by(|_, _| false).unwrap_err(), VerifyError::SignatureMismatch);
        let other = Credential::rsa("KOTHER").unwrap();
        let error = Presented::parse(&view).unwrap().check(&other, &Expect::new(HOST), at(0)).map(drop);
        assert_eq!(error, Err(VerifyError::OtherKey));
    });
}

#[test]
fn r45_one_object_unless_somebody_says_why() {
    let credential = Credential::rsa(ID).unwrap();
    let prepare =
        |request: Result<PolicyRequest, IssueError>| request.and_then(|request| request.prepare(&credential, at(0)));
    let prefix = |prefix: &str| Grant::under(HOST, prefix, Action::Read).because(why());
    let text = prepare(PolicyRequest::new(&prefix("users/42/"))).unwrap();
    assert!(text.string_to_sign().as_str().contains(&format!("\"https://{HOST}/users/42/*\"")));
    for open in ["", "users/42"] {
        assert!(PolicyRequest::new(&prefix(open)).is_err(), "{open}");
    }
    assert!(prepare(PolicyRequest::new(&prefix("users/42").allow_open_prefix())).is_ok());
    assert!(PolicyRequest::new(&Grant::read(HOST, "")).is_err());

    let pattern = |text: &str| PolicyRequest::for_pattern(Pattern::parse(text).unwrap());
    let unjustified = prepare(Ok(pattern(&url("/a/*"))));
    assert!(matches!(unjustified, Err(IssueError::Unjustified { .. })), "{unjustified:?}");
    assert!(prepare(Ok(pattern(&url("/a/*")).because(why()))).is_ok());
    for wide in
        ["*", "https://*/a", "https://*.example.com/a/*", "http*://a.example/x", "http://*", "https://a.exampl?/x"]
    {
        let refused = prepare(Ok(pattern(wide).because(why())));
        assert!(matches!(refused, Err(IssueError::Invalid { .. })), "{wide}: {refused:?}");
        assert!(prepare(Ok(pattern(wide).allow_any_host())).is_err(), "{wide}");
        assert!(prepare(Ok(pattern(wide).allow_any_host().because(why()))).is_ok(), "{wide}");
        let document = PolicyDocument::parse(&policy(&format!("https://{HOST}/a/*"), wide)).unwrap().because(why());
        assert!(document.prepare(&credential, at(0)).is_err(), "{wide}");
        assert!(document.allow_any_host().prepare(&credential, at(0)).is_ok(), "{wide}");
    }
    // A URL with a `*` would be a pattern to whoever sends its canned policy as a custom one.
    assert!(PolicyRequest::for_url(&url("/a/*.ts")).is_err());
    assert!(PolicyRequest::for_url(&url("/a/%2A.ts")).is_ok());
    // A token is put on no URL that it is not for.
    assert!(folder().signed_url_for(&url("/b/x")).is_err());
    assert!(folder().signed_url_for(&url("/a/x?Policy=1")).is_err());
    assert!(folder().signed_url().is_err());
    let one = folder().signed_url_for(&url("/a/x?y=1")).unwrap();
    assert!(verdict(one.expose()).is_ok());
    let canned = rsa_key().signed_policy(&PolicyRequest::for_url(&url("/a/x?y")).unwrap(), at(0)).unwrap();
    assert!(canned.signed_url_for(&url("/a/xzy")).is_err());
    assert_eq!(canned.resource(), url("/a/x?y"));
}

#[test]
fn r45_what_a_policy_cannot_hold_a_client_to_is_refused() {
    let read = || Grant::read(HOST, "a/x");
    let refused = |grant: Grant, constraint: Constraint| match PolicyRequest::new(&grant) {
        Err(IssueError::NotEnforceable { constraint: found, .. }) => assert_eq!(found, constraint),
        other => panic!("{constraint}: {other:?}"),
    };
    refused(Grant::head(HOST, "a/x"), Constraint::Action);
    refused(Grant::delete(HOST, "a/x"), Constraint::Action);
    refused(Grant::upload(HOST, "a/x").any_size().any_content_type(), Constraint::Action);
    refused(Grant::list(HOST, "a/").because(why()), Constraint::Action);
    refused(Grant::under(HOST, "a/", Actions::READ | Actions::DELETE).because(why()), Constraint::Action);
    refused(read().version("1"), Constraint::Resource);
    let versions = PolicyRequest::new(&read().version("1")).unwrap_err().to_string();
    assert!(versions.contains("versionId"), "{versions}");
    let unnamed = PolicyRequest::new(&Grant::read(HOST, "")).unwrap_err();
    assert!(matches!(unnamed, IssueError::Invalid { what: "object name", .. }), "{unnamed}");
    refused(Grant::under(HOST, "a/", Action::Read).because(why()).version("1"), Constraint::Resource);
    refused(read().listing(Listing::new()), Constraint::Listing);
    refused(read().single_use(), Constraint::SingleUse);
    refused(read().disposition(&ContentDisposition::attachment("x")), Constraint::ResponseHeaders);
    refused(read().response_header(ResponseHeader::ContentType, "text/plain"), Constraint::ResponseHeaders);
    refused(read().request_id("req-1"), Constraint::RequestId);
    refused(read().exact_size(1), Constraint::Size);
    refused(read().content_type("image/png"), Constraint::ContentType);
    refused(read().sha256([0; 32]), Constraint::Checksum);
    refused(read().encrypted(Encryption::Provider), Constraint::Encryption);
    refused(read().storage_class("STANDARD"), Constraint::StorageClass);
    refused(read().metadata("a", "b"), Constraint::Metadata);
    for address in ["2001:db8::1", "2001:db8::/32", "192.0.2.1-192.0.2.9", "192.0.2.1,192.0.2.2"] {
        refused(read().client_address(address), Constraint::ClientAddress);
    }
    for address in ["", "any", "192.0.2.1/24", "192.0.2"] {
        assert!(
            matches!(PolicyRequest::new(&read().client_address(address)), Err(IssueError::Invalid { .. })),
            "{address}"
        );
    }
    assert!(PolicyRequest::new(&Grant::under(HOST, "a/", Actions::READ | Action::Head.into()).because(why())).is_ok());

    // What it can hold a client to is in the policy.
    let all = read().client_address("192.0.2.0/24").not_before(at(60));
    let token = rsa_key().signed_url(&PolicyRequest::new(&all).unwrap(), at(0)).unwrap();
    with_view(token.expose(), &[], |view| {
        let view = view.from_address("192.0.2.9".parse().unwrap());
        let verified = ring().verify(Presented::parse(&view).unwrap(), &Expect::new(HOST), at(60)).unwrap();
        assert_eq!((verified.not_before(), verified.network()), (Some(at(60)), Some("192.0.2.0/24".parse().unwrap())));
        assert!(!verified.is_canned());
    });
    facts(&signed("/a/x"), |facts| assert!(facts.is_canned()));
}

#[test]
fn r45_longer_plainer_and_wider_need_a_reason() {
    let credential = Credential::rsa(ID).unwrap();
    let read = || Grant::read(HOST, "a/x");
    let prepare = |grant: &Grant| PolicyRequest::new(grant).unwrap().prepare(&credential, at(0));
    let long = Lifetime::from_seconds(901).unwrap();
    assert!(prepare(&read()).is_ok());
    assert!(matches!(prepare(&read().lives(long)), Err(IssueError::Unjustified { .. })));
    assert!(prepare(&read().lives(long).because(why())).is_ok());
    assert!(prepare(&read().lives(long).classified(Classification::Public)).is_ok());
    assert!(prepare(&read().classified(Classification::Pii)).is_err());
    assert!(prepare(&read().client_address("0.0.0.0/0")).is_err());
    assert!(prepare(&read().client_address("0.0.0.0/0").because(why())).is_ok());

    let plain = Distribution::new(&format!("http://{HOST}")).unwrap();
    let over = |grant: &Grant| PolicyRequest::at(&plain, grant).unwrap().prepare(&credential, at(0));
    assert!(matches!(over(&read()), Err(IssueError::Unjustified { .. })));
    assert!(over(&read().because(why())).is_ok());
    assert!(matches!(
        PolicyRequest::for_url(&format!("http://{HOST}/a/x")).unwrap().prepare(&credential, at(0)),
        Err(IssueError::Unjustified { .. })
    ));
    // A grant for another bucket, or another host, is not one for this distribution.
    assert!(PolicyRequest::at(&plain, &Grant::read("other.example", "a/x")).is_err());
    let serving = Distribution::new(&format!("https://{HOST}")).unwrap().serving("photos");
    assert!(PolicyRequest::at(&serving, &Grant::read("photos", "a/x")).is_ok());
    assert!(PolicyRequest::at(&serving, &Grant::read("Photos", "a/x")).is_err());
    assert!(PolicyRequest::at(&serving, &read()).is_err());
}

#[test]
fn r45_cookies_are_for_a_path_and_for_https() {
    let signed = rsa_key().signed_cookies(&PolicyRequest::for_url(&url("/a/x")).unwrap(), at(0)).unwrap();
    assert_eq!(signed.expires_at(), at(899));
    let scope = CookieScope::new("/a/").unwrap();
    for line in signed.expose_set_cookie(&scope) {
        assert!(line.ends_with("; Path=/a/; Secure; HttpOnly"), "{line}");
        let attributes = line.split("; ").skip(1);
        assert!(
            attributes
                .into_iter()
                .all(|attribute| !attribute.starts_with("Expires") && !attribute.starts_with("Max-Age"))
        );
    }
    let line: Vec<String> = signed.expose().map(|(name, value)| format!("{name}={value}")).collect();
    assert!(verdict_of_cookies(&[&line.join("; ")]).is_ok());
    // Those of one URL are good for that URL alone.
    let other = verdict_with(&Expect::new(HOST), &url("/a/y"), &[&line.join("; ")]);
    assert_eq!(other, Err(VerifyError::SignatureMismatch));
    with_view(&url("/a/x"), &[&line.join("; ")], |view| {
        let verified = ring().verify(Presented::parse(&view).unwrap(), &Expect::new(HOST), at(0)).unwrap();
        assert_eq!(
            (verified.carrier(), verified.key_pair_id(), verified.resource()),
            (Carrier::Cookies, ID, &url("/a/x")[..])
        );
    });
}

#[test]
fn r50_the_replay_key_is_that_of_the_token_in_any_spelling() {
    let print = |token: &str| facts(token, |facts| facts.fingerprint());
    let token = signed("/a/x");
    let (base, query) = token.split_once('?').unwrap();
    let reversed: Vec<&str> = query.split('&').rev().collect();
    assert_eq!(print(&token), print(&format!("{base}?{}", reversed.join("&"))));
    assert_ne!(print(&token), print(&signed("/a/y")));
    assert!(!token.contains(&print(&token).to_string()));
}

#[test]
fn r53_work_is_bounded_before_it_is_done() {
    let token = signed("/a/x");
    let too_large = |url: &str| matches!(verdict(url), Err(VerifyError::TooLarge { .. }));
    assert!(too_large(&format!("{token}&x={}", "y".repeat(16 << 10))));
    // As many parameters as there may be, and one more.
    let more = 256 - token.split('&').count();
    assert_eq!(verdict(&format!("{token}{}", "&x".repeat(more))), Err(VerifyError::SignatureMismatch));
    assert!(too_large(&format!("{token}{}", "&x".repeat(more + 1))));
    // The longest URL that CloudFront takes, and one byte more.
    let padding = |path: &str, most: usize| "y".repeat(most - with_policy(path, &policy("", "")).len());
    let longest = with_policy(&format!("/a/{}", padding("/a/", 8192)), &policy("", ""));
    assert_eq!((longest.len(), verdict(&longest)), (8192, Ok(())));
    assert!(too_large(&with_policy(&format!("/a/{}", padding("/a/", 8193)), &policy("", ""))));
    assert!(folder().signed_url_for(&url(&format!("/a/{}", padding("/a/", 8192)))).is_ok());
    assert!(folder().signed_url_for(&url(&format!("/a/{}", padding("/a/", 8193)))).is_err());
    // Cookies have room for the longest policy.
    let limit = 8 << 10;
    let of_size = |size: usize| {
        let bare = policy("", "");
        bare.clone() + &" ".repeat(size - bare.len())
    };
    let as_cookies = |policy: &str| {
        let token = with_policy("/a/x", policy);
        let fields: Vec<String> = token.split(['?', '&']).skip(1).map(|field| format!("CloudFront-{field}")).collect();
        verdict_of_cookies(&[&fields.join("; ")])
    };
    assert_eq!(as_cookies(&of_size(limit / 4 * 3)), Ok(()));
    assert!(matches!(as_cookies(&of_size(limit / 4 * 3 + 1)), Err(VerifyError::TooLarge { .. })));
    assert!(PolicyDocument::parse(&of_size(limit / 4 * 3)).is_ok());
    assert!(PolicyDocument::parse(&of_size(limit / 4 * 3 + 1)).is_err());
    let deep = with_policy("/a/x", &"[".repeat(5000));
    assert!(matches!(verdict(&deep), Err(VerifyError::Policy { .. })));
    // The product of both lengths and no more.
    let stars = policy("/a/*", &format!("/{}b", "*a".repeat(1_000)));
    let error = verdict(&with_policy(&format!("/{}", "a".repeat(3_000)), &stars));
    assert!(matches!(error, Err(VerifyError::NotCovered { .. })), "{error:?}");
}

#[test]
fn r23_an_id_and_a_pair_of_integers_have_one_form() {
    let token = signed("/a/x");
    for id in ["K-1", "", "K%31", &"K".repeat(65)] {
        let error = verdict(&token.replace(ID, id)).unwrap_err();
        assert!(matches!(error, VerifyError::FieldForm { field: "Key-Pair-Id", .. }), "{error:?}");
    }
    // A sequence that is longer than any two integers of 256 bits are. Nobody makes it, and nobody takes it.
    let value = token.split("Signature=").nth(1).unwrap().split('&').next().unwrap();
    let long = [&[0x30, 71][..], &[2; 71]].concat();
    assert!(Signature::ecdsa(&long[..]).is_err());
    let long = Base64::encode_string(&long).replace('+', "-").replace('=', "_").replace('/', "~");
    let error = verdict(&token.replace(value, &long)).unwrap_err();
    assert!(matches!(error, VerifyError::FieldForm { .. } | VerifyError::Algorithm { .. }), "{error:?}");
}

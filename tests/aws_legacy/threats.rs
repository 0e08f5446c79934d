//! The rules of the threat list that Version 2 has an answer of its own to, and what is planted in it.

use super::{HOST, ID, SECRET, Sent, expect, key, later, now, request, target_of};
use valet_key::aws::{
    Credential, Endpoint, LegacyExpect, LegacyPresented, LegacyUrlRequest, Presented, Region, S3Error, SigV4,
    StaticKey, UrlRequest,
};
use valet_key::error::IssueError;
use valet_key::grant::{Grant, Justification, Lifetime};
use valet_key::view::RequestView;

fn good() -> String {
    target_of(&key(), &request("GET", "a b.jpg"))
}

#[test]
fn r01_one_mechanism() {
    Sent::get(good()).is_accepted();
    for more in ["X-Amz-Signature=0", "x-amz-signature=0", "X-Amz-Algorithm=a", "X-Goog-Date=1", "GoogleAccessId=a"] {
        Sent::get(format!("{}&{more}", good())).is_refused("two_mechanisms");
    }
    Sent::get(good()).line("authorization", "AWS a:b").is_refused("two_mechanisms");
    Sent::get(good()).line("x-amz-s3session-token", "t").is_refused("two_mechanisms");
    Sent::get("/a%20b.jpg").is_refused("not_signed");
    // Nor does a verifier of Version 4 read it: the old form is off unless it is asked for by name.
    let host: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
    let refused = Presented::parse(&RequestView::new("GET", &good(), &host)).unwrap_err();
    assert_eq!(refused.code(), "algorithm");
    let new = key().presign(&UrlRequest::s3(&Grant::read("photos", "x"), "eu-west-1").unwrap(), now()).unwrap();
    let target = new.expose().strip_prefix("https://").unwrap().strip_prefix(HOST).unwrap();
    assert!(LegacyPresented::parse(&RequestView::new("GET", target, &host)).is_err());
}

#[test]
fn r02_each_field_once_and_spelled_as_it_is() {
    for field in ["AWSAccessKeyId=a", "Expires=1", "Signature=a"] {
        Sent::get(format!("{}&{field}", good())).is_refused("field_count");
    }
    for (from, to) in [("AWSAccessKeyId", "awsaccesskeyid"), ("Expires", "expires"), ("Signature", "%53ignature")] {
        let sent = Sent::get(good().replace(from, to));
        assert!(matches!(sent.verify().unwrap_err().code(), "field_form" | "malformed"), "{to}");
    }
    for field in ["AWSAccessKeyId", "Expires", "Signature"] {
        let (path, query) = good().split_once('?').map(|(path, query)| (path.to_owned(), query.to_owned())).unwrap();
        let rest: Vec<&str> = query.split('&').filter(|param| !param.starts_with(field)).collect();
        Sent::get(format!("{path}?{}", rest.join("&"))).is_refused("field_count");
    }
    let twice = target_of(&key(), &request("GET", "x").sub_resource("acl"));
    Sent::get(twice.clone()).is_accepted();
    Sent::get(format!("{twice}&acl")).is_refused("malformed");
    Sent::get(format!("{twice}&acl=")).is_refused("malformed");
}

#[test]
fn r04_an_escape_ends_where_its_parameter_ends() {
    let escape = |end: &str| Sent::get(good().replace('?', &format!("?x-amz-meta-a=one{end}&")));
    escape("%21").is_refused("signature_mismatch");
    // What comes behind begins with a digit of hex.
    for end in ["%2", "%", "%A"] {
        escape(end).is_refused("malformed");
    }
    Sent::get(good().replace('?', "?%2=0&")).is_refused("malformed");
}

#[test]
fn r06_nothing_that_is_signed_can_shift_a_line() {
    let with = |value: &str| request("GET", "x").sub_resource_value("response-content-type", value);
    assert!(key().legacy_presign(&with("text/plain"), now()).is_ok());
    for value in ["a\nx-amz-acl:public-read", "a\rb", "a\0"] {
        assert!(matches!(key().legacy_presign(&with(value), now()), Err(IssueError::Invalid { .. })), "{value:?}");
    }
    let target = target_of(&key(), &with("text/plain"));
    Sent::get(target.clone()).is_accepted();
    for value in ["a%0Ab", "a%0D", "%00"] {
        Sent::get(target.replace("text%2Fplain", value)).is_refused("malformed");
    }
    Sent::get(format!("{}&x-amz-meta-a=a%0Ab", good())).is_refused("malformed");
    // A bare `+` is a blank to some.
    Sent::get(target.replace("text%2Fplain", "a+b")).is_refused("ambiguous_plus");
}

#[test]
fn r05_two_queries_never_share_a_signature() {
    // The text has no escapes, so that a value with `&` in it would be one value or two parameters.
    let with = |value: &str| request("GET", "x").sub_resource_value("response-content-disposition", value);
    for value in ["a&versionId=5", "&", "a&b"] {
        assert!(matches!(key().legacy_presign(&with(value), now()), Err(IssueError::Invalid { .. })), "{value}");
    }
    let target = target_of(&key(), &with("a").sub_resource_value("versionId", "5"));
    Sent::get(target.clone()).is_accepted();
    let joined = target.replace("disposition=a&versionId=5", "disposition=a%26versionId%3D5");
    assert_ne!(joined, target);
    Sent::get(joined).is_refused("malformed");
    let equals = Sent::get(target_of(&key(), &with("inline; filename=\"a=b\"")));
    equals.is_accepted();
}

#[test]
fn r09_every_amz_header_and_parameter_is_signed() {
    let put = request("GET", "x").header("x-amz-meta-a", "1");
    let target = target_of(&key(), &put);
    Sent::get(target.clone()).line("X-Amz-Meta-A", " 1 ").is_accepted();
    Sent::get(target.clone()).is_refused("signature_mismatch");
    Sent::get(target.clone()).line("x-amz-meta-a", "2").is_refused("signature_mismatch");
    Sent::get(target.clone())
        .line("x-amz-meta-a", "1")
        .line("x-amz-copy-source", "/b/k")
        .is_refused("signature_mismatch");
    // S3 signs a parameter of that kind as a header, and forgets the header.
    Sent::get(format!("{target}&x-amz-meta-a=1")).is_accepted();
    Sent::get(format!("{target}&x-amz-meta-a=1")).line("x-amz-meta-a", "1").is_refused("malformed");
    Sent::get(format!("{target}&x-amz-meta-a=1&x-amz-meta-a=1")).is_refused("malformed");
    Sent::get(format!("{target}&X-Amz-Meta-A=1")).is_refused("malformed");
    Sent::get(format!("{target}&x-amz-meta-a=2")).is_refused("signature_mismatch");
    // Blanks in a row are one to the documentation and two to S3, so they are neither here.
    for odd in ["a  b", "a\tb"] {
        let put = request("GET", "x").header("x-amz-meta-a", odd);
        assert!(matches!(key().legacy_presign(&put, now()), Err(IssueError::Invalid { .. })), "{odd:?}");
        Sent::get(target.clone()).line("x-amz-meta-a", odd).is_refused("malformed");
    }
    Sent::get(format!("{target}&x-amz-meta-a=a%20%20b")).is_refused("malformed");
    // Other headers are free, as everywhere.
    Sent::get(target).line("x-amz-meta-a", "1").line("range", "bytes=0-9").line("x-amzn-trace-id", "1").is_accepted();
}

#[test]
fn r12_a_parameter_that_is_not_signed_is_refused_unless_it_is_named() {
    let sent = Sent::get(format!("{}&prefix=42/", good()));
    sent.is_refused("malformed");
    let named = expect().allow_unsigned_query("prefix");
    assert!(sent.verify_as(&key(), &named, now()).is_ok());
    assert!(Sent::get(format!("{}&list-type=2", good())).verify_as(&key(), &named, now()).is_err());
    // What is signed by its name alone has no value, since S3 would sign any value alike.
    let acl = target_of(&key(), &request("GET", "x").sub_resource("acl"));
    Sent::get(acl.replace("acl&", "acl=&")).is_accepted();
    Sent::get(acl.replace("acl&", "acl=v&")).is_refused("malformed");
    Sent::get(acl.replace("acl&", "ACL&")).is_refused("malformed");
    Sent::get(acl.replace("acl&", "")).is_refused("signature_mismatch");
    for (name, value) in
        [("prefix", Some("42/")), ("acl", Some("v")), ("versionId", None), ("ACL", None), ("x-id", None)]
    {
        let request = match value {
            Some(value) => request("GET", "x").sub_resource_value(name, value),
            None => request("GET", "x").sub_resource(name),
        };
        assert!(matches!(key().legacy_presign(&request, now()), Err(IssueError::Invalid { .. })), "{name} {value:?}");
    }
    let twice = request("GET", "x").sub_resource("acl").sub_resource("acl");
    assert!(key().legacy_presign(&twice, now()).is_err());
    for header in ["range", "x-goog-acl"] {
        assert!(key().legacy_presign(&request("GET", "x").header(header, "1"), now()).is_err(), "{header}");
    }
}

#[test]
fn r15_r17_r18_time_is_there_plain_bounded_and_held_to() {
    let sent = Sent::get(good());
    assert!(sent.verify_as(&key(), &expect(), later(900)).is_ok());
    assert_eq!(sent.verify_as(&key(), &expect(), later(901)).unwrap_err().code(), "expired");
    // S3 signs the digits as they were sent: a zero before them is another text, and so another signature.
    for value in ["", "01795522500", "+1795522500", "1795522500.0", "0x6b", " 1", "9999999999999", "-1"] {
        let escaped = value.replace('+', "%2B").replace(' ', "%20");
        Sent::get(good().replace("Expires=1795522500", &format!("Expires={escaped}"))).is_refused("field_form");
    }
    // Version 2 has no limit of its own.
    let why = Justification::new("a test").unwrap();
    let week = request("GET", "x").lives(Lifetime::WEEK);
    assert!(matches!(key().legacy_presign(&week, now()), Err(IssueError::Unjustified { .. })));
    let week = Sent::get(target_of(&key(), &week.because(why)));
    week.is_accepted();
    assert_eq!(week.verify_as(&key(), &expect(), later(-1)).unwrap_err().code(), "lifetime");
    let short = expect().max_lifetime(Lifetime::minutes(15).unwrap());
    assert!(sent.verify_as(&key(), &short, now()).is_ok());
    assert_eq!(week.verify_as(&key(), &short, now()).unwrap_err().code(), "lifetime");
}

#[test]
fn r20_r24_a_session_goes_with_its_token_and_ends() {
    let credential = Credential::new(ID).unwrap().with_session_token("PLANTED+token/with=signs").unwrap();
    let ours = StaticKey::from_credential(credential.clone().expiring(later(900)), SECRET).unwrap();
    let target = target_of(&ours, &request("GET", "x"));
    assert!(target.contains("&x-amz-security-token=PLANTED%2Btoken%2Fwith%3Dsigns&"), "{target}");
    let sent = Sent::get(target.clone());
    assert!(sent.verify_as(&ours, &expect(), now()).is_ok());
    // In a header it is signed all the same.
    let moved = Sent::get(target.replace("&x-amz-security-token=PLANTED%2Btoken%2Fwith%3Dsigns", ""));
    assert!(moved.verify_as(&ours, &expect(), now()).is_err());
    let moved = moved.line("x-amz-security-token", "PLANTED+token/with=signs");
    assert!(moved.verify_as(&ours, &expect(), now()).is_ok());
    let both = sent.clone().line("x-amz-security-token", "PLANTED+token/with=signs");
    assert!(both.verify_as(&ours, &expect(), now()).is_err());
    assert_eq!(sent.verify_as(&key(), &expect(), now()).unwrap_err().code(), "session_token");
    assert_eq!(Sent::get(good()).verify_as(&ours, &expect(), now()).unwrap_err().code(), "session_token");
    let ended = StaticKey::from_credential(credential.clone().expiring(later(60)), SECRET).unwrap();
    assert!(ended.legacy_presign(&request("GET", "x"), now()).is_err());
    assert!(sent.verify_as(&ended, &expect(), later(60)).is_ok());
    assert_eq!(sent.verify_as(&ended, &expect(), later(61)).unwrap_err().code(), "credential_expired");
    let zonal = Credential::new(ID).unwrap().with_s3_session_token("t").unwrap();
    let zonal = StaticKey::from_credential(zonal, SECRET).unwrap();
    assert!(zonal.legacy_presign(&request("GET", "x"), now()).is_err());
}

#[test]
fn r05_r07_path_and_host() {
    Sent::get(good().replace("/a%20b", "/%61%20b")).is_refused("ambiguous_path");
    Sent::get(good().replace("/a%20b.jpg", "/a%20b.jpg/..")).is_refused("ambiguous_path");
    let other = LegacyExpect::new("other.example").bucket_in_host("photos");
    assert_eq!(Sent::get(good()).verify_as(&key(), &other, now()).unwrap_err().code(), "host");
    // The bucket that is expected is part of what is signed.
    let other = LegacyExpect::new(HOST).bucket_in_host("invoices");
    assert_eq!(Sent::get(good()).verify_as(&key(), &other, now()).unwrap_err().code(), "signature_mismatch");
    assert!(Sent::get(good()).verify_as(&key(), &LegacyExpect::new(HOST), now()).is_err());
    let dots = request("GET", "a/../b");
    assert!(key().legacy_presign(&dots, now()).is_err());
    let dots = Sent::get(target_of(&key(), &dots.allow_dot_segments()));
    dots.is_refused("ambiguous_path");
    assert!(dots.verify_as(&key(), &expect().allow_dot_segments(), now()).is_ok());
    let endpoint = Endpoint::aws(Region::new("us-west-2").unwrap());
    for bucket in ["photos--usw2-az1--x-s3", "arn:aws:s3:us-west-2:123456789012:accesspoint/reader", "a/b"] {
        assert!(LegacyUrlRequest::new("GET", &endpoint, bucket, "x").is_err(), "{bucket}");
    }
    assert!(LegacyUrlRequest::new("get", &endpoint, "photos", "x").is_err());
    assert!(LegacyUrlRequest::new("GET", &endpoint, "photos", "").is_err());
}

#[test]
fn r23_a_signature_is_twenty_bytes_in_padded_base64() {
    let (head, signature) = good().rsplit_once("Signature=").map(|(h, s)| (h.to_owned(), s.to_owned())).unwrap();
    assert!(signature.ends_with("%3D"));
    for wrong in ["", "AAAA", &signature.replace("%3D", ""), &format!("{signature}%3D"), &"A".repeat(27), "%00"] {
        Sent::get(format!("{head}Signature={wrong}")).is_refused("field_form");
    }
    Sent::get(format!("{head}Signature=AAAAAAAAAAAAAAAAAAAAAAAAAAA%3D")).is_refused("signature_mismatch");
    let other = StaticKey::new("AKIAOTHER", SECRET).unwrap();
    assert_eq!(Sent::get(good()).verify_as(&other, &expect(), now()).unwrap_err().code(), "other_key");
}

#[test]
fn nothing_shows_a_secret_a_signature_or_a_token() {
    let credential = Credential::new(ID).unwrap().with_session_token("PLANTEDtokenPLANTED").unwrap();
    let key = StaticKey::from_credential(credential, SECRET).unwrap();
    let request = request("GET", "x").header("x-amz-meta-a", "PLANTEDvalue");
    let prepared = request.prepare(key.credential(), now()).unwrap();
    let url = key.legacy_presign(&request, now()).unwrap();
    let signature = url.expose().rsplit("Signature=").next().unwrap().trim_end_matches("%3D").to_owned();
    let sent = Sent::get(target_of(&key, &request)).line("x-amz-meta-a", "PLANTEDvalue");
    let lines: Vec<(&str, &[u8])> = sent.lines.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
    let presented = LegacyPresented::parse(&RequestView::new("GET", &sent.target, &lines)).unwrap();
    let pending = presented.clone().check(key.credential(), &expect(), now()).unwrap();
    let mut texts = vec![
        format!("{key:?}{request:?}{prepared:?}{:?}{url:?}", prepared.string_to_sign()),
        format!("{presented:?}{pending:?}{:?}", pending.string_to_sign()),
        format!("{:?}", valet_key::aws::LegacySignature::from_bytes(*b"PLANTEDPLANTEDPLANTE")),
        format!("{:?}", key.legacy_verify(presented, &expect(), now()).unwrap()),
    ];
    let other = StaticKey::new(ID, "another").unwrap();
    for error in [
        sent.verify_as(&other, &expect(), now()).unwrap_err(),
        sent.verify_as(&key, &expect(), later(9999)).unwrap_err(),
        sent.verify_as(&key, &LegacyExpect::new("a"), now()).unwrap_err(),
        sent.clone().line("x-amz-security-token", "PLANTEDtokenPLANTED").verify_as(&key, &expect(), now()).unwrap_err(),
        Sent::get(format!("{}&PLANTED=PLANTED", sent.target)).verify_as(&key, &expect(), now()).unwrap_err(),
    ] {
        texts.push(format!("{error}{error:?}{:?}", S3Error::detailed(&error)));
    }
    for text in texts {
        assert!(!text.contains("PLANTED") && !text.contains(&signature), "{text}");
    }
}

#[test]
fn r02_r06_what_is_signed_twice_or_with_blanks_is_neither_made_nor_taken() {
    let content = || request("GET", "x").header("content-type", "text/plain");
    assert!(key().legacy_presign(&content(), now()).is_ok());
    assert!(key().legacy_presign(&content().header("Content-Type", "text/html"), now()).is_err());
    let target = target_of(&key(), &request("GET", "x").header("x-amz-meta-1", "1"));
    Sent::get(format!("{target}&x-amz-meta-1=1")).is_accepted();
    for value in ["%201", "1%20", "%091"] {
        Sent::get(format!("{target}&x-amz-meta-1={value}")).is_refused("malformed");
    }
}

#[test]
fn r24_the_token_of_another_kind_of_session_is_not_that_of_the_key() {
    let token = "PLANTED+token/with=signs";
    let ours = Credential::new(ID).unwrap().with_session_token(token).unwrap();
    let zonal = Credential::new(ID).unwrap().with_s3_session_token(token).unwrap();
    let key = |credential: Credential| StaticKey::from_credential(credential, SECRET).unwrap();
    let sent = Sent::get(target_of(&key(ours.clone()), &request("GET", "x")));
    assert!(sent.verify_as(&key(ours), &expect(), now()).is_ok());
    assert_eq!(sent.verify_as(&key(zonal), &expect(), now()).unwrap_err().code(), "session_token");
}

#[test]
fn r45_plain_http_needs_a_reason() {
    let plain = Endpoint::custom("http://localhost:9000", Region::new("eu-west-1").unwrap()).unwrap();
    let request = || LegacyUrlRequest::new("GET", &plain, "photos", "x").unwrap();
    let refused = key().legacy_presign(&request(), now()).unwrap_err();
    assert_eq!(refused, IssueError::Unjustified { what: "plain HTTP" });
    assert!(key().legacy_presign(&request().because(Justification::new("a test").unwrap()), now()).is_ok());
}

#[test]
fn what_is_told_of_the_query_is_what_was_signed() {
    let request = request("GET", "x").sub_resource("acl").sub_resource_value("versionId", "a b");
    let target = target_of(&key(), &request.header("x-amz-meta-a", "1"));
    let target = format!("{target}&x-amz-meta-a=1");
    let host: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
    let presented = LegacyPresented::parse(&RequestView::new("GET", &target, &host)).unwrap();
    let verified = key().legacy_verify(presented, &expect(), now()).unwrap();
    let told: Vec<_> = verified.sub_resources().collect();
    assert_eq!(told, [("acl", None), ("versionId", Some("a b".to_owned()))]);
    assert_eq!(verified.header_params().collect::<Vec<_>>(), [("x-amz-meta-a", "1".to_owned())]);
}

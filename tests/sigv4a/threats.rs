//! The rules of the threat list that `SigV4a` has an answer of its own to.

use super::{Arriving, HOST, ID, REGION, SECRET, everywhere, expect, key, later, now};
use valet_key::aws::{self, Credential, Expect, RegionSet, Request, S3Error, SigV4, UrlRequest, v4a};
use valet_key::error::{IssueError, KeyError, VerifyError};
use valet_key::grant::{Grant, Justification};
use valet_key::view::RequestView;

fn algorithm(error: &VerifyError) -> bool {
    matches!(error, VerifyError::Algorithm { .. })
}

fn mismatch(error: &VerifyError) -> bool {
    *error == VerifyError::SignatureMismatch
}

fn region_set(error: &VerifyError) -> bool {
    matches!(error, VerifyError::Scope { part: "region set", .. })
}

fn both(regions: &str) -> [Arriving; 2] {
    [Arriving::presigned(regions), Arriving::header_signed(regions)]
}

#[test]
fn r01_one_mechanism_and_one_region_set() {
    Arriving::presigned("*").is_accepted();
    let authorization = Arriving::header_signed("*").headers.pop().unwrap();
    let mut two = Arriving::presigned("*");
    two.headers.push(authorization);
    two.is_refused(|e| matches!(e, VerifyError::TwoMechanisms { .. }));
    // In the query and in a header, signed or not.
    Arriving::presigned("*")
        .header("x-amz-region-set", "*")
        .is_refused(|e| matches!(e, VerifyError::FieldCount { .. }));
    let mut in_header = Arriving::header_signed("*");
    in_header.target.push_str("?X-Amz-Region-Set=*");
    in_header.is_refused(|e| matches!(e, VerifyError::TwoMechanisms { .. }));
}

#[test]
fn r02_a_region_set_is_there_once() {
    let count = |error: &VerifyError| matches!(error, VerifyError::FieldCount { .. });
    let twice = Arriving::presigned("*").replace("X-Amz-Region-Set=", "X-Amz-Region-Set=%2A&X-Amz-Region-Set=");
    twice.is_refused(count);
    Arriving::presigned("*")
        .replace("X-Amz-Region-Set=", "x-amz-region-set=")
        .is_refused(|e| matches!(e, VerifyError::FieldForm { field: "X-Amz-Region-Set", .. }));
    Arriving::header_signed("*").header("X-Amz-Region-Set", "*").is_refused(count);
    // A missing one is what S3 calls an invalid request.
    for error in [
        Arriving::presigned("*").replace("&X-Amz-Region-Set=%2A", "").is_refused(count),
        Arriving::header_signed("*").without("x-amz-region-set").is_refused(count),
    ] {
        assert_eq!((S3Error::from(&error).status, S3Error::from(&error).code), (400, "InvalidRequest"));
    }
}

#[test]
fn r09_a_region_set_that_is_not_signed_is_refused() {
    let unsigned = |error: &VerifyError| *error == VerifyError::UnsignedHeader { name: "x-amz-region-set".to_owned() };
    let sent = Arriving::header_signed("*");
    sent.clone().set("authorization", |value| value.replace(";x-amz-region-set", "")).is_refused(unsigned);
    sent.is_accepted();
}

#[test]
fn r18_expiry_is_to_the_second() {
    let [url, headers] = both("*");
    for (sent, until) in [(url, 900), (headers, 900)] {
        assert!(sent.verify_as(&key(), &expect(), later(until)).is_ok());
        assert!(sent.verify_as(&key(), &expect(), later(until + 1)).is_err());
        assert!(sent.verify_as(&key(), &expect(), later(-900)).is_ok());
        assert!(sent.verify_as(&key(), &expect(), later(-901)).is_err());
    }
}

#[test]
fn r20_no_token_outlives_its_credential() {
    let ending = |seconds| {
        let credential = Credential::new(ID).unwrap().expiring(later(seconds));
        v4a::StaticKey::from_credential(credential, SECRET).unwrap()
    };
    let request = UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap();
    assert!(ending(900).presign(&request, now()).is_ok());
    assert!(matches!(ending(899).presign(&request, now()), Err(IssueError::OutlivesCredential { .. })));
    let sent = Arriving::presigned("*");
    assert!(sent.verify_as(&ending(60), &expect(), later(60)).is_ok());
    assert!(matches!(sent.verify_as(&ending(60), &expect(), later(61)), Err(VerifyError::CredentialExpired { .. })));
}

#[test]
fn r21_neither_algorithm_is_taken_for_the_other() {
    let hmac = aws::StaticKey::new(ID, SECRET).unwrap();
    for sent in both("*") {
        sent.is_accepted();
        // A verifier of Signature Version 4 does not read it.
        let refused = sent.with_view(|view| aws::Presented::parse(view).map(|_| ()));
        assert!(algorithm(&refused.unwrap_err()));
    }
    // Nor does one of SigV4a read what Signature Version 4 signed.
    let url = hmac.presign(&UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap(), now()).unwrap();
    let target = url.expose().strip_prefix(super::ORIGIN).unwrap();
    let host: [(&str, &[u8]); 1] = [("host", HOST.as_bytes())];
    assert!(aws::Presented::parse(&RequestView::new("GET", target, &host)).is_ok());
    assert!(algorithm(&v4a::Presented::parse(&RequestView::new("GET", target, &host)).unwrap_err()));
    // One label is not put on the other.
    Arriving::presigned("*").replace("AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-SHA256").is_refused(algorithm);
    for other in ["AWS4-HMAC-SHA256", "aws4-ecdsa-p256-sha256", "AWS4-ECDSA-P256-SHA256-PAYLOAD", "AWS4-ECDSA-P256"] {
        Arriving::header_signed("*")
            .set("authorization", |value| value.replace("AWS4-ECDSA-P256-SHA256", other))
            .is_refused(algorithm);
    }
    // With its label changed, the same text has no signature that any of the two accepts.
    let relabelled = Arriving::presigned("*").replace("AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-SHA256");
    assert!(relabelled.with_view(|view| aws::Presented::parse(view).map(|_| ())).is_err());
}

#[test]
fn r21_a_key_signs_only_what_belongs_to_its_algorithm() {
    let hmac = aws::StaticKey::new(ID, SECRET).unwrap();
    let request = UrlRequest::s3(&Grant::read("photos", "cat.jpg"), REGION).unwrap();
    let symmetric = request.prepare(hmac.credential(), now()).unwrap();
    let asymmetric = request.prepare_v4a(hmac.credential(), now()).unwrap();
    assert!(hmac.sign(symmetric.scope(), symmetric.string_to_sign()).is_ok());
    assert!(key().sign(asymmetric.string_to_sign()).is_ok());
    let invalid = |what: &str, error: &KeyError| matches!(error, KeyError::Invalid { what: w, .. } if *w == what);
    assert!(invalid("scope", &hmac.sign(asymmetric.scope(), asymmetric.string_to_sign()).unwrap_err()));
    assert!(invalid("string to sign", &key().sign(symmetric.string_to_sign()).unwrap_err()));
    // A region set is a restriction, so it is not dropped where it cannot be signed.
    let elsewhere = request.region_set(RegionSet::new("eu-central-1").unwrap());
    assert!(key().presign(&elsewhere, now()).is_ok());
    assert!(matches!(hmac.presign(&elsewhere, now()), Err(IssueError::Invalid { what: "region set", .. })));
    let endpoint = aws::Endpoint::aws(aws::Region::new(REGION).unwrap());
    let point = Grant::read("arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap", "cat.jpg");
    let url = key().presign(&UrlRequest::at(&endpoint, &point).unwrap(), now()).unwrap();
    assert!(url.expose().starts_with("https://mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com/cat.jpg?"));
    assert!(url.expose().contains("&X-Amz-Region-Set=%2A&"));
    assert!(hmac.presign(&UrlRequest::at(&endpoint, &point).unwrap(), now()).is_err());
    assert!(aws::Presigner::new(&hmac, &endpoint, &point).is_err());
}

#[test]
fn r22_every_part_of_the_scope_and_the_region_set_is_compared() {
    for (regions, good) in [
        ("eu-west-1", true),
        ("us-east-1,eu-west-1", true),
        ("*", true),
        ("eu-*", true),
        ("*-west-1", true),
        ("eu-west-1*", true),
        ("eu-west-2", false),
        ("eu-west-", false),
        ("EU-WEST-1", false),
        ("eu-west-1-local,us-*", false),
    ] {
        for sent in both(regions) {
            if good {
                sent.is_accepted();
            } else {
                let error = sent.is_refused(region_set);
                assert_eq!((S3Error::from(&error).status, S3Error::from(&error).code), (403, "RegionSetMismatch"));
            }
        }
    }
    // What S3 reads in a way of its own is not read here.
    let form = |error: &VerifyError| matches!(error, VerifyError::FieldForm { .. });
    for list in ["", ",eu-west-1", "eu-west-1,", "eu-west-1,%20us-*", "eu-west-%3F", "eu-west-1%0Aus-*", "%2A%00"] {
        Arriving::presigned("*").replace("Region-Set=%2A", &format!("Region-Set={list}")).is_refused(form);
    }
    for list in ["", ",", "eu-west-1;us-*", "eu-west-1 us-*"] {
        Arriving::header_signed("*").set("x-amz-region-set", |_| list.to_owned()).is_refused(form);
    }
    // Another set that also names the region was not signed.
    Arriving::presigned("eu-*").replace("Region-Set=eu-%2A", "Region-Set=%2A").is_refused(mismatch);
    Arriving::header_signed("eu-*").set("x-amz-region-set", |_| "*".to_owned()).is_refused(mismatch);
    for (from, to) in [("%2Fs3%2F", "%2Fsqs%2F"), ("20261124%2F", "20261123%2F")] {
        Arriving::presigned("*")
            .replace(from, to)
            .is_refused(|e| matches!(e, VerifyError::Scope { part: "service", .. } | VerifyError::ScopeDate { .. }));
    }
    for (from, to) in [
        ("%2Fs3%2Faws4_request", "%2Feu-west-1%2Fs3%2Faws4_request"),
        ("%2Faws4_request", "%2Faws4_request2"),
        ("%2Fs3%2Faws4_request", "%2Faws4_request"),
    ] {
        Arriving::presigned("*").replace(from, to).is_refused(form);
    }
    let other = Expect::new(REGION, "execute-api");
    assert!(matches!(Arriving::presigned("*").verify_as(&key(), &other, now()), Err(VerifyError::Scope { .. })));
}

#[test]
fn r23_a_signature_is_strict_der_in_lower_case_hex() {
    let form = |error: &VerifyError| matches!(error, VerifyError::FieldForm { .. });
    for sent in both("*") {
        let right = sent.signature().to_owned();
        sent.is_accepted();
        let upper = right.to_ascii_uppercase();
        assert_ne!(upper, right);
        let odd = right[..right.len() - 1].to_owned();
        for wrong in [upper, odd, String::new(), "00".repeat(73), format!("{right}%00"), "zz".repeat(70)] {
            sent.with_signature(&wrong).is_refused(form);
        }
        // The right numbers in another encoding, and encodings of nothing.
        let body = &right[4..];
        let length = u8::from_str_radix(&right[2..4], 16).unwrap();
        for wrong in [
            format!("{right}00"),
            format!("3081{length:02x}{body}"),
            format!("3080{body}0000"),
            format!("31{}", &right[2..]),
            format!("30{:02x}02{:02x}00{}", length + 1, u8::from_str_radix(&right[6..8], 16).unwrap() + 1, &right[8..]),
            "3006020101020101".to_owned(),
            "3006020100020100".to_owned(),
            "00".repeat(64),
        ] {
            if wrong.len() <= 144 {
                sent.with_signature(&wrong).is_refused(mismatch);
            }
        }
    }
}

#[test]
fn r24_a_session_token_goes_with_its_key() {
    let temporary = |token: &str| {
        let credential = Credential::new(ID).unwrap().with_session_token(token).unwrap();
        v4a::StaticKey::from_credential(credential, SECRET).unwrap()
    };
    let ours = temporary("FwoG/token+with=signs");
    for sent in [Arriving::presigned_by(&ours, "*"), Arriving::header_signed_by(&ours, "*")] {
        assert!(sent.verify_as(&ours, &expect(), now()).is_ok());
        for other in [&key(), &temporary("FwoG/token+with=signz")] {
            assert!(matches!(sent.verify_as(other, &expect(), now()), Err(VerifyError::SessionToken { .. })));
        }
    }
    assert!(matches!(
        Arriving::presigned("*").verify_as(&ours, &expect(), now()),
        Err(VerifyError::SessionToken { .. })
    ));
}

#[test]
fn r25_an_unknown_key_and_a_wrong_signature_get_the_same_answer() {
    let ring = v4a::KeyRing::new().with(key().credential().clone(), key().public_key());
    let nobody = v4a::StaticKey::new("AKIANOBODY", SECRET).unwrap();
    let other = v4a::StaticKey::new(ID, "another secret").unwrap();
    let verdict = |sent: &Arriving| {
        sent.with_view(|view| ring.verify(v4a::Presented::parse(view).unwrap(), &expect(), now()).map(|_| ()))
    };
    let unknown = verdict(&Arriving::presigned_by(&nobody, "*")).unwrap_err();
    let wrong = verdict(&Arriving::presigned_by(&other, "*")).unwrap_err();
    assert_eq!((&unknown, &wrong), (&VerifyError::UnknownKey, &VerifyError::SignatureMismatch));
    assert_eq!(S3Error::from(&unknown), S3Error::from(&wrong));
    assert_eq!(verdict(&Arriving::presigned("*")), Ok(()));
    // What is wrong with a request itself is told to both alike.
    let late = |key: &v4a::StaticKey| {
        let sent = Arriving::presigned_by(key, "*");
        sent.with_view(|view| ring.verify(v4a::Presented::parse(view).unwrap(), &expect(), later(901)).map(|_| ()))
    };
    assert_eq!(late(&nobody), late(&key()));
    // While one key replaces another, both sign.
    let mut ring = ring.with(other.credential().clone(), other.public_key());
    let both = |ring: &v4a::KeyRing| {
        [&key(), &other].map(|key| {
            let sent = Arriving::presigned_by(key, "*");
            sent.with_view(|view| ring.verify(v4a::Presented::parse(view).unwrap(), &expect(), now()).is_ok())
        })
    };
    assert_eq!((ring.len(), both(&ring)), (2, [true, true]));
    assert_eq!((ring.remove(ID), both(&ring)), (2, [false, false]));
    assert!(ring.is_empty());
}

#[test]
fn r50_a_replay_key_does_not_come_from_the_signature() {
    // See `malleable`.
    let first = Arriving::presigned("*").verify().unwrap();
    assert_eq!(Arriving::presigned("*").verify().unwrap(), first, "the same request");
    assert_ne!(Arriving::presigned("eu-*").verify().unwrap(), first, "another region set");
    assert_ne!(Arriving::header_signed("*").verify().unwrap(), first, "another form");
    let other = v4a::StaticKey::new("AKIAOTHER", SECRET).unwrap();
    let theirs = Arriving::header_signed_by(&other, "*").verify_as(&other, &expect(), now()).unwrap();
    assert_ne!(theirs, Arriving::header_signed("*").verify().unwrap(), "another key, whose id no header signs");
}

#[test]
fn r53_as_many_headers_are_signed_as_are_verified() {
    let many = |count: usize| {
        let request = Request::new("GET", super::ORIGIN, REGION, "s3").unwrap();
        let request = (0..count).fold(request, |request, at| request.header(format!("x-amz-meta-{at}"), "v"));
        key().sign_headers(&request, now()).map(|_| ())
    };
    assert_eq!(many(251), Ok(()));
    assert!(matches!(many(252), Err(IssueError::Invalid { what: "headers", .. })));
    assert!(matches!(many(300), Err(IssueError::Invalid { what: "headers", .. })));
}

#[test]
fn plain_http_and_long_lives_need_a_reason_here_too() {
    let plain = Request::new("GET", "http://127.0.0.1:9000", REGION, "s3").unwrap().region_set(everywhere());
    assert!(matches!(key().sign_headers(&plain, now()), Err(IssueError::Unjustified { .. })));
    assert!(key().sign_headers(&plain.because(Justification::new("loopback").unwrap()), now()).is_ok());
}

#[test]
fn r28_no_body_in_chunks_goes_with_an_asymmetric_signature() {
    // Its chunks would have to be signed by the same algorithm, which nobody here does: neither side pretends.
    let streaming = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    Arriving::header_signed("*")
        .set("x-amz-content-sha256", |_| streaming.to_owned())
        .is_refused(|e| *e == VerifyError::PayloadMode { mode: streaming });
    Arriving::header_signed("*").is_accepted();
}

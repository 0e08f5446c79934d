//! The rules of a verifier, each under its number.

use crate::{Arriving, HOST, KEY, expect, key, now};
use base64ct::{Base64, Encoding};
use hmac::{KeyInit, Mac};
use valet_key::{
    azure::{
        AccountKey, AccountKeys, Credential, Delegation, DelegationKeyCache, Endpoint, ExpectSharedKey, KeyRequest,
        Plus, PresentedRequest, Sas, Service, SharedKeyRequest, Signature, UserDelegationKey, Version,
    },
    clock::Timestamp,
    error::{IssueError, VerifyError},
    grant::{Justification, Lifetime},
    view::{Limits, RequestView},
};

fn request() -> SharedKeyRequest {
    SharedKeyRequest::new("PUT", Service::Blob, "/photos/a b.txt")
        .unwrap()
        .query("comp", "metadata")
        .header("x-ms-meta-a", "1")
        .header("content-type", "text/plain")
        .content_length(5)
}

fn arriving() -> Arriving {
    Arriving::signed(&request())
}

fn target(target: &str) -> Arriving {
    Arriving::signed(&SharedKeyRequest::for_target("GET", Service::Blob, target).unwrap())
}

fn delegation() -> Delegation {
    let ids = ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"];
    Delegation::new(ids, ["2023-11-14T00:00:00Z", "2023-11-15T00:00:00Z"], "b", "2020-12-06").unwrap()
}

#[test]
fn r01_two_mechanisms_are_refused() {
    assert!(arriving().verify(&expect(), now()).is_ok());
    for target in ["?comp=metadata&sig=AAAA", "?comp=metadata&sv=2020-12-06", "?comp=metadata&se=2023-11-15"] {
        arriving().with(|it| it.target = format!("/photos/a%20b.txt{target}")).is_refused("two_mechanisms");
    }
    arriving().with(|it| it.target.push_str("&X-Amz-Signature=0")).is_refused("two_mechanisms");
    arriving().with(|it| it.set("x-goog-date", "20231114T221320Z")).is_refused("two_mechanisms");
    for value in ["SharedKey myaccount:AAAA", "Bearer x"] {
        arriving().with(|it| it.lines.push(("authorization".into(), value.into()))).is_refused("field_count");
    }
}

#[test]
fn r01_another_scheme_is_refused_by_its_name() {
    let own = String::from_utf8(arriving().get("Authorization").unwrap().to_vec()).unwrap();
    for scheme in ["SharedKeyLite", "sharedkey", "Bearer", "SharedKey2", "AWS4-HMAC-SHA256"] {
        arriving().with(|it| it.set("Authorization", &own.replace("SharedKey", scheme))).is_refused("algorithm");
    }
}

#[test]
fn r02_what_matters_is_there_once_in_any_case() {
    for (name, value) in [
        ("X-MS-DATE", "Tue, 14 Nov 2023 22:13:20 GMT"),
        ("x-ms-version", "2020-12-06"),
        ("X-Ms-Meta-A", "1"),
        ("content-length", "5"),
        ("CONTENT-TYPE", "text/plain"),
    ] {
        arriving().with(|it| it.lines.push((name.into(), value.into()))).is_refused("field_count");
    }
    for query in ["a=1&a=1", "a=1&A=1", "a=1&%61=1"] {
        arriving().with(|it| it.target = format!("/photos/a%20b.txt?{query}")).is_refused("malformed");
    }
    arriving().with(|it| it.target.push_str("&comp=metadata")).is_refused("field_count");
    arriving().with(|it| it.target.push_str("&COMP=metadata")).is_refused("field_form");
}

#[test]
fn r03_a_query_is_split_at_ampersands_and_first_equals_signs() {
    let facts = target("/photos/a?x=1;y=2&z=a=b&w").verify(&expect(), now()).unwrap();
    let pairs: Vec<(&str, &str)> = facts.queries.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(pairs, [("w", ""), ("x", "1;y=2"), ("z", "a=b")]);
}

#[test]
fn r04_escapes_are_decoded_once_and_strictly() {
    let facts = target("/photos/a%2541?x=%2541").verify(&expect(), now()).unwrap();
    assert_eq!((facts.path.as_str(), facts.queries[0].1.as_str()), ("/photos/a%41", "%41"));
    for target in ["/photos/%", "/photos/%4", "/photos/%GG", "/photos/%FF", "/photos/\u{fc}", "/photos/a?x=%", "/a?x=#"]
    {
        arriving().with(|it| it.target = target.into()).is_refused("malformed");
    }
    arriving().with(|it| it.target = "/photos/a?x=%FF".into()).is_refused("field_form");
}

#[test]
fn r05_the_path_is_verified_as_it_was_sent() {
    let paths =
        ["/photos/a", "/photos/%61", "/photos//a", "/photos/a/", "/Photos/a", "/photos/%c3%bc", "/photos/%C3%BC"];
    for signed in paths {
        for sent in paths {
            let found = target(signed).with(|it| it.target = sent.into()).verify(&expect(), now());
            match found {
                Ok(facts) => assert_eq!((signed, facts.raw_path.as_str()), (sent, sent)),
                Err(error) => assert!(signed != sent && error == VerifyError::SignatureMismatch, "{error}"),
            }
        }
    }
    for ambiguous in ["/photos/../a", "/photos/%2e%2E/a", "/photos/.", "/photos/a%2Fb", "/photos/a%5Cb", "/photos/a\\b"]
    {
        arriving().with(|it| it.target = ambiguous.into()).is_refused("ambiguous_path");
    }
}

#[test]
fn r06_nothing_shifts_the_lines() {
    for value in ["1\nx-ms-meta-b:2", "1\r", "1\0"] {
        arriving().with(|it| it.set("x-ms-meta-a", value)).is_refused("malformed");
    }
    // Two queries that would be joined to the same lines.
    for (one, other) in [("a=1%0Ab:2", "a=1&b=2"), ("a:b=c", "a=b:c"), ("a=1%0D", "a=1")] {
        assert!(target(&format!("/photos/a?{other}")).verify(&expect(), now()).is_ok());
        let refused = arriving().with(|it| it.target = format!("/photos/a?{one}")).verify(&expect(), now());
        assert!(matches!(refused, Err(VerifyError::FieldForm { .. } | VerifyError::Malformed { .. })), "{one}");
    }
    // Nor does a header become a parameter, or the path a header.
    arriving().with(|it| it.set("x-ms-meta-a", "1\n/myaccount/other")).is_refused("malformed");
    arriving().with(|it| it.target = "/photos/a%0Ab".into()).is_refused("signature_mismatch");
    arriving().with(|it| it.set("x-ms-meta-a", "\u{fc}")).is_refused("field_form");
    arriving().with(|it| it.set("If-Match", "\u{fc}")).is_refused("field_form");
}

#[test]
fn r07_there_is_one_host() {
    let bound = expect().host(HOST.to_ascii_uppercase());
    assert!(arriving().verify(&bound, now()).is_ok());
    assert_eq!(arriving().verify(&expect().host("other.example"), now()).unwrap_err(), VerifyError::Host);
    arriving().with(|it| it.drop("Host")).is_refused("field_count");
    arriving().with(|it| it.lines.push(("HOST".into(), HOST.into()))).is_refused("field_count");
    let absolute = |host: &str| arriving().with(|it| it.target = format!("https://{host}{}", it.target));
    assert!(absolute(HOST).verify(&bound, now()).is_ok());
    absolute("other.example").is_refused("malformed");
}

#[test]
fn r09_every_header_of_the_service_is_signed() {
    for name in ["x-ms-copy-source", "X-MS-Blob-Type", "x-ms-", "x-ms-meta-zz"] {
        arriving().with(|it| it.set(name, "1")).is_refused("signature_mismatch");
    }
    // Tables sign none, so that none arrives that could matter.
    let request = SharedKeyRequest::new("GET", Service::Table, "/MyTable()").unwrap();
    let tables = ExpectSharedKey::new("myaccount", Service::Table).unwrap();
    let arriving = Arriving::signed(&request);
    let facts = arriving.verify(&tables, now()).unwrap();
    assert_eq!((facts.content_length, facts.version, facts.headers.len()), (None, None, 0));
    let refused = arriving.with(|it| it.set("x-ms-copy-source", "1")).verify(&tables, now());
    assert_eq!(refused.unwrap_err(), VerifyError::UnsignedHeader { name: "x-ms-copy-source".into() });
    let request = request.query("comp", "acl").query("$filter", "a");
    let facts = Arriving::signed(&request).verify(&tables, now()).unwrap();
    assert_eq!(facts.queries, [("comp".to_owned(), "acl".to_owned())]);
    // What was signed for one service is not taken for another.
    assert_eq!(Arriving::signed(&request).verify(&expect(), now()).unwrap_err(), VerifyError::SignatureMismatch);
}

#[test]
fn r14_what_proxies_do_is_no_reason_to_refuse() {
    let changed = arriving().with(|it| {
        it.lines.reverse();
        it.lines.iter_mut().for_each(|(name, _)| name.make_ascii_uppercase());
        it.set("Via", "1.1 proxy");
        it.set("X-Forwarded-For", "192.0.2.1");
        it.set("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
        it.target = it.target.replace("comp=", "&comp=") + "&";
    });
    assert_eq!(changed.verify(&expect(), now()), arriving().verify(&expect(), now()));
}

#[test]
fn r15_a_missing_time_is_not_a_time() {
    arriving().with(|it| it.drop("x-ms-date")).is_refused("field_count");
    let with_date = arriving().with(|it| {
        it.drop("x-ms-date");
        it.set("Date", "Tue, 14 Nov 2023 22:13:20 GMT");
    });
    with_date.is_refused("field_count");
    arriving().with(|it| it.drop("x-ms-version")).is_refused("field_count");
}

#[test]
fn r16_times_are_read_whole() {
    for date in [
        "",
        "Tue, 31 Nov 2023 22:13:20 GMT",
        "Wed, 14 Nov 2023 22:13:20 GMT",
        "Tue, 14 Nov 2023 22:13:60 GMT",
        "Tue, 14 Nov 2023 22:13:20 UTC",
        "Tue, 14 Nov 2023 22:13:20 GMT, x",
        "Tue, 14 Nov 10023 22:13:20 GMT",
        "2023-11-14T22:13:20Z",
    ] {
        arriving().with(|it| it.set("x-ms-date", date)).is_refused("field_form");
    }
    for version in ["", "2020-12-07", "2020-12-06 x", "latest"] {
        arriving().with(|it| it.set("x-ms-version", version)).is_refused("field_form");
    }
    let last = Timestamp::from_unix(253_402_300_799).unwrap();
    for time in [last, Timestamp::from_unix(0).unwrap()] {
        let signed = key().authorize(&request(), time).unwrap();
        let facts = Arriving::of(&signed).verify(&expect(), time).unwrap();
        assert!(facts.expires_at >= time);
        assert_eq!(arriving().verify(&expect(), time).unwrap_err().code(), "skewed");
    }
}

#[test]
fn r18_the_skew_is_fifteen_minutes_both_ways_and_can_be_made_smaller() {
    for (skew, after, is_accepted) in [
        (900, 900, true),
        (900, -900, true),
        (900, 901, false),
        (900, -901, false),
        (u32::MAX, 901, false),
        (60, 60, true),
        (60, 61, false),
        (60, -61, false),
        (0, 0, true),
        (0, 1, false),
    ] {
        let at = Timestamp::from_unix(now().unix() + after).unwrap();
        let found = arriving().verify(&expect().skew(skew), at);
        assert_eq!(found.is_ok(), is_accepted, "{skew} {after}");
        if let Ok(facts) = found {
            assert_eq!(facts.expires_at.unix(), now().unix() + i64::from(skew));
        }
    }
}

#[test]
fn r20_a_user_delegation_key_signs_no_requests_and_verifies_none() {
    let credential = Credential::delegated("myaccount", delegation()).unwrap();
    assert!(matches!(request().prepare(&credential, now()), Err(IssueError::Invalid { what: "key", .. })));
    let checked = arriving().see(|presented| presented.check(&credential, &expect(), now()).map(drop));
    assert_eq!(checked, Err(VerifyError::OtherKey));
}

#[test]
fn r20_a_cache_never_hands_out_a_key_that_ends_before_the_token() {
    let tokens = Lifetime::minutes(60).unwrap();
    let mut cache = DelegationKeyCache::new("myaccount", Service::Blob, tokens).unwrap();
    cache.keep(UserDelegationKey::new("myaccount", delegation(), KEY).unwrap(), now()).unwrap();
    let end = delegation().expires_at();
    for second in 0..7200 {
        let at = end.saturating_sub(second);
        for minutes in [1, 15, 60] {
            let lifetime = Lifetime::minutes(minutes).unwrap();
            let covers = at.saturating_add(lifetime.seconds()) <= end;
            assert_eq!(cache.key(at, lifetime).is_some(), covers);
            assert!(covers || cache.needs(at, lifetime).unwrap().is_some());
        }
    }
}

#[test]
fn r23_a_signature_has_one_spelling() {
    let value = String::from_utf8(arriving().get("Authorization").unwrap().to_vec()).unwrap();
    let (head, signature) = value.split_once(':').unwrap();
    for other in [
        String::new(),
        signature.trim_end_matches('=').to_owned(),
        signature.replace('=', "%3D"),
        format!("{signature}="),
        format!("={signature}"),
        format!("{signature} x"),
        signature.to_ascii_lowercase(),
        signature.replace(['+', '/'], "-"),
        "A".repeat(64),
    ] {
        if other != signature {
            let refused =
                arriving().with(|it| it.set("Authorization", &format!("{head}:{other}"))).verify(&expect(), now());
            assert!(matches!(refused, Err(VerifyError::FieldForm { .. } | VerifyError::SignatureMismatch)), "{other}");
        }
    }
    // The last letter before the padding has two bits that say nothing, which must be zero.
    let at = value.len() - 2;
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".chars() {
        let other = format!("{}{letter}=", &value[..at]);
        let accepted = arriving().with(|it| it.set("Authorization", &other)).verify(&expect(), now()).is_ok();
        assert_eq!(accepted, other == value, "{letter}");
    }
}

#[test]
fn r25_either_key_of_the_account_is_tried_and_no_other() {
    let other = || AccountKey::new("myaccount", "b3RoZXI=").unwrap();
    let third = || AccountKey::new("myaccount", "dGhpcmQ=").unwrap();
    let verify = |keys: &AccountKeys| arriving().see(|it| keys.verify_request(it, &expect(), now()).map(drop));
    assert_eq!(verify(&AccountKeys::new(key(), other()).unwrap()), Ok(()));
    assert_eq!(verify(&AccountKeys::new(other(), key()).unwrap()), Ok(()));
    assert_eq!(verify(&AccountKeys::new(other(), third()).unwrap()), Err(VerifyError::SignatureMismatch));
    // A rotated pair signs with its first key.
    let pair = AccountKeys::new(other(), key()).unwrap().swap();
    assert!(Arriving::of(&pair.authorize(&request(), now()).unwrap()).verify(&expect(), now()).is_ok());

    let foreign = AccountKey::new("otheraccount", KEY).unwrap();
    let found = arriving().see(|it| foreign.verify_request(it, &expect(), now()).map(drop));
    assert_eq!(found, Err(VerifyError::OtherKey));
    let named = ExpectSharedKey::new("otheraccount", Service::Blob).unwrap();
    assert_eq!(arriving().verify(&named, now()).unwrap_err(), VerifyError::OtherKey);
}

#[test]
fn r26_no_authorization_is_no_permission() {
    arriving().with(|it| it.drop("Authorization")).is_refused("not_signed");
    let with_token = arriving().with(|it| {
        it.drop("Authorization");
        it.target.push_str("&sig=AAAA");
    });
    with_token.is_refused("not_signed");
    arriving().with(|it| it.set("Authorization", "")).is_refused("algorithm");
    // Only the right signature settles a request that was checked.
    arriving()
        .see(|presented| {
            let pending = presented.check(key().credential(), &expect(), now())?;
            let right = key().sign(pending.string_to_sign())?;
            assert_eq!(pending.clone().accept(&Signature::new([0; 32])).err(), Some(VerifyError::SignatureMismatch));
            pending.accept(&right).map(drop)
        })
        .unwrap();
}

#[test]
fn r28_the_body_is_bound_by_its_length() {
    let facts = arriving().verify(&expect(), now()).unwrap();
    assert_eq!((facts.content_length, facts.content_md5), (Some(5), None));
    let with_md5 = request().header("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    let facts = Arriving::signed(&with_md5).verify(&expect(), now()).unwrap();
    assert_eq!(facts.content_md5.unwrap()[..4], [0xd4, 0x1d, 0x8c, 0xd9]);
    arriving().with(|it| it.set("Transfer-Encoding", "chunked")).is_refused("field_form");
    for length in ["", "05", "+5", "5,5", "5 5", "18446744073709551616"] {
        arriving().with(|it| it.set("Content-Length", length)).is_refused("field_form");
    }
    for md5 in ["", "x", "AAAA", "1B2M2Y8AsgTpgAmY7PhCfg"] {
        arriving().with(|it| it.set("Content-MD5", md5)).is_refused("field_form");
    }
    // None and zero are the same.
    let empty = Arriving::signed(&SharedKeyRequest::new("GET", Service::Blob, "/photos/a").unwrap());
    assert_eq!(empty.get("content-length"), Some(&b"0"[..]));
    for arriving in [empty.clone(), empty.with(|it| it.drop("content-length"))] {
        assert_eq!(arriving.verify(&expect(), now()).unwrap().content_length, Some(0));
    }
}

#[test]
fn r53_limits_come_before_work() {
    let within = |limits: Limits, arriving: &Arriving| {
        arriving.see_within(&limits, |_| Ok(())).expect_err("within the limits").code()
    };
    let limits = Limits::DEFAULT;
    let with_target = |target: String| arriving().with(|it| it.target = target);
    assert_eq!(within(limits, &with_target(format!("/{}", "a".repeat(16 << 10)))), "too_large");
    assert_eq!(within(limits.params(3), &with_target("/a?b&c&d&e".into())), "too_large");
    assert_eq!(within(limits.header_lines(3), &arriving()), "too_large");
    assert_eq!(
        within(limits.header_value(60), &arriving().with(|it| it.set("x-ms-meta-a", &"1".repeat(61)))),
        "too_large"
    );
}

#[test]
fn r54_the_largest_request_costs_little() {
    let many = arriving().with(|it| {
        it.target = format!("/?{}", (0..500).map(|at| format!("{at:03x}=1")).collect::<Vec<_>>().join("&"));
        it.lines.extend((0..240).rev().map(|at| (format!("x-ms-meta-{at}"), vec![b'a'; 16 << 10])));
    });
    let limits = Limits::DEFAULT.params(512).header_lines(256);
    let began = std::time::Instant::now();
    let found = many.see_within(&limits, |it| key().verify_request(it, &expect(), now()).map(drop));
    assert_eq!(found, Err(VerifyError::SignatureMismatch));
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
}

#[test]
fn r56_names_in_errors_are_short() {
    let tables = ExpectSharedKey::new("myaccount", Service::Table).unwrap();
    let long = arriving().with(|it| it.set(&format!("x-ms-{}", "a".repeat(5000)), "1"));
    let error = long.verify(&tables, now()).unwrap_err();
    assert!(error.to_string().len() < 150 && error.code() == "unsigned_header");
}

#[test]
fn a_plus_is_read_as_the_verifier_is_told() {
    let literal = target("/photos/a?x=a%2Bb");
    let blank = target("/photos/a?x=a%20b");
    let respelled = |arriving: &Arriving| arriving.with(|it| it.target = "/photos/a?x=a+b".into());
    for (plus, signed, is_accepted) in [
        (Plus::Refuse, &literal, false),
        (Plus::Refuse, &blank, false),
        (Plus::Literal, &literal, true),
        (Plus::Literal, &blank, false),
        (Plus::Blank, &literal, false),
        (Plus::Blank, &blank, true),
    ] {
        assert_eq!(respelled(signed).verify(&expect().plus(plus), now()).is_ok(), is_accepted, "{plus:?}");
    }
}

#[test]
fn an_emulator_has_the_account_in_its_path() {
    let emulator = Endpoint::emulator("http://127.0.0.1:10000").unwrap();
    let request = request().endpoint(&emulator).because(Justification::new("an emulator").unwrap());
    let arriving = Arriving::signed(&request);
    let facts = arriving.verify(&expect().account_in_path(), now()).unwrap();
    assert_eq!((facts.raw_path.as_str(), facts.path.as_str()), ("/myaccount/photos/a%20b.txt", "/photos/a b.txt"));
    for path in ["/otheraccount/photos/a", "/myaccountx/a", "/"] {
        let refused = arriving.with(|it| it.target = path.into()).verify(&expect().account_in_path(), now());
        assert_eq!(refused.unwrap_err().code(), "malformed", "{path}");
    }
}

#[test]
fn old_versions_are_refused() {
    let old = Version::V2015_04_05;
    assert!(request().version(old).prepare(key().credential(), now()).is_err());
    arriving().with(|it| it.set("x-ms-version", old.as_str())).is_refused("field_form");
    let lower = expect().oldest(old);
    let found = arriving().with(|it| it.set("x-ms-version", old.as_str())).verify(&lower, now());
    assert_eq!(found.unwrap_err().code(), "field_form");
    assert!(arriving().verify(&expect().oldest(Version::V2025_07_05), now()).is_err());
}

#[test]
fn an_unread_view_says_who_signed() {
    let arriving = arriving();
    let account = arriving.see(|presented| Ok(presented.account().to_owned()));
    assert_eq!(account.as_deref(), Ok("myaccount"));
    let nothing = RequestView::new("GET", "/", &[("host", b"a")]);
    assert_eq!(PresentedRequest::parse(&nothing).err(), Some(VerifyError::NotSigned));
}

#[test]
fn p25_no_key_is_asked_for_beyond_a_week() {
    let start = now();
    let week = Lifetime::WEEK.seconds();
    assert!(KeyRequest::new("myaccount", Service::Blob, start, start.saturating_add(week)).is_ok());
    assert!(KeyRequest::new("myaccount", Service::Blob, start, start.saturating_add(week + 1)).is_err());
}

#[test]
fn r37_a_table_tells_what_it_signs_and_a_blob_tells_all() {
    let tables = ExpectSharedKey::new("myaccount", Service::Table).unwrap();
    let request = |service| SharedKeyRequest::new("GET", service, "/MyTable()").unwrap();
    for (service, expect, all) in [(Service::Table, tables, false), (Service::Blob, expect(), true)] {
        let request = request(service).query("comp", "metadata").query("timeout", "5");
        Arriving::signed(&request)
            .see(|presented| {
                let facts = key().verify_request(presented, &expect, now())?;
                assert_eq!((facts.query("comp"), facts.query("timeout")), (Some("metadata"), all.then_some("5")));
                assert!(facts.header("x-ms-date").is_some() && facts.header("date").is_none());
                assert_eq!(facts.header("x-ms-version").is_some(), all);
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn r24_an_account_and_a_signed_value_have_one_form() {
    for account in ["", "my", "my-account", &"a".repeat(25)] {
        ExpectSharedKey::new(account, Service::Blob).unwrap_err();
    }
    for value in [" a", "a ", "a\t"] {
        let request = request().header("x-ms-meta-b", value);
        assert!(key().authorize(&request, now()).is_err(), "{value:?}");
    }
}

#[test]
fn the_root_of_an_emulator_is_a_path() {
    let emulator = Endpoint::emulator("http://127.0.0.1:10000").unwrap();
    let request = SharedKeyRequest::for_target("GET", Service::Blob, "/?comp=list").unwrap();
    let request = request.endpoint(&emulator).because(Justification::new("an emulator").unwrap());
    for (target, path) in [("/myaccount?comp=list", "/"), ("/myaccount/?comp=list", "/"), ("/myaccount/a", "/a")] {
        let sent = Arriving::signed(&request).with(|it| it.target = target.into());
        let text = sent.see(|presented| presented.string_to_sign(&expect().account_in_path())).unwrap();
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&Base64::decode_vec(KEY).unwrap()).unwrap();
        mac.update(text.as_bytes());
        let signature = Base64::encode_string(&mac.finalize().into_bytes());
        let sent = sent.with(|it| it.set("Authorization", &format!("SharedKey myaccount:{signature}")));
        assert_eq!(sent.verify(&expect().account_in_path(), now()).unwrap().path, path);
    }
}

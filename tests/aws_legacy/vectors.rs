//! Every case of `tests/vectors/aws-legacy`: issued byte for byte, verified, and refused after a change.

use crate::Sent;
use serde_json::Value;
use std::collections::BTreeSet;
use valet_key::aws::{Credential, Endpoint, LegacyExpect, LegacyUrlRequest, Region, SigV4, StaticKey};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::grant::{Justification, Lifetime};

fn key(case: &Value, secret: &str) -> StaticKey {
    let mut credential = Credential::new(case["access_key_id"].as_str().unwrap()).unwrap();
    if let Some(token) = case["token"].as_str() {
        credential = credential.with_session_token(token).unwrap();
    }
    StaticKey::from_credential(credential, secret).unwrap()
}

fn pairs(list: &Value) -> Vec<(String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    list.as_array().into_iter().flatten().map(|pair| (text(&pair[0]).unwrap(), text(&pair[1]))).collect()
}

/// The parameters of a URL, without those that stand for a header, and the headers that they stand for.
fn parameters(url: &str, headers: &[(String, Option<String>)]) -> BTreeSet<String> {
    let (_, query) = url.split_once('?').unwrap();
    let of_header = |param: &&str| {
        let name = param.split('=').next().unwrap();
        !headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name))
    };
    query.split('&').filter(of_header).map(ToOwned::to_owned).collect()
}

#[test]
fn every_case_is_issued_verified_and_refused_after_a_change() {
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/aws-legacy/urls.json"));
    let cases: Value = serde_json::from_str(&file.unwrap()).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 16);
    for case in cases {
        let text = |field: &str| case[field].as_str().unwrap();
        let name = text("name");
        let now = Timestamp::from_unix(case["time"].as_i64().unwrap()).unwrap();
        let lifetime = u32::try_from(case["lifetime"].as_u64().unwrap()).unwrap();
        let (key, bucket, path_style) = (key(case, text("secret")), text("bucket"), case["path_style"] == true);
        let mut endpoint = Endpoint::aws(Region::new("eu-west-1").unwrap());
        if path_style {
            endpoint = endpoint.path_style();
        }
        let headers = pairs(&case["headers"]);
        let mut request = LegacyUrlRequest::new(text("method"), &endpoint, bucket, text("object")).unwrap();
        for (name, value) in &headers {
            request = request.header(name, value.clone().unwrap());
        }
        for (name, value) in pairs(&case["resources"]) {
            request = match value {
                Some(value) => request.sub_resource_value(name, value),
                None => request.sub_resource(name),
            };
        }
        request = request
            .lives(Lifetime::from_seconds(lifetime).unwrap())
            .because(Justification::new("a published case").unwrap());
        let prepared = request.prepare(key.credential(), now).unwrap();
        let found = String::from_utf8_lossy(prepared.string_to_sign().as_bytes()).into_owned();
        assert_eq!(found, text("string_to_sign"), "{name}");
        let ours = key.legacy_presign(&request, now).unwrap();
        let theirs = text("url");
        assert_eq!(ours.expose().split('?').next(), theirs.split('?').next(), "{name}");
        assert_eq!(parameters(ours.expose(), &headers), parameters(theirs, &headers), "{name}");

        // Ours sends the headers as headers, theirs those of `x-amz-*` as parameters.
        let rest = ours.expose().strip_prefix("https://").unwrap();
        let (host, _) = rest.split_once('/').unwrap();
        let method = ["DELETE", "GET", "HEAD", "POST", "PUT"].into_iter().find(|it| *it == text("method")).unwrap();
        let sent = |url: &str, is_sent: &dyn Fn(&str) -> bool| {
            let mut lines = vec![("host".to_owned(), host.to_owned())];
            let given = headers.iter().filter(|(name, _)| is_sent(name));
            lines.extend(given.map(|(name, value)| (name.clone(), value.clone().unwrap())));
            let target = url.strip_prefix("https://").unwrap().strip_prefix(host).unwrap();
            Sent { method, target: target.to_owned(), lines }
        };
        let mut expect = LegacyExpect::new(host);
        if !path_style {
            expect = expect.bucket_in_host(bucket);
        }
        let by_param = expect.clone().allow_unsigned_query("content-type").allow_unsigned_query("content-md5");
        let is_content = |name: &str| name.to_ascii_lowercase().starts_with("content-");
        for (sent, expect) in [(sent(ours.expose(), &|_| true), &expect), (sent(theirs, &is_content), &by_param)] {
            let path = sent.target.split('?').next().unwrap().to_owned();
            let check = |sent: &Sent, seconds: u32| sent.verify_as(&key, expect, now.saturating_add(seconds));
            assert_eq!(check(&sent, 0), Ok(path.clone()), "{name}");
            assert_eq!(check(&sent, lifetime), Ok(path.clone()), "{name}");
            assert!(matches!(check(&sent, lifetime + 1), Err(VerifyError::Expired { .. })), "{name}");
            let other = self::key(case, "another secret");
            assert_eq!(sent.verify_as(&other, expect, now), Err(VerifyError::SignatureMismatch), "{name}");
            let mut changes = vec![
                Sent { method: if method == "GET" { "PUT" } else { "GET" }, ..sent.clone() },
                Sent { target: sent.target.replacen(&path, &format!("{path}x"), 1), ..sent.clone() },
                Sent { target: format!("{}&logging", sent.target), ..sent.clone() },
                Sent { target: format!("{}&x-amz-acl=public-read", sent.target), ..sent.clone() },
                sent.clone().line("x-amz-website-redirect-location", "https://elsewhere.example"),
                Sent { target: sent.target.replacen("Expires=1", "Expires=2", 1), ..sent.clone() },
            ];
            for at in 1..sent.lines.len() {
                let mut longer = sent.clone();
                longer.lines[at].1.push('1');
                changes.push(longer);
                let mut dropped = sent.clone();
                dropped.lines.remove(at);
                changes.push(dropped);
            }
            for changed in changes {
                assert!(check(&changed, 0).is_err(), "{name}: {changed:?}");
            }
        }
    }
}

//! No key, signature or token shows in any `Debug`, error, answer or panic.

use crate::planted::Planted;
use crate::{HOST, at, ec_key, key_file, ring, rsa_key, why, with_view};
use valet_key::{
    aws::cloudfront::{
        CloudFrontError, CookieScope, Expect, KeyRing, Pattern, PolicyDocument, PolicyRequest, Presented, PublicKey,
        Signature, SigningKey, Verifier,
    },
    view::RequestView,
};

fn field<'t>(text: &'t str, name: &str) -> &'t str {
    text.split(['?', '&', ';', ' ']).find_map(|part| part.strip_prefix(name)).unwrap()
}

/// The base64 inside a PEM file, without its first line, which keys of one kind share.
fn inside(pem: &str) -> Vec<&str> {
    pem.lines().filter(|line| line.len() >= 40 && !line.starts_with('-')).skip(1).collect()
}

#[test]
fn the_search_finds_what_is_planted() {
    let secret = "PLANTEDsecretPLANTEDsecret";
    let planted = Planted::new(&[secret]);
    for text in
        [format!("a{secret}b"), hex::encode(secret), format!("{:?}", secret.as_bytes()), secret[10..].to_owned()]
    {
        assert!(std::panic::catch_unwind(|| planted.is_not_in(&text)).is_err(), "{text}");
    }
}

#[test]
fn a_key_shows_nothing_of_itself() {
    for (key, file) in [(rsa_key(), "cloudfront-rsa.pem"), (ec_key(), "cloudfront-ec.pem")] {
        let pem = key_file(file);
        let planted = Planted::new(&inside(&pem));
        planted.is_hidden_by(&key);
        planted.is_hidden_by(&key.public_key());
        planted.is_hidden_by(key.credential());
        let ring = KeyRing::new().with(key.credential().clone(), key.public_key()).unwrap();
        planted.is_hidden_by(&ring);
        planted.is_hidden_by(&Verifier::new(ring, Expect::new(HOST)));
        // A file with a hole in it, and one that is taken for another kind.
        let broken = pem.replacen(inside(&pem)[0], &inside(&pem)[0][1..], 1);
        for pem in [&broken, &pem] {
            for error in [
                SigningKey::from_rsa_pem(ec_key().credential().clone(), pem).unwrap_err(),
                SigningKey::from_ec_pem(rsa_key().credential().clone(), pem).unwrap_err(),
                PublicKey::from_rsa_pem(pem).unwrap_err(),
                PublicKey::from_ec_pem(pem).unwrap_err(),
            ] {
                planted.is_hidden_by_error(&error);
            }
        }
    }
}

#[test]
fn nothing_on_the_way_to_a_token_or_past_it_shows_it() {
    let pattern = Pattern::parse(&format!("https://{HOST}/a/*")).unwrap();
    for key in [rsa_key(), ec_key()] {
        let request = PolicyRequest::for_pattern(pattern.clone()).because(why());
        let prepared = request.prepare(key.credential(), at(0)).unwrap();
        let signature = key.sign(prepared.string_to_sign()).unwrap();
        let signed = prepared.clone().finish(&signature).unwrap();
        let url = signed.signed_url_for(&format!("https://{HOST}/a/x")).unwrap();
        let cookies = signed.cookies();
        let planted = Planted::new(&[field(url.expose(), "Signature="), field(url.expose(), "Policy=")]);
        planted.is_hidden_by(&(&request, &prepared, prepared.string_to_sign(), &signature));
        planted.is_hidden_by(&(&signed, &url, &cookies));
        let document = PolicyDocument::parse(prepared.string_to_sign().as_str()).unwrap();
        planted.is_hidden_by(&document);

        let ring = KeyRing::new().with(key.credential().clone(), key.public_key()).unwrap();
        let expect = Expect::new(HOST);
        with_view(url.expose(), &[], |view| {
            planted.is_hidden_by(&view);
            let presented = Presented::parse(&view).unwrap();
            planted.is_hidden_by(&presented);
            let pending = presented.clone().check(key.credential(), &expect, at(0)).unwrap();
            planted.is_hidden_by(&(&pending, pending.string_to_sign()));
            planted.is_hidden_by(&pending.accept_public(&key.public_key()).unwrap());
            planted.is_hidden_by(&ring.verify(presented, &expect, at(0)).unwrap());
        });
        let scope = CookieScope::new("/").unwrap();
        assert!(cookies.expose_set_cookie(&scope).any(|line| line.contains(field(url.expose(), "Signature="))));
    }
}

#[test]
fn no_refusal_shows_a_token_or_what_it_should_have_been() {
    let request = PolicyRequest::for_pattern(Pattern::parse(&format!("https://{HOST}/a/*")).unwrap()).because(why());
    let signed = rsa_key().signed_policy(&request, at(0)).unwrap();
    let url = signed.signed_url_for(&format!("https://{HOST}/a/x")).unwrap().expose().to_owned();
    let (signature, policy) = (field(&url, "Signature="), field(&url, "Policy="));
    let planted = Planted::new(&[signature, policy, "Statement\":[{\"Resource"]);
    let line: Vec<String> = signed.cookies().expose().map(|(name, value)| format!("{name}={value}")).collect();
    let line = line.join("; ");
    let mut seen = 0;
    let mut hidden = |url: &str, cookies: &[&str], method: &str, now| {
        let (protocol, host, target) = crate::split(url);
        let mut lines = vec![("host", host.as_bytes())];
        lines.extend(cookies.iter().map(|line| ("cookie", line.as_bytes())));
        let view = RequestView::new(method, target, &lines);
        let view = if protocol == "https" { view.over_https() } else { view };
        let verdict =
            Presented::parse(&view).and_then(|presented| ring().verify(presented, &Expect::new(HOST), now).map(drop));
        let error = verdict.unwrap_err();
        planted.is_hidden_by_error(&error);
        planted.is_hidden_by(&(CloudFrontError::from(&error), CloudFrontError::detailed(&error)));
        planted.is_not_in(&CloudFrontError::from(&error).to_xml());
        seen += 1;
    };
    hidden(&url, &[], "GET", at(5000));
    hidden(&url, &[], "PUT", at(0));
    hidden(&url, &[&line], "GET", at(0));
    hidden(&url.replace("/a/x", "/b/x"), &[], "GET", at(0));
    hidden(&url.replace("https://", "http://"), &[], "GET", at(0));
    hidden(&url.replace(HOST, "other.example"), &[], "GET", at(0));
    hidden(&url.replace(crate::ID, "KOTHER"), &[], "GET", at(0));
    hidden(&url.replace("SHA256", "SHA1"), &[], "GET", at(0));
    hidden(&url.replace("Policy=", "Policy=AAAA"), &[], "GET", at(0));
    hidden(&url.replace("Signature=", "Signature=AAAA"), &[], "GET", at(0));
    hidden(&url.replace("Signature=", "signature="), &[], "GET", at(0));
    hidden(&url.replace("Signature=", "Expires=1767290400&Signature="), &[], "GET", at(0));
    hidden(&format!("{url}&Signature={signature}"), &[], "GET", at(0));
    hidden(&format!("https://{HOST}/a/x"), &[&line, &line], "GET", at(0));
    hidden(&format!("https://{HOST}/a/x"), &[&line.replace("Policy=", "policy=")], "GET", at(0));
    hidden(&format!("https://{HOST}/a/x?Policy=%"), &[&line], "GET", at(0));
    assert_eq!(seen, 16);
    planted.is_hidden_by_error(&Signature::rsa(signature.as_bytes().to_vec()).unwrap_err());
    planted.is_hidden_by_error(&Signature::ecdsa(signature.as_bytes().to_vec()).unwrap_err());
    planted.is_hidden_by_error(&signed.signed_url_for(&url).unwrap_err());
    planted.is_hidden_by_error(&PolicyRequest::for_url(&url).unwrap_err());
    planted.is_hidden_by_error(&PolicyDocument::parse(&format!("{policy}x")).map(drop).unwrap_err());
}

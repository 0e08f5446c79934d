//! What holds for every input: what is signed is accepted, and nothing else is.

use crate::{HOST, NOW, ec_key, ring, rsa_key, split, why, with_view};
use proptest::{prelude::*, sample::Index};
use std::sync::LazyLock;
use valet_key::{
    aws::cloudfront::{Expect, KeyRing, PolicyRequest, Presented, SigningKey},
    clock::Timestamp,
    error::IssueError,
    grant::{Action, Grant, Lifetime},
    view::{HeaderLine, RequestView},
};

static RSA: LazyLock<SigningKey> = LazyLock::new(rsa_key);
static EC: LazyLock<SigningKey> = LazyLock::new(ec_key);
static RSA_RING: LazyLock<KeyRing> = LazyLock::new(ring);
static EC_RING: LazyLock<KeyRing> =
    LazyLock::new(|| KeyRing::new().with(EC.credential().clone(), EC.public_key()).unwrap());

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

fn accepted_by(ring: &KeyRing, url: &str, cookies: &[&str], now: i64) -> bool {
    let expect = Expect::new(HOST);
    with_view(url, cookies, |view| {
        Presented::parse(&view).is_ok_and(|presented| ring.verify(presented, &expect, moment(now)).is_ok())
    })
}

fn any_name() -> impl Strategy<Value = String> {
    "[^/]{1,12}(/[^/]{1,12}){0,2}"
        .prop_filter("no dots", |name| name.split(['/', '\\']).all(|part| part != "." && part != ".."))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_signed_is_accepted_until_its_last_second(
        name in any_name(), start in 1i64..2_000_000_000, seconds in 1u32..=900, ec in any::<bool>(), prefix in any::<bool>(),
    ) {
        let (key, ring) = if ec { (&*EC, &*EC_RING) } else { (&*RSA, &*RSA_RING) };
        let lifetime = Lifetime::from_seconds(seconds).unwrap();
        let object = PolicyRequest::new(&Grant::read(HOST, name.as_str()).lives(lifetime)).unwrap();
        let url = key.signed_url(&object, moment(start)).unwrap();
        let (token, cookies) = if prefix {
            let grant = Grant::under(HOST, format!("{name}/"), Action::Read).because(why()).lives(lifetime);
            let policy = key.signed_policy(&PolicyRequest::new(&grant).unwrap(), moment(start)).unwrap();
            let below = format!("{}/x", url.expose().split('?').next().unwrap());
            let cookies: Vec<String> = policy.cookies().expose().map(|(name, value)| format!("{name}={value}")).collect();
            (below, vec![cookies.join("; ")])
        } else {
            (url.expose().to_owned(), Vec::new())
        };
        let cookies: Vec<&str> = cookies.iter().map(String::as_str).collect();
        let end = start + i64::from(seconds);
        prop_assert_eq!(url.expires_at(), moment(end - 1));
        prop_assert!(accepted_by(ring, &token, &cookies, start));
        prop_assert!(accepted_by(ring, &token, &cookies, end - 1));
        prop_assert!(!accepted_by(ring, &token, &cookies, end));
    }

    #[test]
    fn one_changed_byte_is_refused(
        name in any_name(), place in any::<Index>(), with in 0x21u8..0x7f, ec in any::<bool>(), start in any::<bool>(),
    ) {
        let (key, ring) = if ec { (&*EC, &*EC_RING) } else { (&*RSA, &*RSA_RING) };
        let mut request = PolicyRequest::new(&Grant::read(HOST, name)).unwrap();
        if start {
            request = request.not_before(moment(NOW));
        }
        let url = key.signed_url(&request, moment(NOW)).unwrap().expose().to_owned();
        let (_, _, target) = split(&url);
        let base = url.len() - target.len();
        let mut changed = url.clone().into_bytes();
        let place = base + place.index(target.len());
        prop_assume!(changed[place] != with);
        changed[place] = with;
        prop_assert!(!accepted_by(ring, &String::from_utf8(changed).unwrap(), &[], NOW));
    }

    #[test]
    fn a_prefix_reaches_what_begins_with_it_and_nothing_else(own in "[ab]{1,2}/", asked in "[ab]{1,2}(/[ab]{0,2})?(\\?[ab/]{1,3})?") {
        let grant = Grant::under(HOST, own.as_str(), Action::Read).because(why());
        let policy = RSA.signed_policy(&PolicyRequest::new(&grant).unwrap(), moment(NOW)).unwrap();
        let url = format!("https://{HOST}/{asked}");
        let reaches = asked.split('?').next().unwrap().starts_with(&own);
        prop_assert_eq!(policy.signed_url_for(&url).is_ok(), reaches);
        let cookies: Vec<String> = policy.cookies().expose().map(|(name, value)| format!("{name}={value}")).collect();
        prop_assert_eq!(accepted_by(&RSA_RING, &url, &[&cookies.join("; ")], NOW), reaches);
    }
}

proptest! {
    #[test]
    fn nothing_that_a_peer_sends_panics(
        target in ".{0,60}", query in "((Expires|Policy|Signature|Key-Pair-Id|Hash-Algorithm)=[!-~]{0,30}&?){0,6}",
        line in "((CloudFront-(Expires|Policy|Signature|Key-Pair-Id)|.{0,5})[=;]? ?.{0,20};? ?){0,6}", https in any::<bool>(),
    ) {
        for target in [target.clone(), format!("/x?{query}"), format!("/x{target}?{query}")] {
            let headers: [HeaderLine<'_>; 2] = [("host", HOST.as_bytes()), ("cookie", line.as_bytes())];
            let view = RequestView::new("GET", &target, &headers);
            let view = if https { view.over_https() } else { view };
            if let Ok(presented) = Presented::parse(&view) {
                prop_assert!(RSA_RING.verify(presented, &Expect::new(HOST), moment(NOW)).is_err());
            }
        }
    }
}

/// What its own verifier would refuse is not signed.
#[test]
fn a_name_that_a_server_could_fold_is_not_signed() {
    for name in [".\\a", "a/..\\b", "a\\.", "a\\..\\b", "./a", "a/.."] {
        let refused = PolicyRequest::new(&Grant::read(HOST, name));
        assert!(matches!(refused, Err(IssueError::Invalid { .. })), "{name}");
        assert!(PolicyRequest::new(&Grant::read(HOST, name.replace('.', "x"))).is_ok(), "{name}");
    }
}

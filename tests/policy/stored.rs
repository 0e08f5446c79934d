//! Grants and bounds as JSON: what is written reads back, and what could not have been made is not read.

use crate::{
    minutes,
    some::{bounds, grants},
    why,
};
use proptest::{prelude::*, sample::Index};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use valet_key::{
    clock::Timestamp,
    grant::{
        Action, Actions, Classification, Constraint, ContentDisposition, CopySource, Encryption, Grant, Justification,
        Lifetime, Listing, ResponseHeader,
    },
    policy::{Bounds, Broad},
};

fn written<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

/// Everything that a grant can hold.
fn full() -> Vec<Grant> {
    let source = CopySource::new("scans", "a").version("v1").bytes(0..=9);
    let listing = || Listing::new().delimiter("/").at_most(9).url_encoded();
    let list = || Grant::list("photos", "42/").because(why());
    vec![
        Grant::upload("photos", "\u{e9}\u{1f512}\"\\\n")
            .size(1..=u64::MAX)
            .content_type("image/png")
            .sha256([0xab; 32])
            .encrypted(Encryption::ManagedKey("k".into()))
            .storage_class("STANDARD_IA")
            .metadata("a", "b")
            .metadata("a", "c")
            .client_address("198.51.100.0/24")
            .not_before(Timestamp::from_unix(1_795_521_600).unwrap())
            .single_use()
            .request_id("r")
            .allow_dot_segments()
            .classified(Classification::Pii)
            .lives(Lifetime::WEEK)
            .because(why()),
        Grant::read("photos", "a")
            .version("v")
            .disposition(&ContentDisposition::attachment("a"))
            .response_header(ResponseHeader::CacheControl, "no-store"),
        Grant::upload("photos", "a")
            .size(1..=9)
            .single_use()
            .unenforced(Constraint::Size, why())
            .and_then(|grant| {
                grant.unenforced(Constraint::SingleUse, Justification::new("a gateway sees to it").unwrap())
            })
            .unwrap(),
        Grant::create("photos", "a").any_size().any_content_type().encrypted(Encryption::Provider),
        Grant::upload("photos", "a").content_type_prefix("image/"),
        Grant::upload_part("photos", "a", "u", 10_000),
        Grant::abort("photos", "a", "u"),
        Grant::complete_multipart("photos", "a", "u"),
        Grant::list_parts("photos", "a", "u").listing(listing().after_part(7)),
        Grant::start_multipart("photos", "a"),
        Grant::head("photos", "a"),
        Grant::delete("photos", "a"),
        Grant::read_tags("photos", "a"),
        Grant::write_tags("photos", "a"),
        Grant::delete_tags("photos", "a"),
        Grant::send("jobs"),
        Grant::receive("jobs"),
        Grant::copy(CopySource::new("scans", "a"), "photos", "a").because(why()).version("v"),
        Grant::copy_part(source, "photos", "a", "u", 2).because(why()),
        list().listing(listing().continuing("t")),
        list().listing(listing().after("n")).allow_open_prefix(),
        Grant::list_versions("photos", "42/").because(why()).listing(listing().after_version("n", "v")),
        Grant::under("photos", "42/", Actions::READ | Actions::from(Action::Manage)).because(why()),
        Grant::together(&[Grant::read("photos", "a").version("v"), Grant::delete("photos", "a").version("v")])
            .unwrap()
            .because(why()),
        Grant::together(&[Grant::send("jobs"), Grant::receive("jobs")]).unwrap().because(why()),
    ]
}

#[test]
fn whatever_a_grant_holds_reads_back() {
    for grant in full() {
        let json = written(&grant);
        let back: Grant = read(&json).unwrap_or_else(|why| panic!("{json}: {why}"));
        assert_eq!(format!("{back:?}"), format!("{grant:?}"), "{json}");
        assert_eq!(written(&back), json);
    }
}

#[test]
fn the_spelling_is_stable() {
    let grant = Grant::upload("media-uploads", "users/42/a.png")
        .content_type("image/png")
        .size(1..=9)
        .client_address("198.51.100.0/24")
        .not_before(Timestamp::from_unix(1_795_521_600).unwrap());
    assert_eq!(
        written(&grant),
        "{\"actions\":[\"upload\"],\"container\":\"media-uploads\",\"resource\":{\"object\":{\"name\":\"users/42/a.png\",\
         \"version\":null}},\"lifetime\":900,\"classification\":\"confidential\",\"justification\":null,\
         \"content_type\":{\"exact\":\"image/png\"},\"size\":{\"range\":{\"start\":1,\"end\":9}},\"sha256\":null,\
         \"encryption\":null,\"storage_class\":null,\"metadata\":[],\"response_headers\":[],\
         \"client_address\":\"198.51.100.0/24\",\"not_before\":\"2026-11-24T12:00:00Z\",\"single_use\":false,\
         \"request_id\":null,\"dot_segments\":false,\"open_prefix\":false,\"source\":null,\"listing\":null,\"given_up\":[]}"
    );
    let bounds = Bounds::new()
        .under("photos", "42/", Actions::READ | Actions::from(Action::UploadPart))
        .unwrap()
        .object("photos", "a", Actions::READ)
        .unwrap()
        .container("jobs", Action::Send)
        .cap(Classification::Pii, minutes(2))
        .cap_because(Classification::Public, minutes(90), Justification::new("the archive").unwrap())
        .at_least(Classification::Internal)
        .client_address("198.51.100.0-198.51.100.9")
        .unwrap()
        .largest_upload(9)
        .content_type_prefix("image/")
        .justify(Broad::Overwrite);
    assert_eq!(
        written(&bounds),
        "{\"reach\":[{\"container\":\"jobs\",\"names\":\"all\",\"actions\":[\"send\"]},\
         {\"container\":\"photos\",\"names\":{\"exact\":\"a\"},\"actions\":[\"read\"]},\
         {\"container\":\"photos\",\"names\":{\"prefix\":\"42/\"},\"actions\":[\"read\",\"upload_part\"]}],\
         \"caps\":{\"public\":{\"seconds\":5400,\"because\":\"the archive\"},\"internal\":{\"seconds\":1800,\"because\":null},\
         \"confidential\":{\"seconds\":900,\"because\":null},\"pii\":{\"seconds\":120,\"because\":null}},\
         \"at_least\":\"internal\",\"client_addresses\":[\"198.51.100.0-198.51.100.9\"],\"largest_upload\":9,\
         \"content_types\":[{\"prefix\":\"image/\"}],\"plain_http\":null,\"dot_segments\":null,\
         \"justify\":[\"many_objects\",\"open_prefix\",\"many_actions\",\"copy\",\"long_lifetime\",\"overwrite\"]}"
    );
    assert_eq!(read::<Bounds>(&written(&bounds)), Ok(bounds));
}

#[test]
fn what_is_left_out_is_the_narrow_default() {
    let grant: Grant =
        read("{\"actions\":[\"read\"],\"container\":\"b\",\"resource\":{\"object\":{\"name\":\"k\"}}}").unwrap();
    assert_eq!(format!("{grant:?}"), format!("{:?}", Grant::read("b", "k")));
    assert_eq!(read::<Bounds>("{\"reach\":[]}"), Ok(Bounds::new()));
    assert!(read::<Bounds>("{}").is_err());
}

/// A grant with one member of it changed.
fn changed(grant: &Grant, at: &str, to: Value) -> Result<Grant, String> {
    let mut json = serde_json::to_value(grant).unwrap();
    json[at] = to;
    read(&json.to_string())
}

#[test]
fn a_grant_that_could_not_have_been_made_is_not_read() {
    let grant = Grant::read("b", "k");
    let long = "x".repeat(4097);
    for (at, to, why) in [
        ("given_up", json!([["lifetime", "why"]]), "the lifetime of a grant is never given up"),
        ("given_up", json!([["size", " "]]), "justification"),
        ("given_up", json!([["sighs", "why"]]), "unknown variant"),
        ("actions", json!([]), "at least one action"),
        ("actions", json!(["read", "read"]), "twice"),
        ("actions", json!(["read", "list"]), "not for this kind"),
        ("actions", json!(["read", "delete"]), "says why"),
        ("actions", json!(["Read"]), "unknown variant"),
        ("actions", json!(["upload part"]), "unknown variant"),
        ("actions", json!(["append"]), "not for this kind"),
        ("actions", json!(["send"]), "not for this kind"),
        ("actions", json!(["copy"]), "lacks its source"),
        ("actions", json!([1]), "expected"),
        ("resource", json!({"prefix": "42/"}), "says why"),
        ("resource", json!("queue"), "not for this kind"),
        ("resource", json!({"object": {"name": "k", "part": 1}}), "unknown field"),
        ("resource", json!({"object": {"name": "k"}, "prefix": ""}), "expected"),
        ("resource", json!({"object": {"name": long}}), "4096 bytes"),
        ("resource", json!({"part": {"name": "k", "upload_id": "u", "number": 1}}), "not for this kind"),
        ("lifetime", json!(0), "at least 1 second"),
        ("lifetime", json!(-1), "u32"),
        ("lifetime", json!(4_294_967_296u64), "u32"),
        ("lifetime", json!("900"), "u32"),
        ("lifetime", json!(1.5), "u32"),
        ("lifetime", json!(null), "u32"),
        ("classification", json!("secret"), "unknown variant"),
        ("justification", json!(" "), "justification"),
        ("justification", json!("a\nb"), "justification"),
        ("size", json!({"range": {"start": 9, "end": 1}}), "begins where"),
        ("size", json!({"range": {"start": 1, "end": 9, "step": 2}}), "unknown field"),
        ("size", json!({"range": [1]}), "expected"),
        ("sha256", json!("ab"), "64 lower-case"),
        ("sha256", json!("AB".repeat(32)), "64 lower-case"),
        ("metadata", json!([["a"]]), "tuple"),
        ("metadata", Value::from(vec![json!(["a", "b"]); 129]), "128 members"),
        ("not_before", json!("2026-11-24T12:00:00.5Z"), "must have the form"),
        ("not_before", json!("2026-11-24T12:00:00+00:00"), "must have the form"),
        ("not_before", json!("2026-02-30T12:00:00Z"), "must have the form"),
        ("not_before", json!(1_795_521_600), "a time of the form"),
        ("source", json!({"container": "b", "name": "k", "version": null, "range": null}), "for the copy"),
        ("given_up", json!([["size", "a"], ["size", "b"]]), "given up twice"),
        ("given_up", json!([["lifetime", "a"]]), "never given up"),
        ("given_up", json!([["size", ""]]), "justification"),
        ("stray_version", json!("v"), "unknown field"),
        ("lifetimes", json!(900), "unknown field"),
        ("container", json!(null), "string"),
    ] {
        let error = changed(&grant, at, to.clone()).unwrap_err();
        assert!(error.contains(why), "{at} {to}: {error}");
    }
    for (at, to) in [("actions", json!(["delete"])), ("lifetime", json!(1)), ("sha256", json!("ab".repeat(32)))] {
        assert!(changed(&grant, at, to).is_ok(), "{at}");
    }
    let broad = Grant::copy(CopySource::new("scans", "a"), "photos", "a").because(why());
    for at in ["justification", "source"] {
        assert!(changed(&broad, at, json!(null)).is_err(), "{at}");
    }
    assert!(serde_json::to_string(&Grant::send("jobs").version("v")).is_err());
    let twice = written(&grant).replacen('{', "{\"container\":\"c\",", 1);
    assert!(read::<Grant>(&twice).unwrap_err().contains("duplicate field"));
}

#[test]
fn bounds_that_could_not_have_been_made_are_not_read() {
    let area = |names: Value| json!([{"container": "b", "names": names, "actions": ["read"]}]);
    let of = |at: &str, to: Value| {
        let mut json = serde_json::to_value(Bounds::new().container("b", Actions::READ)).unwrap();
        json[at] = to;
        read::<Bounds>(&json.to_string())
    };
    for (at, to, why) in [
        ("reach", area(json!({"prefix": "42"})), "must end with `/`"),
        ("reach", area(json!({"prefix": ""})), "must end with `/`"),
        ("reach", area(json!({"prefix": "42/../"})), "must end with `/`"),
        ("reach", area(json!({"exact": ""})), "must not be empty"),
        ("reach", area(json!({"prefix": format!("{}/", "x".repeat(4096))})), "4096 bytes"),
        ("reach", area(json!("everything")), "unknown variant"),
        ("reach", json!([{"container": "b", "actions": ["read"]}]), "missing field"),
        ("reach", json!([{"container": "b", "names": "all", "actions": []}]), "at least one action"),
        ("reach", Value::from(vec![area(json!("all"))[0].clone(); 1001]), "1000 areas"),
        ("caps", json!({"public": {"seconds": 60}}), "missing field"),
        ("client_addresses", json!(["0.0.0.0/0"]), "client address"),
        ("client_addresses", Value::from(vec!["10.0.0.0/8"; 257]), "256 members"),
        ("client_address", json!("10.0.0.0/8"), "unknown field"),
        ("largest_upload", json!(-1), "u64"),
        ("content_types", json!(["image/png"]), "unknown variant"),
        ("plain_http", json!(true), "string"),
        ("plain_http", json!(""), "justification"),
        ("justify", json!(["anything"]), "unknown variant"),
    ] {
        let error = of(at, to.clone()).unwrap_err();
        assert!(error.contains(why), "{at}: {error}");
    }
    // One less is read.
    for (at, to) in [
        ("reach", area(json!({"prefix": format!("{}/", "x".repeat(4095))}))),
        ("reach", Value::from(vec![area(json!("all"))[0].clone(); 1000])),
        ("client_addresses", Value::from(vec!["10.0.0.0/8"; 256])),
        ("justify", Value::from(vec!["any_address"; 256])),
    ] {
        assert_eq!(of(at, to).map(|_| at).unwrap(), at);
    }
    assert!(of("justify", Value::from(vec!["any_address"; 257])).unwrap_err().contains("256 members"));
    let caps = |seconds: u32, because: Value| {
        let own = |class: Classification| json!({"seconds": class.cap().seconds()});
        json!({"public": {"seconds": seconds, "because": because}, "internal": own(Classification::Internal),
               "confidential": own(Classification::Confidential), "pii": own(Classification::Pii)})
    };
    assert!(of("caps", caps(3601, json!(null))).unwrap_err().contains("says why"));
    assert_eq!(of("caps", caps(3601, json!("a film"))).unwrap().longest(Classification::Public).seconds(), 3601);
    assert_eq!(of("caps", caps(60, json!(null))).unwrap().longest(Classification::Public).seconds(), 60);
    // No address at all is not any address.
    let none = of("client_addresses", json!([])).unwrap();
    assert_eq!(none.permits(&Grant::read("b", "k").client_address("10.0.0.1")).code(), "bounds_client_address");
    // What is always asked for cannot be configured away.
    let bounds = of("justify", json!([])).unwrap();
    assert_eq!(bounds, Bounds::new().container("b", Actions::READ));
    let many: Vec<_> = (0..1001).collect();
    let wide = many.iter().fold(Bounds::new(), |bounds, at| bounds.container(format!("b{at}"), Actions::READ));
    assert!(serde_json::to_string(&wide).is_err(), "what could not be read is not written");
}

#[test]
fn deep_and_long_documents_are_refused_soon() {
    for json in ["[".repeat(1 << 20), format!("{{\"reach\":{}", "[".repeat(1 << 20)), "{\"a\":".repeat(1 << 18)] {
        assert!(read::<Bounds>(&json).is_err() && read::<Grant>(&json).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn grants_and_bounds_read_back(grant in grants(), a in bounds(), b in bounds()) {
        let json = written(&grant);
        let back: Grant = read(&json).unwrap();
        prop_assert_eq!(format!("{:?}", back), format!("{:?}", grant));
        for bounds in [a.narrow(&b), a, b] {
            let back = read::<Bounds>(&written(&bounds)).unwrap();
            prop_assert_eq!(back.permits(&grant), bounds.permits(&grant));
            prop_assert_eq!(back, bounds);
        }
    }

    #[test]
    fn a_changed_document_is_refused_or_means_what_it_says(
        grant in grants(),
        bounds in bounds(),
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        for json in [written(&grant), written(&bounds)] {
            let mut bytes = json.into_bytes();
            for (at, to) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *to;
            }
            if let Ok(grant) = serde_json::from_slice::<Grant>(&bytes) {
                prop_assert_eq!(written(&read::<Grant>(&written(&grant)).unwrap()), written(&grant));
                prop_assert!(grant.actions().only().is_some() || grant.justification().is_some());
            }
            if let Ok(bounds) = serde_json::from_slice::<Bounds>(&bytes) {
                prop_assert_eq!(read::<Bounds>(&written(&bounds)).unwrap(), bounds);
            }
        }
    }
}

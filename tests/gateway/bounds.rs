//! Bounds hold verified requests too: each part of them refuses what is outside, and lets its neighbour pass.

use crate::clouds::{CLOUDS, Wire, at, aws_key, azure_key, gate, gcs_key, issue, now};
use valet_key::aws::{Payload, Request, SigV4, UrlRequest};
use valet_key::azure;
use valet_key::clock::Timestamp;
use valet_key::gateway::{BodyCheck, Gate, GateError, Provider};
use valet_key::gcs::{self, GoogV4};
use valet_key::grant::{Action, Actions, Classification, CopySource, Grant, Justification, Lifetime};
use valet_key::policy::Bounds;

fn everything() -> Actions {
    let actions = [Action::Read, Action::Upload, Action::Delete, Action::List, Action::Copy, Action::UploadPart];
    actions.into_iter().map(Actions::from).reduce(|all, one| all | one).unwrap()
}

fn photos() -> Bounds {
    Bounds::new().under("photos", "42/", everything()).unwrap()
}

fn read() -> Grant {
    Grant::read("photos", "42/cat.jpg")
}

fn upload() -> Grant {
    Grant::upload("photos", "42/new.jpg").any_size().any_content_type()
}

fn code(result: Result<(), GateError>) -> &'static str {
    result.map_or_else(|error| error.code(), |()| "passes")
}

fn of(gate: &Gate, wire: &Wire, now: Timestamp) -> &'static str {
    code(wire.admit(gate, now).map(|_| ()))
}

#[test]
fn container_name_and_action() {
    for cloud in CLOUDS {
        let bounds = Bounds::new().under("photos", "42/", Actions::READ).unwrap();
        let gate = gate(cloud).bounds(bounds);
        for (grant, expected) in [
            (read(), "passes"),
            (Grant::read("photos", "421/cat.jpg"), "bounds_name"),
            (Grant::read("photos", "cat.jpg"), "bounds_name"),
            (Grant::read("invoices", "42/cat.jpg"), "bounds_container"),
            (upload(), "bounds_action"),
            (Grant::delete("photos", "42/cat.jpg"), "bounds_action"),
        ] {
            assert_eq!(of(&gate, &issue(cloud, &grant), now()), expected, "{cloud:?} {grant:?}");
        }
    }
}

#[test]
fn listings_and_the_source_of_a_copy() {
    let why = || Justification::new("a test of bounds").unwrap();
    let gate = gate(Provider::Aws).bounds(photos().under("scans", "7/", Actions::READ).unwrap());
    let copy = |container, name| Grant::copy(CopySource::new(container, name), "photos", "42/copy.pdf").because(why());
    for (grant, expected) in [
        (Grant::list("photos", "42/").because(why()), "passes"),
        (Grant::list("photos", "42/album/").because(why()), "passes"),
        (Grant::list("photos", "4/").because(why()), "bounds_name"),
        (copy("scans", "7/a.pdf"), "passes"),
        (copy("scans", "8/a.pdf"), "bounds_source"),
        (copy("secrets", "7/a.pdf"), "bounds_source"),
    ] {
        assert_eq!(of(&gate, &issue(Provider::Aws, &grant), now()), expected, "{grant:?}");
    }
}

#[test]
fn a_copy_in_azure_whose_source_nobody_signed() {
    let gate = gate(Provider::Azure).bounds(photos());
    let mut wire = issue(Provider::Azure, &upload());
    assert_eq!(of(&gate, &wire, now()), "passes");
    wire.headers.push(("X-Ms-Copy-Source".into(), b"https://other.blob.core.windows.net/secrets/a".to_vec()));
    assert_eq!(of(&gate, &wire, now()), "bounds_source");
}

#[test]
fn lifetimes_count_by_the_longest_class_that_is_allowed() {
    let minutes = |minutes| Lifetime::minutes(minutes).unwrap();
    let why = Justification::new("a test of bounds").unwrap();
    let long = read().lives(minutes(31)).because(why);
    for cloud in [Provider::Aws, Provider::Gcs] {
        let at_least = |class| gate(cloud).bounds(photos().at_least(class));
        for (class, grant, expected) in [
            (Classification::Public, &long, "passes"),
            (Classification::Internal, &long, "bounds_lifetime"),
            (Classification::Internal, &read(), "passes"),
            (Classification::Pii, &read(), "bounds_lifetime"),
            (Classification::Pii, &read().lives(minutes(5)), "passes"),
        ] {
            // How much of it is left does not matter.
            assert_eq!(of(&at_least(class), &issue(cloud, grant), at(299)), expected, "{cloud:?} {class:?}");
        }
    }
    // A token that does not say when it began has what is left of it.
    let gate = gate(Provider::Azure).bounds(photos().at_least(Classification::Pii));
    let wire = issue(Provider::Azure, &read());
    assert_eq!((of(&gate, &wire, at(599)), of(&gate, &wire, at(600))), ("bounds_lifetime", "passes"));
}

#[test]
fn addresses_and_https_are_what_somebody_vouches_for() {
    for cloud in CLOUDS {
        let gate = gate(cloud).bounds(photos().client_address("198.51.100.0/24").unwrap());
        let wire = issue(cloud, &read());
        for (address, expected) in [
            (None, "bounds_client_address"),
            (Some("198.51.100.7"), "passes"),
            (Some("::ffff:198.51.100.7"), "passes"),
            (Some("198.51.101.7"), "bounds_client_address"),
            (Some("2001:db8::1"), "bounds_client_address"),
        ] {
            let found = wire.with(|view| {
                let view = address.map_or(*view, |address| view.from_address(address.parse().unwrap()));
                code(gate.admit(&view, now()).map(|_| ()))
            });
            assert_eq!(found, expected, "{cloud:?} {address:?}");
        }
    }
    let gate = gate(Provider::Aws);
    let wire = issue(Provider::Aws, &read());
    let lines: Vec<(&str, &[u8])> =
        wire.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let plain = valet_key::view::RequestView::new("GET", wire.target(), &lines);
    assert!(gate.admit(&plain, now()).is_ok());
    let gate = gate.bounds(photos());
    assert_eq!(code(gate.admit(&plain, now()).map(|_| ())), "bounds_plain_http");
    assert_eq!(code(gate.admit(&plain.over_https(), now()).map(|_| ())), "passes");
    let why = Justification::new("a test of bounds").unwrap();
    let gate = crate::clouds::gate(Provider::Aws).bounds(photos().allow_plain_http(why));
    assert_eq!(code(gate.admit(&plain, now()).map(|_| ())), "passes");
}

fn read_body(mut check: BodyCheck, body: &[u8]) -> Result<usize, &'static str> {
    let (mut kept, mut input) = (0, body);
    while let Some(piece) = check.next(&mut input).map_err(|error| error.code())? {
        kept += piece.len();
    }
    check.finish().map(|()| kept).map_err(|error| error.code())
}

#[test]
fn bodies_are_counted_as_they_arrive() {
    for cloud in CLOUDS {
        let body = |grant: &Grant| {
            let gate = gate(cloud).bounds(photos().largest_upload(5));
            issue(cloud, grant).admit(&gate, now()).unwrap().into_parts().1
        };
        assert_eq!(read_body(body(&upload()), b"12345"), Ok(5), "{cloud:?}");
        assert_eq!(read_body(body(&upload()), b"123456"), Err("size"), "{cloud:?}");
        let mut check = body(&upload());
        for _ in 0..5 {
            assert!(check.next(&mut &b"1"[..]).unwrap().is_some());
        }
        assert!(check.next(&mut &b"1"[..]).is_err(), "piece by piece");
        // What brings nothing has no limit.
        assert_eq!(read_body(body(&read()), b"123456"), Ok(6), "{cloud:?}");
    }
    // What is not in the body cannot be counted.
    let why = Justification::new("a test of bounds").unwrap();
    let copy = Grant::copy(CopySource::new("photos", "42/a"), "photos", "42/b").because(why);
    let gate = gate(Provider::Aws).bounds(photos().largest_upload(5));
    assert_eq!(of(&gate, &issue(Provider::Aws, &copy), now()), "bounds_size");
}

#[test]
fn what_is_not_in_a_body_has_no_size_that_could_be_counted() {
    let bounds =
        || photos().under("photos", "42/", Actions::from(Action::Append) | Action::CompleteMultipart.into()).unwrap();
    let of = |cloud, wire: &Wire| of(&gate(cloud).bounds(bounds().largest_upload(5)), wire, now());

    // The bytes of a resumable upload come later, and unsigned.
    let start = |grant: &Grant| {
        Wire::of(
            &gcs_key()
                .signed_url(&gcs::UrlRequest::resumable(&gcs::Endpoint::google(), grant).unwrap(), now())
                .unwrap(),
        )
    };
    let sized = |bytes| Grant::upload("photos", "42/new.jpg").any_content_type().size(bytes);
    assert_eq!(of(Provider::Gcs, &start(&upload())), "bounds_size");
    assert_eq!(of(Provider::Gcs, &start(&sized(0..=6))), "bounds_size");
    assert_eq!(of(Provider::Gcs, &start(&sized(0..=5))), "passes");

    // What is appended comes on top of what is there.
    let wire = |params: &str, headers: &[(&str, &str)]| {
        let mut wire = issue(Provider::Azure, &upload());
        wire.url.push_str(params);
        wire.headers.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())));
        wire
    };
    assert_eq!(of(Provider::Azure, &wire("&comp=appendblock", &[])), "bounds_size");
    assert_eq!(of(Provider::Azure, &wire("&comp=blocklist", &[])), "bounds_size");
    assert_eq!(of(Provider::Azure, &wire("&comp=block&blockid=AAAA", &[])), "passes");

    // A page blob is as large as its header says.
    for (size, expected) in
        [("5", "passes"), ("6", "bounds_size"), ("a", "bounds_size"), ("+5", "bounds_size"), ("", "bounds_size")]
    {
        let page = wire("", &[("x-ms-blob-type", "PageBlob"), ("X-Ms-Blob-Content-Length", size)]);
        assert_eq!(of(Provider::Azure, &page), expected, "{size}");
    }
    let twice = wire("", &[("x-ms-blob-content-length", "5"), ("x-ms-content-length", "5")]);
    assert_eq!(of(Provider::Azure, &twice), "bounds_size");
}

#[test]
fn a_list_of_blocks_says_the_media_type_of_a_blob() {
    let bounds = photos().under("photos", "42/", Actions::from(Action::CompleteMultipart)).unwrap();
    let gate = gate(Provider::Azure).bounds(bounds.content_type_prefix("image/"));
    for (headers, expected) in [
        (&[("x-ms-blob-content-type", "image/png"), ("content-type", "text/xml")][..], "passes"),
        (&[("x-ms-blob-content-type", "text/html")], "bounds_content_type"),
        (&[("content-type", "image/png")], "bounds_content_type"),
        (&[], "bounds_content_type"),
    ] {
        let mut wire = issue(Provider::Azure, &upload());
        wire.url.push_str("&comp=blocklist");
        wire.headers.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())));
        assert_eq!(of(&gate, &wire, now()), expected, "{headers:?}");
    }
}

#[test]
fn media_types_are_those_that_arrive() {
    let bounds = || photos().content_type_prefix("image/");
    for cloud in CLOUDS {
        let gate = gate(cloud).bounds(bounds());
        let with = |headers: &[(&str, &[u8])]| {
            let mut wire = issue(cloud, &upload());
            wire.headers.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())));
            of(&gate, &wire, now())
        };
        assert_eq!(with(&[("Content-Type", b" image/png ")]), "passes", "{cloud:?}");
        for headers in [
            &[][..],
            &[("content-type", &b"text/html"[..])],
            &[("content-type", b"")],
            &[("content-type", b"image/\xff")],
            &[("content-type", b"image/png"), ("Content-Type", b"text/html")],
        ] {
            assert_eq!(with(headers), "bounds_content_type", "{cloud:?} {headers:?}");
        }
        assert_eq!(of(&gate, &issue(cloud, &read()), now()), "passes");
    }
    let gate = gate(Provider::Azure).bounds(bounds());
    let mut wire = issue(Provider::Azure, &upload());
    wire.headers.push(("content-type".into(), b"image/png".to_vec()));
    wire.headers.push(("x-ms-blob-content-type".into(), b"text/html".to_vec()));
    assert_eq!(of(&gate, &wire, now()), "bounds_content_type");
}

#[test]
fn files_and_data_lake_store_the_media_type_of_their_own_header() {
    let mut ring = azure::KeyRing::new();
    ring.insert(azure_key()).unwrap();
    let expect = azure::Expect::new("myaccount", azure::Service::DataLake).unwrap();
    let gate = Gate::azure(azure::Verifier::new(ring, expect));
    let gate = gate.bounds(photos().content_type_prefix("image/"));
    let stored = "x-ms-content-type";
    for (headers, expected) in [
        (&[(stored, "image/png")][..], "passes"),
        (&[(stored, "image/png"), ("content-type", "text/html")], "passes"),
        (&[(stored, "text/html"), ("content-type", "image/png")], "bounds_content_type"),
        (&[(stored, "image/png"), (stored, "text/html")], "bounds_content_type"),
        (&[("content-type", "image/png")], "bounds_content_type"),
    ] {
        let mut wire = issue(Provider::Azure, &upload());
        wire.url = wire.url.replace(".blob.", ".dfs.") + "&resource=file";
        wire.headers[0].1 = b"myaccount.dfs.core.windows.net".to_vec();
        wire.headers.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())));
        assert_eq!(of(&gate, &wire, now()), expected, "{headers:?}");
    }
}

#[test]
fn what_headers_ask_for_beside_an_upload_needs_to_be_allowed_too() {
    let origin = "https://photos.s3.eu-west-1.amazonaws.com";
    let with = |header: (&str, &str), gate: &Gate| {
        let request = Request::new("PUT", origin, "eu-west-1", "s3").unwrap().path("/42/new.jpg");
        let request = request.header(header.0, header.1).payload(Payload::Unsigned);
        let url = aws_key().presign(&UrlRequest::new(request), now()).unwrap();
        of(gate, &Wire::of(&url), now())
    };
    let plain = || gate(Provider::Aws);
    assert_eq!(with(("x-amz-meta-a", "b"), &plain().bounds(photos())), "passes");
    assert_eq!(with(("x-amz-acl", "public-read"), &plain()), "out_of_bounds");
    assert_eq!(with(("x-amz-acl", "public-read"), &plain().allow_all_operations()), "passes");
    assert_eq!(with(("x-amz-acl", "public-read"), &plain().allow_all_operations().bounds(photos())), "out_of_bounds");
    assert_eq!(with(("x-amz-tagging", "a=b"), &plain()), "passes");
    assert_eq!(with(("x-amz-tagging", "a=b"), &plain().bounds(photos())), "bounds_action");
    let tags = photos().under("photos", "42/", everything() | Action::WriteTags.into()).unwrap();
    assert_eq!(with(("x-amz-tagging", "a=b"), &plain().bounds(tags)), "passes");
}

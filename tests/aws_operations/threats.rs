//! The threat rules that concern operations: what is refused, and the neighbour that is accepted.

use crate::{BUCKET, HOST, REGION, Sent, endpoint, issue, key, now, why};
use valet_key::{
    aws::{Endpoint, Expect, Region, Request, S3Error, SigV4, Stream, UrlRequest},
    error::{IssueError, VerifyError},
    grant::{Action, Actions, Classification, Constraint, CopySource, Grant, Lifetime, Listing, ResponseHeader},
};

const COPY_SOURCE: &str = "x-amz-copy-source";

/// A request that nobody was granted, signed in its URL.
fn signed(method: &str, path: &str, query: &[(&str, &str)], headers: &[(&str, &str)]) -> Sent {
    let mut request = Request::new(method, &format!("https://{HOST}"), REGION, "s3").unwrap().path(path);
    for (name, value) in query {
        request = request.query(*name, *value);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Sent::with(&key().presign(&UrlRequest::new(request), now()).unwrap())
}

#[track_caller]
fn is_no_operation(sent: &Sent) {
    let error = sent.operation().expect_err(&sent.target);
    assert!(matches!(error, VerifyError::Operation { .. }), "{error:?}");
    let answer = S3Error::from(&error);
    assert_eq!((answer.status, answer.code), (400, "InvalidArgument"));
}

#[track_caller]
fn is_not_covered(sent: &Sent, grant: &Grant) {
    let error = sent.covered_by(grant).expect_err(&sent.target);
    assert!(
        matches!(error, VerifyError::NotCovered { field: "grant", .. } | VerifyError::Permission { .. }),
        "{error:?}"
    );
    let answer = S3Error::from(&error);
    assert_eq!((answer.status, answer.code), (403, "AccessDenied"));
}

fn copy(source: CopySource) -> Grant {
    Grant::copy(source, BUCKET, "copy.jpg").because(why())
}

#[test]
fn r02_a_parameter_or_source_that_is_there_twice_is_refused() {
    assert_eq!(signed("GET", "/a", &[("versionId", "1")], &[]).operation(), Ok("GetObject"));
    is_no_operation(&signed("GET", "/a", &[("versionId", "1"), ("versionId", "1")], &[]));
    is_no_operation(&signed("PUT", "/a", &[("partNumber", "1"), ("partNumber", "2"), ("uploadId", "a")], &[]));
    is_no_operation(&signed("GET", "/a", &[("x-a", "1"), ("x-a", "2")], &[]));
    assert_eq!(signed("PUT", "/a", &[], &[(COPY_SOURCE, "photos/a")]).operation(), Ok("CopyObject"));
    let twice = signed("PUT", "/a", &[], &[(COPY_SOURCE, "photos/a"), (COPY_SOURCE, "photos/b")]);
    let error = twice.operation().unwrap_err();
    assert_eq!(error, VerifyError::FieldCount { field: COPY_SOURCE, found: 2 });
    assert_eq!((S3Error::from(&error).status, S3Error::from(&error).code), (400, "InvalidArgument"));
}

#[test]
fn r05_the_name_is_the_one_of_the_verified_path() {
    for name in ["a+b %41", "//a//", "a/b", "a\\b", "\u{1f600}"] {
        let read = Sent::with(&issue(&Grant::read(BUCKET, name))).read(|request| request.key() == Some(name));
        assert_eq!(read, Ok(true), "{name}");
    }
    // An escaped byte that is no text has no name.
    let mut sent = Request::new("GET", &format!("https://{HOST}"), REGION, "s3").unwrap();
    sent = sent.encoded_path("/a%FF");
    let sent = Sent::with(&key().presign(&UrlRequest::new(sent), now()).unwrap());
    assert!(matches!(sent.operation(), Err(VerifyError::Malformed { what: "path", .. })));
}

#[test]
fn r07_the_bucket_is_that_of_the_host_and_path_of_the_endpoint() {
    let sent = Sent::with(&issue(&Grant::read(BUCKET, "a")));
    let at = |endpoint: &Endpoint| {
        sent.read_at(endpoint, &Expect::new(REGION, "s3"), now(), |request| request.bucket().map(ToOwned::to_owned))
    };
    assert_eq!(at(&endpoint()), Ok(Some(BUCKET.to_owned())));
    // To a server that takes that host for its own, `a` is the bucket.
    let own = Endpoint::custom(&format!("https://{HOST}"), Region::new(REGION).unwrap()).unwrap();
    assert!(matches!(at(&own), Err(VerifyError::Operation { .. })), "a bucket has three letters");
    let other = Endpoint::custom("https://minio.example", Region::new(REGION).unwrap()).unwrap();
    assert_eq!(at(&other), Err(VerifyError::Host));
}

#[test]
fn r09_the_source_of_a_copy_must_be_signed() {
    let upload = Sent::with(&issue(&Grant::upload(BUCKET, "copy.jpg").any_size().any_content_type()));
    assert_eq!(upload.operation(), Ok("PutObject"));
    // The same URL must not become a read of whatever its signer may read.
    for name in [COPY_SOURCE, "X-Amz-Copy-Source", "x-amz-copy-source-range"] {
        let smuggled = upload.clone().header(name, "secrets/payroll.csv").operation();
        assert!(matches!(smuggled, Err(VerifyError::UnsignedHeader { .. })), "{smuggled:?}");
    }
    let part = Sent::with(&issue(&Grant::upload_part(BUCKET, "copy.jpg", "u", 1).any_size()));
    assert!(matches!(
        part.header(COPY_SOURCE, "secrets/payroll.csv").operation(),
        Err(VerifyError::UnsignedHeader { .. })
    ));
    let copied = Sent::with(&issue(&copy(CopySource::new("src-bucket", "a+b %41").version("v/1"))));
    let read = copied.read(|request| (request.operation().name(), request.source().cloned()));
    assert_eq!(read, Ok(("CopyObject", Some(CopySource::new("src-bucket", "a+b %41").version("v/1")))));
    // Another source, another version, none at all.
    for other in [
        "src-bucket/a%2Bb%20%2541",
        "src-bucket/a%2Bb%20%2541?versionId=v%2F2",
        "/src-bucket/a%2Bb%20%2541?versionId=v%2F1",
    ] {
        let mut changed = copied.clone();
        changed.headers.iter_mut().find(|(name, _)| name == COPY_SOURCE).unwrap().1 = other.as_bytes().to_vec();
        assert_eq!(changed.operation(), Err(VerifyError::SignatureMismatch), "{other}");
    }
    let mut without = copied.clone();
    without.headers.retain(|(name, _)| name != COPY_SOURCE);
    assert!(matches!(without.operation(), Err(VerifyError::SignedHeaderMissing { .. })));
}

#[test]
fn r09_a_source_in_the_query_is_refused_although_it_is_signed() {
    for name in [COPY_SOURCE, "X-Amz-Copy-Source", "x-amz-copy-source-range"] {
        is_no_operation(&signed("PUT", "/a", &[(name, "photos/b")], &[]));
    }
    is_no_operation(&signed("PUT", "/a", &[(COPY_SOURCE, "photos/b")], &[(COPY_SOURCE, "photos/c")]));
}

#[test]
fn r09_a_source_belongs_to_a_copy_alone_and_is_read_in_one_way() {
    let with = |method: &str, query: &[(&str, &str)], value: &str| signed(method, "/a", query, &[(COPY_SOURCE, value)]);
    for (method, query) in [
        ("GET", &[][..]),
        ("DELETE", &[]),
        ("PUT", &[("tagging", "")]),
        ("PUT", &[("acl", "")]),
        ("POST", &[("uploads", "")]),
        ("POST", &[("uploadId", "u")]),
    ] {
        is_no_operation(&with(method, query, "photos/b"));
    }
    assert_eq!(with("PUT", &[("partNumber", "1"), ("uploadId", "u")], "photos/b").operation(), Ok("UploadPartCopy"));
    for value in ["photos", "photos/", "photos%2Fb", "photos/a+b", "photos/../b", "photos/b?versionId=", "photos/b?x=1"]
    {
        let error = with("PUT", &[], value).operation().unwrap_err();
        assert!(matches!(error, VerifyError::FieldForm { field: COPY_SOURCE, .. }), "{value}: {error:?}");
        assert_eq!(S3Error::from(&error).code, "InvalidArgument");
        assert!(!error.to_string().contains("photos"), "{error}");
    }
    is_no_operation(&signed("PUT", "/a", &[], &[("x-amz-copy-source-range", "bytes=0-1")]));
    is_no_operation(&signed("PUT", "/a", &[], &[("x-amz-copy-source-if-match", "a")]));
    let range = |range: &str| {
        signed(
            "PUT",
            "/a",
            &[("partNumber", "1"), ("uploadId", "u")],
            &[(COPY_SOURCE, "photos/b"), ("x-amz-copy-source-range", range)],
        )
    };
    assert_eq!(range("bytes=0-9").operation(), Ok("UploadPartCopy"));
    assert!(matches!(
        range("bytes=9-0").operation(),
        Err(VerifyError::FieldForm { field: "x-amz-copy-source-range", .. })
    ));
    is_no_operation(&signed("PUT", "/a", &[], &[(COPY_SOURCE, "photos/b"), ("x-amz-copy-source-range", "bytes=0-9")]));
}

#[test]
fn r09_headers_and_parameters_that_s3_does_not_know_are_refused() {
    assert_eq!(
        signed("PUT", "/a", &[], &[("x-amz-meta-a", "1"), ("x-amz-acl", "private")]).operation(),
        Ok("PutObject")
    );
    assert_eq!(
        signed("PUT", "/a", &[("x-amz-acl", "private"), ("x-id", "PutObject")], &[]).operation(),
        Ok("PutObject")
    );
    assert_eq!(
        signed("GET", "/a", &[("x-request-id", "req-1")], &[("x-forwarded-for", "::1")]).operation(),
        Ok("GetObject")
    );
    is_no_operation(&signed("PUT", "/a", &[], &[("x-amz-rename-source", "/photos/b")]));
    is_no_operation(&signed("PUT", "/a", &[("x-amz-rename-source", "/photos/b")], &[]));
    is_no_operation(&signed("PUT", "/a", &[("X-Amz-Acl", "private")], &[]));
    is_no_operation(&signed("PUT", "/a", &[("x-id", "GetObject")], &[]));
    // Which of the two would be obeyed?
    is_no_operation(&signed("PUT", "/a", &[("x-amz-acl", "public-read")], &[("x-amz-acl", "private")]));
}

#[test]
fn r12_nothing_can_be_added_to_the_query_of_an_upload() {
    let part = Sent::with(&issue(&Grant::upload_part(BUCKET, "a", "u", 1).any_size()));
    assert_eq!(part.operation(), Ok("UploadPart"));
    for (from, to) in [
        ("partNumber=1", "partNumber=2"),
        ("partNumber=1", "partNumber=01"),
        ("partNumber=1&", ""),
        ("uploadId=u", "uploadId=v"),
        ("uploadId=u", "uploadId=u&uploads="),
        ("uploadId=u", "uploadId=u&tagging="),
    ] {
        let mut changed = part.clone();
        assert!(changed.target.contains(from), "{from}");
        changed.target = changed.target.replacen(from, to, 1);
        assert_eq!(changed.operation(), Err(VerifyError::SignatureMismatch), "{from} {to}");
    }
}

#[test]
fn r40_a_grant_covers_its_prefix_by_raw_text_and_whole_segments() {
    let granted = |prefix: &str| Grant::under(BUCKET, prefix, Action::Read).because(why());
    let read = |name: &str| {
        let grant = Grant::read(BUCKET, name).allow_dot_segments();
        let sent = Sent::with(&issue(&grant));
        let lenient = Expect::new(REGION, "s3").allow_dot_segments();
        move |grant: &Grant| {
            sent.read_at(&endpoint(), &lenient, now(), |request| request.covered_by(grant).is_ok()).unwrap()
        }
    };
    for (name, prefix, covered) in [
        ("42/a", "42/", true),
        ("42/", "42/", true),
        ("42//a", "42/", true),
        ("42/a/b", "42/", true),
        ("42", "42/", false),
        ("420/a", "42/", false),
        ("4/2/a", "42/", false),
        ("A/a", "a/", false),
        ("a b/c", "a b/", true),
        ("a+b/c", "a b/", false),
        ("a%20b/c", "a b/", false),
        // The raw text begins like this, but a server that folds it is somewhere else.
        ("42/../43/a", "42/", false),
        // An open prefix takes its own word.
        ("420/a", "42", false),
    ] {
        assert_eq!(read(name)(&granted(prefix)), covered, "{name} under {prefix}");
    }
    assert!(read("420/a")(&granted("42").allow_open_prefix()));
    assert!(!read("a")(&granted("")));
    assert!(!read("a")(&granted("").allow_open_prefix()));
    assert!(read("42/../43/a")(&granted("42/").allow_dot_segments()));
    // Another bucket, another action.
    is_not_covered(&Sent::with(&issue(&Grant::read("photos-2", "42/a"))), &granted("42/"));
    is_not_covered(&Sent::with(&issue(&Grant::head(BUCKET, "42/a"))), &granted("42/"));
    is_not_covered(&Sent::with(&issue(&Grant::delete(BUCKET, "42/a"))), &granted("42/"));
}

#[test]
fn r40_a_listing_is_covered_by_a_prefix_that_it_stays_within() {
    let granted = Grant::under(BUCKET, "42/", Actions::READ | Actions::LIST).because(why());
    let list = |query: &[(&str, &str)]| signed("GET", "/", query, &[]);
    for prefix in ["42/", "42/a", "42/a/"] {
        let sent = list(&[("list-type", "2"), ("prefix", prefix), ("max-keys", "10")]);
        assert_eq!(sent.covered_by(&granted), Ok(()), "{prefix}");
        assert_eq!(list(&[("prefix", prefix)]).covered_by(&granted), Ok(()), "{prefix}, the older listing");
    }
    for query in [
        &[("list-type", "2"), ("prefix", "42")][..],
        &[("list-type", "2"), ("prefix", "")],
        &[("list-type", "2")],
        &[("list-type", "2"), ("prefix", "43/")],
        &[("versions", ""), ("prefix", "42/")],
        &[("uploads", ""), ("prefix", "42/")],
    ] {
        is_not_covered(&list(query), &granted);
    }
    // A page that was granted is that page.
    let page = Grant::list(BUCKET, "42/").because(why()).listing(Listing::new().delimiter("/").at_most(10));
    assert_eq!(Sent::with(&issue(&page)).covered_by(&page), Ok(()));
    is_not_covered(&list(&[("list-type", "2"), ("prefix", "42/"), ("delimiter", "/"), ("max-keys", "11")]), &page);
    is_not_covered(&list(&[("list-type", "2"), ("prefix", "42/"), ("delimiter", "/")]), &page);
}

#[test]
fn r40_a_version_a_condition_and_a_permission_of_a_header_are_covered_by_their_own_words_only() {
    let granted = Grant::under(BUCKET, "42/", Actions::READ | Actions::DELETE).because(why());
    let delete = Grant::delete(BUCKET, "42/a");
    assert_eq!(Sent::with(&issue(&delete)).covered_by(&granted), Ok(()));
    // A version that is deleted is gone for good.
    let version = delete.clone().version("v1");
    is_not_covered(&Sent::with(&issue(&version)), &granted);
    is_not_covered(&Sent::with(&issue(&version)), &delete);
    is_not_covered(&Sent::with(&issue(&version)), &delete.clone().version("v2"));
    assert_eq!(Sent::with(&issue(&version)).covered_by(&version), Ok(()));

    let uploads = Grant::under(BUCKET, "42/", Actions::UPLOAD).because(why()).exact_size(5).content_type("image/png");
    let put = |headers: &[(&str, &str)]| signed("PUT", "/42/a", &[], headers);
    let bound = [("content-length", "5"), ("content-type", "image/png")];
    assert_eq!(put(&bound).covered_by(&uploads), Ok(()));
    for headers in
        [&[][..], &bound[..1], &[("content-length", "6"), bound[1]], &[bound[0], ("content-type", "text/html")]]
    {
        is_not_covered(&put(headers), &uploads);
    }
    for extra in [
        ("x-amz-acl", "public-read"),
        ("x-amz-grant-read", "uri=a"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-storage-class", "GLACIER"),
        ("x-amz-website-redirect-location", "/"),
        ("x-amz-meta-a", "b"),
        ("x-amz-object-lock-mode", "COMPLIANCE"),
    ] {
        is_not_covered(&put(&[bound[0], bound[1], extra]), &uploads);
        is_not_covered(&signed("PUT", "/42/a", &[extra], &bound), &uploads);
    }
    let checked = [bound[0], bound[1], ("x-amz-checksum-crc32", "AAAAAA==")];
    assert_eq!(put(&checked).covered_by(&uploads), Ok(()));
    let tagging = Actions::UPLOAD | Action::WriteTags.into();
    let tags = Grant::under(BUCKET, "42/", tagging).because(why()).exact_size(5).content_type("image/png");
    assert_eq!(put(&[bound[0], bound[1], ("x-amz-tagging", "a=b")]).covered_by(&tags), Ok(()));
    // What may only create must say that it does not overwrite.
    let creates = Grant::under(BUCKET, "42/", Action::Create).because(why()).any_size().any_content_type();
    is_not_covered(&put(&[]), &creates);
    assert_eq!(put(&[("if-none-match", "*")]).covered_by(&creates), Ok(()));
    // An answer of another type, a longer life.
    let read = Grant::read(BUCKET, "42/a");
    assert_eq!(signed("GET", "/42/a", &[], &[]).covered_by(&read), Ok(()));
    is_not_covered(&signed("GET", "/42/a", &[("response-content-type", "text/html")], &[]), &read);
    is_not_covered(&signed("GET", "/42/a", &[], &[]), &read.clone().lives(Lifetime::minutes(5).unwrap()));
    // A class of data has a longest life of its own, which only a reason extends.
    let pii = read.clone().classified(Classification::Pii);
    is_not_covered(&signed("GET", "/42/a", &[], &[]), &pii);
    assert_eq!(signed("GET", "/42/a", &[], &[]).covered_by(&pii.because(why())), Ok(()));
    // What no single request can meet.
    for grant in [read.clone().single_use(), read.clone().client_address("192.0.2.1"), read.not_before(now())] {
        is_not_covered(&signed("GET", "/42/a", &[], &[]), &grant);
    }
    // A batch names its objects in its body.
    assert_eq!(signed("POST", "/", &[("delete", "")], &[]).operation(), Ok("DeleteObjects"));
    is_not_covered(&signed("POST", "/", &[("delete", "")], &[]), &granted);
}

#[test]
fn r40_a_copy_is_covered_by_a_grant_for_the_same_source() {
    let source = || CopySource::new("src-bucket", "a b");
    let sent = Sent::with(&issue(&copy(source())));
    assert_eq!(sent.covered_by(&copy(source())), Ok(()));
    // The same object in another spelling.
    assert_eq!(
        signed("PUT", "/copy.jpg", &[], &[(COPY_SOURCE, "/src-bucket/a%20b")]).covered_by(&copy(source())),
        Ok(())
    );
    for other in [CopySource::new("src-bucket", "a"), CopySource::new("other-bucket", "a b"), source().version("v1")] {
        is_not_covered(&sent, &copy(other));
    }
    is_not_covered(&sent, &Grant::upload(BUCKET, "copy.jpg").any_size().any_content_type());
    let anything = Actions::UPLOAD | Action::Copy.into();
    is_not_covered(&sent, &Grant::under(BUCKET, "c", anything).because(why()).allow_open_prefix().any_size());
    let replaced =
        [(COPY_SOURCE, "src-bucket/a%20b"), ("x-amz-metadata-directive", "REPLACE"), ("content-type", "text/html")];
    is_not_covered(&signed("PUT", "/copy.jpg", &[], &replaced), &copy(source()));
}

#[test]
fn r29_r40_the_size_of_a_body_in_chunks_is_that_of_its_data() {
    let stream = Stream::signed(66_560);
    let framed = stream.framed_length().to_string();
    for length in [None, Some(&framed)] {
        let mut request = Request::new("PUT", &format!("https://{HOST}"), REGION, "s3").unwrap().path("/a");
        let mut headers = vec![("host".to_owned(), HOST.as_bytes().to_vec())];
        if let Some(length) = length {
            request = request.header("content-length", length.as_str());
            headers.push(("content-length".to_owned(), length.as_bytes().to_vec()));
        }
        let signed = key().sign_headers(&request.stream(stream), now()).unwrap();
        headers.extend(signed.expose().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
        let sent = Sent { method: "PUT".to_owned(), target: signed.target().to_owned(), headers };
        let covered = |size: u64| {
            let grant = Grant::upload(BUCKET, "a").exact_size(size).any_content_type();
            let expect = Expect::new(REGION, "s3").allow_streams();
            sent.read_at(&endpoint(), &expect, now(), |request| request.covered_by(&grant).is_ok()).unwrap()
        };
        assert!(covered(66_560));
        assert!(!covered(66_559));
        // The frames are not stored.
        assert!(!covered(stream.framed_length()));
    }
}

#[test]
fn r22_a_request_is_signed_for_the_service_of_its_bucket() {
    let directory = "photos--euw1-az1--x-s3";
    let zonal = format!("{directory}.s3express-euw1-az1.{REGION}.amazonaws.com");
    for (host, service, is_good) in
        [(HOST, "s3", true), (&zonal, "s3express", true), (HOST, "s3express", false), (&zonal, "s3", false)]
    {
        let request = Request::new("GET", &format!("https://{host}"), REGION, service).unwrap().path("/a");
        let sent = Sent::with(&key().presign(&UrlRequest::new(request), now()).unwrap());
        let read = sent.read_at(&endpoint(), &Expect::new(REGION, service), now(), |_| ());
        assert_eq!(read.is_ok(), is_good, "{host} {service}: {read:?}");
        assert!(is_good || matches!(read, Err(VerifyError::Operation { .. })), "{read:?}");
    }
}

#[test]
fn r40_a_header_needs_the_permission_for_what_it_changes() {
    for (method, path, query, header, needed) in [
        ("PUT", "/a", "", ("x-amz-acl", "private"), &["s3:PutObject", "s3:PutObjectAcl"][..]),
        ("PUT", "/a", "acl", ("x-amz-acl", "private"), &["s3:PutObjectAcl"]),
        ("PUT", "/", "acl", ("x-amz-acl", "private"), &["s3:PutBucketAcl"]),
        ("PUT", "/", "", ("x-amz-acl", "private"), &["s3:CreateBucket", "s3:PutBucketAcl"]),
        (
            "PUT",
            "/",
            "",
            ("x-amz-bucket-object-lock-enabled", "true"),
            &["s3:CreateBucket", "s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"],
        ),
        (
            "PUT",
            "/",
            "",
            ("x-amz-object-ownership", "ObjectWriter"),
            &["s3:CreateBucket", "s3:PutBucketOwnershipControls"],
        ),
    ] {
        let query: &[(&str, &str)] = if query.is_empty() { &[] } else { &[(query, "")] };
        let read = signed(method, path, query, &[header]).read(|request| request.permissions().join(" "));
        assert_eq!(read.as_deref(), Ok(needed.join(" ").as_str()), "{method} {path} {query:?}");
    }
    let version = signed("PUT", "/a", &[("acl", ""), ("versionId", "v1")], &[("x-amz-acl", "private")]);
    assert_eq!(version.read(|request| request.permissions().join(" ")), Ok("s3:PutObjectVersionAcl".to_owned()));
}

#[test]
fn r45_a_prefix_ends_with_a_slash_and_is_never_empty() {
    let lower = |grant: Grant| UrlRequest::s3(&grant, REGION).map(|_| ());
    for list in [Grant::list, Grant::list_versions, Grant::list_uploads] {
        assert_eq!(lower(list(BUCKET, "42/").because(why())), Ok(()));
        assert!(matches!(lower(list(BUCKET, "").because(why())), Err(IssueError::Invalid { what: "prefix", .. })));
        assert!(matches!(lower(list(BUCKET, "42").because(why())), Err(IssueError::Invalid { what: "prefix", .. })));
        assert!(lower(list(BUCKET, "").because(why()).allow_open_prefix()).is_err());
        assert_eq!(lower(list(BUCKET, "42").because(why()).allow_open_prefix()), Ok(()));
    }
}

#[test]
fn r45_what_would_make_another_request_is_refused_when_issuing() {
    let lower = |grant: Grant| UrlRequest::s3(&grant, REGION).map(|_| ());
    // `DELETE ?uploadId=` deletes the object on servers that take an empty parameter for none.
    for id in ["", "a\nb", "\u{7f}", &"x".repeat(1025)] {
        for grant in [
            Grant::abort(BUCKET, "a", id),
            Grant::complete_multipart(BUCKET, "a", id),
            Grant::list_parts(BUCKET, "a", id),
            Grant::upload_part(BUCKET, "a", id, 1).any_size(),
            Grant::delete(BUCKET, "a").version(id),
            copy(CopySource::new("src-bucket", "a").version(id)),
        ] {
            assert!(matches!(lower(grant.clone()), Err(IssueError::Invalid { .. })), "{grant:?}");
        }
    }
    for (source, is_good) in [
        (CopySource::new("src-bucket", "a"), true),
        (CopySource::new("s", "a"), false),
        (CopySource::new("src-bucket", ""), false),
        (CopySource::new("src-bucket", "a/../b"), false),
        (CopySource::new("src-bucket/other", "a"), false),
        (CopySource::new("arn:aws:s3:eu-west-1:12:accesspoint/a", "a"), false),
        (CopySource::new("src-bucket", "a").bytes(0..=9), false),
    ] {
        assert_eq!(lower(copy(source.clone())).is_ok(), is_good, "{source:?}");
    }
    let part = |source| Grant::copy_part(source, BUCKET, "a", "u", 1).because(why());
    assert_eq!(lower(part(CopySource::new("src-bucket", "a").bytes(0..=9))), Ok(()));
    let backwards = std::ops::RangeInclusive::new(9, 0);
    assert!(lower(part(CopySource::new("src-bucket", "a").bytes(backwards))).is_err());
}

#[test]
fn r48_nothing_that_was_asked_for_is_dropped() {
    let refuses = |grant: Grant, constraint: Constraint| {
        let error = UrlRequest::s3(&grant, REGION).map(|_| ()).unwrap_err();
        assert!(
            matches!(error, IssueError::NotEnforceable { constraint: found, .. } if found == constraint),
            "{error:?} for {grant:?}"
        );
    };
    let start = || Grant::start_multipart(BUCKET, "a").any_content_type();
    refuses(start().exact_size(5), Constraint::Size);
    refuses(start().sha256([0; 32]), Constraint::Checksum);
    refuses(start().version("v1"), Constraint::Resource);
    refuses(start().listing(Listing::new()), Constraint::Listing);
    let error = UrlRequest::s3(&Grant::start_multipart(BUCKET, "a"), REGION).map(|_| ()).unwrap_err();
    assert_eq!(error, IssueError::Unbounded { constraint: Constraint::ContentType });
    let complete = || Grant::complete_multipart(BUCKET, "a", "u");
    refuses(complete().size(1..=2), Constraint::Size);
    refuses(complete().content_type("a/b"), Constraint::ContentType);
    refuses(complete().sha256([0; 32]), Constraint::Checksum);
    refuses(complete().storage_class("GLACIER"), Constraint::StorageClass);
    refuses(complete().version("v1"), Constraint::Resource);
    refuses(Grant::upload_part(BUCKET, "a", "u", 1).any_size().version("v1"), Constraint::Resource);
    refuses(Grant::upload(BUCKET, "a").any_size().any_content_type().version("v1"), Constraint::Resource);
    let source = || copy(CopySource::new("src-bucket", "a"));
    refuses(source().exact_size(5), Constraint::Size);
    refuses(source().sha256([0; 32]), Constraint::Checksum);
    refuses(source().version("v1"), Constraint::Resource);
    refuses(source().content_type_prefix("image/"), Constraint::ContentType);
    // Replacing the metadata replaces the type too, so that it must be said or waived.
    let replaced = UrlRequest::s3(&source().metadata("a", "b"), REGION).map(|_| ()).unwrap_err();
    assert_eq!(replaced, IssueError::Unbounded { constraint: Constraint::ContentType });
    assert!(UrlRequest::s3(&source().metadata("a", "b").any_content_type(), REGION).is_ok());
    let listing = |listing: Listing| Grant::list(BUCKET, "42/").because(why()).listing(listing);
    for bad in [
        Listing::new().at_most(0),
        Listing::new().at_most(1001),
        Listing::new().delimiter(""),
        Listing::new().continuing(""),
        Listing::new().after_part(1),
        Listing::new().after_version("a", "v1"),
    ] {
        refuses(listing(bad), Constraint::Listing);
    }
    let parts = |listing: Listing| Grant::list_parts(BUCKET, "a", "u").listing(listing);
    for bad in [Listing::new().delimiter("/"), Listing::new().url_encoded(), Listing::new().after("a")] {
        refuses(parts(bad), Constraint::Listing);
    }
    for read in [Grant::read(BUCKET, "a"), Grant::upload(BUCKET, "a").any_size().any_content_type()] {
        refuses(read.listing(Listing::new()), Constraint::Listing);
    }
    // Of two, a server would obey one.
    let answered = |value: &str| Grant::read(BUCKET, "a").response_header(ResponseHeader::ContentType, value);
    assert!(UrlRequest::s3(&answered("text/plain"), REGION).is_ok());
    refuses(answered("text/plain").response_header(ResponseHeader::ContentType, "a/b"), Constraint::ResponseHeaders);
    // Something that only one of many objects could be copied from has no source of its own.
    refuses(Grant::under(BUCKET, "42/", Action::Copy).because(why()), Constraint::Resource);
}

#[test]
fn what_is_not_signed_for_s3_is_no_operation_of_it() {
    let request = Request::new("GET", &format!("https://{HOST}"), REGION, "execute-api").unwrap().path("/a");
    let sent = Sent::with(&key().presign(&UrlRequest::new(request), now()).unwrap());
    let expect = Expect::new(REGION, "execute-api");
    let error = sent.read_at(&endpoint(), &expect, now(), |_| ()).unwrap_err();
    assert!(matches!(error, VerifyError::Operation { .. }), "{error:?}");
}

//! Cases with a grant: issued byte for byte, verified, read, and covered by that grant and by no other.

use crate::{Sent, why};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};
use valet_key::{
    aws::{Credential, Endpoint, Expect, Presented, Region, S3Request, SigV4, StaticKey, UrlRequest},
    clock::Timestamp,
    grant::{CopySource, Encryption, Grant, Lifetime, Listing, ResponseHeader},
    view::RequestView,
};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("text expected, found {value}"))
}

fn source(spec: &Value) -> CopySource {
    let list = spec["source"].as_array().unwrap();
    let mut source = CopySource::new(text(&list[0]), text(&list[1]));
    if let Some(version) = list.get(2) {
        source = source.version(text(version));
    }
    if let Some(range) = spec["range"].as_array() {
        source = source.bytes(range[0].as_u64().unwrap()..=range[1].as_u64().unwrap());
    }
    source
}

/// The grant that a case writes down. Every field of it must be read.
fn grant(spec: &Value) -> Grant {
    let mut fields: BTreeMap<&str, &Value> = spec.as_object().unwrap().iter().map(|(k, v)| (k.as_str(), v)).collect();
    let mut take = |name: &str| fields.remove(name);
    let (action, bucket, name) = (take("action").unwrap(), take("bucket").unwrap(), take("name").unwrap());
    let (bucket, name) = (text(bucket), text(name));
    let id = take("upload_id").map(text);
    let part = take("part").map(|part| u16::try_from(part.as_u64().unwrap()).unwrap());
    let copies = take("source").is_some();
    take("range");
    let mut grant = match (text(action), id, part) {
        ("read", ..) => Grant::read(bucket, name),
        ("head", ..) => Grant::head(bucket, name),
        ("upload", ..) => Grant::upload(bucket, name),
        ("create", ..) => Grant::create(bucket, name),
        ("delete", ..) => Grant::delete(bucket, name),
        ("read tags", ..) => Grant::read_tags(bucket, name),
        ("write tags", ..) => Grant::write_tags(bucket, name),
        ("delete tags", ..) => Grant::delete_tags(bucket, name),
        ("start", ..) => Grant::start_multipart(bucket, name),
        ("upload part", Some(id), Some(part)) => Grant::upload_part(bucket, name, id, part),
        ("complete", Some(id), None) => Grant::complete_multipart(bucket, name, id),
        ("abort", Some(id), None) => Grant::abort(bucket, name, id),
        ("list parts", Some(id), None) => Grant::list_parts(bucket, name, id),
        ("copy", Some(id), Some(part)) => Grant::copy_part(source(spec), bucket, name, id, part).because(why()),
        ("copy", None, None) => Grant::copy(source(spec), bucket, name).because(why()),
        ("list", ..) => Grant::list(bucket, name).because(why()),
        ("list versions", ..) => Grant::list_versions(bucket, name).because(why()),
        ("list uploads", ..) => Grant::list_uploads(bucket, name).because(why()),
        other => panic!("unknown action {other:?}"),
    };
    assert_eq!(copies, text(action) == "copy", "{spec}");
    if let Some(version) = take("version") {
        grant = grant.version(text(version));
    }
    if let Some(exact) = take("content_type") {
        grant = grant.content_type(text(exact));
    }
    if take("any_content_type").is_some() {
        grant = grant.any_content_type();
    }
    if take("open_prefix").is_some() {
        grant = grant.allow_open_prefix();
    }
    if take("any_size").is_some() {
        grant = grant.any_size();
    }
    if let Some(bytes) = take("size") {
        grant = grant.exact_size(bytes.as_u64().unwrap());
    }
    if let Some(digest) = take("sha256") {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text(digest), &mut bytes).unwrap();
        grant = grant.sha256(bytes);
    }
    if let Some(class) = take("storage_class") {
        grant = grant.storage_class(text(class));
    }
    if let Some(id) = take("kms") {
        grant = grant.encrypted(Encryption::ManagedKey(text(id).to_owned()));
    }
    if take("encrypted").is_some() {
        grant = grant.encrypted(Encryption::Provider);
    }
    for pair in take("metadata").and_then(Value::as_array).into_iter().flatten() {
        grant = grant.metadata(text(&pair[0]), text(&pair[1]));
    }
    for (name, header) in [
        ("disposition", ResponseHeader::ContentDisposition),
        ("answer_type", ResponseHeader::ContentType),
        ("cache_control", ResponseHeader::CacheControl),
    ] {
        if let Some(value) = take(name) {
            grant = grant.response_header(header, text(value));
        }
    }
    let listing = Listing::new();
    let mut wanted = listing.clone();
    if let Some(delimiter) = take("delimiter") {
        wanted = wanted.delimiter(text(delimiter));
    }
    if let Some(most) = take("most") {
        wanted = wanted.at_most(u16::try_from(most.as_u64().unwrap()).unwrap());
    }
    if take("url_encoded").is_some() {
        wanted = wanted.url_encoded();
    }
    if let Some(token) = take("token") {
        wanted = wanted.continuing(text(token));
    }
    if let Some(name) = take("after") {
        wanted = wanted.after(text(name));
    }
    if let Some(pair) = take("after_version") {
        wanted = wanted.after_version(text(&pair[0]), text(&pair[1]));
    }
    if let Some(number) = take("after_part") {
        wanted = wanted.after_part(u16::try_from(number.as_u64().unwrap()).unwrap());
    }
    assert!(fields.is_empty(), "a field that nothing reads: {fields:?}");
    if wanted == listing { grant } else { grant.listing(wanted) }
}

fn sorted(url: &str) -> String {
    let (head, query) = url.split_once('?').unwrap_or((url, ""));
    let mut params: Vec<&str> = query.split('&').collect();
    params.sort_unstable();
    format!("{head}?{}", params.join("&"))
}

fn reads_as(request: &S3Request<'_>, case: &Value) {
    let name = &case["name"];
    assert_eq!(request.operation().name(), text(&case["operation"]), "{name}");
    assert_eq!((request.bucket(), request.key()), (case["bucket"].as_str(), case["key"].as_str()), "{name}");
    let reads = &case["reads"];
    for (what, found) in
        [("version", request.version()), ("upload_id", request.upload_id()), ("prefix", request.prefix())]
    {
        if let Some(expected) = reads[what].as_str() {
            assert_eq!(found, Some(expected), "{name}: {what}");
        }
    }
    if let Some(part) = reads["part"].as_u64() {
        assert_eq!(request.part_number().map(u64::from), Some(part), "{name}");
    }
    let expected = reads["source"].is_array().then(|| source(reads));
    assert!(expected.is_none() || request.source() == expected.as_ref(), "{name}: {:?}", request.source());
}

#[test]
fn our_own_cases_are_issued_read_and_covered() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/aws/operations/issued.json");
    let list: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = list.as_array().unwrap();
    assert!(cases.len() > 100, "{} cases", cases.len());
    let grants: Vec<Grant> = cases.iter().map(|case| grant(&case["grant"]).because(why())).collect();
    for (at, (case, grant)) in cases.iter().zip(&grants).enumerate() {
        let region = Region::new(text(&case["region"])).unwrap();
        let endpoint = case["endpoint"]
            .as_str()
            .map_or_else(|| Endpoint::aws(region.clone()), |origin| Endpoint::custom(origin, region.clone()).unwrap());
        let now = Timestamp::parse_iso_basic(text(&case["time"])).unwrap();
        let lifetime = Lifetime::from_seconds(u32::try_from(case["lifetime"].as_u64().unwrap()).unwrap()).unwrap();
        let grant = grant.clone().lives(lifetime);
        let url = crate::key().presign(&UrlRequest::at(&endpoint, &grant).unwrap(), now).unwrap();
        assert_eq!(url.expose(), text(&case["url"]), "{}", case["name"]);
        assert_eq!(url.method(), text(&case["method"]), "{}", case["name"]);
        let headers: Vec<Value> = url
            .required_headers()
            .iter()
            .map(|(name, value)| json!([name, String::from_utf8(value.clone()).unwrap()]))
            .collect();
        assert_eq!(headers, case["headers"].as_array().cloned().unwrap_or_default(), "{}", case["name"]);

        let sent = Sent::with(&url);
        let expect = Expect::new(region.as_str(), "s3");
        let read = sent.read_at(&endpoint, &expect, now, |request| {
            reads_as(request, case);
            assert_eq!(request.covered_by(&grant), Ok(()), "{}", case["name"]);
            // Another grant covers it only if it says the same.
            for (other_at, other) in grants.iter().enumerate().filter(|(other_at, _)| *other_at != at) {
                let same = case["grant"] == cases[other_at]["grant"];
                let other = other.clone().lives(lifetime);
                let covers = request.covered_by(&other).is_ok();
                let wider = narrows(&case["grant"], &cases[other_at]["grant"]);
                assert_eq!(covers, same || wider, "{} under {}", case["name"], cases[other_at]["name"]);
            }
        });
        assert_eq!(read, Ok(()), "{}", case["name"]);
    }
}

/// Whether a grant asks for no more than another one, field by field.
fn narrows(ours: &Value, theirs: &Value) -> bool {
    let page = ["delimiter", "most", "url_encoded", "token", "after", "after_version", "after_part"];
    let has_page = |spec: &Value| page.iter().any(|name| spec[*name] != Value::Null);
    let waived = |name: &str| match name {
        "content_type" => theirs["any_content_type"] == true,
        "size" => theirs["any_size"] == true,
        // What nothing was said of may be checked too.
        "sha256" => theirs["sha256"].is_null(),
        _ => false,
    };
    let lists = text(&ours["action"]).starts_with("list");
    let is_page = |name: &str| page.contains(&name) && lists && !has_page(theirs);
    let completes = text(&ours["action"]) == "complete";
    let fields = ["any_content_type", "any_size"];
    let names = ours.as_object().unwrap().keys().chain(theirs.as_object().unwrap().keys());
    names.filter(|name| !fields.contains(&name.as_str())).all(|name| {
        ours[name] == theirs[name]
            || waived(name)
            || is_page(name)
            || (completes && name == "size" && theirs[name].is_null())
    }) && !(theirs["any_content_type"].is_null() && ours["any_content_type"] == true)
        && !(theirs["any_size"].is_null() && ours["any_size"] == true)
}

/// A published presigned URL, with what its library was asked for.
struct Published<'a> {
    record: &'a Value,
    operation: String,
    endpoint: Endpoint,
}

impl<'a> Published<'a> {
    fn new(record: &'a Value) -> Self {
        let (api, request) = (&record["api"], &record["request"]);
        let operation: String = text(&api["operation"]).replace('_', "");
        let bucket = api["params"]["Bucket"].as_str().unwrap_or_default();
        let region = Region::new(text(&record["region"])).unwrap();
        let (scheme, host) = (text(&request["scheme"]), text(&request["host"]));
        let custom = |host: &str| Endpoint::custom(&format!("{scheme}://{host}"), region.clone()).unwrap();
        let endpoint = match host.strip_prefix(bucket).and_then(|rest| rest.strip_prefix('.')) {
            Some(base) if !bucket.is_empty() => custom(base).virtual_hosted(),
            _ if bucket.starts_with("arn:") => {
                let endpoint = Endpoint::aws(region.clone());
                if host.contains(".dualstack.") { endpoint.dual_stack() } else { endpoint }
            }
            _ => custom(host),
        };
        Self { record, operation, endpoint }
    }

    fn key(&self) -> StaticKey {
        let credentials = &self.record["credentials"];
        let mut credential = Credential::new(text(&credentials["access_key_id"])).unwrap();
        if let Some(token) = credentials["session_token"].as_str() {
            credential = credential.with_session_token(token).unwrap();
        }
        StaticKey::from_credential(credential, text(&credentials["secret_access_key"])).unwrap()
    }

    fn now(&self) -> Timestamp {
        Timestamp::parse_iso_basic(text(&self.record["amz_date"])).unwrap()
    }

    /// The grant that says the same, if there is one.
    fn spec(&self) -> Option<Value> {
        let mut params = self.record["api"]["params"].as_object().unwrap().clone();
        let queried = |name: &str| {
            let query = self.record["request"]["query"].as_array().unwrap();
            query.iter().any(|pair| pair[0] == name)
        };
        let action = match self.operation.as_str() {
            // A part of an object is no less than a grant to read all of it says, but more of a request.
            "getobject" if params.contains_key("PartNumber") => return None,
            "getobject" => "read",
            "headobject" => "head",
            "putobject" if params.contains_key("IfNoneMatch") => "create",
            "putobject" => "upload",
            "deleteobject" => "delete",
            "uploadpart" => "upload part",
            "createmultipartupload" => "start",
            "completemultipartupload" => "complete",
            "abortmultipartupload" => "abort",
            "listparts" => "list parts",
            "copyobject" | "uploadpartcopy" => "copy",
            "getobjecttagging" => "read tags",
            "listobjectsv2" => "list",
            "listobjectversions" => "list versions",
            "listmultipartuploads" => "list uploads",
            _ => return None,
        };
        let mut spec = json!({ "action": action, "bucket": params.remove("Bucket")? });
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                spec[name] = value;
            }
        };
        let is_list = params.contains_key("Prefix") || matches!(action, "list" | "list versions" | "list uploads");
        let name = params.remove(if is_list { "Prefix" } else { "Key" })?;
        // No grant is for everything there is.
        if is_list && text(&name).is_empty() {
            return None;
        }
        put("open_prefix", (is_list && !text(&name).ends_with('/')).then(|| true.into()));
        put("name", Some(name));
        for (theirs, ours) in [
            ("VersionId", "version"),
            ("UploadId", "upload_id"),
            ("PartNumber", "part"),
            ("ContentType", "content_type"),
            ("ContentLength", "size"),
            ("StorageClass", "storage_class"),
            ("ResponseContentDisposition", "disposition"),
            ("ResponseCacheControl", "cache_control"),
            ("Delimiter", "delimiter"),
            ("MaxKeys", "most"),
            ("MaxUploads", "most"),
            ("MaxParts", "most"),
            ("PartNumberMarker", "after_part"),
            ("ContinuationToken", "token"),
        ] {
            put(ours, params.remove(theirs));
        }
        if queried("response-content-disposition") {
            put("answer_type", params.remove("ResponseContentType"));
        }
        if queried("continuation-token") && queried("start-after") {
            return None;
        }
        put("after", params.remove("StartAfter"));
        if action == "create" {
            assert_eq!(params.remove("IfNoneMatch").unwrap(), "*");
        }
        match (params.remove("KeyMarker"), params.remove("VersionIdMarker")) {
            (Some(name), Some(version)) => put("after_version", Some(json!([name, version]))),
            (None, Some(_)) => return None,
            (name, None) => put("after", name),
        }
        if let Some(copy) = params.remove("CopySource") {
            let mut source = vec![copy["Bucket"].clone(), copy["Key"].clone()];
            source.extend(copy.get("VersionId").cloned());
            put("source", Some(source.into()));
        }
        for (name, value) in params.remove("Metadata").iter().filter_map(Value::as_object).flatten() {
            let mut list = spec["metadata"].as_array().cloned().unwrap_or_default();
            list.push(json!([name, value]));
            spec["metadata"] = list.into();
        }
        match (params.remove("ServerSideEncryption"), params.remove("SSEKMSKeyId")) {
            (Some(kind), None) if kind == "AES256" => spec["encrypted"] = true.into(),
            (Some(kind), Some(id)) if kind == "aws:kms" => spec["kms"] = id,
            (None, None) => {}
            _ => return None,
        }
        if let Some(digest) = params.remove("ChecksumSHA256") {
            let bytes = <base64ct::Base64 as base64ct::Encoding>::decode_vec(text(&digest)).unwrap();
            spec["sha256"] = hex::encode(bytes).into();
        }
        if queried("encoding-type") {
            spec["url_encoded"] = true.into();
        }
        if matches!(action, "upload" | "create" | "upload part") && spec["size"].is_null() {
            spec["any_size"] = true.into();
        }
        if matches!(action, "upload" | "create" | "start") && spec["content_type"].is_null() {
            spec["any_content_type"] = true.into();
        }
        params.is_empty().then_some(spec)
    }

    fn lines(&self) -> Vec<(&str, &[u8])> {
        let headers = self.record["request"]["signed_headers"].as_object().unwrap();
        headers.iter().map(|(name, value)| (name.as_str(), text(value).as_bytes())).collect()
    }

    /// Verifies the URL as it was published, and reads it.
    fn is_read(&self) {
        let id = &self.record["id"];
        let (request, url) = (&self.record["request"], text(&self.record["expected"]["url"]));
        let (_, rest) = url.split_once("://").unwrap();
        let target = &rest[rest.find('/').unwrap()..];
        let lines = self.lines();
        let view = RequestView::new(text(&request["method"]), target, &lines);
        let expect = Expect::new(text(&self.record["region"]), "s3").allow_dot_segments();
        let verified = self.key().verify(Presented::parse(&view).unwrap(), &expect, self.now()).unwrap();
        let read = verified.s3_request(&self.endpoint).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(read.operation().name().to_ascii_lowercase(), self.operation.to_ascii_lowercase(), "{id}");
        let params = &self.record["api"]["params"];
        assert_eq!((read.bucket(), read.key()), (params["Bucket"].as_str(), params["Key"].as_str()), "{id}");
        assert_eq!(read.version(), params["VersionId"].as_str(), "{id}");
        assert_eq!(read.upload_id(), params["UploadId"].as_str(), "{id}");
        assert_eq!(read.part_number().map(u64::from), params["PartNumber"].as_u64(), "{id}");
        assert_eq!(read.prefix(), params["Prefix"].as_str(), "{id}");
        let source = read.source().map(|source| json!({ "Bucket": source.container(), "Key": source.name() }));
        assert_eq!(source.unwrap_or_default(), params["CopySource"], "{id}");
        if let Some(spec) = self.spec() {
            let seconds = u32::try_from(self.record["expires_in"].as_u64().unwrap()).unwrap();
            let grant =
                grant(&spec).because(why()).lives(Lifetime::from_seconds(seconds).unwrap()).allow_dot_segments();
            assert_eq!(read.covered_by(&grant), Ok(()), "{id} {spec}");
        }
    }

    /// Issues it from the grant, stage by stage.
    fn is_issued(&self, spec: &Value) {
        let id = &self.record["id"];
        let seconds = u32::try_from(self.record["expires_in"].as_u64().unwrap()).unwrap();
        let grant = grant(spec).because(why()).lives(Lifetime::from_seconds(seconds).unwrap()).allow_dot_segments();
        let request = UrlRequest::at(&self.endpoint, &grant).unwrap_or_else(|error| panic!("{id}: {error}"));
        let key = self.key();
        let prepared = request.prepare(key.credential(), self.now()).unwrap();
        let expected = &self.record["expected"];
        assert_eq!(String::from_utf8_lossy(prepared.canonical_request()), text(&expected["canonical_request"]), "{id}");
        assert_eq!(prepared.string_to_sign().as_str(), text(&expected["string_to_sign"]), "{id}");
        let url = key.presign(&request, self.now()).unwrap();
        assert_eq!(sorted(url.expose()), sorted(text(&expected["url"])), "{id}");
        let required: Vec<(&str, &[u8])> =
            url.required_headers().iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let mut lines = self.lines();
        lines.retain(|(name, _)| *name != "host");
        assert_eq!(required, lines, "{id}");
    }
}

#[test]
fn published_urls_are_read_and_issued() {
    let Some(folder) = std::env::var_os("VALET_KEY_VECTORS") else {
        println!("VALET_KEY_VECTORS is not set: only the cases in tests/vectors/aws/operations run");
        return;
    };
    for (file, issues) in [("aws-botocore/s3-presign.json", true), ("aws-js/s3-presign.json", false)] {
        let path = Path::new(&folder).join(file);
        let read = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let records: Value = serde_json::from_str(&read).unwrap();
        let records = records["cases"].as_array().unwrap();
        assert!(!records.is_empty(), "{file}: no cases");
        let mut counts: BTreeMap<String, [usize; 2]> = BTreeMap::new();
        for record in records {
            let published = Published::new(record);
            published.is_read();
            let count = counts.entry(text(&record["api"]["operation"]).to_owned()).or_default();
            count[0] += 1;
            // The other library adds parameters of its own, which no grant asks for.
            if let Some(spec) = published.spec().filter(|_| issues) {
                published.is_issued(&spec);
                count[1] += 1;
            }
        }
        for (operation, [read, issued]) in &counts {
            println!("{file}: {operation}: {read} read, {issued} issued from a grant");
        }
        for operation in [
            "get_object",
            "put_object",
            "upload_part",
            "complete_multipart_upload",
            "abort_multipart_upload",
            "list_parts",
            "copy_object",
            "upload_part_copy",
            "get_object_tagging",
            "list_objects_v2",
            "list_object_versions",
        ] {
            assert!(!issues || counts[operation][1] > 0, "{file}: no {operation} was issued from a grant");
        }
    }
}

//! The formats in which others publish their cases.

use crate::case::Case;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};
use valet_key::aws::PathRule;

/// Every published file of this scheme, by its name.
pub(crate) fn read_all(folder: &Path) -> Vec<(String, Vec<Case>)> {
    let mut files = vec![
        ("aws-sigv4-suite/v4".to_owned(), suite(&folder.join("aws-sigv4-suite/v4"))),
        ("aws-sigv4-botocore-legacy".to_owned(), older_suite(&folder.join("aws-sigv4-botocore-legacy"))),
        ("aws-sigv4-smithy-rs".to_owned(), smithy(&folder.join("aws-sigv4-smithy-rs"))),
        ("aws-docs/s3-and-sigv4-examples.json".to_owned(), documentation(&folder.join(DOCUMENTATION))),
        ("aws-botocore/header-auth.json".to_owned(), header_records(&folder.join("aws-botocore/header-auth.json"))),
    ];
    for name in [
        "aws-botocore/s3-presign.json",
        "aws-botocore/sqs-presign.json",
        "aws-botocore/sts-presign.json",
        "aws-botocore/rds-auth-token.json",
        "aws-js/s3-presign.json",
        // Keys of another cloud that speaks the same protocol.
        "gcs-python/hmac-interop-presign.json",
    ] {
        files.push((name.to_owned(), presign_records(&folder.join(name))));
    }
    #[cfg(feature = "sigv4a")]
    files.extend([
        ("aws-sigv4-suite/v4a".to_owned(), asymmetric_suite(&folder.join("aws-sigv4-suite/v4a"))),
        ("aws-crt-sigv4a/sigv4a.json".to_owned(), asymmetric_records(&folder.join("aws-crt-sigv4a/sigv4a.json"))),
    ]);
    files
}

const DOCUMENTATION: &str = "aws-docs/s3-and-sigv4-examples.json";

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn records(path: &Path) -> Vec<Value> {
    let file: Value = serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file["cases"].as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("text expected, found {value}")).to_owned()
}

fn maybe(value: &Value) -> Option<String> {
    value.as_str().map(ToOwned::to_owned)
}

fn amz_date(timestamp: &str) -> String {
    timestamp.replace(['-', ':'], "")
}

/// A request as the suites write it down.
struct RawRequest {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    host: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl RawRequest {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let first = lines.next().unwrap();
        let first = first.strip_suffix(" HTTP/1.1").unwrap_or(first);
        // The target may hold raw blanks.
        let (method, target) = first.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (mut host, mut headers) = (String::new(), Vec::<(String, String)>::new());
        for line in lines.filter(|line| !line.is_empty()) {
            if line.starts_with([' ', '\t']) {
                // A folded line, which HTTP has since forbidden: it goes on where the last one ended.
                let (_, value) = headers.last_mut().unwrap();
                value.push(' ');
                value.push_str(line.trim());
                continue;
            }
            let (name, value) = line.split_once(':').unwrap();
            if name.eq_ignore_ascii_case("host") {
                host = String::from(value.trim());
            } else {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        let query = query.split('&').filter(|param| !param.is_empty()).map(|param| {
            let (name, value) = param.split_once('=').unwrap_or((param, ""));
            (decoded(name), decoded(value))
        });
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.collect(),
            host,
            headers,
            body: body.trim_end_matches('\n').to_owned(),
        }
    }

    fn take_header(&mut self, name: &str) -> Option<String> {
        let at = self.headers.iter().position(|(header, _)| header.eq_ignore_ascii_case(name))?;
        Some(self.headers.remove(at).1.trim().to_owned())
    }

    /// The case of a signer that is told all that this request does not say.
    fn case(self, name: &str, rule: PathRule) -> Case {
        Case {
            name: name.to_owned(),
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            token: None,
            token_after: false,
            s3_session: false,
            region: "us-east-1".to_owned(),
            region_set: None,
            service: "service".to_owned(),
            time: "20150830T123600Z".to_owned(),
            lifetime: None,
            rule,
            method: self.method,
            origin: format!("https://{}", self.host),
            path_is_encoded: self.path.contains('%'),
            path: self.path,
            query: self.query,
            headers: self.headers,
            payload: hex::encode(Sha256::digest(self.body)),
            content_sha256: false,
            canonical_request: None,
            string_to_sign: None,
            signature: None,
            rfc6979: false,
            url: None,
            authorization: None,
            bare_plus: false,
        }
    }
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, rest.first_chunk::<2>()) {
            (b'%', Some(digits)) => {
                bytes.push(u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap());
                rest = &rest[2..];
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn folders(under: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(under).unwrap_or_else(|error| panic!("{}: {error}", under.display()));
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap().to_string_lossy().into_owned()
}

/// The suite of the AWS Common Runtime: each folder in header and in query form.
///
/// Its targets hold raw blanks and raw UTF-8, which HTTP cannot carry, and its canonical path is one
/// encoding of them: the path is text here, encoded once on the way out and not again.
fn suite(under: &Path) -> Vec<Case> {
    folders(under).iter().flat_map(|folder| ["header", "query"].map(|form| suite_case(folder, form))).collect()
}

fn suite_case(folder: &Path, form: &str) -> Case {
    let context: Value = serde_json::from_str(&read(&folder.join("context.json"))).unwrap();
    let rule = if context["normalize"] == true { PathRule::Normalized } else { PathRule::AsSent };
    let mut request = RawRequest::parse(&read(&folder.join("request.txt")));
    let part = |part: &str| Some(read(&folder.join(format!("{form}-{part}.txt"))).trim_end_matches('\n').to_owned());
    let signed = part("signed-request").unwrap();
    request.take_header("x-amz-date");
    let mut case = request.case(&format!("{}-{form}", name_of(folder)), rule);
    case.access_key_id = text(&context["credentials"]["access_key_id"]);
    case.secret = text(&context["credentials"]["secret_access_key"]);
    case.token = maybe(&context["credentials"]["token"]);
    case.token_after = context["omit_session_token"] == true;
    case.region = text(&context["region"]);
    case.service = text(&context["service"]);
    case.time = amz_date(context["timestamp"].as_str().unwrap());
    case.canonical_request = part("canonical-request");
    case.string_to_sign = part("string-to-sign");
    case.signature = part("signature");
    if form == "query" {
        case.lifetime = Some(u32::try_from(context["expiration_in_seconds"].as_u64().unwrap()).unwrap());
        let first = signed.lines().next().unwrap().strip_suffix(" HTTP/1.1").unwrap();
        let target = percent_encoded(first.split_once(' ').unwrap().1);
        case.url = Some(format!("{}{target}", case.origin));
    } else {
        case.content_sha256 = context["sign_body"] == true;
        case.authorization =
            signed.lines().find_map(|line| line.strip_prefix("Authorization:")).map(|value| value.trim().to_owned());
    }
    case
}

/// The asymmetric half of that suite. Two of its folders have a request and nothing that is expected of it.
#[cfg(feature = "sigv4a")]
fn asymmetric_suite(under: &Path) -> Vec<Case> {
    let with_region_set = |mut case: Case| {
        // SPEC: its context names a region, and its signer made that the region set.
        case.region_set = Some(case.region.clone());
        case
    };
    let expects_something = |folder: &&PathBuf| folder.join("header-signature.txt").exists();
    let folders = folders(under);
    let complete: Vec<&PathBuf> = folders.iter().filter(expects_something).collect();
    println!("aws-sigv4-suite/v4a: {} folders expect nothing", folders.len() - complete.len());
    complete
        .iter()
        .flat_map(|folder| ["header", "query"].map(|form| suite_case(folder, form)))
        .map(with_region_set)
        .collect()
}

/// What the AWS Common Runtime signed, in both forms.
#[cfg(feature = "sigv4a")]
fn asymmetric_records(path: &Path) -> Vec<Case> {
    let case = |value: &Value| {
        let mut case = record(value);
        case.lifetime = value["expires_in"].as_u64().map(|seconds| u32::try_from(seconds).unwrap());
        case.headers = headers(&value["request"]["headers"]);
        case.headers.retain(|(name, _)| !matches!(&**name, "host" | "x-amz-date" | "x-amz-content-sha256"));
        case.content_sha256 = value["request"]["headers"]["x-amz-content-sha256"].is_string();
        case
    };
    records(path).iter().map(case).collect()
}

/// Every published derivation of a key pair: the public half, and that the private one signs for it.
#[cfg(feature = "sigv4a")]
pub(crate) fn key_pairs(folder: &Path, surprises: &mut Vec<String>) {
    use valet_key::aws::v4a::StaticKey;
    let mut count = 0;
    let mut check = |name: &str, id: &str, secret: &str, x: &str, y: &str| {
        count += 1;
        let key = StaticKey::new(id, secret).unwrap();
        if hex::encode(key.public_key().to_uncompressed()) != format!("04{x}{y}") {
            surprises.push(format!("{name}: another public key"));
        }
    };
    for value in records(&folder.join("aws-sigv4-suite/v4a-key-derivation.json")) {
        let field = |name: &str| text(&value[name]);
        let (id, secret) = (field("access_key_id"), field("secret_access_key"));
        check("v4a-key-derivation", &id, &secret, &field("public_key_x"), &field("public_key_y"));
    }
    for value in records(&folder.join("aws-crt-sigv4a/sigv4a.json")) {
        let (credentials, expected) = (&value["credentials"], &value["expected"]);
        let (id, secret) = (text(&credentials["access_key_id"]), text(&credentials["secret_access_key"]));
        let (x, y) = (text(&expected["public_key_x"]), text(&expected["public_key_y"]));
        check(&text(&value["id"]), &id, &secret, &x, &y);
    }
    for folder in folders(&folder.join("aws-sigv4-suite/v4a")) {
        let Ok(point) = fs::read_to_string(folder.join("public-key.json")) else { continue };
        let point: Value = serde_json::from_str(&point).unwrap();
        let context: Value = serde_json::from_str(&read(&folder.join("context.json"))).unwrap();
        let credentials = &context["credentials"];
        let (id, secret) = (text(&credentials["access_key_id"]), text(&credentials["secret_access_key"]));
        check(&name_of(&folder), &id, &secret, &text(&point["X"]), &text(&point["Y"]));
    }
    println!("SigV4a: {count} key pairs derived");
    if count < 3 {
        surprises.push("SigV4a: no key pairs".to_owned());
    }
}

/// What an HTTP client makes of a target with raw bytes.
fn percent_encoded(target: &str) -> String {
    let raw = |byte: u8| if byte.is_ascii_graphic() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    target.bytes().map(raw).collect()
}

/// The older suite, which has the header form only.
fn older_suite(under: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for folder in folders(under) {
        let name = name_of(&folder);
        let part = |part: &str| folder.join(format!("{name}.{part}"));
        if !part("req").exists() {
            cases.extend(older_suite(&folder));
            continue;
        }
        let read = |extension: &str| read(&part(extension)).trim_end_matches('\n').replace('\r', "");
        let mut request = RawRequest::parse(&read("req"));
        request.take_header("x-amz-date");
        // One case leaves it to the signer to add the token, which then stands in what was signed.
        let signed_token =
            read("creq").lines().find_map(|line| line.strip_prefix("x-amz-security-token:").map(ToOwned::to_owned));
        let token = request.take_header("x-amz-security-token").or(signed_token);
        let mut case = request.case(&format!("older-{name}"), PathRule::Normalized);
        case.token = token;
        case.canonical_request = Some(read("creq"));
        case.string_to_sign = Some(read("sts"));
        case.authorization = Some(read("authz"));
        case.signature = read("authz").rsplit('=').next().map(ToOwned::to_owned);
        cases.push(case);
    }
    cases
}

/// What another suite adds: paths that are escaped already.
fn smithy(under: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for folder in folders(under) {
        let name = name_of(&folder);
        let part = |part: &str| {
            let path = folder.join(part);
            path.exists().then(|| read(&path).trim_end_matches('\n').to_owned())
        };
        let mut request = RawRequest::parse(&read(&folder.join("request.txt")));
        let date = request.take_header("x-amz-date");
        request.take_header("authorization");
        let token = request.take_header("x-amz-security-token");
        // A case with a context is of the first suite, where the path is encoded once.
        let twice = part("context.json").is_none();
        let rule = if twice { PathRule::NormalizedEncodedTwice } else { PathRule::Normalized };
        let mut case = request.case(&format!("smithy-{name}"), rule);
        case.token = token;
        case.time = date.unwrap_or(case.time);
        let scope = part("header-string-to-sign.txt").unwrap_or_default();
        if let Some([_, region, service, _]) =
            scope.lines().nth(2).map(|scope| scope.split('/').collect::<Vec<_>>()).as_deref()
        {
            (case.region, case.service) = ((*region).to_owned(), (*service).to_owned());
        }
        let signed = part("header-signed-request.txt").unwrap_or_default();
        let authorization = signed.lines().find_map(|line| {
            line.get(..14).filter(|name| name.eq_ignore_ascii_case("authorization:"))?;
            line.get(14..).map(|value| value.trim().to_owned())
        });
        case.canonical_request = part("header-canonical-request.txt");
        case.string_to_sign = part("header-string-to-sign.txt");
        case.signature = part("header-signature.txt")
            .or_else(|| authorization.as_deref()?.rsplit('=').next().map(ToOwned::to_owned));
        if case.string_to_sign.is_none() {
            // SPEC: this one dates its request, its canonical request and its signature differently, so only
            // its canonical path counts.
            let path = case.canonical_request.take().and_then(|text| text.lines().nth(1).map(ToOwned::to_owned));
            case.signature = None;
            let name = case.name.clone();
            assert_eq!(canonical_path(&case), path, "{name}");
        }
        cases.push(case);
        if !twice {
            let mut case = suite_case(&folder, "query");
            case.name = format!("smithy-{}", case.name);
            cases.push(case);
        }
    }
    cases
}

fn canonical_path(case: &Case) -> Option<String> {
    use valet_key::aws::{Credential, Request};
    use valet_key::clock::Timestamp;
    let request = Request::new(&case.method, &case.origin, &case.region, &case.service).unwrap();
    let request = request.encoded_path(&*case.path).path_rule(case.rule).allow_dot_segments();
    let credential = Credential::new(&*case.access_key_id).unwrap();
    let prepared = request.prepare_headers(&credential, Timestamp::parse_iso_basic(&case.time).unwrap()).unwrap();
    let text = String::from_utf8(prepared.canonical_request().to_vec()).unwrap();
    text.lines().nth(1).map(ToOwned::to_owned)
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    value.as_array().into_iter().flatten().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

fn headers(value: &Value) -> Vec<(String, String)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
}

/// The fields that every record has.
fn record(record: &Value) -> Case {
    let request = &record["request"];
    let service = text(&record["service"]);
    let expected = &record["expected"];
    Case {
        name: text(&record["id"]),
        access_key_id: text(&record["credentials"]["access_key_id"]),
        secret: text(&record["credentials"]["secret_access_key"]),
        token: maybe(&record["credentials"]["session_token"]),
        token_after: false,
        s3_session: false,
        region: maybe(&record["region"]).unwrap_or_else(|| "us-east-1".to_owned()),
        region_set: maybe(&record["region_set"]),
        time: text(&record["amz_date"]),
        lifetime: None,
        rule: PathRule::of_service(&service),
        content_sha256: false,
        method: text(&request["method"]),
        origin: format!(
            "{}://{}",
            request["scheme"].as_str().unwrap_or("https"),
            request["host"].as_str().unwrap_or_default()
        ),
        path: text(&request["raw_path"]),
        path_is_encoded: true,
        query: pairs(&request["query"]),
        headers: Vec::new(),
        payload: maybe(&request["payload_hash"]).unwrap_or_default(),
        canonical_request: maybe(&expected["canonical_request"]),
        string_to_sign: maybe(&expected["string_to_sign"]),
        signature: maybe(&expected["signature"]),
        rfc6979: false,
        url: maybe(&expected["url"]),
        authorization: maybe(&expected["authorization"]),
        bare_plus: false,
        service,
    }
}

/// Presigned URLs.
fn presign_records(path: &Path) -> Vec<Case> {
    let case = |value: &Value| {
        let mut case = record(value);
        case.lifetime = value["expires_in"].as_u64().map(|seconds| u32::try_from(seconds).unwrap());
        case.headers = headers(&value["request"]["signed_headers"]);
        // The signer's own, which it writes itself.
        case.headers.retain(|(name, _)| name != "host" && name != "x-amz-content-sha256");
        if case.url.as_ref().is_some_and(|url| !url.contains("://")) {
            case.url = case.url.map(|url| format!("https://{url}"));
        }
        case
    };
    records(path).iter().map(case).collect()
}

/// Requests that were signed in their headers.
fn header_records(path: &Path) -> Vec<Case> {
    let case = |value: &Value| {
        let mut case = record(value);
        let request = &value["request"];
        let query = text(&request["raw_query"]);
        case.query = RawRequest::parse(&format!("GET /?{query} HTTP/1.1\n")).query;
        case.bare_plus = query.contains('+');
        case.headers = headers(&request["headers"]);
        let body = base64(&text(&request["body_base64"]));
        let added = &value["expected"]["headers_added"];
        let content_sha256 =
            headers(added).into_iter().find(|(name, _)| name.eq_ignore_ascii_case("x-amz-content-sha256"));
        case.content_sha256 = content_sha256.is_some();
        case.payload = content_sha256.map_or_else(|| hex::encode(Sha256::digest(body)), |(_, value)| value);
        case
    };
    records(path).iter().map(case).collect()
}

fn base64(text: &str) -> Vec<u8> {
    <base64ct::Base64 as base64ct::Encoding>::decode_vec(text).unwrap()
}

/// The worked examples of the documentation.
fn documentation(path: &Path) -> Vec<Case> {
    let case = |value: &Value| {
        let form = value["form"].as_str()?;
        if !matches!(form, "authorization-header" | "presigned-url") {
            return None;
        }
        let mut case = Case { name: String::new(), ..record(&with_host(value)) };
        case.name = format!("docs-{}", text(&value["id"]));
        // Its key is text: it holds a `$` that is signed as `%24`.
        case.path_is_encoded = case.path.contains('%');
        case.headers = headers(&value["request"]["headers"]);
        case.headers.retain(|(name, _)| !matches!(&**name, "host" | "x-amz-date" | "x-amz-content-sha256"));
        if form == "presigned-url" {
            let lifetime = case.url.as_ref()?.split("X-Amz-Expires=").nth(1)?.split('&').next()?;
            case.lifetime = lifetime.parse().ok();
        }
        case.content_sha256 = value["request"]["headers"]["x-amz-content-sha256"].is_string();
        // These are printed without blanks behind the commas.
        case.authorization = case.authorization.filter(|text| text.contains(", "));
        Some(case)
    };
    records(path).iter().filter_map(case).collect()
}

fn with_host(value: &Value) -> Value {
    let mut value = value.clone();
    if value["request"]["host"].is_null() {
        value["request"]["host"] = value["request"]["headers"]["host"].clone();
    }
    value
}

/// The worked examples of key derivation: a key made from the published signing key signs as the secret does.
pub(crate) fn signing_keys(folder: &Path, surprises: &mut Vec<String>) {
    use valet_key::aws::{Credential, Request, ScopedKey, SigV4, StaticKey};
    use valet_key::{clock::Timestamp, secret::Secret};
    let mut count = 0;
    for value in records(&folder.join(DOCUMENTATION)).iter().filter(|value| value["form"] == "signing-key") {
        count += 1;
        let request = &value["request"];
        let key = StaticKey::new("AKIDEXAMPLE", text(&request["secret_access_key"])).unwrap();
        let now = Timestamp::parse_iso_basic(&format!("{}T000000Z", text(&request["date"]))).unwrap();
        let (region, service) = (text(&request["region"]), text(&request["service"]));
        let signing = Request::new("GET", "https://example.amazonaws.com", &region, &service).unwrap();
        let prepared = signing.prepare_headers(key.credential(), now).unwrap();
        let mut bytes = [0; 32];
        hex::decode_to_slice(text(&value["expected"]["k_signing"]), &mut bytes).unwrap();
        let scoped = ScopedKey::from_signing_key(
            Credential::new("AKIDEXAMPLE").unwrap(),
            *prepared.scope(),
            &Secret::new(bytes),
        );
        let finish = |key: &dyn SigV4| {
            let signature = key.sign(prepared.scope(), prepared.string_to_sign()).unwrap();
            prepared.clone().finish(&signature).authorization().to_owned()
        };
        if finish(&key) != finish(&scoped) {
            surprises.push(format!("{}: another signing key", value["id"]));
        }
    }
    println!("{DOCUMENTATION}: {count} signing keys derived");
    if count == 0 {
        surprises.push(format!("{DOCUMENTATION}: no signing keys"));
    }
}

/// Where others send a request for a bucket and a key, and where we do.
pub(crate) fn endpoints(folder: &Path, surprises: &mut Vec<String>) {
    use valet_key::aws::{Endpoint, Region, SigV4, StaticKey, UrlRequest};
    use valet_key::{clock::Timestamp, grant::Grant, grant::Justification};
    let key = StaticKey::new("AKIDEXAMPLE", "secret").unwrap();
    let now = Timestamp::parse_iso_basic("20261124T120000Z").unwrap();
    let (mut same, mut passed_over) = (0, 0);
    for record in records(&folder.join("aws-botocore/s3-presign.json")) {
        let (api, request) = (&record["api"], &record["request"]);
        let (Some(bucket), Some(key_name)) = (api["params"]["Bucket"].as_str(), api["params"]["Key"].as_str()) else {
            continue;
        };
        let region = Region::new(record["region"].as_str().unwrap()).unwrap();
        let options = &api["client"]["s3"];
        let style = options["addressing_style"].as_str().unwrap_or_default();
        let custom = api["client"]["endpoint_url"].as_str();
        // Its global host for the oldest region, and its guesses for unknown servers, are not ours.
        let global = request["host"].as_str().unwrap().ends_with("s3.amazonaws.com");
        if (global && options["use_accelerate_endpoint"] != true) || (custom.is_some() && style == "auto") {
            passed_over += 1;
            continue;
        }
        let mut endpoint = custom
            .map_or_else(|| Endpoint::aws(region.clone()), |origin| Endpoint::custom(origin, region.clone()).unwrap());
        // Where a bucket cannot be part of the host it falls back to the path, as ours does when it may choose.
        let dotted = bucket.contains('.') && !bucket.starts_with("arn:");
        match style {
            "path" if !bucket.starts_with("arn:") => endpoint = endpoint.path_style(),
            "virtual" if !dotted && custom.is_some() => endpoint = endpoint.virtual_hosted(),
            _ => {}
        }
        if options["use_dualstack_endpoint"] == true {
            endpoint = endpoint.dual_stack();
        }
        if options["use_accelerate_endpoint"] == true {
            endpoint = endpoint.accelerate();
        }
        let grant =
            Grant::read(bucket, key_name).allow_dot_segments().because(Justification::new("published case").unwrap());
        let ours = UrlRequest::at(&endpoint, &grant)
            .and_then(|request| key.presign(&request, now))
            .map(|url| url.expose().split('?').next().unwrap_or_default().to_owned());
        let theirs = format!("{}://{}{}", text(&request["scheme"]), text(&request["host"]), text(&request["raw_path"]));
        if ours.as_ref().is_ok_and(|ours| *ours == theirs) {
            same += 1;
        } else {
            surprises.push(format!("{}: goes to {theirs}, ours to {ours:?}", record["id"]));
        }
    }
    println!("aws-botocore/s3-presign.json: {same} endpoints the same, {passed_over} of kinds that we do not guess");
    if same == 0 {
        surprises.push("aws-botocore/s3-presign.json: no endpoints".to_owned());
    }
}

//! Reads the published files, each in its own format, into our cases.

#[cfg(feature = "legacy")]
use crate::legacy::LegacyCase;
use crate::{case::Case, post::PostCase};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

fn read(folder: &Path, file: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join(file)).unwrap()).unwrap()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}")).to_owned()
}

fn maybe(value: &Value, field: &str) -> Option<String> {
    value[field].as_str().map(ToOwned::to_owned)
}

/// `2019-02-01T09:00:00Z` in the basic form.
pub(crate) fn basic(time: &str) -> String {
    time.chars().filter(|c| !matches!(c, '-' | ':')).collect()
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    value.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), plain(value))).collect()
}

pub(crate) fn signed_urls(folder: &Path) -> Vec<(String, Vec<Case>)> {
    let mut sources = vec![("conformance".to_owned(), conformance(folder))];
    let python = read(folder, "gcs-python/v4-signed-urls.json");
    sources.push(("gcs-python/v4".to_owned(), python["cases"].as_array().unwrap().iter().map(from_python).collect()));
    let js = read(folder, "gcs-js/signed-urls.json");
    let v4 = js["cases"].as_array().unwrap().iter().filter(|case| case["version"] == "v4");
    sources.push(("gcs-js/v4".to_owned(), v4.map(from_js).collect()));
    sources
}

/// The same from what the libraries made a moment ago.
pub(crate) fn signed_urls_on_the_spot(folder: &Path) -> Vec<(String, Vec<Case>)> {
    let cases = |file: &str, from: fn(&Value) -> Case| {
        (file.to_owned(), read(folder, file)["cases"].as_array().unwrap().iter().map(from).collect())
    };
    vec![cases("python-signed-urls.json", from_python), cases("javascript-signed-urls.json", from_js)]
}

/// The same from what the libraries made a moment ago: both write conditions first, then fields.
pub(crate) fn post_policies_on_the_spot(folder: &Path) -> Vec<(String, Vec<PostCase>)> {
    let cases = |file: &str| {
        (file.to_owned(), read(folder, file)["cases"].as_array().unwrap().iter().map(post_from_python).collect())
    };
    vec![cases("python-post-policies.json"), cases("javascript-post-policies.json")]
}

fn conformance(folder: &Path) -> Vec<Case> {
    let file = read(folder, "gcs-conformance/v4_signatures.json");
    file["signingV4Tests"].as_array().unwrap().iter().map(from_conformance).collect()
}

/// Where a conformance case goes.
pub(crate) fn conformance_endpoint(case: &Value) -> (String, String) {
    let scheme = maybe(case, "scheme").unwrap_or_else(|| "https".to_owned());
    let with_scheme = |host: String| if host.contains("://") { host } else { format!("{scheme}://{host}") };
    if let Some(host) = maybe(case, "bucketBoundHostname") {
        return (with_scheme(host), "bound".to_owned());
    }
    let host = ["hostname", "clientEndpoint", "emulatorHostname"].iter().find_map(|field| maybe(case, field));
    let universe = maybe(case, "universeDomain").unwrap_or_else(|| "googleapis.com".to_owned());
    let style = if case["urlStyle"] == "VIRTUAL_HOSTED_STYLE" { "virtual" } else { "path" };
    (with_scheme(host.unwrap_or_else(|| format!("storage.{universe}"))), style.to_owned())
}

fn from_conformance(case: &Value) -> Case {
    let (origin, style) = conformance_endpoint(case);
    Case {
        name: text(case, "description"),
        hmac: None,
        time: basic(&text(case, "timestamp")),
        lifetime: u32::try_from(case["expiration"].as_u64().unwrap()).unwrap(),
        method: text(case, "method"),
        origin,
        style,
        bucket: text(case, "bucket"),
        object: maybe(case, "object").filter(|object| !object.is_empty()),
        query: pairs(&case["queryParameters"]),
        headers: pairs(&case["headers"]),
        canonical_request: maybe(case, "expectedCanonicalRequest"),
        string_to_sign: maybe(case, "expectedStringToSign"),
        url: text(case, "expectedUrl"),
        quirk: None,
    }
}

fn from_python(case: &Value) -> Case {
    let params = &case["params"];
    let mut query: BTreeMap<String, String> = pairs(&params["query_parameters"]).into_iter().collect();
    for (field, name) in [
        ("response_disposition", "response-content-disposition"),
        ("response_type", "response-content-type"),
        ("generation", "generation"),
    ] {
        match &params[field] {
            Value::Null => {}
            value => drop(query.insert(name.to_owned(), value.as_str().map_or(value.to_string(), ToOwned::to_owned))),
        }
    }
    let mut headers = pairs(&params["headers"]);
    for (field, name) in [("content_type", "content-type"), ("content_md5", "content-md5")] {
        headers.extend(maybe(params, field).map(|value| (name.to_owned(), value)));
    }
    let mut method = text(params, "method");
    if method == "RESUMABLE" {
        "POST".clone_into(&mut method);
        headers.push(("x-goog-resumable".to_owned(), "start".to_owned()));
    }
    let scheme = maybe(params, "scheme").unwrap_or_else(|| "http".to_owned());
    let (origin, style) = match maybe(params, "bucket_bound_hostname") {
        Some(host) if host.contains("://") => (host, "bound"),
        Some(host) => (format!("{scheme}://{host}"), "bound"),
        None if params["virtual_hosted_style"] == true => ("https://storage.googleapis.com".to_owned(), "virtual"),
        None => ("https://storage.googleapis.com".to_owned(), "path"),
    };
    Case {
        name: text(case, "id"),
        hmac: None,
        time: basic(&text(case, "timestamp")),
        lifetime: u32::try_from(case["expires_in"].as_u64().unwrap()).unwrap(),
        method,
        origin,
        style: style.to_owned(),
        bucket: text(case, "bucket"),
        object: maybe(case, "object"),
        query: query.into_iter().collect(),
        headers,
        canonical_request: maybe(&case["expected"], "canonical_request"),
        string_to_sign: maybe(&case["expected"], "string_to_sign"),
        url: text(&case["expected"], "url"),
        quirk: maybe(case, "quirk"),
    }
}

fn from_js(case: &Value) -> Case {
    let params = &case["params"];
    let mut query = pairs(&params["queryParams"]);
    for (field, name) in
        [("responseDisposition", "response-content-disposition"), ("responseType", "response-content-type")]
    {
        query.extend(maybe(params, field).map(|value| (name.to_owned(), value)));
    }
    let mut headers = pairs(&params["extensionHeaders"]);
    for (field, name) in [("contentType", "content-type"), ("contentMd5", "content-md5")] {
        headers.extend(maybe(params, field).map(|value| (name.to_owned(), value)));
    }
    let method = match text(params, "action").as_str() {
        "read" => "GET",
        "write" => "PUT",
        "delete" => "DELETE",
        "resumable" => "POST",
        other => panic!("action {other}"),
    };
    if method == "POST" {
        headers.push(("x-goog-resumable".to_owned(), "start".to_owned()));
    }
    let (origin, style) = match maybe(params, "cname") {
        Some(host) => (host, "bound"),
        None if params["virtualHostedStyle"] == true => ("https://storage.googleapis.com".to_owned(), "virtual"),
        None => ("https://storage.googleapis.com".to_owned(), "path"),
    };
    Case {
        name: text(case, "id"),
        hmac: None,
        time: basic(&text(case, "timestamp")),
        lifetime: u32::try_from(case["expires_in"].as_u64().unwrap()).unwrap(),
        method: method.to_owned(),
        origin,
        style: style.to_owned(),
        bucket: text(case, "bucket"),
        object: maybe(case, "object"),
        query,
        headers,
        canonical_request: None,
        string_to_sign: None,
        url: text(&case["expected"], "url"),
        quirk: maybe(case, "quirk"),
    }
}

pub(crate) fn post_policies(folder: &Path) -> Vec<(String, Vec<PostCase>)> {
    let conformance = read(folder, "gcs-conformance/v4_signatures.json");
    let python = read(folder, "gcs-python/v4-post-policies.json");
    let list = |value: &Value| value.as_array().unwrap().clone();
    vec![
        (
            "conformance/post".to_owned(),
            list(&conformance["postPolicyV4Tests"]).iter().map(post_from_conformance).collect(),
        ),
        ("gcs-python/post".to_owned(), list(&python["cases"]).iter().map(post_from_python).collect()),
    ]
}

fn field_entries(fields: &Value) -> impl Iterator<Item = Value> {
    let fields = pairs(fields).into_iter().filter(|(name, _)| !name.starts_with("x-ignore-"));
    fields.map(|(name, value)| json!(["field", name, value]))
}

fn post_from_conformance(case: &Value) -> PostCase {
    let (input, output) = (&case["policyInput"], &case["policyOutput"]);
    let (origin, style) = conformance_endpoint(input);
    let mut entries = Vec::new();
    if let [field, prefix] = input["conditions"]["startsWith"].as_array().map(Vec::as_slice).unwrap_or_default() {
        entries.push(json!(["starts-with", field.as_str().unwrap().trim_start_matches('$'), prefix]));
    }
    if let [least, most] = input["conditions"]["contentLengthRange"].as_array().map(Vec::as_slice).unwrap_or_default() {
        entries.push(json!(["size", least, most]));
    }
    entries.extend(field_entries(&input["fields"]));
    PostCase {
        name: text(case, "description"),
        time: basic(&text(input, "timestamp")),
        lifetime: u32::try_from(input["expiration"].as_u64().unwrap()).unwrap(),
        origin,
        style,
        bucket: text(input, "bucket"),
        object: text(input, "object"),
        entries,
        url: text(output, "url"),
        fields: pairs(&output["fields"]),
        quirk: None,
        only_verified: false,
    }
}

fn post_from_python(case: &Value) -> PostCase {
    let params = &case["url_params"];
    let scheme = maybe(params, "scheme").unwrap_or_else(|| "http".to_owned());
    let google = format!("{}://storage.googleapis.com", maybe(params, "scheme").unwrap_or_else(|| "https".to_owned()));
    let (origin, style) = match maybe(params, "bucket_bound_hostname") {
        Some(host) if host.contains("://") => (host, "bound"),
        Some(host) => (format!("{scheme}://{host}"), "bound"),
        None if params["virtual_hosted_style"] == true => (google, "virtual"),
        None => (google, "path"),
    };
    let mut entries: Vec<Value> = Vec::new();
    for condition in case["conditions"].as_array().into_iter().flatten() {
        match condition[0].as_str() {
            Some("content-length-range") => entries.push(json!(["size", condition[1], condition[2]])),
            Some(operator @ "starts-with") => {
                entries.push(json!([operator, condition[1].as_str().unwrap().trim_start_matches('$'), condition[2]]));
            }
            _ => panic!("condition {condition}"),
        }
    }
    entries.extend(field_entries(&case["fields"]));
    PostCase {
        name: text(case, "id"),
        time: basic(&text(case, "timestamp")),
        lifetime: u32::try_from(case["expires_in"].as_u64().unwrap()).unwrap(),
        origin,
        style: style.to_owned(),
        bucket: text(case, "bucket"),
        object: text(case, "object"),
        entries,
        url: text(&case["expected"], "url"),
        fields: pairs(&case["expected"]["fields"]),
        quirk: maybe(case, "quirk"),
        only_verified: case["fraction"] == true,
    }
}

#[cfg(feature = "legacy")]
pub(crate) fn legacy_urls(folder: &Path) -> Vec<(String, Vec<LegacyCase>)> {
    let python = read(folder, "gcs-python/v2-signed-urls.json");
    let js = read(folder, "gcs-js/signed-urls.json");
    let list = |value: &Value| value["cases"].as_array().unwrap().clone();
    vec![
        ("gcs-python/v2".to_owned(), list(&python).iter().map(legacy_from_python).collect()),
        ("gcs-js/v2".to_owned(), list(&js).iter().filter(|case| case["version"] == "v2").map(legacy_from_js).collect()),
    ]
}

/// V2 signs these parameters nowhere.
#[cfg(feature = "legacy")]
fn legacy(
    case: &Value,
    v4: Case,
    signed_query: Vec<(String, String)>,
    unsigned_query: Vec<(String, String)>,
) -> LegacyCase {
    LegacyCase {
        name: v4.name,
        time: v4.time,
        lifetime: v4.lifetime,
        method: v4.method,
        origin: v4.origin,
        style: v4.style,
        bucket: v4.bucket,
        object: v4.object.unwrap(),
        headers: v4.headers,
        signed_query,
        unsigned_query,
        string_to_sign: maybe(&case["expected"], "string_to_sign"),
        url: v4.url,
        quirk: v4.quirk,
    }
}

#[cfg(feature = "legacy")]
fn legacy_from_python(case: &Value) -> LegacyCase {
    let signed = pairs(&case["params"]["query_parameters"]);
    let v4 = from_python(case);
    let unsigned =
        v4.query.iter().filter(|(name, _)| !signed.iter().any(|(other, _)| other == name)).cloned().collect();
    legacy(case, v4, signed, unsigned)
}

#[cfg(feature = "legacy")]
fn legacy_from_js(case: &Value) -> LegacyCase {
    let v4 = from_js(case);
    let query = v4.query.clone();
    legacy(case, v4, Vec::new(), query)
}

//! What logs say of a token. The lines are written by hand, from the documented formats and their examples; no service was asked.

use super::{Office, REGION, SECRET, at, azure_key, gcs_key, s3_key, split, subject};
use proptest::prelude::*;
use std::sync::Arc;
use valet_key::{
    aws::{SigV4, UrlRequest},
    azure::{self, Delegation, Sas, UserDelegationKey},
    gcs::{self, GoogV4},
    grant::{Grant, RequestId},
    issuer::{
        Ask, AuditRecord, Issuer, MemorySink, Unlimited,
        logs::{Join, LogEntry, LogSource, Match},
        unbounded,
    },
    token::BearerUrl,
};

const GUID: &str = "30313233-3435-4637-b839-616263646566";

/// A line of S3's server access log for a request of `uri` at 13:14:15.
fn s3_line(method: &str, uri: &str, status: &str) -> String {
    format!(
        "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be photos [14/Nov/2023:22:14:15 +0000] 192.0.2.3 \
         arn:aws:iam::123456789012:user/issuer DD6CC733AEXAMPLE REST.{method}.OBJECT cat.jpg \"{method} {uri} HTTP/1.1\" \
         {status} - 4406 4406 41 28 \"-\" \"Mozilla/5.0 (X11; \\\"quoted\\\") 200\" - s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6Uk= SigV4 \
         TLS_AES_128_GCM_SHA256 QueryString photos.s3.eu-west-1.amazonaws.com TLSv1.3 - - eu-west-1"
    )
}

/// A line of the resource log of Azure Storage.
fn azure_line(uri: &str, status: u16) -> String {
    serde_json::json!({
        "time": "2023-11-14T22:14:15.2123117Z",
        "resourceId": "/subscriptions/0/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/myaccount/blobServices/default",
        "category": "StorageRead",
        "operationName": "GetBlob",
        "operationVersion": "2020-12-06",
        "schemaVersion": "1.0",
        "statusCode": status,
        "statusText": "Success",
        "durationMs": 31,
        "callerIpAddress": "192.0.2.3:11111",
        "correlationId": "2ab4cc7d-201e-0011-2c3a-17d4a2000000",
        "identity": { "type": "DelegationSas", "tokenHash": "user-delegation(00),SasSignature(00)" },
        "location": "westeurope",
        "properties": { "accountName": "myaccount", "clientRequestId": "another", "etag": "\"0x8D\"", "serviceType": "blob" },
        "uri": uri,
        "protocol": "HTTPS",
        "resourceType": "Microsoft.Storage/storageAccounts/blobServices"
    })
    .to_string()
}

/// A line of a log of Storage Analytics: version 1.0, or 2.0 with its eight fields more.
fn classic_line(version: &str, url: &str, status: &str) -> String {
    let url = url.replace('&', "&amp;");
    let v1 = format!(
        "{version};2023-11-14T22:14:15.2481552Z;GetBlob;SASSuccess;{status};8;6;sas;;myaccount;blob;\"{url}\";\
         \"/myaccount/photos/cat.jpg\";2ab4cc7d-201e-0011-2c3a-17d4a2000000;0;192.0.2.3:4362;2020-12-06;415;0;273;4406;0;;;\
         \"&quot;0x8D&quot;\";Tuesday, 14-Nov-23 21:00:00 GMT;;\"Mozilla; 5.0\";;\"client-id\""
    );
    if version == "1.0" { v1 } else { v1 + ";;;;;;;;" }
}

/// A line of a usage log of Cloud Storage.
fn gcs_line(uri: &str, status: &str) -> String {
    format!(
        "\"1700000055123456\",\"192.0.2.3\",\"1\",\"\",\"GET\",\"{uri}\",\"{status}\",\"0\",\"4406\",\"31000\",\
         \"storage.googleapis.com\",\"\",\"Mozilla/5.0 \"\"quoted\"\", and more\",\
         \"AHmUCY0example\",\"GET_Object\",\"photos\",\"cat.jpg\""
    )
}

fn delegated() -> UserDelegationKey {
    let ids = ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"];
    let window = ["2023-11-14T00:00:00Z", "2023-11-16T00:00:00Z"];
    let key = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI=";
    UserDelegationKey::new("myaccount", Delegation::new(ids, window, "b", "2020-12-06").unwrap(), key).unwrap()
}

/// One token of each cloud with this id, and the records of them.
fn issued(id: &str) -> ([BearerUrl; 3], Vec<AuditRecord>) {
    let sink = Arc::new(MemorySink::new(9));
    let grant = Grant::read("photos", "cat.jpg").request_id(id);
    let s3 = |grant: &Grant, now| s3_key().presign(&UrlRequest::s3(grant, REGION)?, now);
    let gcs = |grant: &Grant, now| gcs_key().signed_url(&gcs::UrlRequest::storage(grant)?, now);
    let azure = |grant: &Grant, now| delegated().issue(&azure::UrlRequest::at(&azure::Endpoint::azure(), grant)?, now);
    let jane = subject("jane");
    let ask = Ask::new(&jane, &grant);
    let s3 = Issuer::new(s3, unbounded, Unlimited, sink.clone(), at(0)).issue(&ask).unwrap();
    let gcs = Issuer::new(gcs, unbounded, Unlimited, sink.clone(), at(0)).issue(&ask).unwrap();
    let azure = Issuer::new(azure, unbounded, Unlimited, sink.clone(), at(0)).issue(&ask).unwrap();
    ([s3.into_token(), gcs.into_token(), azure.into_token()], sink.records())
}

/// Without its signature, as Azure writes it.
fn masked(url: &str) -> String {
    let (before, _) = url.split_once("&sig=").unwrap();
    format!("{before}&sig=XXXXX")
}

#[test]
fn an_id_is_carried_to_where_the_cloud_logs_it() {
    let ([s3, gcs, azure], _) = issued(GUID);
    assert!(s3.expose_query().contains(&format!("&x-request-id={GUID}&")));
    assert!(azure.expose_query().contains(&format!("&scid={GUID}&")));
    let header = ("x-goog-custom-audit-request-id".to_owned(), GUID.as_bytes().to_vec());
    assert!(gcs.required_headers().contains(&header));
    assert!(gcs.expose_query().contains("x-goog-custom-audit-request-id"), "it is signed");
    // None that a log could not show as it is.
    for id in ["", "a b", "a_b", "a/b", "\u{e9}", &"a".repeat(65)] {
        let grant = Grant::read("photos", "cat.jpg").request_id(id);
        assert!(UrlRequest::s3(&grant, REGION).is_err(), "{id}");
        assert!(gcs::UrlRequest::storage(&grant).is_err(), "{id}");
        assert!(azure::UrlRequest::at(&azure::Endpoint::azure(), &grant).is_err(), "{id}");
        assert!(RequestId::new(id).is_err(), "{id}");
    }
    assert!(UrlRequest::s3(&Grant::read("photos", "cat.jpg").request_id("a".repeat(64)), REGION).is_ok());
}

#[test]
fn a_line_of_each_log_is_joined_to_its_record() {
    let ([s3, gcs, azure], records) = issued(GUID);
    let (_others, other_records) = issued("31313131-3131-4131-b131-313131313131");
    let all: Vec<AuditRecord> = records.iter().chain(&other_records).cloned().collect();
    let join = Join::new(&all);
    let [s3_record, gcs_record, azure_record] = [&all[0], &all[1], &all[2]];

    let entry = LogEntry::s3_access(&s3_line("GET", split(s3.expose()).1, "200")).unwrap();
    assert_eq!((entry.source, entry.at, &*entry.operation), (LogSource::S3Access, at(55), "REST.GET.OBJECT"));
    assert_eq!((entry.status, entry.was_accepted()), (Some(200), true));
    assert_eq!(entry.client_address, Some("192.0.2.3".parse().unwrap()));
    assert_eq!((entry.provider_id.as_deref(), entry.request_id.as_deref()), (Some("DD6CC733AEXAMPLE"), Some(GUID)));
    assert_eq!(join.find(&entry), Match::Token(s3_record));
    // A log that hides the signature is joined by the id alone: of all three, which have the same.
    let hidden = split(s3.expose()).1.split("X-Amz-Signature=").next().unwrap().to_owned() + "X-Amz-Signature=-";
    let entry = LogEntry::s3_access(&s3_line("GET", &hidden, "200")).unwrap();
    assert_eq!(join.find(&entry), Match::Request(&[s3_record, gcs_record, azure_record]));

    let entry = LogEntry::gcs_usage(&gcs_line(split(gcs.expose()).1, "200")).unwrap();
    assert_eq!((entry.source, entry.at, &*entry.operation), (LogSource::GcsUsage, at(55), "GET_Object"));
    assert_eq!((entry.status, entry.provider_id.as_deref()), (Some(200), Some("AHmUCY0example")));
    assert_eq!(join.find(&entry), Match::Token(gcs_record));

    let url = azure.expose().replace(".net/", ".net:443/");
    for entry in [
        LogEntry::azure_resource(&azure_line(&masked(&url), 200)).unwrap(),
        LogEntry::azure_classic(&classic_line("1.0", &masked(&url), "200")).unwrap(),
        LogEntry::azure_classic(&classic_line("2.0", &masked(&url), "200")).unwrap(),
    ] {
        assert_eq!((entry.at, &*entry.operation, entry.status), (at(55), "GetBlob", Some(200)));
        assert_eq!(entry.client_address, Some("192.0.2.3".parse().unwrap()));
        assert_eq!(entry.provider_id.as_deref(), Some("2ab4cc7d-201e-0011-2c3a-17d4a2000000"));
        assert_eq!((entry.request_id.as_deref(), entry.fingerprint), (Some(GUID), None));
        assert_eq!(join.find(&entry), Match::Request(&[s3_record, gcs_record, azure_record]));
    }
    // Should it show the signature one day.
    let entry = LogEntry::azure_resource(&azure_line(&url, 200)).unwrap();
    assert_eq!(join.find(&entry), Match::Token(azure_record));
}

#[test]
fn what_belongs_to_no_record_or_to_two_is_told() {
    let ([s3, ..], records) = issued(GUID);
    let ([foreign, ..], _) = issued("31313131-3131-4131-b131-313131313131");
    let join = Join::new(&records);
    let find =
        |uri: &str, status| format!("{:?}", join.find(&LogEntry::s3_access(&s3_line("GET", uri, status)).unwrap()));
    let target = split(s3.expose()).1;
    assert_eq!(find(split(foreign.expose()).1, "403"), "Unknown");
    assert_eq!(find("/cat.jpg", "403"), "Unknown");
    // The id of a token with another signature is what a client wrote.
    assert_eq!(
        find(&split(foreign.expose()).1.replace("31313131-3131-4131-b131-313131313131", GUID), "403"),
        "Unknown"
    );
    assert!(find(&target.replace(GUID, "foreign"), "403").starts_with("Contradiction"));
    assert!(find(&target.replace(&format!("x-request-id={GUID}"), "a=b"), "403").starts_with("Token"));
    // An id that is there twice, or cannot be one, is none.
    for id in
        [format!("x-request-id={GUID}&X-Request-Id={GUID}"), "x-request-id=a%20b".into(), "x-request-id=%ff".into()]
    {
        let entry = LogEntry::s3_access(&s3_line("GET", &format!("/cat.jpg?{id}"), "403")).unwrap();
        assert_eq!((entry.request_id.as_deref(), entry.was_accepted()), (None, false));
    }
    // What anybody could add to the SAS of an account key is no id.
    let sas = azure_key()
        .issue(&azure::UrlRequest::at(&azure::Endpoint::azure(), &Grant::read("photos", "cat.jpg")).unwrap(), at(0))
        .unwrap();
    let uri = format!("{}&scid={GUID}", masked(sas.expose()));
    assert_eq!(LogEntry::azure_resource(&azure_line(&uri, 200)).unwrap().request_id, None);
    // Refused requests are no tokens.
    let (office, jane) = (Office::new(), subject("jane"));
    drop(office.issuer.issue(&Ask::new(&jane, &Grant::read("payroll", "a").request_id(GUID))));
    let refused = office.sink.records();
    let entry = LogEntry::s3_access(&s3_line("GET", &format!("/a?x-request-id={GUID}"), "200")).unwrap();
    assert_eq!((refused.len(), Join::new(&refused).find(&entry)), (1, Match::Unknown));
}

#[test]
fn an_entry_holds_no_token() {
    let (urls, _) = issued(GUID);
    for (url, entry) in [
        (&urls[0], LogEntry::s3_access(&s3_line("GET", split(urls[0].expose()).1, "200"))),
        (&urls[1], LogEntry::gcs_usage(&gcs_line(split(urls[1].expose()).1, "200"))),
        (&urls[2], LogEntry::azure_resource(&azure_line(urls[2].expose(), 200))),
        (&urls[2], LogEntry::azure_classic(&classic_line("1.0", urls[2].expose(), "200"))),
    ] {
        let text = format!("{:?}", entry.unwrap());
        let signature = url
            .expose_query()
            .split('&')
            .find_map(|it| it.split_once("ignature=").or(it.split_once("sig=")))
            .unwrap()
            .1;
        for part in signature.as_bytes().windows(12) {
            assert!(!text.contains(std::str::from_utf8(part).unwrap()), "{text}");
        }
        assert!(text.contains("REDACTED") && text.contains("cat.jpg") && !text.contains(SECRET));
    }
}

#[test]
fn lines_with_other_fields_are_refused() {
    let good = s3_line("GET", "/cat.jpg", "200");
    assert!(LogEntry::s3_access(&good).is_ok());
    // A time and address of another kind, and what is no request of a client.
    for (from, to) in [
        ("192.0.2.3", "2001:db8::1"),
        ("192.0.2.3", "-"),
        (" 200 - ", " - - "),
        ("\"GET /cat.jpg HTTP/1.1\"", "-"),
        ("\"GET /cat.jpg HTTP/1.1\"", "\"-\""),
    ] {
        assert!(LogEntry::s3_access(&good.replacen(from, to, 1)).is_ok(), "{to}");
    }
    for (from, to) in [
        ("[14/Nov/2023:22:14:15 +0000]", "14/Nov/2023:22:14:15"),
        ("14/Nov", "31/Nov"),
        ("14/Nov", "14/Now"),
        ("22:14:15", "24:14:15"),
        ("+0000", "+0100"),
        ("[14", "[[14"),
        ("\"GET /cat.jpg HTTP/1.1\"", "\"GET /cat.jpg\""),
        ("\"GET /cat.jpg HTTP/1.1\"", "\"GET /cat.jpg HTTP/1.1"),
        ("GET /cat.jpg HTTP/1.1", "GET /cat.jpg HTTP/1.1 200"),
        ("/cat.jpg", "/cat.jpg\" 200 - \""),
        ("/cat.jpg", "/cat.jpg 200"),
        (" 200 - ", " 2000 - "),
        (" 200 - ", " +20 - "),
        (" 200 - ", " \"200\" - "),
        ("REST.GET.OBJECT", "-"),
        ("photos", ""),
        ("photos", "pho\ttos"),
    ] {
        assert!(LogEntry::s3_access(&good.replacen(from, to, 1)).is_err(), "{to}");
    }

    let good = azure_line("https://myaccount.blob.core.windows.net/c/b", 200);
    assert!(LogEntry::azure_resource(&good.replace(":200", ":\"200\"")).unwrap().was_accepted());
    for (from, to) in [
        ("\"time\"", "\"when\""),
        ("2023-11-14T22:14:15.2123117Z", "2023-11-14 22:14:15"),
        ("\"uri\"", "\"url\""),
        ("\"operationName\"", "\"time\""),
        ("\"operationName\":\"GetBlob\"", "\"operationName\":null"),
        ("{\"", "[\""),
        ("}", "} {"),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(LogEntry::azure_resource(&good.replacen(from, to, 1)).is_err(), "{to}");
    }

    let good = classic_line("1.0", "https://myaccount.blob.core.windows.net/c/b?sv=1&sr=b", "200");
    assert!(LogEntry::azure_classic(&good).is_ok());
    for (from, to) in [
        ("1.0;", "3.0;"),
        ("1.0;", "2.0;"),
        ("22:14:15.2481552Z", "22:14:15"),
        (";GetBlob;", ";;"),
        ("\"https", "\"\"https"),
        ("&amp;", "&amp"),
        ("&amp;", "&what;"),
        ("&amp;", "&#+38;"),
        ("&amp;", "&#10;"),
        ("&amp;", "&#x110000;"),
        (";\"client-id\"", ""),
        ("\"client-id\"", "\"client-id"),
        ("\"client-id\"", "\"client-id\"x"),
        ("sas;;", "sas\n;;"),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(LogEntry::azure_classic(&good.replacen(from, to, 1)).is_err(), "{to}");
    }
    assert!(LogEntry::azure_classic(&";".repeat(100)).is_err());

    let good = gcs_line("/photos/cat.jpg?a=%22", "200");
    assert!(LogEntry::gcs_usage(&good).is_ok());
    assert!(LogEntry::gcs_usage("\"time_micros\",\"c_ip\",\"c_ip_type\",\"c_ip_region\",\"cs_method\",\"cs_uri\",\"sc_status\",\"cs_bytes\",\"sc_bytes\",\"time_taken_micros\",\"cs_host\",\"cs_referer\",\"cs_user_agent\",\"s_request_id\",\"cs_operation\",\"cs_bucket\",\"cs_object\"").is_err());
    for (from, to) in [
        ("1700000055123456", ""),
        ("1700000055123456", "+170000005512345"),
        ("1700000055123456", "9999999999999999999"),
        ("\"GET\"", "GET\""),
        ("\"GET\"", "\"GET\"x"),
        ("\"GET\"", "\"GE\"T\""),
        (",\"cat.jpg\"", ""),
        ("\"cat.jpg\"", "\"cat.jpg"),
        ("GET_Object", ""),
        ("photos\"", "pho\rtos\""),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(LogEntry::gcs_usage(&good.replacen(from, to, 1)).is_err(), "{to}");
    }

    let long = "a".repeat(64 << 10);
    for read in [LogEntry::s3_access, LogEntry::azure_resource, LogEntry::azure_classic, LogEntry::gcs_usage] {
        let error = read(&long).unwrap_err();
        assert!(error.to_string().len() < 100);
        assert!(read("").is_err());
    }
    assert!(LogEntry::s3_access(&s3_line("GET", &long[..40 << 10], "200")).is_err());
}

#[test]
fn a_client_cannot_write_a_line_of_its_own() {
    // Whatever stands in a user agent, a referer or a name, is not read as anything else.
    let line = s3_line("GET", "/cat.jpg?x-request-id=mine", "200")
        .replace("Mozilla", "\" 403 \"GET /x?x-request-id=yours HTTP/1.1\"");
    assert_eq!(LogEntry::s3_access(&line).unwrap().request_id.as_deref(), Some("mine"));
    let line = gcs_line("/photos/cat.jpg", "200").replace("Mozilla", "\"\",\"\"x\"\",\"\"");
    assert_eq!(LogEntry::gcs_usage(&line).unwrap().operation, "GET_Object");
}

proptest! {
    #[test]
    fn any_id_is_found_again(id in "[A-Za-z0-9-]{1,64}", name in "[a-z .+%/]{1,20}", seconds in 0..100_000i64) {
        prop_assume!(!name.split('/').any(|it| matches!(it, "" | "." | "..")));
        let grant = Grant::read("photos", &name).request_id(&id);
        let url = super::s3_url(&grant, at(seconds));
        let entry = LogEntry::s3_access(&s3_line("GET", split(url.expose()).1, "200")).unwrap();
        prop_assert_eq!(entry.request_id.as_deref(), Some(&*id));
        prop_assert_eq!(entry.fingerprint, Some(url.fingerprint()));
    }

    #[test]
    fn any_value_of_a_csv_survives(values in proptest::collection::vec("[^\\pC]{0,12}", 17..20)) {
        let mut values = values;
        values[0] = "1700000000000000".into();
        values[14] = "GET_Object".into();
        let line: Vec<String> = values.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
        let entry = LogEntry::gcs_usage(&line.join(",")).unwrap();
        prop_assert_eq!(entry.at, at(0));
        prop_assert_eq!(&*entry.operation, "GET_Object");
        prop_assert_eq!(entry.provider_id.is_some(), !values[13].is_empty());
    }

    #[test]
    fn one_changed_byte_of_a_signature_is_another_token(place: proptest::sample::Index, with in "[0-9a-f]") {
        let url = super::s3_url(&Grant::read("photos", "cat.jpg").request_id("id"), at(0));
        let (before, signature) = split(url.expose()).1.split_once("X-Amz-Signature=").unwrap();
        let at = place.index(signature.len());
        prop_assume!(signature[at..=at] != *with);
        let mut changed = signature.to_owned();
        changed.replace_range(at..=at, &with);
        let entry = LogEntry::s3_access(&s3_line("GET", &format!("{before}X-Amz-Signature={changed}"), "403")).unwrap();
        prop_assert!(entry.fingerprint.is_some() && entry.fingerprint != Some(url.fingerprint()));
    }
}

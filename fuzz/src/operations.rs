//! The slow reading of what a request asks of S3: one rule after the other, on the request as it was sent.

use super::reference::decode;
use valet_key::aws::S3Request;

/// What the path names, the method, the sub-resource, the operation, and the other parameters that it may have.
const TABLE: &str = "
service GET - ListBuckets bucket-region continuation-token max-buckets prefix
bucket GET - ListObjects delimiter encoding-type marker max-keys prefix
bucket GET list-type ListObjectsV2 continuation-token delimiter encoding-type fetch-owner max-keys prefix start-after
bucket GET versions ListObjectVersions delimiter encoding-type key-marker max-keys prefix version-id-marker
bucket GET uploads ListMultipartUploads delimiter encoding-type key-marker max-uploads prefix upload-id-marker
bucket HEAD - HeadBucket
bucket PUT - CreateBucket
bucket DELETE - DeleteBucket
bucket POST delete DeleteObjects
bucket GET accelerate GetBucketAccelerateConfiguration
bucket PUT accelerate PutBucketAccelerateConfiguration
bucket GET acl GetBucketAcl
bucket PUT acl PutBucketAcl
bucket GET cors GetBucketCors
bucket PUT cors PutBucketCors
bucket DELETE cors DeleteBucketCors
bucket GET encryption GetBucketEncryption
bucket PUT encryption PutBucketEncryption
bucket DELETE encryption DeleteBucketEncryption
bucket GET lifecycle GetBucketLifecycleConfiguration
bucket PUT lifecycle PutBucketLifecycleConfiguration
bucket DELETE lifecycle DeleteBucketLifecycle
bucket GET location GetBucketLocation
bucket GET logging GetBucketLogging
bucket PUT logging PutBucketLogging
bucket GET notification GetBucketNotificationConfiguration
bucket PUT notification PutBucketNotificationConfiguration
bucket GET object-lock GetObjectLockConfiguration
bucket PUT object-lock PutObjectLockConfiguration
bucket GET ownershipControls GetBucketOwnershipControls
bucket PUT ownershipControls PutBucketOwnershipControls
bucket DELETE ownershipControls DeleteBucketOwnershipControls
bucket GET policy GetBucketPolicy
bucket PUT policy PutBucketPolicy
bucket DELETE policy DeleteBucketPolicy
bucket GET policyStatus GetBucketPolicyStatus
bucket GET publicAccessBlock GetPublicAccessBlock
bucket PUT publicAccessBlock PutPublicAccessBlock
bucket DELETE publicAccessBlock DeletePublicAccessBlock
bucket GET replication GetBucketReplication
bucket PUT replication PutBucketReplication
bucket DELETE replication DeleteBucketReplication
bucket GET requestPayment GetBucketRequestPayment
bucket PUT requestPayment PutBucketRequestPayment
bucket GET tagging GetBucketTagging
bucket PUT tagging PutBucketTagging
bucket DELETE tagging DeleteBucketTagging
bucket GET versioning GetBucketVersioning
bucket PUT versioning PutBucketVersioning
bucket GET website GetBucketWebsite
bucket PUT website PutBucketWebsite
bucket DELETE website DeleteBucketWebsite
object GET - GetObject versionId partNumber response-cache-control response-content-disposition response-content-encoding response-content-language response-content-type response-expires
object HEAD - HeadObject versionId partNumber response-cache-control response-content-disposition response-content-encoding response-content-language response-content-type response-expires
object PUT - PutObject
object DELETE - DeleteObject versionId
object GET acl GetObjectAcl versionId
object PUT acl PutObjectAcl versionId
object GET attributes GetObjectAttributes versionId
object GET legal-hold GetObjectLegalHold versionId
object PUT legal-hold PutObjectLegalHold versionId
object GET retention GetObjectRetention versionId
object PUT retention PutObjectRetention versionId
object GET tagging GetObjectTagging versionId
object PUT tagging PutObjectTagging versionId
object DELETE tagging DeleteObjectTagging versionId
object GET torrent GetObjectTorrent
object POST restore RestoreObject versionId
object POST select SelectObjectContent select-type
object POST uploads CreateMultipartUpload
object PUT uploadId UploadPart partNumber
object POST uploadId CompleteMultipartUpload
object DELETE uploadId AbortMultipartUpload
object GET uploadId ListParts max-parts part-number-marker
";

/// Headers of S3 behind `x-amz-`, and beginnings of them with a star.
const HEADERS: &str = "acl bucket-object-lock-enabled bypass-governance-retention checksum-* content-sha256 copy-source \
    copy-source-if-* copy-source-range copy-source-server-side-encryption-customer-* date decoded-content-length \
    expected-bucket-owner grant-* if-match-* max-parts meta-* metadata-directive mfa mp-object-size object-attributes \
    object-lock-* object-ownership optional-object-attributes part-number-marker request-payer sdk-checksum-algorithm \
    security-token server-side-encryption server-side-encryption-* source-expected-bucket-owner* storage-class tagging \
    tagging-directive trailer* user-agent website-redirect-location*";

const OF_THE_SIGNATURE: &str = "X-Amz-Algorithm X-Amz-Credential X-Amz-Date X-Amz-Expires X-Amz-SignedHeaders \
    X-Amz-Signature X-Amz-Security-Token X-Amz-Region-Set";

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    operation: String,
    bucket: Option<String>,
    key: Option<String>,
    /// Bucket, name and version.
    source: Option<(String, String, Option<String>)>,
}

impl Asked {
    pub(super) fn of(request: &S3Request<'_>) -> Self {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Self {
            operation: request.operation().name().to_owned(),
            bucket: text(request.bucket()),
            key: text(request.key()),
            source: request
                .source()
                .map(|source| (source.container().to_owned(), source.name().to_owned(), text(source.version_id()))),
        }
    }

    /// Reads a request that is sent to a host with the bucket in front of it, or in its path.
    pub(super) fn read(
        method: &str,
        target: &str,
        lines: &[(&str, &[u8])],
        bucket_in_host: Option<&str>,
        dot_segments: bool,
    ) -> Option<Self> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let text = |text: &str| String::from_utf8(decode(text)?).ok();
        let name = path.strip_prefix('/')?;
        let (bucket, name) = match bucket_in_host {
            Some(bucket) => (Some(bucket.to_owned()), name),
            None if name.is_empty() => (None, ""),
            None => {
                let (bucket, name) = name.split_once('/').unwrap_or((name, ""));
                (Some(bucket.to_owned()).filter(|bucket| is_bucket(bucket))?.into(), name)
            }
        };
        let key = text(name)?;
        if key.len() > 1024 || key.contains('\0') {
            return None;
        }
        let level = match (&bucket, key.is_empty()) {
            (None, _) => "service",
            (Some(_), true) => "bucket",
            (Some(_), false) => "object",
        };
        let mut params = vec![];
        for param in query.split('&').filter(|param| !param.is_empty()) {
            let (name, value) = param.split_once('=').unwrap_or((param, ""));
            let (name, value) = (text(name)?, text(value)?);
            if !OF_THE_SIGNATURE.split(' ').any(|reserved| reserved == name) {
                params.push((name, value));
            }
        }
        let count = |wanted: &str| params.iter().filter(|(name, _)| name == wanted).count();
        if params.iter().any(|(name, _)| count(name) > 1) {
            return None;
        }
        let (extensions, own): (Vec<_>, Vec<_>) =
            params.iter().cloned().partition(|(name, _)| name.to_ascii_lowercase().starts_with("x-"));
        let operation = find(level, method, &own)?;

        let header = |name: &str| -> Vec<&[u8]> {
            lines.iter().filter(|(line, _)| line.to_ascii_lowercase() == name).map(|(_, value)| *value).collect()
        };
        let sources = header("x-amz-copy-source");
        let about_source = lines.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("x-amz-copy-source"));
        let (operation, source) = match (&sources[..], operation.as_str()) {
            ([], _) if about_source => return None,
            ([], _) => (operation, None),
            ([one], "PutObject") => ("CopyObject".to_owned(), Some(copied(one, dot_segments)?)),
            ([one], "UploadPart") => ("UploadPartCopy".to_owned(), Some(copied(one, dot_segments)?)),
            _ => return None,
        };
        match &header("x-amz-copy-source-range")[..] {
            [] => {}
            [range] if operation == "UploadPartCopy" && is_range(range) => {}
            _ => return None,
        }
        for (name, _) in lines {
            let name = name.to_ascii_lowercase();
            if name.starts_with("x-amz-") && !is_known(&name) {
                return None;
            }
        }
        for (name, value) in extensions {
            let lower = name.to_ascii_lowercase();
            if lower == "x-id" && value != operation {
                return None;
            }
            if lower == "x-amz-content-sha256" || !lower.starts_with("x-amz-") {
                continue;
            }
            let hoisted = is_known(&name) && !name.starts_with("x-amz-copy-source") && header(&name).is_empty();
            if !hoisted {
                return None;
            }
        }
        Some(Self { operation, bucket, key: Some(key).filter(|key| !key.is_empty()), source })
    }
}

fn is_bucket(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    text.len() >= 3
        && text.len() <= 255
        && text.chars().all(plain)
        && text.contains(|c: char| c.is_ascii_alphanumeric())
}

fn is_known(name: &str) -> bool {
    let Some(name) = name.strip_prefix("x-amz-") else { return false };
    HEADERS
        .split_whitespace()
        .any(|known| known.strip_suffix('*').map_or(known == name, |start| name.starts_with(start)))
}

fn find(level: &str, method: &str, params: &[(String, String)]) -> Option<String> {
    let rows: Vec<Vec<&str>> = TABLE.trim().lines().map(|line| line.split(' ').collect()).collect();
    let subs: Vec<&str> = rows.iter().map(|row| row[2]).chain(["append", "renameObject"]).collect();
    let named: Vec<_> = params.iter().filter(|(name, _)| subs.contains(&name.as_str())).collect();
    let (sub, value) = match named[..] {
        [] => ("-", ""),
        [(name, value)] => (name.as_str(), value.as_str()),
        _ => return None,
    };
    let good = match sub {
        "list-type" => value == "2",
        "uploadId" => !value.is_empty(),
        _ => value.is_empty(),
    };
    let row = rows.iter().find(|row| good && row[..3] == [level, method, sub])?;
    let number = |text: &str| {
        let plain = !text.is_empty() && text.len() <= 10 && text.chars().all(|c| c.is_ascii_digit());
        plain.then(|| text.parse::<u64>().unwrap())
    };
    for (name, value) in params.iter().filter(|(name, _)| name != sub) {
        let good = match name.as_str() {
            "partNumber" => matches!(number(value), Some(1..=10_000)),
            "max-keys" | "max-parts" | "max-uploads" | "max-buckets" | "part-number-marker" => number(value).is_some(),
            "encoding-type" => value == "url",
            "fetch-owner" => value == "true" || value == "false",
            "select-type" => value == "2",
            "versionId" => !value.is_empty(),
            _ => true,
        };
        if !good || !row[4..].contains(&name.as_str()) {
            return None;
        }
    }
    let needs = match row[3] {
        "UploadPart" => "partNumber",
        "SelectObjectContent" => "select-type",
        _ => "",
    };
    (needs.is_empty() || params.iter().any(|(name, _)| name == needs)).then(|| row[3].to_owned())
}

fn trimmed(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |at| at + 1);
    &value[start..end]
}

/// Bucket, name and version of a source.
fn copied(value: &[u8], dot_segments: bool) -> Option<(String, String, Option<String>)> {
    let value = std::str::from_utf8(trimmed(value)).ok()?;
    let text = |text: &str| String::from_utf8(decode(text)?).ok();
    if value.contains('+') || value.contains('#') {
        return None;
    }
    let mut parts = value.split('?');
    let path = parts.next()?;
    let path = path.strip_prefix('/').unwrap_or(path);
    let version = match (parts.next(), parts.next()) {
        (None, _) => None,
        (Some(version), None) if !version.contains('&') => Some(text(version.strip_prefix("versionId=")?)?),
        _ => return None,
    };
    let is_id = |id: &String| !id.is_empty() && id.len() <= 1024 && !id.contains(char::is_control);
    let segments: Option<Vec<String>> = path.split('/').map(text).collect();
    let segments = segments?;
    let folds = segments.iter().any(|segment| segment == "." || segment == "..");
    let hides = segments.iter().any(|segment| segment.contains('/'));
    if hides || (folds && !dot_segments) || version.as_ref().is_some_and(|id| !is_id(id)) {
        return None;
    }
    let point = segments[0].starts_with("arn:") && segments[0].contains(":accesspoint");
    let (container, name) = if point {
        // Written with a colon the whole of it is one segment.
        let length = if segments[0].ends_with(":accesspoint") { 2 } else { 1 };
        let arn = segments.get(..length)?.join("/");
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let plain = |text: &&str| {
            (1..=40).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        let [_, partition, "s3", region, account, point] = parts[..] else { return None };
        let point = point.strip_prefix("accesspoint/").or_else(|| point.strip_prefix("accesspoint:"))?;
        let label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let good = plain(&partition)
            && plain(&region)
            && account.len() == 12
            && account.chars().all(|c| c.is_ascii_digit())
            && (3..=50).contains(&point.len())
            && point.chars().all(label)
            && !point.starts_with('-')
            && !point.ends_with('-');
        (good && segments.get(length)? == "object").then_some((arn, segments.get(length + 1..)?.join("/")))?
    } else {
        (is_bucket(&segments[0]).then(|| segments[0].clone())?, segments[1..].join("/"))
    };
    (!name.is_empty() && name.len() <= 1024 && !name.contains('\0')).then_some((container, name, version))
}

fn is_range(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(trimmed(value)) else { return false };
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else { return false };
    let number = |text: &str| {
        let plain = !text.is_empty() && text.len() <= 19 && text.chars().all(|c| c.is_ascii_digit());
        plain.then(|| text.parse::<u64>().unwrap())
    };
    matches!((number(first), number(last)), (Some(first), Some(last)) if first <= last)
}

//! Published files, read whole and put into our own form.

use crate::{Vector, case::Case};
use serde_json::Value;
use std::path::Path;
use valet_key::azure::{
    AccountKey, AccountPermissions, BlobPermissions, ContainerPermissions, Credential, DirectoryPermissions, Inline,
    Sas, UrlRequest,
};
use valet_key::clock::Timestamp;
use valet_key::grant::Justification;

fn read(folder: &Path, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let value: Value = serde_json::from_str(&text).unwrap();
    let cases = value["cases"].as_array().cloned().unwrap_or_default();
    assert_eq!(Some(cases.len() as u64), value["count"].as_u64(), "{file} counts other cases than it has");
    cases
}

/// Complete tokens with their keys.
pub(crate) fn tokens(folder: &Path) -> Vec<(String, Vec<Case>)> {
    let files = [
        "azure-python/blob-sas.json",
        "azure-python/datalake-sas.json",
        "azure-python/account-sas.json",
        "azure-python/share-queue-sas.json",
        "azure-python/table-sas.json",
        "azure-js/sas-multi-version.json",
        "azure-published/tables-js-tests.json",
    ];
    files.into_iter().map(|file| (file.to_owned(), read(folder, file).iter().map(token).collect())).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn token(value: &Value) -> Case {
    let (resource, params, expected) = (&value["resource"], &value["params"], &value["expected"]);
    let kind = match (value["kind"].as_str().unwrap(), params["is_directory"].as_bool()) {
        (_, Some(true)) | ("blob-directory", _) => "directory",
        ("blob-snapshot", _) => "snapshot",
        ("blob-version", _) => "version",
        (kind, _) => kind,
    };
    // Some clients decode base64 leniently; what they get is the key.
    let key = match value["key_bytes_hex"].as_str() {
        Some(hex) => base64(&hex::decode(hex).unwrap()),
        None if value["account_key"].is_null() => text(&value["user_delegation_key"]["value"]),
        None => text(&value["account_key"]),
    };
    let pairs = |field: &str| -> Vec<(String, String)> {
        params[field].as_array().into_iter().flatten().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
    };
    let query = expected["query"].as_object().unwrap();
    Case {
        name: text(&value["id"]),
        kind: kind.to_owned(),
        account: text(&value["account"]),
        key,
        container: ["container", "share", "queue", "table"].into_iter().map(|field| text(&resource[field])).collect(),
        path: ["blob", "path"].into_iter().map(|field| text(&resource[field])).collect(),
        snapshot: ["snapshot", "version_id"].into_iter().map(|field| text(&params[field])).collect(),
        string_to_sign: text(&expected["string_to_sign"]),
        signature: text(&expected["signature"]),
        token: query
            .iter()
            .filter(|(name, _)| *name != "sig")
            .map(|(name, value)| (name.clone(), text(value)))
            .collect(),
        headers: pairs("request_headers"),
        query: pairs("request_query_params"),
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64ct::Encoding;
    base64ct::Base64::encode_string(bytes)
}

/// The lines of a string to sign by the parameter that each holds; what holds none is `-`.
const ACCOUNT: &str = "- sp ss srt st se sip spr sv ses";
const SERVICE: &str = "sp st se - si sip spr sv sr - ses rscc rscd rsce rscl rsct";
const DELEGATED: &str = "sp st se - skoid sktid skt ske sks skv saoid suoid scid skdutid sduoid sip spr sv sr - ses";
const BEHIND_REQUEST: &str = "rscc rscd rsce rscl rsct";

/// A published string to sign. What a token must have and the publisher left out is put in on both sides.
pub(crate) struct Text {
    case: Case,
    is_whole: bool,
}

impl Text {
    fn new(value: &Value) -> Self {
        let string = value["expected"]["string_to_sign"].as_str().unwrap();
        let mut lines: Vec<String> = string.split('\n').map(ToOwned::to_owned).collect();
        let is_delegated = value["signing"] == "user-delegation";
        let names = match (value["kind"].as_str(), is_delegated) {
            (Some("account"), _) => ACCOUNT,
            (_, false) => SERVICE,
            (_, true) => DELEGATED,
        };
        let mut is_whole = true;
        let mut token = Vec::new();
        let mut canonical = String::new();
        let mut snapshot = String::new();
        for (name, line) in names.split(' ').zip(&mut lines) {
            let needed = match name {
                "sp" => "r",
                "skoid" | "sktid" => "11111111-1111-1111-1111-111111111111",
                "skt" => "2017-01-01T00:00:00Z",
                "ske" => "2017-01-02T00:00:00Z",
                "sks" => "b",
                "skv" => "2020-12-06",
                _ => "",
            };
            let unknown_version = name == "skv" && line == "2018-06-17";
            if (line.is_empty() || unknown_version) && !needed.is_empty() {
                needed.clone_into(line);
                is_whole = false;
            }
            match name {
                "-" if line.starts_with("/blob/") => canonical.clone_from(line),
                "-" => snapshot.clone_from(line),
                _ if line.is_empty() => {}
                name => token.push((name.to_owned(), line.clone())),
            }
        }
        let pairs = |field: &str| -> Vec<(String, String)> {
            let map = value["fields"][field].as_object().cloned().unwrap_or_default();
            map.iter().map(|(name, value)| (name.clone(), text(value))).collect()
        };
        let (headers, query) = (pairs("headers"), pairs("query"));
        if is_delegated {
            for (name, line) in BEHIND_REQUEST.split(' ').rev().zip(lines.iter().rev()) {
                if !line.is_empty() {
                    token.push((name.to_owned(), line.clone()));
                }
            }
        }
        for (name, pairs) in [("srh", &headers), ("srq", &query)] {
            if !pairs.is_empty() {
                let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
                token.push((name.to_owned(), names.join(",")));
            }
        }
        let sr = token.iter().find(|(name, _)| name == "sr").map(|(_, sr)| sr.clone());
        let kind = match sr.as_deref() {
            None => "account",
            Some("b") => "blob",
            Some("bs") => "snapshot",
            Some("bv") => "version",
            Some("c") => "container",
            Some("d") => "directory",
            Some(other) => panic!("{other} is no kind"),
        };
        let mut parts = canonical.splitn(5, '/').skip(3);
        let (container, path) =
            (parts.next().unwrap_or_default().to_owned(), parts.next().unwrap_or_default().to_owned());
        if kind == "directory" {
            token.push(("sdd".to_owned(), path.split('/').count().to_string()));
        }
        let key = match value["key_text_utf8"].as_str() {
            Some(key) => base64(key.as_bytes()),
            None => text(&value["user_delegation_key_value"]),
        };
        let signature = text(&value["expected"]["signature"]);
        is_whole &= !key.is_empty() && token.iter().all(|(name, id)| name != "skoid" || id.len() == 36);
        is_whole &= token.iter().all(|(name, address)| name != "sip" || address != "ip");
        let case = Case {
            name: text(&value["id"]),
            kind: kind.to_owned(),
            account: text(&value["account"]),
            key,
            container,
            path,
            snapshot,
            string_to_sign: lines.join("\n"),
            signature: if signature.is_empty() { base64(&[0; 32]) } else { signature },
            token,
            headers,
            query,
        };
        Self { case, is_whole }
    }
}

impl Vector for Text {
    fn name(&self) -> &str {
        &self.case.name
    }

    fn known(&self) -> Option<&'static str> {
        None
    }

    fn reservation(&self) -> Option<&'static str> {
        if self.is_whole {
            Some("a whole string to sign, with its key")
        } else {
            Some("a string to sign that no token can have, completed on both sides")
        }
    }

    fn run(&self) -> Result<(), String> {
        if self.is_whole { self.case.verify() } else { self.case.check_string_to_sign() }
    }
}

/// Strings to sign without a whole token.
pub(crate) fn strings(folder: &Path) -> Vec<(String, Vec<Text>)> {
    let files = [
        "azure-published/java-user-delegation-strings.json",
        "azure-published/java-service-and-account-strings.json",
        "azure-published/azurite-tests.json",
    ];
    files.into_iter().map(|file| (file.to_owned(), read(folder, file).iter().map(Text::new).collect())).collect()
}

/// A rule about permissions or names.
pub(crate) struct Rule(Value);

impl Vector for Rule {
    fn name(&self) -> &str {
        self.0["id"].as_str().unwrap()
    }

    fn known(&self) -> Option<&'static str> {
        let names = [&self.0["blob"], &self.0["directory"]].map(|name| name.as_str().unwrap_or("some"));
        if names[0].contains('\\') {
            Some("clients differ on what a backslash is, so that it is refused")
        } else if names[1].is_empty() {
            Some("the root directory is the container: a token for that is one")
        } else {
            None
        }
    }

    fn reservation(&self) -> Option<&'static str> {
        None
    }

    fn run(&self) -> Result<(), String> {
        let rule = &self.0;
        let error = |error: valet_key::error::IssueError| error.to_string();
        if let (Some(shuffled), Some(rejected)) = (rule["shuffled_input"].as_str(), rule["rejected_input"].as_str()) {
            let of = |text: &str| match rule["resource"].as_str().unwrap() {
                "account" => AccountPermissions::parse(text).map(|letters| letters.to_string()),
                "container" => ContainerPermissions::parse(text).map(|letters| letters.to_string()),
                "blob" => BlobPermissions::parse(text).map(|letters| letters.to_string()),
                other => panic!("{other} has no permissions"),
            };
            let expected = Some(text(&rule["canonical_order"]));
            return if of(shuffled) == expected && of(rejected).is_none() {
                Ok(())
            } else {
                Err(format!("{:?}", of(shuffled)))
            };
        }
        let why = Justification::new("a published case").unwrap();
        let now = Timestamp::parse_iso_basic("20260101T000000Z").unwrap();
        if let Some(directory) = rule["directory"].as_str() {
            let request = UrlRequest::directory("container", directory, Inline::new(DirectoryPermissions::READ));
            let key = AccountKey::new("account", "a2V5").unwrap();
            let url = key.issue(&request.map_err(error)?.because(why), now).map_err(error)?;
            let depth = url.expose_query().split('&').find_map(|pair| pair.strip_prefix("sdd="));
            return if depth == rule["expected_sdd"].as_str() { Ok(()) } else { Err(format!("{depth:?}")) };
        }
        let container = rule["container"].as_str().unwrap();
        let request = match rule["blob"].as_str() {
            Some(blob) => UrlRequest::blob(container, blob, Inline::new(BlobPermissions::READ)),
            None => UrlRequest::container(container, Inline::new(ContainerPermissions::READ)),
        };
        let credential = Credential::account(rule["account"].as_str().unwrap()).unwrap();
        let prepared = request.map_err(error)?.because(why).prepare(&credential, now).map_err(error)?;
        let text = prepared.string_to_sign().to_text();
        let found = text.split('\n').nth(3);
        if found == rule["expected"].as_str() { Ok(()) } else { Err(format!("{found:?}")) }
    }
}

/// Orders of permissions, canonicalized resources and depths.
pub(crate) fn rules(folder: &Path) -> Vec<(String, Vec<Rule>)> {
    let file = "azure-published/go-permissions-and-names.json";
    vec![(file.to_owned(), read(folder, file).into_iter().map(Rule).collect())]
}

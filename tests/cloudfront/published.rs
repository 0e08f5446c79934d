//! The published files, whole, from the directory that `VALET_KEY_VECTORS` names.

use crate::case::{Case, How, encoded};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, path::Path};
use valet_key::{aws::cloudfront::KeyKind, clock::Timestamp};

struct Reader<'f> {
    folder: &'f Path,
    keys: Vec<Value>,
}

pub(crate) fn all(folder: &Path) -> Vec<(String, Vec<Case>)> {
    let keys = json(folder, "test-keys.json")["keys"].as_array().unwrap().clone();
    let reader = Reader { folder, keys };
    let signed = ["botocore-signed.json", "js-signed.json", "js-signed-ecdsa.json"];
    let mut all: Vec<(String, Vec<Case>)> =
        signed.map(|file| (format!("cloudfront/{file}"), reader.cases(file, Reader::signed))).into();
    let file = "doc-policy-examples.json";
    all.push((format!("cloudfront/{file}"), reader.cases(file, Reader::example)));
    all
}

fn json(folder: &Path, file: &str) -> Value {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Seconds of an ISO time, a half rounded up as JavaScript does.
fn seconds(iso: &str) -> u32 {
    let (whole, fraction) = iso.trim_end_matches('Z').split_once('.').unwrap_or((iso.trim_end_matches('Z'), "0"));
    let basic = format!("{}Z", whole.replace(['-', ':'], ""));
    let whole = Timestamp::parse_iso_basic(&basic).unwrap().unix();
    u32::try_from(whole).unwrap() + u32::from(fraction.as_bytes()[0] >= b'5')
}

impl Reader<'_> {
    fn cases(&self, file: &str, read: fn(&Self, &Value) -> Case) -> Vec<Case> {
        let whole = json(self.folder, file);
        let list = whole["cases"].as_array().unwrap();
        assert_eq!(whole["count"].as_u64(), Some(list.len() as u64), "{file}");
        list.iter().map(|value| read(self, value)).collect()
    }

    fn keys(&self, name: &Value) -> (KeyKind, [String; 2]) {
        let key = self.keys.iter().find(|key| key["name"] == *name).unwrap();
        let kind = if text(&key["type"]) == "RSA" { KeyKind::Rsa2048 } else { KeyKind::EcdsaP256 };
        (kind, [text(&key["pem"]), text(&key["public_pem"])])
    }

    fn signed(&self, value: &Value) -> Case {
        let inputs = value["inputs"].as_object().unwrap();
        let optional = |field: &str| inputs.get(field).map(text);
        let is_python = text(&value["library"]).starts_with("botocore");
        let url = text(&inputs["url"]);
        let (until, from) = (optional("dateLessThan").map(|iso| seconds(&iso)), optional("dateGreaterThan"));
        let from = from.map(|iso| seconds(&iso));
        let network = optional("ipAddress");
        // What JavaScript signs for is its URL.
        let resource = optional("resource").unwrap_or_else(|| url.clone());
        let kind = text(&value["kind"]);
        let policy = match kind.split('-').next().unwrap() {
            "policy" => text(&inputs["policy"]),
            _ => policy(&resource, until.unwrap(), from, network.as_deref(), is_python),
        };
        if let Some(expected) = value.get("policy") {
            assert_eq!(policy, text(expected), "the policy of the reference");
        }
        // Python has the network before the start, which we write only when we are given the whole.
        let how = match kind.split('-').next().unwrap() {
            "canned" => How::Url,
            "custom" if !(is_python && from.is_some() && network.is_some()) => How::Pattern,
            _ => How::Document,
        };
        let terms = Terms::of(&policy);
        let (kind, keys) = self.keys(&value["key"]);
        let expected = value["expected"].as_object().unwrap();
        let signed_url = expected.get("url").map(text);
        let cookies = expected.get("cookies").map(|cookies| cookies.as_object().unwrap());
        let cookies: Option<BTreeMap<String, String>> = cookies.map(plain);
        let of_url = |url: &str| {
            let found = url.split(['?', '&']).find_map(|param| param.strip_prefix("Signature="));
            found.unwrap().to_owned()
        };
        Case {
            name: text(&value["id"]),
            how,
            resource: if how == How::Document { policy.clone() } else { resource },
            url,
            kind,
            hash: value.get("hash").or(inputs.get("algorithm")).map(text).unwrap(),
            key_pair_id: text(&inputs["keyPairId"]),
            until: terms.until,
            from: terms.from,
            network: terms.network,
            policy,
            signature: signed_url
                .as_deref()
                .map_or_else(|| cookies.as_ref().unwrap()["CloudFront-Signature"].clone(), of_url),
            signed_url,
            cookies,
            only_verified: value["verify_only"].as_bool().unwrap_or(false),
            keys,
            in_our_order: is_python,
        }
    }

    fn example(&self, value: &Value) -> Case {
        let policy = text(&value["policy"]);
        let terms = Terms::of(&policy);
        let expected = &value["expected"];
        assert_eq!(text(&expected["policy_encoded"]), encoded(policy.as_bytes()));
        let signature = &expected["signature_with_test_key"];
        let (kind, keys) = self.keys(&signature["key"]);
        let is_canned = text(&value["kind"]) == "canned";
        Case {
            name: text(&value["id"]),
            how: if is_canned { How::Url } else { How::Document },
            resource: if is_canned { terms.resource.clone() } else { policy.clone() },
            url: terms.resource,
            kind,
            hash: text(&signature["hash"]),
            key_pair_id: "K2JCJMDEHXQW5F".to_owned(),
            until: terms.until,
            from: terms.from,
            network: terms.network,
            policy,
            signature: text(&signature["value"]),
            signed_url: None,
            cookies: None,
            only_verified: false,
            keys,
            in_our_order: true,
        }
    }
}

fn plain(cookies: &Map<String, Value>) -> BTreeMap<String, String> {
    let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    cookies.iter().map(|(name, cookie)| (name.clone(), value(cookie))).collect()
}

/// The policy as the library writes it.
fn policy(resource: &str, until: u32, from: Option<u32>, network: Option<&str>, is_python: bool) -> String {
    let from = from.map(|from| format!(",\"DateGreaterThan\":{{\"AWS:EpochTime\":{from}}}")).unwrap_or_default();
    let network = network.map(|network| {
        // Both write a single address with the length of its prefix.
        let network = if network.contains('/') { network.to_owned() } else { format!("{network}/32") };
        format!(",\"IpAddress\":{{\"AWS:SourceIp\":\"{network}\"}}")
    });
    let network = network.unwrap_or_default();
    let more = if is_python { network + &from } else { from + &network };
    format!(
        "{{\"Statement\":[{{\"Resource\":\"{resource}\",\"Condition\":{{\"DateLessThan\":{{\"AWS:EpochTime\":{until}}}{more}}}}}]}}"
    )
}

/// What a policy says.
struct Terms {
    resource: String,
    until: u32,
    from: Option<u32>,
    network: Option<String>,
}

impl Terms {
    fn of(policy: &str) -> Self {
        let policy: Value = serde_json::from_str(policy).unwrap();
        let statement = &policy["Statement"][0];
        let condition = &statement["Condition"];
        let time = |name: &str| condition[name]["AWS:EpochTime"].as_u64().map(|time| u32::try_from(time).unwrap());
        Self {
            resource: text(&statement["Resource"]),
            until: time("DateLessThan").unwrap(),
            from: time("DateGreaterThan"),
            network: condition["IpAddress"]["AWS:SourceIp"].as_str().map(ToOwned::to_owned),
        }
    }
}

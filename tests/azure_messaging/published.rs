//! The published files, whole, from the directory that `VALET_KEY_VECTORS` names.

use crate::{case::Case, parse::ParseCase};
use serde_json::Value;
use std::path::Path;

fn cases(folder: &Path, file: &str) -> Vec<Value> {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let whole: Value = serde_json::from_str(&text).unwrap();
    let list = whole["cases"].as_array().unwrap().clone();
    assert_eq!(whole["count"].as_u64(), Some(list.len() as u64), "{file}");
    list
}

/// What stands in such a file of a token that was made with a known key.
fn token(value: &Value, id: &str, key: &str) -> Case {
    let expected = &value["expected"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let resource = text(&expected["query_raw"]["sr"]);
    let end: i64 = expected["query_raw"]["se"].as_str().unwrap().parse().unwrap();
    let lifetime = end.min(900);
    Case {
        name: id.to_owned(),
        family: "service_bus".to_owned(),
        uri: value["resource_uri"].as_str().map_or_else(|| unescaped(&resource), ToOwned::to_owned),
        rule: Some(text(&expected["query_raw"]["skn"])),
        key: key.to_owned(),
        time: end - lifetime,
        lifetime: u32::try_from(lifetime).unwrap(),
        lower_case_escapes: resource.contains("%2f"),
        string_to_sign: text(&expected["string_to_sign"]),
        signature: text(&expected["signature"]),
        token: text(&expected["token"]),
    }
}

fn unescaped(text: &str) -> String {
    text.replace("%3a", ":").replace("%2f", "/").replace("%3A", ":").replace("%2F", "/")
}

pub(crate) fn tokens(folder: &Path) -> Vec<(String, Vec<Case>)> {
    let files = ["azure-published/servicebus-tokens.json", "azure-python/servicebus-sas.json"];
    let read = |value: &Value| token(value, value["id"].as_str().unwrap(), value["key"].as_str().unwrap());
    files.map(|file| (file.to_owned(), cases(folder, file).iter().map(read).collect())).into()
}

pub(crate) fn parse_cases(folder: &Path) -> (String, Vec<ParseCase>) {
    let file = "azure-published/servicebus-parse-cases.json";
    let read = |value: &Value| ParseCase {
        name: value["id"].as_str().unwrap().to_owned(),
        token: value["token"].as_str().unwrap().to_owned(),
        accepted: value["accepted_by_net"].as_bool().unwrap(),
    };
    (file.to_owned(), cases(folder, file).iter().map(read).collect())
}

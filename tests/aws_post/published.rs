//! The formats in which others publish their forms.

use crate::case::{Case, FILE_NAME};
use serde_json::{Value, json};
use std::{fs, path::Path};

const LIBRARIES: [&str; 2] = ["aws-botocore/s3-post-policy.json", "aws-js/s3-post-policy.json"];
const DOCUMENTATION: &str = "aws-docs/s3-and-sigv4-examples.json";

/// Every published file of forms, by its name.
pub(crate) fn read_all(folder: &Path) -> Vec<(String, Vec<Case>)> {
    let library = |name: &&str| (String::from(*name), records(&folder.join(name)).iter().map(record).collect());
    let mut files: Vec<(String, Vec<Case>)> = LIBRARIES.iter().map(library).collect();
    let worked = records(&folder.join(DOCUMENTATION));
    let worked = worked.iter().filter(|value| value["form"] == "post-policy").map(worked_example).collect();
    files.push((DOCUMENTATION.to_owned(), worked));
    files
}

fn records(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file["cases"].as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("text expected, found {value}")).to_owned()
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let members = value.as_object().cloned().unwrap_or_default();
    members.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

/// What is the same in every file.
fn common(value: &Value) -> Case {
    Case {
        name: text(&value["id"]),
        access_key_id: text(&value["credentials"]["access_key_id"]),
        secret: text(&value["credentials"]["secret_access_key"]),
        token: value["credentials"]["session_token"].as_str().map(ToOwned::to_owned),
        region: text(&value["region"]),
        time: text(&value["amz_date"]),
        lifetime: 0,
        origin: None,
        style: "auto".to_owned(),
        bucket: String::new(),
        key: String::new(),
        entries: Vec::new(),
        url: None,
        policy: String::new(),
        fields: Vec::new(),
        same_bytes: false,
        only_verified: false,
    }
}

/// One call of a library: fields and conditions, which its caller writes twice.
fn record(value: &Value) -> Case {
    let (api, expected) = (&value["api"], &value["expected"]);
    let mut given = pairs(&api["fields"]);
    let mut take = |name: &str| {
        let at = given.iter().position(|(field, _)| field.eq_ignore_ascii_case(name))?;
        Some(given.remove(at).1)
    };
    let (mut entries, mut in_our_notation) = (Vec::new(), true);
    for condition in api["conditions"].as_array().unwrap() {
        match condition {
            Value::Object(members) => {
                let (name, value) = members.iter().next().unwrap();
                take(name);
                entries.push(json!(["field", name, value]));
            }
            list if list[0] == "content-length-range" => entries.push(json!(["size", list[1], list[2]])),
            list => {
                let name = list[1].as_str().unwrap().trim_start_matches('$');
                if list[0] == "eq" {
                    take(name);
                    in_our_notation = false;
                    entries.push(json!(["field", name, list[2]]));
                } else if let Some(value) = take(name).filter(|_| in_botocore(api)) {
                    entries.push(json!(["starts-with", name, list[2], value]));
                } else {
                    entries.push(json!(["starts-with", name, list[2]]));
                }
            }
        }
    }
    // The JavaScript library makes an exact condition of every field.
    let given = if in_botocore(api) { given } else { pairs(&api["fields"]) };
    for (name, value) in given {
        if !entries.iter().any(|entry| entry[0] == "field" && entry[1] == *name) {
            entries.push(json!(["field", name, value]));
        }
    }
    let (bucket, key, url) = (text(&api["bucket"]), text(&api["key"]), text(&expected["url"]));
    // Its global host for the oldest region is not ours.
    let global = url.contains("s3.amazonaws.com");
    let style = if api["addressing_style"] == "path" { "path" } else { "auto" };
    Case {
        lifetime: u32::try_from(value["expires_in"].as_u64().unwrap()).unwrap(),
        style: style.to_owned(),
        entries,
        url: (!global).then_some(url),
        policy: text(&expected["policy_json"]),
        fields: pairs(&expected["fields"]),
        // A `$` in a value is written as an escape here.
        same_bytes: in_botocore(api) && in_our_notation && !key.trim_end_matches(FILE_NAME).contains('$'),
        // A policy that admits every key is not written here, and some of these are.
        only_verified: key == FILE_NAME,
        bucket,
        key,
        ..common(value)
    }
}

fn in_botocore(api: &Value) -> bool {
    api["library"] == "botocore"
}

/// The worked example of the documentation, whose policy nobody's library writes.
fn worked_example(value: &Value) -> Case {
    let policy = text(&value["request"]["policy"]);
    let document: Value = serde_json::from_str(&policy).unwrap();
    let conditions = document["conditions"].as_array().unwrap();
    let entries = conditions.iter().filter(|condition| condition[0] == "starts-with" && condition[1] != "$key");
    let mut fields = pairs(&value["request"]["form_fields"]);
    fields.push(("Policy".to_owned(), text(&value["expected"]["policy_base64"])));
    fields.push(("X-Amz-Signature".to_owned(), text(&value["expected"]["signature"])));
    Case {
        // Until noon of the next day.
        lifetime: 36 * 60 * 60,
        bucket: text(&conditions[0]["bucket"]),
        key: text(&value["request"]["form_fields"]["key"]),
        entries: entries
            .map(|condition| {
                json!(["starts-with", condition[1].as_str().unwrap().trim_start_matches('$'), condition[2]])
            })
            .collect(),
        policy,
        fields,
        only_verified: true,
        ..common(value)
    }
}

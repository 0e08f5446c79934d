//! The published files, whole, from the directory that `VALET_KEY_VECTORS` names.

use crate::case::Case;
use serde_json::Value;
use std::path::Path;

pub(crate) fn cases(folder: &Path, file: &str) -> Vec<Value> {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let whole: Value = serde_json::from_str(&text).unwrap();
    let list = whole["cases"].as_array().unwrap().clone();
    assert_eq!(whole["count"].as_u64(), Some(list.len() as u64), "{file}");
    list
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("text expected, found {value}")).to_owned()
}

fn case(value: &Value, family: &str, args: Vec<String>, token: &Value) -> Case {
    let (expected, credentials) = (&value["expected"], &value["credentials"]);
    let lifetime = u32::try_from(value["expires_in"].as_u64().unwrap()).unwrap();
    let (lives, told) = if family == "eks" { (900, 840) } else { (lifetime, lifetime) };
    Case {
        name: text(&value["id"]),
        family: family.to_owned(),
        region: text(&value["region"]),
        args,
        access_key_id: text(&credentials["access_key_id"]),
        secret: text(&credentials["secret_access_key"]),
        session_token: credentials["session_token"].as_str().map(ToOwned::to_owned),
        time: text(&value["amz_date"]),
        lifetime,
        lives,
        told,
        user_agent: None,
        canonical_request: text(&expected["canonical_request"]),
        string_to_sign: text(&expected["string_to_sign"]),
        signature: text(&expected["signature"]),
        token: text(token),
        is_ours: false,
    }
}

fn database(value: &Value) -> Case {
    let api = &value["api"];
    let (host, token) = (text(&api["host"]), &value["expected"]["token"]);
    match api["call"].as_str().unwrap() {
        "generate_db_auth_token" => case(value, "rds", vec![host, api["port"].to_string(), text(&api["user"])], token),
        "dsql_generate_db_connect_auth_token" => case(value, "dsql", vec![host], token),
        "dsql_generate_db_connect_admin_auth_token" => case(value, "dsql-admin", vec![host], token),
        call => panic!("{call}"),
    }
}

/// The others of that file are no tokens, and run as presigned URLs.
fn eks(value: &Value) -> Option<Case> {
    let token = value["expected"].get("eks_token")?;
    let cluster = text(&value["request"]["signed_headers"]["x-k8s-aws-id"]);
    Some(case(value, "eks", vec![cluster], token))
}

pub(crate) fn auth_tokens(folder: &Path) -> Vec<(String, Vec<Case>)> {
    let databases = "aws-botocore/rds-auth-token.json";
    let identities = "aws-botocore/sts-presign.json";
    vec![
        (databases.to_owned(), cases(folder, databases).iter().map(database).collect()),
        (format!("{identities} (EKS)"), cases(folder, identities).iter().filter_map(eks).collect()),
    ]
}

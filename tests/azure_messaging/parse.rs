//! One token that the parser of another library takes or refuses.

use crate::Vector;
use serde_json::{Value, json};
use valet_key::azure::PresentedToken;

/// `tests/vectors/azure/messaging-parse.json` is a list of these.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ParseCase {
    pub(crate) name: String,
    pub(crate) token: String,
    /// Whether the other parser takes it.
    pub(crate) accepted: bool,
}

impl ParseCase {
    pub(crate) fn from_json(value: &Value) -> Self {
        Self {
            name: value["name"].as_str().unwrap().to_owned(),
            token: value["token"].as_str().unwrap().to_owned(),
            accepted: value["accepted"].as_bool().unwrap(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "name": self.name, "token": self.token, "accepted": self.accepted })
    }
}

impl Vector for ParseCase {
    fn name(&self) -> &str {
        &self.name
    }

    fn known(&self) -> Option<&'static str> {
        let parameters = self.token.strip_prefix("SharedAccessSignature ").filter(|_| self.accepted)?;
        if parameters.contains(' ') {
            return Some("blanks around a name or value: a token has one spelling");
        }
        if parameters.split('&').any(str::is_empty) {
            return Some("a parameter without name and value: a token has one spelling");
        }
        let is_unknown = |part: &str| !["sr", "sig", "se", "skn"].contains(&part.split('=').next().unwrap());
        parameters.split('&').any(is_unknown).then_some("a parameter that nobody signed and nobody knows")
    }

    fn run(&self) -> Result<(), String> {
        match (PresentedToken::service_bus(&self.token), self.accepted) {
            (Ok(_), true) | (Err(_), false) => Ok(()),
            (Ok(_), false) => Err("parse: accepted".to_owned()),
            (Err(error), true) => Err(format!("parse: {error}")),
        }
    }
}

//! Makes a shared access signature on the command line: for one blob, one right, fifteen minutes.
//!
//! ```sh
//! AZURE_STORAGE_KEY=c2VjcmV0 cargo run --example azure_sas -- myaccount read photos 2026/cat.jpg
//! ```
//!
//! With a fifth argument the token is for that origin, with the account as the first segment of the path, as an emulator
//! has it.

use valet_key::azure::{AccountKey, BlobPermissions, Endpoint, Inline, Protocol, Sas, UrlRequest};
use valet_key::clock::{Clock, SystemClock};
use valet_key::grant::Justification;

const USAGE: &str = "usage: azure_sas ACCOUNT read|create|upload|delete CONTAINER BLOB [ORIGIN]\nThe key is read from AZURE_STORAGE_KEY.";

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (account, right, container, blob, origin) = match arguments.as_slice() {
        [account, right, container, blob] => (account, right, container, blob, None),
        [account, right, container, blob, origin] => (account, right, container, blob, Some(origin)),
        _ => return Err(USAGE.into()),
    };
    let permissions = match right.as_str() {
        "read" => BlobPermissions::READ,
        "create" => BlobPermissions::CREATE,
        "upload" => BlobPermissions::CREATE | BlobPermissions::WRITE,
        "delete" => BlobPermissions::DELETE,
        _ => return Err(USAGE.into()),
    };
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let key = std::env::var("AZURE_STORAGE_KEY").map_err(|_| "AZURE_STORAGE_KEY is not set")?;
    let key = AccountKey::new(account.as_str(), key).map_err(|error| text(&error))?;
    let mut request = UrlRequest::blob(container, blob, Inline::new(permissions)).map_err(|error| text(&error))?;
    if let Some(origin) = origin {
        let endpoint = Endpoint::emulator(origin).map_err(|error| text(&error))?;
        request = request.endpoint(&endpoint);
        if origin.starts_with("http://") {
            let why = Justification::new("an emulator without TLS was named on the command line");
            request = request.protocol(Protocol::HttpsOrHttp).because(why.map_err(|error| text(&error))?);
        }
    }
    let url = key.issue(&request, SystemClock.now()).map_err(|error| text(&error))?;
    println!("{}", url.expose());
    Ok(())
}

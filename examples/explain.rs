//! Tells why a server refused a signature: from the URL that was sent and the body of the server's answer.
//!
//! ```sh
//! cargo run --example explain -- GET url.txt error.xml
//! curl -s "$URL" | cargo run --example explain -- GET url.txt -
//! ```
//!
//! The URL is read from a file, for it is a bearer token and arguments are seen by every process. What is printed holds no
//! secret, signature or token. Ends with 1 if no cause was found.

use std::{
    fs::File,
    io::{self, Read},
    process::ExitCode,
};
use valet_key::explain::{Answer, Cause, ExplainError, Signed, explain};

const USAGE: &str = "usage: explain METHOD URL_FILE ANSWER_FILE, one of them may be `-`";
/// More than the library looks at, so that it says so itself.
const MOST: u64 = (64 << 10) + 1;

fn main() -> Result<ExitCode, String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [method, url, answer] = arguments.as_slice() else { return Err(USAGE.into()) };
    if url == "-" && answer == "-" {
        return Err(USAGE.into());
    }
    let (url, answer) = (read(url)?, read(answer)?);
    // An answer without a body, or with one that is no document, has a code at most: that of `x-ms-error-code`.
    let answer = match Answer::parse(answer.trim_start()) {
        Err(ExplainError::Unreadable) if !answer.contains('<') => Answer::code(answer.trim()),
        answer => answer.map_err(|error| error.to_string())?,
    };
    let explanation = explain(&Signed::url(method, url.trim()), &answer).map_err(|error| error.to_string())?;
    println!("{explanation}");
    Ok(if explanation.cause() == Cause::Unknown { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read(path: &str) -> Result<String, String> {
    let mut text = String::new();
    let read = if path == "-" {
        io::stdin().take(MOST).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(MOST).read_to_string(&mut text))
    };
    read.map(|_| text).map_err(|error| format!("{path}: {error}"))
}

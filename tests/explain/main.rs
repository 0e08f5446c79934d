//! Real mismatches: this crate issues, the request is changed on its way as the cause says, the verifier of this crate plays
//! the server, and what it computed goes into the error document of that server.

#![cfg(all(feature = "aws", feature = "azure", feature = "gcs"))]

mod aws;
mod azure;
mod gcs;
mod limits;

use valet_key::explain::{Answer, Cause, Explanation, Signed, explain};

/// What no explanation may hold.
const TOKEN: &str = "FwoGZXIvYXdzEPLANTEDSESSIONTOKEN";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The error document for a wrong signature, as S3 and Google Cloud Storage write it.
fn mismatch(canonical_request: &[u8], string_to_sign: &[u8]) -> Answer {
    let text = |bytes: &[u8]| escaped(&String::from_utf8_lossy(bytes));
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we \
         calculated does not match the signature you provided.</Message><StringToSign>{}</StringToSign>\
         <SignatureProvided>00</SignatureProvided><CanonicalRequest>{}</CanonicalRequest><RequestId>1</RequestId></Error>",
        text(string_to_sign),
        text(canonical_request)
    );
    Answer::parse(&document).unwrap()
}

fn refusal(code: &str, message: &str, more: &str) -> Answer {
    Answer::parse(&format!("<Error><Code>{code}</Code><Message>{}</Message>{more}</Error>", escaped(message))).unwrap()
}

#[track_caller]
fn is_cause(signed: &Signed<'_>, answer: &Answer, cause: Cause) -> Explanation {
    let explanation = explain(signed, answer).unwrap();
    assert_eq!(explanation.cause(), cause, "{explanation}");
    let text = format!("{explanation} {explanation:?} {answer:?} {signed:?}");
    assert!(!text.contains("PLANTED"), "{text}");
    assert!(text.contains(cause.code()));
    explanation
}

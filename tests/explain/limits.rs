//! What is not looked at, and what is not shown.

use super::mismatch;
use std::time::{Duration, Instant};
use valet_key::explain::{Answer, Cause, ExplainError, Signed, explain};

#[test]
fn long_texts_are_refused() {
    let long = "a".repeat((64 << 10) + 1);
    let too_large = |error: ExplainError| matches!(error, ExplainError::TooLarge { found: 65_537, limit: 65_536 });
    assert!(too_large(Answer::parse(&long).unwrap_err()));
    assert!(too_large(Answer::forms(long.as_bytes(), b"").unwrap_err()));
    assert!(too_large(Answer::string_to_sign(long.as_bytes()).unwrap_err()));
    let answer = Answer::code("SignatureDoesNotMatch");
    assert!(too_large(explain(&Signed::request(long.as_bytes(), b""), &answer).unwrap_err()));
    assert!(too_large(explain(&Signed::lines(long.as_bytes()), &answer).unwrap_err()));
    assert!(explain(&Signed::url("GET", &long[5..]), &answer).is_ok());
}

#[test]
fn other_documents_are_refused() {
    for document in ["", "{}", "<Error/>", "<!DOCTYPE a []><Error><Code>a</Code></Error>", "<Error><Code>a</Error>"] {
        assert_eq!(Answer::parse(document).unwrap_err(), ExplainError::Unreadable, "{document}");
    }
    let answer = Answer::code("SignatureDoesNotMatch");
    let error = explain(&Signed::request(b"GET\n/\n", b""), &answer).unwrap_err();
    assert_eq!(error, ExplainError::Form { what: "signed canonical request" });
}

#[test]
fn other_services_quote_both_texts_in_their_message() {
    let document = "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>The request signature \
                    we calculated does not match.\n\nThe Canonical String for this request should have been\n'POST\n/\n\n\
                    host:iam.amazonaws.com\n\nhost\nabc'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n\
                    20261124T120000Z\n20261124/us-east-1/iam/aws4_request\nabc'\n</Message></Error></ErrorResponse>";
    let ours = b"POST\n/\n\nhost:iam.amazonaws.com\n\nhost\nabc";
    let message = b"AWS4-HMAC-SHA256\n20261124T120000Z\n20261124/eu-west-1/iam/aws4_request\nabc";
    let explanation = explain(&Signed::request(ours, message), &Answer::parse(document).unwrap()).unwrap();
    assert_eq!(explanation.cause(), Cause::Region, "{explanation}");
    assert_eq!(explanation.to_string().lines().count(), 4);
}

#[test]
fn secrets_are_not_shown_wherever_they_stand() {
    let secret = "PLANTED0123456789";
    for field in ["X-Amz-Signature", "X-Amz-Security-Token", "X-Goog-Signature", "sig", "token", "x-unknown"] {
        let ours = format!("GET\n/\n{field}={secret}\n{field}:{secret}\nx-amz-meta-b:{secret}\n\nhost\nabc");
        let theirs = format!("GET\n/?{field}={secret}x\n{field}={secret}1\n{field}:{secret}y\n\nhost\nabc");
        let explanation = explain(&Signed::request(ours.as_bytes(), b""), &mismatch(theirs.as_bytes(), b"")).unwrap();
        assert!(explanation.findings().len() > 2);
        let is_announced = field != "x-unknown";
        assert!(!explanation.to_string().contains(secret) || !is_announced, "{explanation}");
        assert!(!format!("{explanation:?}").contains(secret) || !is_announced);
    }
}

#[test]
fn hostile_texts_take_no_long_time() {
    let start = Instant::now();
    for piece in
        ["a&", "%2B&", "%252525", "+=", "a:\n", "\n", "/../", "//", "sp=r&sv=2020-12-06&sig=a&", "2020-12-06\n"]
    {
        let many = piece.repeat((60 << 10) / piece.len());
        let other = many.replacen(piece, "b", 1);
        for text in [&many, &other] {
            let request = format!("GET\n/{text}\n{text}\n{text}\n\nhost\nabc");
            let _ = explain(&Signed::request(request.as_bytes(), b""), &Answer::forms(text.as_bytes(), b"").unwrap());
            let short = &text[..20 << 10];
            let request = format!("GET\n/{short}\n{short}\n\nhost\nabc");
            let theirs = format!("GET\n/{other}\n\n\nhost\nabc");
            let _ = explain(&Signed::request(request.as_bytes(), b""), &Answer::forms(theirs.as_bytes(), b"").unwrap());
            let _ = explain(
                &Signed::url("GET", &format!("https://a/?{text}")),
                &Answer::forms(request.as_bytes(), b"").unwrap(),
            );
            let _ = explain(&Signed::lines(text.as_bytes()), &Answer::string_to_sign(other.as_bytes()).unwrap());
        }
    }
    assert!(start.elapsed() < Duration::from_secs(60));
}

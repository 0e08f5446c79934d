//! Two sides of a signature that do not match.

use valet_key::explain::{Answer, Cause, ExplainError, Explanation, Signed, explain};

/// What no explanation may show.
const SECRET: &str = "PLANTEDsecret0123456789";

fn check(result: Result<Explanation, ExplainError>) {
    let explanation = match result {
        Ok(explanation) => explanation,
        Err(error) => return assert!(error.to_string().len() < 200),
    };
    let findings = explanation.findings();
    assert!((1..=8).contains(&findings.len()));
    assert!(Cause::ALL.contains(&explanation.cause()));
    for finding in findings {
        let Some(difference) = finding.difference() else { continue };
        let shown = [difference.field(), difference.ours(), difference.theirs()];
        assert!(shown.iter().all(|text| text.len() <= 2_000 && !text.chars().any(char::is_control)), "{shown:?}");
    }
    let text = format!("{explanation}{explanation:?}");
    assert!(text.len() < 128 << 10 && !text.contains("PLANTED"), "{text}");
}

/// A canonical request around a text, with a secret wherever one belongs.
fn request(text: &str) -> String {
    format!(
        "GET\n/{text}\nX-Amz-Security-Token={SECRET}&a={text}\nhost:{text}\nx-amz-security-token:{SECRET}{text}\n\
         authorization:{SECRET}\n\nhost\n{text}"
    )
}

/// Two texts with a record separator between them: what one side signed, and what the other says.
///
/// Whatever they are, an explanation is short, holds no control characters but its own line feeds, and shows nothing that
/// stands behind the name of a secret. The same two sides come to the same explanation again, and equal sides differ in
/// nothing.
///
/// # Panics
/// If it does not hold.
pub fn explanation(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0x1e);
    let ours = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let theirs = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let answers = [
        Answer::parse(&theirs),
        Answer::forms(theirs.as_bytes(), theirs.as_bytes()),
        Answer::string_to_sign(theirs.as_bytes()),
        Answer::forms(request(&theirs).as_bytes(), theirs.as_bytes()),
        Ok(Answer::code(&theirs)),
    ];
    let planted = request(&ours);
    let url = format!("https://a/{ours}?sv={ours}&X-Amz-Security-Token={SECRET}&sig={SECRET}");
    let sides = [
        Signed::request(ours.as_bytes(), ours.as_bytes()),
        Signed::request(planted.as_bytes(), ours.as_bytes()),
        Signed::lines(ours.as_bytes()),
        Signed::url("GET", &ours),
        Signed::url("GET", &url),
    ];
    for answer in answers.iter().flatten() {
        assert!(!format!("{answer:?}").contains("PLANTED"));
        for signed in &sides {
            let first = explain(signed, answer);
            assert_eq!(first, explain(signed, answer));
            // The texts themselves may hold anything, the planted secret too.
            if !ours.contains("PLANTED") && !theirs.contains("PLANTED") {
                check(first);
            }
        }
    }
    if let Ok(answer) = Answer::forms(planted.as_bytes(), b"") {
        let same = explain(&Signed::request(planted.as_bytes(), b""), &answer).unwrap();
        assert_eq!(same.cause(), Cause::Secret, "{same}");
        assert_eq!(same.findings().len(), 1);
    }
    if let Ok(answer) = Answer::string_to_sign(ours.as_bytes()) {
        assert_eq!(explain(&Signed::lines(ours.as_bytes()), &answer).unwrap().cause(), Cause::Secret);
    }
}

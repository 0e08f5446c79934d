//! Messages of a queue: in a URL, as a form and as JSON.

use crate::server::{Answer, Server, now, variable};
use valet_key::aws::{Call, SigV4, StaticKey, sqs};
use valet_key::error::IssueError;
use valet_key::grant::Justification;

fn call(server: &Server, call: &Call, key: &StaticKey) -> Answer {
    let signed = call.sign(key, now()).unwrap();
    let headers = call.headers().chain(signed.expose());
    let headers: Vec<(String, Vec<u8>)> =
        headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    server.send("POST", &call.url().unwrap(), &headers, call.expose_body().as_bytes())
}

type Form = fn(&sqs::MessageRequest) -> Result<Call, IssueError>;

fn plain(request: sqs::MessageRequest) -> sqs::MessageRequest {
    request.because(Justification::new("a test on loopback").unwrap())
}

/// What stands between two texts.
fn between<'t>(text: &'t str, before: &str, behind: &str) -> Option<&'t str> {
    Some(text.split_once(before)?.1.split_once(behind)?.0)
}

pub(crate) fn sent(server: &mut Server) {
    let place = variable("VALET_KEY_MINISTACK_QUEUE").expect("the queue");
    let mut segments = place.rsplit('/');
    let (name, account) = (segments.next().unwrap(), segments.next().unwrap());
    let queue = sqs::Queue::new(account, name, &server.region).unwrap().at(&server.origin).unwrap();

    let forms: [(&str, Form); 2] = [("form", sqs::MessageRequest::as_form), ("JSON", sqs::MessageRequest::as_json)];
    for (what, make) in forms {
        let text = format!("sent as {what}: a b+c&d=\u{fc}");
        let send = make(&plain(sqs::MessageRequest::send(&queue, text))).unwrap();
        let answer = call(server, &send, &server.other_key());
        server.case(&format!("SendMessage as {what} with another secret"), false, &answer);
        let answer = call(server, &send, &server.key());
        server.case(&format!("SendMessage as {what}"), true, &answer);
        received(server, &queue, what);
    }
    let url = plain(sqs::MessageRequest::send(&queue, "sent as URL: a b+c&d=\u{fc}")).in_url().unwrap();
    let url = server.key().presign(&url, now()).unwrap();
    let changed = url.expose().replacen("sent", "bent", 1);
    assert_ne!(changed, url.expose());
    let answer = server.send(url.method(), &changed, &[], b"");
    server.case("SendMessage in a URL, another message", false, &answer);
    let answer = server.send(url.method(), url.expose(), &[], b"");
    server.case("SendMessage in a URL", true, &answer);
    received(server, &queue, "URL");
    let old = plain(sqs::MessageRequest::send(&queue, "late")).in_url().unwrap();
    let old = server.key().presign(&old, now().saturating_sub(901)).unwrap();
    let answer = server.send(old.method(), old.expose(), &[], b"");
    server.case("SendMessage in a URL that is over", false, &answer);
}

/// Receives the one message that is there, and deletes it.
fn received(server: &mut Server, queue: &sqs::Queue, what: &str) {
    let receive = plain(sqs::MessageRequest::receive(queue)).as_form().unwrap();
    let answer = call(server, &receive, &server.key());
    server.case(&format!("ReceiveMessage after {what}"), true, &answer);
    server.cases += 1;
    let expected = format!("sent as {what}: a b+c&amp;d=\u{fc}");
    if between(&answer.body, "<Body>", "</Body>") != Some(&expected) {
        server.surprises.push(format!("ReceiveMessage after {what}: another message: {}", answer.body));
    }
    let Some(handle) = between(&answer.body, "<ReceiptHandle>", "</ReceiptHandle>") else {
        server.surprises.push(format!("ReceiveMessage after {what}: no receipt handle"));
        return;
    };
    let delete = plain(sqs::MessageRequest::delete(queue, handle)).as_json().unwrap();
    let answer = call(server, &delete, &server.key());
    server.case(&format!("DeleteMessage after {what}"), true, &answer);
}

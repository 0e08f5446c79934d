//! Uploads by form.

use std::fmt::Write;

use crate::objects::{plain, url};
use crate::server::{Answer, Server, now};
use valet_key::aws::{PostForm, PostPolicy, StaticKey};
use valet_key::grant::Grant;

const CONTENT: &str = "sent by a form";

fn upload(server: &Server, name: &str) -> Grant {
    plain(Grant::upload(server.bucket.clone(), name).content_type("text/plain").size(1..=20))
}

fn form(server: &Server, key: &StaticKey, name: &str) -> PostForm {
    PostPolicy::at(&server.endpoint(), &upload(server, name)).unwrap().sign(key, now()).unwrap()
}

/// Posts the fields as a browser does, after `change` had its way with them.
fn post(server: &Server, form: &PostForm, change: impl Fn(&mut Vec<(String, String)>), content: &str) -> Answer {
    let mut fields: Vec<(String, String)> =
        form.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    change(&mut fields);
    let mut body = String::new();
    for (name, value) in fields {
        let _ = write!(body, "--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    let _ = write!(
        body,
        "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n\
         {content}\r\n--cut--\r\n"
    );
    let headers = [("Content-Type".to_owned(), b"multipart/form-data; boundary=cut".to_vec())];
    server.send("POST", form.url(), &headers, body.as_bytes())
}

fn set(fields: &mut [(String, String)], name: &str, value: &str) {
    for (known, old) in fields {
        if known.eq_ignore_ascii_case(name) {
            value.clone_into(old);
        }
    }
}

pub(crate) fn posted(server: &mut Server) {
    for name in ["form/plain.txt", "form/a b+c \u{fc}.txt"] {
        let made = form(server, &server.key(), name);
        let answer = post(server, &made, |_| {}, CONTENT);
        server.case(&format!("a form for {name}"), true, &answer);
        let read = plain(Grant::read(server.bucket.clone(), name));
        let answer = server.send("GET", url(server, &read, now()).expose(), &[], b"");
        server.holds(&format!("GET {name} after its form"), CONTENT, &answer);
    }
    let made = form(server, &server.key(), "form/plain.txt");
    let answer = post(server, &made, |fields| set(fields, "key", "form/other.txt"), CONTENT);
    server.case("a form for another name", false, &answer);
    let answer = post(server, &made, |fields| set(fields, "content-type", "text/html"), CONTENT);
    server.case("a form with another content type", false, &answer);
    let answer = post(server, &made, |_| {}, "this is longer than twenty bytes");
    server.case("a form with too large a file", false, &answer);
    let answer = post(server, &made, |fields| fields.push(("x-amz-meta-mine".to_owned(), "1".to_owned())), CONTENT);
    server.case("a form with a field that nobody signed", false, &answer);
    let answer = post(server, &made, |fields| fields.retain(|(name, _)| name != "x-amz-signature"), CONTENT);
    server.case("a form without its signature", false, &answer);
    let other = form(server, &server.other_key(), "form/plain.txt");
    let answer = post(server, &other, |_| {}, CONTENT);
    server.case("a form with another secret", false, &answer);
    let old = PostPolicy::at(&server.endpoint(), &upload(server, "form/plain.txt")).unwrap();
    let old = old.sign(&server.key(), now().saturating_sub(1000)).unwrap();
    let answer = post(server, &old, |_| {}, CONTENT);
    server.case("a form that is over", false, &answer);
}

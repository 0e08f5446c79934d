//! Tokens for queues and tables.

use crate::emulator::{Azurite, Want, at, now, swap, with};
use valet_key::azure::{Inline, KeyRange, QueuePermissions, TablePermissions, UrlRequest};

pub(crate) fn queues(a: &mut Azurite) {
    let url = |a: &Azurite, letters: &str| {
        let terms = Inline::new(QueuePermissions::parse(letters).unwrap());
        Azurite::issue(&a.key, &a.queue, &UrlRequest::queue("first", terms).unwrap(), now())
    };
    let xml = [("content-type", "application/xml")];
    let message = "<QueueMessage><MessageText>hello</MessageText></QueueMessage>";
    let (add, read, process, update) = (url(a, "a"), url(a, "r"), url(a, "p"), url(a, "u"));
    for (name, method, url, body, want) in [
        ("a: send", "POST", add.clone(), message, Want::Yes),
        ("a: peek", "GET", with(&add, "peekonly=true&"), "", Want::Beyond),
        ("a: receive", "GET", add.clone(), "", Want::Beyond),
        ("a: send to another", "POST", swap(&add, "/first/", "/second/"), message, Want::BadToken),
        ("a: clear", "DELETE", add.clone(), "", Want::Beyond),
        ("r: peek", "GET", with(&read, "peekonly=true&"), "", Want::Body("hello")),
        ("r: send", "POST", read.clone(), message, Want::Beyond),
        ("r: receive", "GET", read.clone(), "", Want::Beyond),
        ("r: tampered", "POST", read.replace("sp=r&", "sp=a&"), message, Want::BadToken),
        ("p: send", "POST", process.clone(), message, Want::Beyond),
    ] {
        let answer = a.send(method, &url, if body.is_empty() { &[] } else { &xml[..] }, body);
        a.case(&format!("queue {name}"), want, answer);
    }
    let answer = a.send("GET", &process, &[], "");
    let received = a.case("queue p: receive", Want::Body("hello"), answer);
    let (id, receipt) = (received.element("MessageId"), received.element("PopReceipt"));
    let receipt = receipt.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let one = |url: &str, receipt: &str| at(url, |path| format!("{path}/{id}"), &format!("popreceipt={receipt}&"));
    let answer = a.send("PUT", &with(&one(&process, &receipt), "visibilitytimeout=60&"), &xml, message);
    a.case("queue p: update", Want::Beyond, answer);
    let answer = a.send("PUT", &with(&one(&update, &receipt), "visibilitytimeout=60&"), &xml, message);
    let updated = a.case("queue u: update", Want::Yes, answer);
    let receipt = updated.header("x-ms-popreceipt").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let answer = a.send("DELETE", &one(&update, &receipt), &[], "");
    a.case("queue u: delete", Want::Beyond, answer);
    let answer = a.send("DELETE", &one(&process, &receipt), &[], "");
    a.case("queue p: delete", Want::Yes, answer);
    let expired = UrlRequest::queue("first", Inline::new(QueuePermissions::READ)).unwrap();
    let expired = Azurite::issue(&a.key, &a.queue, &expired, now().saturating_sub(3600));
    let answer = a.send("GET", &with(&expired, "peekonly=true&"), &[], "");
    a.case("queue r: expired", Want::BadToken, answer);
    let wrong = UrlRequest::queue("first", Inline::new(QueuePermissions::READ)).unwrap();
    let wrong = Azurite::issue(&a.wrong, &a.queue, &wrong, now());
    let answer = a.send("GET", &with(&wrong, "peekonly=true&"), &[], "");
    a.case("queue r: wrong key", Want::BadToken, answer);
}

pub(crate) fn table(range: KeyRange, letters: &str) -> UrlRequest {
    UrlRequest::table("First", range, Inline::new(TablePermissions::parse(letters).unwrap())).unwrap()
}

pub(crate) fn tables(a: &mut Azurite) {
    let json = [("accept", "application/json;odata=nometadata"), ("content-type", "application/json")];
    let change = [json[0], json[1], ("if-match", "*")];
    let entity = r#"{"PartitionKey":"p","RowKey":"1","Text":"first text"}"#;
    let changed = r#"{"PartitionKey":"p","RowKey":"1","Text":"second text"}"#;
    let row = |url: &str| at(url, |path| format!("{path}(PartitionKey='p',RowKey='1')"), "");
    let url = |a: &Azurite, letters: &str| Azurite::issue(&a.key, &a.table, &table(KeyRange::new(), letters), now());
    let (add, read, update, delete) = (url(a, "a"), url(a, "r"), url(a, "u"), url(a, "d"));
    for (name, method, url, headers, body, want) in [
        ("a: insert", "POST", add.clone(), &json[..], entity, Want::Yes),
        ("a: query", "GET", at(&add, |path| format!("{path}()"), ""), &json[..1], "", Want::Beyond),
        ("a: update", "PUT", row(&add), &change[..], changed, Want::Beyond),
        ("a: insert into another", "POST", swap(&add, "/First", "/Second"), &json[..], entity, Want::BadToken),
        ("r: query", "GET", at(&read, |path| format!("{path}()"), ""), &json[..1], "", Want::Body("first text")),
        ("r: get one", "GET", row(&read), &json[..1], "", Want::Body("first text")),
        ("r: insert", "POST", read.clone(), &json[..], entity, Want::Beyond),
        ("r: update", "PUT", row(&read), &change[..], changed, Want::Beyond),
        ("r: delete", "DELETE", row(&read), &change[..], "", Want::Beyond),
        ("u: update", "PUT", row(&update), &change[..], changed, Want::Yes),
        ("u: delete", "DELETE", row(&update), &change[..], "", Want::Beyond),
        ("u: get one", "GET", row(&update), &json[..1], "", Want::Beyond),
        ("r: tampered", "DELETE", row(&read.replace("sp=r&", "sp=d&")), &change[..], "", Want::BadToken),
        ("r: see the update", "GET", row(&read), &json[..1], "", Want::Body("second text")),
        ("d: get one", "GET", row(&delete), &json[..1], "", Want::Beyond),
        ("d: delete", "DELETE", row(&delete), &change[..], "", Want::Yes),
    ] {
        let answer = a.send(method, &url, headers, body);
        a.case(&format!("table {name}"), want, answer);
    }
    let answer = a.send("POST", &add, &json, entity);
    a.case("table a: insert again", Want::Yes, answer);
    let range = KeyRange::partition("p").from_row("1").to_row("5");
    let within = Azurite::issue(&a.key, &a.table, &table(range, "r"), now());
    let answer = a.send("GET", &row(&within), &json[..1], "");
    a.case("table r, rows 1 to 5: get 1", Want::Body("first text"), answer);
    let answer = a.send("GET", &row(&within.replace("erk=5", "erk=9")), &json[..1], "");
    a.case("table r: another range", Want::BadToken, answer);
    let wrong = Azurite::issue(&a.wrong, &a.table, &table(KeyRange::new(), "r"), now());
    let answer = a.send("GET", &row(&wrong), &json[..1], "");
    a.case("table r: wrong key", Want::BadToken, answer);
}

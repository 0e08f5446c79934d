//! Tokens for blobs, snapshots and containers.

use crate::emulator::{Azurite, BLOCK_BLOB, Want, at, blob, container, now, swap, with};
use valet_key::{
    azure::{BlobPermissions, Inline, Presigner, Sas, UrlRequest, Version},
    grant::{ContentDisposition, Grant},
};

/// All of them, in an order in which each finds what it needs.
pub(crate) fn all(a: &mut Azurite) {
    blob_sas(a);
    blob_refusals(a);
    blob_names_and_blocks(a);
    response_headers(a);
    versions(a);
    grants(a);
    container_sas(a);
    snapshots(a);
}

fn blob_sas(a: &mut Azurite) {
    let create = a.blob_url("first", "dir/cat.txt", "c");
    let answer = a.send("PUT", &create, &[BLOCK_BLOB], "one");
    a.case("blob c: create", Want::Yes, answer);
    let answer = a.send("PUT", &create, &[BLOCK_BLOB], "two");
    a.case("blob c: overwrite", Want::Beyond, answer);
    let upload = a.blob_url("first", "dir/cat.txt", "cw");
    let answer = a.send("PUT", &upload, &[BLOCK_BLOB], "three");
    a.case("blob cw: overwrite", Want::Yes, answer);
    let answer = a.send("GET", &upload, &[], "");
    a.case("blob cw: read", Want::Beyond, answer);
    let read = a.blob_url("first", "dir/cat.txt", "r");
    let answer = a.send("GET", &read, &[], "");
    a.case("blob r: read", Want::Body("three"), answer);
    let answer = a.send("HEAD", &read, &[], "");
    a.holds("blob r: head", answer.is(Want::Yes) && answer.header("content-length") == "5", &answer.status.to_string());
    let answer = a.send("PUT", &read, &[BLOCK_BLOB], "four");
    a.case("blob r: upload", Want::Beyond, answer);
    let answer = a.send("DELETE", &read, &[], "");
    a.case("blob r: delete", Want::Beyond, answer);
    let other = a.blob_url("first", "dir/dog.txt", "cw");
    let answer = a.send("PUT", &other, &[BLOCK_BLOB], "dog");
    a.case("blob cw: upload another", Want::Yes, answer);
    let answer = a.send("GET", &swap(&read, "cat", "dog"), &[], "");
    a.case("blob r: read another", Want::BadToken, answer);
    let answer = a.send("GET", &swap(&read, "/first/", "/second/"), &[], "");
    a.case("blob r: read in another container", Want::BadToken, answer);
    let list = at(&read, |path| path.replace("/dir/cat.txt", ""), "restype=container&comp=list&");
    let answer = a.send("GET", &list, &[], "");
    a.case("blob r: list its container", Want::BadToken, answer);
    let tags = a.blob_url("first", "dir/cat.txt", "t");
    let body = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Tags><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tags>";
    let answer = a.send("PUT", &with(&tags, "comp=tags&"), &[("content-type", "application/xml")], body);
    a.case("blob t: set tags", Want::Yes, answer);
    let answer = a.send("GET", &with(&tags, "comp=tags&"), &[], "");
    a.case("blob t: get tags", Want::Body("<Key>a</Key>"), answer);
    let answer = a.send("GET", &with(&read, "comp=tags&"), &[], "");
    a.case("blob r: get tags", Want::Beyond, answer);
    let delete = a.blob_url("first", "dir/dog.txt", "d");
    let answer = a.send("GET", &delete, &[], "");
    a.case("blob d: read", Want::Beyond, answer);
    let answer = a.send("DELETE", &delete, &[], "");
    a.case("blob d: delete", Want::Yes, answer);
}

fn blob_refusals(a: &mut Azurite) {
    let request = blob("first", "dir/cat.txt", "r");
    let read = a.url(&a.key, &request);
    for (name, url) in [
        ("sp widened", read.replace("sp=r&", "sp=rd&")),
        ("expiry moved", read.replace("&se=20", "&se=21")),
        ("spr taken out", read.replace("&spr=https", "")),
        ("sr changed", read.replace("&sr=b&", "&sr=c&")),
        ("version changed", read.replace("sv=2020-12-06", "sv=2021-04-10").replace("sr=b", "sr=bv")),
        ("disposition added", format!("{read}&rscd=inline")),
        ("address added", format!("{read}&sip=127.0.0.1")),
        ("signature of the wrong key", a.url(&a.wrong, &request)),
        ("expired", a.url_at(&a.key, &request, now().saturating_sub(3600))),
    ] {
        assert_ne!(url, read, "{name}");
        let answer = a.send("GET", &url, &[], "");
        a.case(&format!("blob r: {name}"), Want::BadToken, answer);
    }
    let terms = Inline::new(BlobPermissions::READ);
    let later = UrlRequest::blob("first", "dir/cat.txt", terms.start(now().saturating_add(600))).unwrap();
    let url = a.url(&a.key, &later);
    let answer = a.send("GET", &url, &[], "");
    a.case("blob r: not good yet", Want::BadToken, answer);
    let earlier = UrlRequest::blob("first", "dir/cat.txt", terms.start(now().saturating_sub(600))).unwrap();
    let url = a.url(&a.key, &earlier);
    let answer = a.send("GET", &url, &[], "");
    a.case("blob r: with a start that is over", Want::Body("three"), answer);
}

fn blob_names_and_blocks(a: &mut Azurite) {
    for name in [
        "a b.txt",
        "a+b.txt",
        "100%.txt",
        "a%20b.txt",
        "%2F",
        "Übersicht €/😀.pdf",
        "a//b",
        "a/b/",
        "q?x=1&y#z",
        "it's (1) [2] {3} ~!*@:;=,$.txt",
        "\"quoted\" <tag> |^`",
    ] {
        let url = a.blob_url("first", name, "cw");
        let answer = a.send("PUT", &url, &[BLOCK_BLOB], name);
        a.case(&format!("blob cw: upload {name}"), Want::Yes, answer);
        let url = a.blob_url("first", name, "r");
        let answer = a.send("GET", &url, &[], "");
        let is_same = answer.is(Want::Yes) && answer.body == name;
        a.holds(&format!("blob r: read {name}"), is_same, &format!("{} {}", answer.status, answer.code));
    }
    let url = a.url(&a.key, &container("first", "l"));
    let listed = a.send("GET", &with(&url, "restype=container&comp=list&"), &[], "").body;
    for name in ["a b.txt", "a+b.txt", "100%.txt", "a%20b.txt", "%2F", "Übersicht €/😀.pdf", "a//b", "a/b/"] {
        let found = listed.contains(&format!("<Name>{name}</Name>"));
        a.holds(&format!("container l: the name that is listed is {name}"), found, "");
    }
    let url = a.blob_url("first", "blocks", "cw");
    for (id, body) in [("MDAx", "one, "), ("MDAy", "two")] {
        let answer = a.send("PUT", &with(&url, &format!("comp=block&blockid={id}&")), &[], body);
        a.case(&format!("blob cw: put block {id}"), Want::Yes, answer);
    }
    let list =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><Latest>MDAx</Latest><Latest>MDAy</Latest></BlockList>";
    let answer = a.send("PUT", &with(&url, "comp=blocklist&"), &[("content-type", "application/xml")], list);
    a.case("blob cw: put block list", Want::Yes, answer);
    let url = a.blob_url("first", "blocks", "r");
    let answer = a.send("GET", &url, &[], "");
    a.case("blob r: read the blocks", Want::Body("one, two"), answer);
    let answer = a.send("PUT", &with(&url, "comp=block&blockid=MDAx&"), &[], "x");
    a.case("blob r: put block", Want::Beyond, answer);
}

fn response_headers(a: &mut Azurite) {
    let disposition = ContentDisposition::attachment("Übersicht \"€\" 100%.pdf");
    let request = blob("first", "dir/cat.txt", "r")
        .cache_control("no-cache, max-age=0")
        .content_disposition(disposition.as_str())
        .content_encoding("identity")
        .content_language("de-DE")
        .content_type("application/pdf; charset=\"utf-8\"");
    let url = a.url(&a.key, &request);
    let answer = a.send("GET", &url, &[], "");
    let answer = a.case("blob r: read with five response headers", Want::Body("three"), answer);
    for (name, value) in [
        ("cache-control", "no-cache, max-age=0"),
        ("content-disposition", disposition.as_str()),
        ("content-encoding", "identity"),
        ("content-language", "de-DE"),
        ("content-type", "application/pdf; charset=\"utf-8\""),
    ] {
        a.holds(&format!("blob r: {name} comes back"), answer.header(name) == value, answer.header(name));
    }
    let answer = a.send("GET", &url.replace("rsce=identity", "rsce=gzip"), &[], "");
    a.case("blob r: another response header", Want::BadToken, answer);
}

fn versions(a: &mut Azurite) {
    for version in [
        "2015-04-05",
        "2017-11-09",
        "2018-11-09",
        "2019-12-12",
        "2020-02-10",
        "2020-12-06",
        "2022-11-02",
        "2024-11-04",
        "2025-11-05",
        "2026-02-06",
        "2026-10-06",
    ] {
        let version = Version::parse(version).unwrap();
        let url = a.url(&a.key, &blob("first", "dir/cat.txt", "r").version(version));
        let answer = a.send("GET", &url, &[], "");
        a.case(&format!("blob r: sv={}", version.as_str()), Want::Body("three"), answer);
        let answer = a.send("DELETE", &url, &[], "");
        a.case(&format!("blob r: sv={}: delete", version.as_str()), Want::Beyond, answer);
    }
}

/// Tokens from a [`Grant`], and from a [`Presigner`].
fn grants(a: &mut Azurite) {
    let issue = |a: &Azurite, grant: Grant| a.key.issue(&UrlRequest::at(&a.blob, &grant).unwrap(), now()).unwrap();
    let send = |a: &Azurite, url: &valet_key::token::BearerUrl, body: &str| {
        let required: Vec<_> =
            url.required_headers().iter().map(|(n, v)| (n.clone(), String::from_utf8(v.clone()).unwrap())).collect();
        let required: Vec<_> = required.iter().map(|(name, value)| (&**name, &**value)).collect();
        a.send(url.method(), url.expose(), &required, body)
    };
    let name = "granted/ä b+c.txt";
    let url = issue(a, Grant::create("first", name).any_content_type().any_size());
    let answer = send(a, &url, "created");
    a.case("grant: create", Want::Yes, answer);
    let answer = send(a, &url, "again");
    a.case("grant: create again", Want::Beyond, answer);
    let url = issue(a, Grant::upload("first", name).any_content_type().any_size());
    let answer = send(a, &url, "uploaded");
    a.case("grant: upload", Want::Yes, answer);
    let url = issue(a, Grant::read("first", name));
    let answer = send(a, &url, "");
    a.case("grant: read", Want::Body("uploaded"), answer);
    let mut presigner = Presigner::new(&a.key, &a.blob, &Grant::read("first", "any")).unwrap();
    let url = presigner.presign(name, now()).unwrap();
    let other = presigner.presign("granted/other", now()).unwrap();
    let answer = send(a, &url, "");
    let missing = send(a, &other, "");
    a.case("presigner: read", Want::Body("uploaded"), answer);
    a.holds("presigner: read what is not there", missing.status == 404, &missing.code);
    let url = issue(a, Grant::delete("first", name));
    let answer = send(a, &url, "");
    a.case("grant: delete", Want::Yes, answer);
}

fn container_sas(a: &mut Azurite) {
    let all = a.url(&a.key, &container("first", "racwdl"));
    let list = with(&all, "restype=container&comp=list&");
    let answer = a.send("GET", &list, &[], "");
    a.case("container racwdl: list", Want::Body("<Name>dir/cat.txt</Name>"), answer);
    let inside = |url: &str, name: &str| at(url, |path| format!("{path}/{name}"), "");
    let answer = a.send("GET", &inside(&all, "dir/cat.txt"), &[], "");
    a.case("container racwdl: read one", Want::Body("three"), answer);
    let answer = a.send("GET", &inside(&all, "by-account"), &[], "");
    a.case("container racwdl: read another", Want::Body("by account"), answer);
    let answer = a.send("PUT", &inside(&all, "new"), &[BLOCK_BLOB], "new");
    a.case("container racwdl: upload", Want::Yes, answer);
    let answer = a.send("PUT", &inside(&all, "log"), &[("x-ms-blob-type", "AppendBlob")], "");
    a.case("container racwdl: create an append blob", Want::Yes, answer);
    let append = a.url(&a.key, &container("first", "a"));
    let answer = a.send("PUT", &with(&inside(&append, "log"), "comp=appendblock&"), &[], "line");
    a.case("container a: append", Want::Yes, answer);
    let answer = a.send("GET", &inside(&append, "log"), &[], "");
    a.case("container a: read", Want::Beyond, answer);
    let answer = a.send("DELETE", &inside(&all, "new"), &[], "");
    a.case("container racwdl: delete", Want::Yes, answer);
    let answer = a.send("GET", &swap(&list, "/first", "/second"), &[], "");
    a.case("container racwdl: list another", Want::BadToken, answer);
    let answer = a.send("GET", &with(&all, "restype=container&comp=acl&"), &[], "");
    a.case("container racwdl: read the ACL", Want::Beyond, answer);
    let only_list = a.url(&a.key, &container("first", "l"));
    let answer = a.send("GET", &inside(&only_list, "dir/cat.txt"), &[], "");
    a.case("container l: read one", Want::Beyond, answer);
    let only_read = a.url(&a.key, &container("first", "r"));
    let answer = a.send("GET", &with(&only_read, "restype=container&comp=list&"), &[], "");
    a.case("container r: list", Want::Beyond, answer);
}

fn snapshots(a: &mut Azurite) {
    let url = a.blob_url("first", "dir/cat.txt", "cw");
    let taken = a.send("PUT", &with(&url, "comp=snapshot&"), &[], "");
    let taken = a.case("blob cw: snapshot", Want::Yes, taken);
    let snapshot = taken.header("x-ms-snapshot").to_owned();
    let answer = a.send("PUT", &url, &[BLOCK_BLOB], "changed");
    a.case("blob cw: change the base blob", Want::Yes, answer);
    let request = |letters| {
        let terms = Inline::new(BlobPermissions::parse(letters).unwrap());
        UrlRequest::snapshot("first", "dir/cat.txt", &snapshot, terms).unwrap()
    };
    let url = a.url(&a.key, &request("r"));
    let answer = a.send("GET", &url, &[], "");
    a.case("snapshot r: read it", Want::Body("three"), answer);
    let param = url.split_once('?').unwrap().1.split('&').next().unwrap().to_owned();
    assert!(param.starts_with("snapshot="), "{param}");
    let answer = a.send("GET", &url.replace(&format!("{param}&"), ""), &[], "");
    a.case("snapshot r: read the base blob", Want::BadToken, answer);
    let answer = a.send("DELETE", &url, &[], "");
    a.case("snapshot r: delete it", Want::Beyond, answer);
    let delete = a.url(&a.key, &request("d"));
    let answer = a.send("DELETE", &delete, &[], "");
    a.case("snapshot d: delete it", Want::Yes, answer);
}

//! Azurite against this crate: started by `tests/interop/azurite.sh`, which says where it is.

use std::io::Write;
use std::process::{Command, Stdio};
use valet_key::azure::{
    AccountKey, AccountPermissions, AccountRequest, BlobPermissions, ContainerPermissions, Endpoint, Inline, KeyRange,
    KeyRequest, QueuePermissions, ResourceTypes, Sas, Service, Services, SharedKeyRequest, Split, Stored,
    StoredPolicies, StoredPolicy, TablePermissions, UrlRequest,
};
use valet_key::clock::{Clock, SystemClock, Timestamp};
use valet_key::grant::{ContentDisposition, Grant, Justification, Lifetime};

const ACCOUNT: &str = "devstoreaccount1";
/// The published key of every emulator.
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

struct Azurite {
    port: u16,
    certificate: String,
    cases: usize,
    surprises: Vec<String>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn why() -> Justification {
    Justification::new("a test against an emulator").unwrap()
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn key() -> AccountKey {
    AccountKey::new(ACCOUNT, KEY).unwrap()
}

impl Azurite {
    fn endpoint(&self, service: Service) -> Endpoint {
        let port = self.port
            + match service {
                Service::Queue => 1,
                Service::Table => 2,
                _ => 0,
            };
        Endpoint::emulator(&format!("https://127.0.0.1:{port}")).unwrap()
    }

    fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut command = Command::new("curl");
        command.args(["-s", "-i", "--path-as-is", "--globoff", "--cacert", &self.certificate, "-X", method]);
        if method == "HEAD" {
            command.arg("--head");
        }
        for (name, value) in headers {
            command.args(["-H", &format!("{name}: {value}")]);
        }
        // Without a body these methods have none, and Azurite wants to be told so.
        if matches!(method, "PUT" | "POST" | "MERGE") {
            command.args(["--data-binary", "@-"]);
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                command.args(["-H", "Content-Type: application/octet-stream"]);
            }
        }
        let mut child = command.arg(url).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
        let output = String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned();
        let (head, body) = output.split_once("\r\n\r\n").unwrap_or((&output, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    fn case(&mut self, name: &str, accepted: bool, answer: &Answer) {
        self.cases += 1;
        let is_right = if accepted { (200..300).contains(&answer.status) } else { matches!(answer.status, 400..=409) };
        let verdict = if accepted { "accepted" } else { "refused" };
        println!("{} {name}: {verdict} with {}", if is_right { "ok  " } else { "BAD " }, answer.status);
        if !is_right {
            self.surprises.push(format!("{name}: should be {verdict}: {}\n{}", answer.head, answer.body));
        }
    }

    fn accepts(&mut self, name: &str, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let answer = self.send(method, url, headers, body);
        self.case(name, true, &answer);
        answer
    }

    fn refuses(&mut self, name: &str, method: &str, url: &str, headers: &[(&str, &str)], body: &str) {
        let answer = self.send(method, url, headers, body);
        self.case(name, false, &answer);
    }

    fn url(&self, request: UrlRequest, service: Service) -> String {
        let request = request.endpoint(&self.endpoint(service)).because(why());
        key().issue(&request, now()).unwrap().expose().to_owned()
    }

    fn blob(&self, name: &str, permissions: BlobPermissions) -> String {
        self.url(UrlRequest::blob("photos", name, Inline::new(permissions)).unwrap(), Service::Blob)
    }
}

const BLOCK: (&str, &str) = ("x-ms-blob-type", "BlockBlob");

fn with(url: &str, query: &str) -> String {
    url.replacen('?', &format!("?{query}&"), 1)
}

#[test]
fn azurite_takes_our_tokens_for_what_they_grant() {
    let (Ok(port), Ok(certificate)) = (std::env::var("VALET_KEY_AZURITE"), std::env::var("VALET_KEY_AZURITE_CERT"))
    else {
        println!("VALET_KEY_AZURITE is not set: no Azurite was asked");
        return;
    };
    let mut azurite = Azurite { port: port.parse().unwrap(), certificate, cases: 0, surprises: Vec::new() };
    account_sas(&mut azurite);
    blobs(&mut azurite);
    containers_and_snapshots(&mut azurite);
    queues(&mut azurite);
    tables(&mut azurite);
    stored_policies(&mut azurite);
    user_delegation(&mut azurite);
    println!("{} of {} as expected", azurite.cases - azurite.surprises.len(), azurite.cases);
    println!("not asked, since Azurite does not look: addresses, the order of permissions, rows outside of a range");
    assert!(azurite.surprises.is_empty(), "{}", azurite.surprises.join("\n\n"));
    assert!(azurite.cases > 40, "only {} cases", azurite.cases);
}

fn account_sas(azurite: &mut Azurite) {
    let token = |services, types, permissions| {
        let request = AccountRequest::new(services, types, permissions, why());
        request.issue(&key(), now()).unwrap().expose().to_owned()
    };
    let create = token(Services::BLOB, ResourceTypes::CONTAINER, AccountPermissions::CREATE);
    let base = format!("https://127.0.0.1:{}/{ACCOUNT}", azurite.port);
    for container in ["photos", "invoices"] {
        let url = format!("{base}/{container}?restype=container&{create}");
        azurite.accepts("account SAS creates a container", "PUT", &url, &[], "");
    }
    azurite.refuses("account SAS lists without l", "GET", &format!("{base}/?comp=list&{create}"), &[], "");
    let url = format!("{base}/photos?restype=container&comp=list&{create}");
    azurite.refuses("account SAS lists blobs without l", "GET", &url, &[], "");
    azurite.refuses("account SAS on objects without srt=o", "GET", &format!("{base}/photos/a?{create}"), &[], "");
    let list = token(Services::BLOB, ResourceTypes::SERVICE, AccountPermissions::LIST);
    azurite.accepts("account SAS lists containers", "GET", &format!("{base}/?comp=list&{list}"), &[], "");
    let queue = format!("https://127.0.0.1:{}/{ACCOUNT}", azurite.port + 1);
    azurite.refuses("account SAS on another service", "GET", &format!("{queue}/?comp=list&{list}"), &[], "");
    let create = token(Services::QUEUE | Services::TABLE, ResourceTypes::CONTAINER, AccountPermissions::CREATE);
    for name in ["orders", "others"] {
        azurite.accepts("account SAS creates a queue", "PUT", &format!("{queue}/{name}?{create}"), &[], "");
    }
    let table = format!("https://127.0.0.1:{}/{ACCOUNT}", azurite.port + 2);
    for name in ["Orders", "Others"] {
        let headers = [("Content-Type", "application/json"), ("Accept", "application/json;odata=nometadata")];
        let body = format!("{{\"TableName\":\"{name}\"}}");
        azurite.accepts("account SAS creates a table", "POST", &format!("{table}/Tables?{create}"), &headers, &body);
    }
}

fn blobs(azurite: &mut Azurite) {
    let create = azurite.blob("new.txt", BlobPermissions::CREATE);
    azurite.accepts("c creates a blob", "PUT", &create, &[BLOCK], "one");
    azurite.refuses("c overwrites a blob", "PUT", &create, &[BLOCK], "two");
    azurite.refuses("c reads", "GET", &create, &[], "");
    let grant = Grant::upload("photos", "cat.jpg").any_size().any_content_type().because(why());
    let request = UrlRequest::at(&azurite.endpoint(Service::Blob), &grant).unwrap();
    let upload = key().issue(&request, now()).unwrap().expose().to_owned();
    azurite.accepts("a grant uploads", "PUT", &upload, &[BLOCK], "meow");
    azurite.accepts("and overwrites", "PUT", &upload, &[BLOCK], "meow!");
    azurite.accepts("and puts a block", "PUT", &with(&upload, "comp=block&blockid=MDAx"), &[], "purr");
    let list = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><Latest>MDAx</Latest></BlockList>";
    azurite.accepts("and the list of blocks", "PUT", &with(&upload, "comp=blocklist"), &[], list);
    azurite.refuses("and deletes", "DELETE", &upload, &[], "");
    let read = azurite.blob("cat.jpg", BlobPermissions::READ);
    let answer = azurite.accepts("r reads", "GET", &read, &[], "");
    assert_eq!(answer.body, "purr");
    azurite.accepts("r heads", "HEAD", &read, &[], "");
    azurite.refuses("r writes", "PUT", &read, &[BLOCK], "x");
    azurite.refuses("r reads another blob", "GET", &read.replace("cat.jpg", "new.txt"), &[], "");
    azurite.refuses("r with other permissions", "DELETE", &read.replace("sp=r", "sp=d"), &[], "");
    azurite.refuses("r with another end", "GET", &read.replace('T', "U"), &[], "");
    let other = AccountKey::new(ACCOUNT, "b3RoZXI=").unwrap();
    let request = UrlRequest::blob("photos", "cat.jpg", Inline::new(BlobPermissions::READ)).unwrap();
    let request = request.endpoint(&azurite.endpoint(Service::Blob));
    let url = other.issue(&request, now()).unwrap();
    azurite.refuses("r of another key", "GET", url.expose(), &[], "");
    let expired = key().issue(&request, now().saturating_sub(2000)).unwrap();
    azurite.refuses("r that is over", "GET", expired.expose(), &[], "");
    let early =
        UrlRequest::blob("photos", "cat.jpg", Inline::new(BlobPermissions::READ).start(now().saturating_add(600)));
    let early = azurite.url(early.unwrap(), Service::Blob);
    azurite.refuses("r that has not begun", "GET", &early, &[], "");
    let named = ContentDisposition::attachment("r\u{e9}sum\u{e9} \"1\".pdf");
    let request = UrlRequest::blob("photos", "cat.jpg", Inline::new(BlobPermissions::READ)).unwrap();
    let url = azurite.url(request.content_disposition(named.as_str()), Service::Blob);
    let answer = azurite.accepts("a file name outside of ASCII", "GET", &url, &[], "");
    assert!(answer.head.to_ascii_lowercase().contains("filename*=utf-8''r%c3%a9sum%c3%a9"), "{}", answer.head);
    for name in ["a b/c+d%41.txt", "\u{fc}/\u{1f600}.txt", "a//b", "(x)!*'~.txt", "a;b=c&d?e#f"] {
        let url = azurite.blob(name, BlobPermissions::CREATE | BlobPermissions::WRITE);
        azurite.accepts(&format!("a name such as {name}"), "PUT", &url, &[BLOCK], name);
        let answer = azurite.accepts("and back", "GET", &azurite.blob(name, BlobPermissions::READ), &[], "");
        assert_eq!(answer.body, name);
    }
    let delete = azurite.blob("new.txt", BlobPermissions::DELETE);
    azurite.refuses("d reads", "GET", &delete, &[], "");
    azurite.accepts("d deletes", "DELETE", &delete, &[], "");
}

fn containers_and_snapshots(azurite: &mut Azurite) {
    let all = ContainerPermissions::READ | ContainerPermissions::LIST;
    let url = azurite.url(UrlRequest::container("photos", Inline::new(all)).unwrap(), Service::Blob);
    azurite.accepts("rl lists a container", "GET", &with(&url, "restype=container&comp=list"), &[], "");
    azurite.accepts("rl reads in it", "GET", &url.replace("/photos?", "/photos/cat.jpg?"), &[], "");
    azurite.refuses("rl deletes in it", "DELETE", &url.replace("/photos?", "/photos/cat.jpg?"), &[], "");
    let other = with(&url.replace("/photos?", "/invoices?"), "restype=container&comp=list");
    azurite.refuses("rl lists another container", "GET", &other, &[], "");
    let url = azurite.blob("cat.jpg", BlobPermissions::CREATE);
    let answer = azurite.accepts("c takes a snapshot", "PUT", &with(&url, "comp=snapshot"), &[], "");
    let snapshot = answer.head.lines().find_map(|line| line.strip_prefix("x-ms-snapshot: ")).unwrap().trim().to_owned();
    let request = UrlRequest::snapshot("photos", "cat.jpg", &snapshot, Inline::new(BlobPermissions::READ)).unwrap();
    let url = azurite.url(request, Service::Blob);
    azurite.accepts("a snapshot is read", "GET", &url, &[], "");
    let base = url.split_once("snapshot=").map(|(before, rest)| format!("{before}{}", rest.split_once('&').unwrap().1));
    azurite.refuses("the blob itself with its token", "GET", &base.unwrap(), &[], "");
}

fn queues(azurite: &mut Azurite) {
    let of = |azurite: &Azurite, permissions| {
        azurite.url(UrlRequest::queue("orders", Inline::new(permissions)).unwrap(), Service::Queue)
    };
    let message = "<QueueMessage><MessageText>aGVsbG8=</MessageText></QueueMessage>";
    let xml = [("Content-Type", "application/xml")];
    let send = of(azurite, QueuePermissions::ADD);
    azurite.accepts("a sends", "POST", &send, &xml, message);
    azurite.refuses("a receives", "GET", &send, &[], "");
    azurite.refuses("a sends to another queue", "POST", &send.replace("/orders/", "/others/"), &xml, message);
    let peek = of(azurite, QueuePermissions::READ);
    azurite.accepts("r peeks", "GET", &with(&peek, "peekonly=true"), &[], "");
    azurite.refuses("r receives", "GET", &peek, &[], "");
    let receive = of(azurite, QueuePermissions::PROCESS);
    azurite.refuses("p sends", "POST", &receive, &xml, message);
    let answer = azurite.accepts("p receives", "GET", &receive, &[], "");
    let part = |name: &str| {
        let (_, rest) = answer.body.split_once(&format!("<{name}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    let (id, receipt) = (part("MessageId"), part("PopReceipt"));
    let receipt = receipt.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let url = with(&receive.replace("/messages?", &format!("/messages/{id}?")), &format!("popreceipt={receipt}"));
    azurite.accepts("p deletes", "DELETE", &url, &[], "");
}

fn tables(azurite: &mut Azurite) {
    let of = |azurite: &Azurite, permissions| {
        let request = UrlRequest::table("Orders", KeyRange::new(), Inline::new(permissions)).unwrap();
        azurite.url(request, Service::Table)
    };
    let json = [("Content-Type", "application/json"), ("Accept", "application/json;odata=nometadata")];
    let entity = "{\"PartitionKey\":\"p\",\"RowKey\":\"r\",\"n\":1}";
    let add = of(azurite, TablePermissions::ADD);
    azurite.accepts("a inserts", "POST", &add, &json, entity);
    azurite.refuses("a queries", "GET", &add.replace("/Orders?", "/Orders()?"), &json, "");
    azurite.refuses("a inserts in another table", "POST", &add.replace("/Orders?", "/Others?"), &json, entity);
    let row = |url: &str| url.replace("/Orders?", "/Orders(PartitionKey='p',RowKey='r')?");
    let read = of(azurite, TablePermissions::READ);
    azurite.accepts("r queries", "GET", &read.replace("/Orders?", "/Orders()?"), &json, "");
    azurite.accepts("r reads an entity", "GET", &row(&read), &json, "");
    azurite.refuses("r deletes", "DELETE", &row(&read), &[json[1], ("If-Match", "*")], "");
    let update = of(azurite, TablePermissions::UPDATE);
    azurite.accepts("u merges", "MERGE", &row(&update), &[json[0], json[1], ("If-Match", "*")], entity);
    let delete = of(azurite, TablePermissions::DELETE);
    azurite.accepts("d deletes an entity", "DELETE", &row(&delete), &[json[1], ("If-Match", "*")], "");
}

fn stored_policies(azurite: &mut Azurite) {
    let day = now().saturating_add(86_400);
    let whole = StoredPolicy::new("whole").unwrap().permissions(ContainerPermissions::READ).expiry(day);
    let open = StoredPolicy::new("open").unwrap().permissions(ContainerPermissions::READ);
    let mut policies = StoredPolicies::new();
    policies.set(whole.clone()).unwrap();
    policies.set(open.clone()).unwrap();
    let set = |azurite: &Azurite, policies: &StoredPolicies| {
        let body = policies.to_xml();
        let request = SharedKeyRequest::new("PUT", Service::Blob, "/photos").unwrap();
        let request = request
            .endpoint(&azurite.endpoint(Service::Blob))
            .query("restype", "container")
            .query("comp", "acl")
            .header("content-type", "application/xml")
            .content_length(body.len() as u64);
        let signed = key().authorize(&request, now()).unwrap();
        let mut headers: Vec<(&str, &str)> =
            signed.headers().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        headers.push(("Authorization", signed.expose_authorization()));
        azurite.send("PUT", signed.url(), &headers, &body)
    };
    let answer = set(azurite, &policies);
    azurite.case("Shared Key sets the policies of a container", true, &answer);
    let request = UrlRequest::blob("photos", "cat.jpg", Stored(whole)).unwrap();
    let stored = azurite.url(request, Service::Blob);
    azurite.accepts("all in the policy", "GET", &stored, &[], "");
    azurite.refuses("and no more than it says", "DELETE", &stored, &[], "");
    let terms = Split::<BlobPermissions>::new(open).lives(Lifetime::DEFAULT);
    let split = azurite.url(UrlRequest::blob("photos", "cat.jpg", terms).unwrap(), Service::Blob);
    azurite.accepts("some in the policy", "GET", &split, &[], "");
    azurite.refuses("another policy", "GET", &stored.replace("si=whole", "si=other"), &[], "");
    assert!(policies.revoke("whole", now()));
    let answer = set(azurite, &policies);
    azurite.case("Shared Key sets a policy that is over", true, &answer);
    azurite.refuses("taken back by its policy", "GET", &stored, &[], "");
    azurite.accepts("the other policy is still there", "GET", &split, &[], "");
}

fn user_delegation(azurite: &mut Azurite) {
    let begin = now().saturating_sub(300);
    let endpoint = azurite.endpoint(Service::Blob);
    let request = KeyRequest::new(ACCOUNT, Service::Blob, begin, begin.saturating_add(7200)).unwrap();
    let request = request.endpoint(&endpoint).unwrap();
    let base64 = |text: &str| -> String {
        use base64ct::Encoding;
        base64ct::Base64UrlUnpadded::encode_string(text.as_bytes())
    };
    let id = "11111111-1111-1111-1111-111111111111";
    let claims = format!(
        "{{\"aud\":\"https://storage.azure.com\",\"iss\":\"https://sts.windows.net/{id}/\",\"nbf\":{},\"exp\":{},\"iat\":{},\
         \"oid\":\"{id}\",\"tid\":\"{id}\",\"ver\":\"1.0\"}}",
        begin.unix(),
        begin.unix() + 7200,
        begin.unix()
    );
    // Azurite looks at the claims of a token and not at its signature.
    let bearer =
        format!("Bearer {}.{}.{}", base64("{\"alg\":\"RS256\",\"typ\":\"JWT\"}"), base64(&claims), base64("none"));
    let mut headers: Vec<(&str, &str)> = request.headers().to_vec();
    headers.push(("Authorization", &bearer));
    let answer = azurite.accepts("a user delegation key", request.method(), &request.url(), &headers, &request.body());
    let Ok(delegated) = request.read_answer(&answer.body) else {
        azurite.surprises.push(format!("the answer cannot be read: {}", answer.body));
        return;
    };
    let url = |terms| {
        let request = UrlRequest::blob("photos", "cat.jpg", terms).unwrap().endpoint(&endpoint).because(why());
        delegated.issue(&request, now()).unwrap().expose().to_owned()
    };
    let read = url(Inline::new(BlobPermissions::READ));
    azurite.accepts("user delegation reads", "GET", &read, &[], "");
    azurite.refuses("user delegation writes with r", "PUT", &read, &[BLOCK], "x");
    azurite.refuses("user delegation reads another blob", "GET", &read.replace("cat.jpg", "a//b"), &[], "");
    azurite.refuses("user delegation in another name", "GET", &read.replace("skoid=1", "skoid=2"), &[], "");
    azurite.accepts("user delegation writes", "PUT", &url(Inline::new(BlobPermissions::WRITE)), &[BLOCK], "x");
    let terms = Inline::new(ContainerPermissions::LIST);
    let list = UrlRequest::container("photos", terms).unwrap().endpoint(&endpoint).because(why());
    let list = delegated.issue(&list, now()).unwrap().expose().to_owned();
    azurite.accepts("user delegation lists", "GET", &with(&list, "restype=container&comp=list"), &[], "");
    azurite.refuses("user delegation reads with l", "GET", &list.replace("/photos?", "/photos/cat.jpg?"), &[], "");
}

//! Stored access policies, and the tokens that name one.

use crate::emulator::{Azurite, Want, at, now, with};
use valet_key::{
    azure::{BlobPermissions, ContainerPermissions, Split, Stored, StoredPolicies, StoredPolicy, UrlRequest},
    grant::Lifetime,
};

pub(crate) fn stored_policies(a: &mut Azurite) {
    let set = |a: &mut Azurite, name: &str, policies: &StoredPolicies| {
        let headers = [("content-type", "application/xml")];
        let answer = a.shared_key(&a.key, "PUT", "/first?restype=container&comp=acl", &policies.to_xml(), &headers);
        a.case(name, Want::Yes, answer);
    };
    let until = now().saturating_add(3600);
    let whole = StoredPolicy::new("readers & <co>").unwrap().permissions(ContainerPermissions::READ).expiry(until);
    let started = StoredPolicy::new("started").unwrap().permissions(BlobPermissions::READ).expiry(until);
    let started = started.start(now().saturating_sub(600));
    let begun = StoredPolicy::new("begun").unwrap().start(now().saturating_sub(600));
    let letters = StoredPolicy::new("letters").unwrap().permissions(BlobPermissions::READ);
    let mut policies = StoredPolicies::new();
    for policy in [&whole, &started, &begun, &letters] {
        policies.set(policy.clone()).unwrap();
    }
    set(a, "Shared Key: set the ACL with four policies", &policies);
    let answer = a.shared_key(&a.key, "GET", "/first?restype=container&comp=acl", "", &[]);
    a.case("Shared Key: get the ACL", Want::Body("readers &amp; &lt;co&gt;"), answer);

    let name = "dir/cat.txt";
    let life = Lifetime::minutes(10).unwrap();
    let read = BlobPermissions::READ;
    let requests = [
        ("stored, whole", "readers & <co>", UrlRequest::blob("first", name, Stored(whole.clone())).unwrap()),
        ("stored, with a start", "started", UrlRequest::blob("first", name, Stored(started)).unwrap()),
        (
            "split, expiry in the token",
            "letters",
            UrlRequest::blob("first", name, Split::<BlobPermissions>::new(letters).lives(life)).unwrap(),
        ),
    ];
    let urls: Vec<_> = requests.iter().map(|(text, id, request)| (*text, *id, a.url(&a.key, request))).collect();
    for (text, _, url) in &urls {
        let answer = a.send("GET", url, &[], "");
        a.case(&format!("{text}: read"), Want::Body("changed"), answer);
        let answer = a.send("DELETE", url, &[], "");
        a.case(&format!("{text}: delete"), Want::Beyond, answer);
    }
    let split = UrlRequest::blob("first", name, Split::new(begun).permissions(read).lives(life)).unwrap();
    let answer = a.send("GET", &a.url(&a.key, &split), &[], "");
    a.overlooks("permissions in the token, which Azurite reads in the policy alone", "500", &answer);
    let over = a.url_at(&a.key, &requests[2].2, now().saturating_sub(3600));
    let answer = a.send("GET", &over, &[], "");
    a.overlooks("an end in the token that is over, which Azurite reads in the policy alone", "200", &answer);
    let all = a.url(&a.key, &UrlRequest::container("first", Stored(whole)).unwrap());
    let answer = a.send("GET", &at(&all, |path| format!("{path}/{name}"), ""), &[], "");
    a.case("container, stored: read", Want::Body("changed"), answer);
    let answer = a.send("GET", &with(&all, "restype=container&comp=list&"), &[], "");
    a.case("container, stored: list", Want::Beyond, answer);
    let unknown = StoredPolicy::new("unknown").unwrap().permissions(read).expiry(until);
    let unknown = a.url(&a.key, &UrlRequest::blob("first", name, Stored(unknown)).unwrap());
    let answer = a.send("GET", &unknown, &[], "");
    a.case("stored, a policy that is not there", Want::BadToken, answer);

    for (at, (text, id, url)) in urls.iter().enumerate() {
        assert!(policies.revoke(id, now()));
        set(a, &format!("Shared Key: set the ACL, taking back {text}"), &policies);
        let answer = a.send("GET", url, &[], "");
        a.case(&format!("{text}: read after its end"), Want::BadToken, answer);
        if let Some((text, _, url)) = urls.get(at + 1) {
            let answer = a.send("GET", url, &[], "");
            a.case(&format!("{text}: read, while another was taken back"), Want::Body("changed"), answer);
        }
    }
    let answer = a.send("GET", &at(&all, |path| format!("{path}/{name}"), ""), &[], "");
    a.case("container, stored: read after its end", Want::BadToken, answer);
    set(a, "Shared Key: set the ACL without policies", &StoredPolicies::new());
    for (text, _, url) in &urls {
        let answer = a.send("GET", url, &[], "");
        a.case(&format!("{text}: read without any policy"), Want::BadToken, answer);
    }
}

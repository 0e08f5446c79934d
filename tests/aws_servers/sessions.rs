//! Temporary credentials of STS, and what they can do then.

use crate::objects::{plain, url, why};
use crate::server::{Answer, Server, now, variable};
use valet_key::aws::{Call, Region, SigV4, StaticKey, UrlRequest, policy::SessionGrants, sts};
use valet_key::grant::{Action, Actions, Grant, Lifetime};

/// Asks the server in the place of AWS: what was signed is the host of AWS.
fn ask(server: &Server, endpoint: &sts::StsEndpoint, call: &Call, key: &StaticKey) -> Answer {
    let mut headers = vec![("Host".to_owned(), endpoint.host().as_bytes().to_vec())];
    headers.extend(call.headers().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
    let signed = call.sign(key, now()).unwrap();
    headers.extend(signed.expose().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
    server.send("POST", &format!("{}/", server.origin), &headers, call.expose_body().as_bytes())
}

pub(crate) fn assumed(server: &mut Server) {
    let role = variable("VALET_KEY_MINISTACK_ROLE").expect("the role");
    let endpoint = sts::StsEndpoint::regional(Region::new(&server.region).unwrap());
    let allowed = format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\
         \"Resource\":\"arn:aws:s3:::{}/sessions/mine.txt\"}}]}}",
        server.bucket
    );
    let request = sts::SessionRequest::assume_role(role, "interop")
        .lives(Lifetime::minutes(15).unwrap())
        .policy(sts::SessionPolicy::new(allowed).unwrap());
    let call = request.as_form(&endpoint).unwrap();
    let refused = ask(server, &endpoint, &call, &server.other_key());
    server.case("AssumeRole with another secret", false, &refused);
    let answer = ask(server, &endpoint, &call, &server.key());
    server.case("AssumeRole", true, &answer);
    let session = match request.read_answer(&answer.body, now()) {
        Ok(session) => session,
        Err(error) => {
            server.surprises.push(format!("the answer of AssumeRole: {error}"));
            return;
        }
    };

    for name in ["sessions/mine.txt", "sessions/yours.txt"] {
        let upload = plain(Grant::upload(server.bucket.clone(), name).any_content_type().any_size());
        let put = url(server, &upload, now());
        let answer = server.send("PUT", put.expose(), put.required_headers(), name.as_bytes());
        server.case(&format!("PUT {name} with the key of the user"), true, &answer);
    }
    let of_session = |grant: Grant| {
        // Less than the session has left.
        let grant = plain(grant).lives(Lifetime::minutes(5).unwrap());
        let request = UrlRequest::at(&server.endpoint(), &grant).unwrap();
        session.key().presign(&request, now()).unwrap()
    };
    let mine = of_session(Grant::read(server.bucket.clone(), "sessions/mine.txt"));
    let yours = of_session(Grant::read(server.bucket.clone(), "sessions/yours.txt"));
    let delete = of_session(Grant::delete(server.bucket.clone(), "sessions/mine.txt"));
    let answer = server.send("GET", mine.expose(), &[], b"");
    server.holds("GET with a session, what its policy allows", "sessions/mine.txt", &answer);
    let answer = server.send("GET", yours.expose(), &[], b"");
    server.case("GET with a session, another object than its policy allows", false, &answer);
    let answer = server.send("DELETE", delete.expose(), &[], b"");
    server.case("DELETE with a session that may read", false, &answer);
    let token = "X-Amz-Security-Token=";
    let other = mine.expose().replacen(token, &format!("{token}x"), 1);
    let answer = server.send("GET", &other, &[], b"");
    server.case("another session token", false, &answer);
}

/// A session whose policy is made of grants.
fn granted_session(server: &mut Server, what: &str, policy: sts::SessionPolicy) -> Option<sts::Session> {
    let role = variable("VALET_KEY_MINISTACK_ROLE").expect("the role");
    let endpoint = sts::StsEndpoint::regional(Region::new(&server.region).unwrap());
    let request = sts::SessionRequest::assume_role(role, "interop").lives(Lifetime::DEFAULT).policy(policy);
    let answer = ask(server, &endpoint, &request.as_form(&endpoint).unwrap(), &server.key());
    server.case(&format!("AssumeRole with the policy of {what}"), true, &answer);
    let session = request.read_answer(&answer.body, now());
    if let Err(error) = &session {
        server.surprises.push(format!("the answer of AssumeRole with the policy of {what}: {error}"));
    }
    session.ok()
}

/// What policies from grants let a session do, as this server reads them.
pub(crate) fn granted(server: &mut Server) {
    let bucket = server.bucket.clone();
    let upload = |name: &str| plain(Grant::upload(bucket.clone(), name).any_content_type().any_size());
    let under = |prefix: &str, actions: Actions| plain(Grant::under(bucket.clone(), prefix, actions).because(why()));
    let read = |name: &str| plain(Grant::read(bucket.clone(), name));
    for name in ["granted/mine.txt", "granted/yours.txt", "granted/album/a", "granted/album2/a"] {
        let put = url(server, &upload(name), now());
        let answer = server.send("PUT", put.expose(), put.required_headers(), name.as_bytes());
        server.case(&format!("PUT {name} with the key of the user"), true, &answer);
    }
    // This server is told by a header that TLS ended before it.
    let tls = [("X-Forwarded-Proto".to_owned(), b"https".to_vec())];
    let region = Region::new(&server.region).unwrap();
    let grants = || SessionGrants::new(region.clone(), Lifetime::DEFAULT);
    let presign = |server: &Server, session: &sts::Session, grant: Grant| {
        let grant = grant.lives(Lifetime::minutes(5).unwrap());
        session.key().presign(&UrlRequest::at(&server.endpoint(), &grant).unwrap(), now()).unwrap()
    };

    let policy = grants()
        .grant(Grant::read(bucket.clone(), "granted/mine.txt").client_address("127.0.0.0/8"))
        .grant(upload("granted/new.txt"))
        .grant(under("granted/album/", Actions::READ | Actions::LIST))
        .signed_within(Lifetime::DEFAULT)
        .to_policy(now())
        .unwrap();
    let Some(session) = granted_session(server, "several grants", policy) else { return };
    for (what, method, grant, accepted) in [
        ("the object", "GET", read("granted/mine.txt"), true),
        ("the object of a prefix", "GET", read("granted/album/a"), true),
        ("the upload", "PUT", upload("granted/new.txt"), true),
        ("the listing", "GET", under("granted/album/", Actions::LIST), true),
        ("another object", "GET", read("granted/yours.txt"), false),
        ("what is uploaded", "GET", read("granted/new.txt"), false),
        ("another prefix that begins alike", "GET", read("granted/album2/a"), false),
        ("the listing of more", "GET", under("granted/", Actions::LIST), false),
        ("the listing of another prefix", "GET", under("granted/album2/", Actions::LIST), false),
        ("an upload over what is read", "PUT", upload("granted/mine.txt"), false),
        ("an upload under what is read", "PUT", upload("granted/album/b"), false),
        ("a deletion", "DELETE", plain(Grant::delete(bucket.clone(), "granted/mine.txt")), false),
        ("a deletion under the prefix", "DELETE", plain(Grant::delete(bucket.clone(), "granted/album/a")), false),
        ("the tags", "GET", plain(Grant::read_tags(bucket.clone(), "granted/mine.txt")), false),
        ("the listing of versions", "GET", under("granted/album/", Action::ListVersions.into()), false),
    ] {
        let url = presign(server, &session, grant);
        let headers: Vec<_> = url.required_headers().iter().chain(&tls).cloned().collect();
        let answer = server.send(method, url.expose(), &headers, b"new");
        server.case(&format!("with the session of several grants: {what}"), accepted, &answer);
    }
    let mine = presign(server, &session, read("granted/mine.txt"));
    let answer = server.send("GET", mine.expose(), &[], b"");
    server.case("with the session of several grants: the object without TLS", false, &answer);

    let late = now().saturating_sub(901);
    for (what, session_grants, at, accepted) in [
        ("a grant for HTTP", grants().grant(read("granted/mine.txt")).allow_plain_http(why()), now(), true),
        (
            "a grant for another address",
            grants().grant(read("granted/mine.txt").client_address("198.51.100.0/24")),
            now(),
            false,
        ),
        (
            "a grant that has not begun",
            grants().grant(read("granted/mine.txt").not_before(now().saturating_add(600))),
            now(),
            false,
        ),
        ("a grant that has ended", grants().grant(read("granted/mine.txt")), late, false),
    ] {
        let Some(session) = granted_session(server, what, session_grants.to_policy(at).unwrap()) else { return };
        let url = presign(server, &session, read("granted/mine.txt"));
        let headers = if accepted { &[][..] } else { &tls };
        let answer = server.send("GET", url.expose(), headers, b"");
        server.case(&format!("with the session of {what}"), accepted, &answer);
    }
}

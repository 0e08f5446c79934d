//! Temporary credentials of STS, and what they can do then.

use crate::objects::{plain, url};
use crate::server::{Answer, Server, now, variable};
use valet_key::aws::{Call, Region, SigV4, StaticKey, UrlRequest, sts};
use valet_key::grant::{Grant, Lifetime};

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

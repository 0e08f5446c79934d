//! Signing and verifying a call: a POST with its body, signed in its headers.

use sha2::{Digest, Sha256};
use valet_key::aws::{Call, Expect, Form, Presented, SigV4, StaticKey};
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::view::RequestView;

/// What a server gets.
#[derive(Clone)]
pub(crate) struct Arrived {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: String,
}

impl Arrived {
    pub(crate) fn of_call(call: &Call, key: &StaticKey, now: Timestamp) -> Self {
        let url = call.url().unwrap();
        let (host, _) = url.strip_prefix("https://").unwrap().split_once('/').unwrap();
        let signed = call.sign(key, now).unwrap();
        let mut headers = vec![("host".to_owned(), host.as_bytes().to_vec())];
        headers.extend(call.headers().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
        headers.extend(signed.expose().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
        Self { method: call.method(), target: signed.target().to_owned(), headers, body: call.expose_body().to_owned() }
    }

    pub(crate) fn of_url(url: &str) -> Self {
        let rest = url.strip_prefix("https://").unwrap();
        let (host, target) = rest.split_at(rest.find('/').unwrap());
        let headers = vec![("host".to_owned(), host.as_bytes().to_vec())];
        Self { method: "GET", target: target.to_owned(), headers, body: String::new() }
    }

    /// What the verified facts say: the form and the end.
    pub(crate) fn verify(
        &self,
        key: &StaticKey,
        expect: &Expect,
        now: Timestamp,
    ) -> Result<(Form, Timestamp), VerifyError> {
        let lines: Vec<(&str, &[u8])> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let view = RequestView::new(self.method, &self.target, &lines);
        let view = view.body_sha256(Sha256::digest(self.body.as_bytes()).into());
        let verified = key.verify(Presented::parse(&view)?, expect, now)?;
        let mut check = verified.payload_check();
        check.update(self.body.as_bytes());
        check.finish()?;
        Ok((verified.form(), verified.expires_at()))
    }

    /// Accepted within 15 minutes around its signing and refused outside, refused after every change.
    pub(crate) fn run(&self, key: &StaticKey, expect: &Expect, now: Timestamp) -> Result<(), String> {
        for (seconds, good) in [(-901, false), (-900, true), (0, true), (900, true), (901, false)] {
            let when = Timestamp::from_unix(now.unix() + seconds).unwrap();
            let found = self.verify(key, expect, when);
            if found.is_ok() != good {
                return Err(format!("verify {seconds} s later: {found:?}"));
            }
            if let Ok((_, end)) = found {
                assert_eq!(end, now.saturating_add(900));
            }
        }
        let mut changes = vec![self.clone(), self.clone(), self.clone()];
        changes[0].method = "PUT";
        changes[1].target = self.target.replacen('/', "/x", 1);
        changes[2].body.push('x');
        for at in 0..self.headers.len() {
            changes.push(self.clone());
            changes.last_mut().unwrap().headers[at].1.push(b'1');
            changes.push(self.clone());
            changes.last_mut().unwrap().headers.remove(at);
        }
        for changed in changes {
            if changed.verify(key, expect, now).is_ok() {
                return Err(format!("accepted after a change: {} {}", changed.method, changed.target));
            }
        }
        Ok(())
    }
}

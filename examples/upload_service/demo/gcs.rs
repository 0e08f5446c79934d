//! What only Google Cloud Storage has: signed digests, and uploads that can be resumed.

use super::{
    Demo,
    wire::{Wire, send},
};
use valet_key::{clock::Timestamp, gcs::UrlRequest, grant::Grant, multi};

impl Demo<'_> {
    /// Uploads that sign the digest of their body in `x-goog-content-sha256`.
    pub(super) fn signed_body(&mut self, now: Timestamp) -> Result<(), String> {
        use sha2::Digest;
        let good: &[u8] = b"the body that was signed";
        let name = "attacks/body.txt";
        let grant = Grant::upload(self.bucket, name).size(1..=100).any_content_type();
        let put = self.signed(&grant.sha256(sha2::Sha256::digest(good).into()), &self.signer, now)?;
        let other = self.gateway(&put.clone().body(b"the body that was not..."))?.verdict();
        self.report("signed digest: another body", "400 BadDigest", &other);
        let whole = put.body(good);
        send(&self.options.gateway, &whole, Some(10))?;
        let stored = self.signed(&Grant::read(self.bucket, name), &self.signer, now)?;
        let missing = self.gateway(&stored)?.verdict();
        self.report("signed digest: half a body, and nothing is stored", "404 NoSuchKey", &missing);
        let stored_now = self.gateway(&whole)?.verdict();
        self.report("signed digest: the right body", "200", &stored_now);
        Ok(())
    }

    /// One token starts the upload; its bytes go to a session URI, which is a permission of its own.
    pub(super) fn resumable(&mut self, now: Timestamp) -> Result<(), String> {
        const STEP: usize = 256 << 10;
        let file: Vec<u8> = (0..STEP + 1000).map(|at| u8::try_from(at % 251).unwrap_or_default()).collect();
        let name = "attacks/resumed.bin";
        let grant = Grant::create(self.bucket, name).exact_size(file.len() as u64).any_content_type();
        let multi::Cloud::Gcs { key, endpoint } = &self.signer else { return Err("another cloud".into()) };
        let request = UrlRequest::resumable(endpoint, &grant.because(self.because.clone()));
        let url = request.and_then(|request| key.signed_url(&request, now)).map_err(|error| error.to_string())?;
        let started = self.gateway(&self.wire(&url).header("content-length", "0"))?;
        self.report("resumable: a token starts the upload", "201", &started.verdict());
        let location = started.header("location").unwrap_or_default();
        let session = location.strip_prefix(&format!("http://{}", self.options.gateway)).unwrap_or_default().to_owned();
        let all = file.len();
        let chunk = |range: &str, body: &[u8]| {
            let range = format!("bytes {range}");
            let length = body.len().to_string();
            Wire::new("PUT", &session).header("content-range", &range).header("content-length", &length).body(body)
        };
        let (first, rest) = file.split_at(STEP);
        let last = format!("{STEP}-{}/{all}", all - 1);
        let guessed = Wire { target: session.replace("upload_id=", "upload_id=0"), ..chunk(&last, rest) };
        let longer = format!("0-{}/{}", STEP - 1, all + 1);
        let arrived = format!("308 bytes=0-{}", STEP - 1);
        for (what, wire, expected) in [
            ("resumable: a session that is guessed", guessed, "404 NoSuchUpload"),
            ("resumable: the end before the beginning", chunk(&last, rest), "503 InvalidRange"),
            ("resumable: more than was signed", chunk(&longer, first), "400 EntityTooLarge"),
            ("resumable: a chunk of an odd size", chunk("0-999/*", &first[..1000]), "400 InvalidArgument"),
            ("resumable: a chunk", chunk(&format!("0-{}/{all}", STEP - 1), first), &arrived),
            ("resumable: how much arrived", chunk(&format!("*/{all}"), b""), &arrived),
            ("resumable: the last chunk", chunk(&last, rest), "200"),
            ("resumable: whether it is there", chunk(&format!("*/{all}"), b""), "200"),
            ("resumable: the session is over", chunk(&last, rest), "404 NoSuchUpload"),
        ] {
            let got = self.gateway(&wire)?;
            let range = got.header("range").unwrap_or_default().to_owned();
            self.report(what, expected, format!("{} {range}", got.verdict()).trim_end());
        }
        let read = self.signed(&Grant::read(self.bucket, name), &self.signer, now)?;
        let same = self.gateway(&read)?.body == file;
        self.report("    and it is the same file", "true", &same.to_string());
        Ok(())
    }
}

//! One published body in chunks, and the two things that are done with it: sign it, and verify it.

use crate::{Arriving, checksum};
use serde_json::Value;
use sha2::{Digest, Sha256};
use valet_key::{
    aws::{Expect, Request, SigV4, StaticKey, Stream},
    clock::Timestamp,
    error::VerifyError,
    view::Limits,
};

/// Inputs and expected values.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    access_key_id: String,
    secret: String,
    region: String,
    time: String,
    host: String,
    path: String,
    headers: Vec<(String, String)>,
    signed: bool,
    checksum: Option<String>,
    /// The names of the trailers, if they are not one checksum of the body.
    other_trailers: Option<String>,
    chunk_size: u64,
    body: Vec<u8>,
    canonical_request: String,
    string_to_sign: String,
    seed: String,
    /// Strings to sign, and signatures.
    chunks: Vec<(String, String)>,
    trailer: Option<(String, String)>,
    framed_length: Option<u64>,
    framed_sha256: Option<String>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("text expected, found {value}")).to_owned()
}

fn signed_text(value: &Value) -> (String, String) {
    (text(&value["string_to_sign"]), text(&value["signature"]))
}

type Stage = Result<(), String>;

fn same(stage: &str, expected: &str, found: &[u8]) -> Stage {
    if expected.as_bytes() == found {
        return Ok(());
    }
    Err(format!("{stage} differs\nexpected: {expected}\nfound:    {}", String::from_utf8_lossy(found)))
}

impl Case {
    pub(crate) fn of_ours(value: &Value) -> Self {
        let length = usize::try_from(value["length"].as_u64().unwrap()).unwrap();
        let step = usize::try_from(value["step"].as_u64().unwrap()).unwrap();
        let pairs = value["headers"].as_array().unwrap().iter();
        Self {
            name: text(&value["name"]),
            access_key_id: text(&value["access_key_id"]),
            secret: text(&value["secret"]),
            region: text(&value["region"]),
            time: text(&value["time"]),
            host: text(&value["host"]),
            path: text(&value["path"]),
            headers: pairs.map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
            signed: value["signed"].as_bool().unwrap(),
            checksum: value["checksum"].as_str().map(ToOwned::to_owned),
            other_trailers: None,
            chunk_size: value["chunk_size"].as_u64().unwrap(),
            body: (0..length).map(|at| u8::try_from((97 + at * step) % 256).unwrap()).collect(),
            canonical_request: text(&value["canonical_request"]),
            string_to_sign: text(&value["string_to_sign"]),
            seed: text(&value["seed"]),
            chunks: value["chunks"].as_array().unwrap().iter().map(signed_text).collect(),
            trailer: value["trailer"].is_object().then(|| signed_text(&value["trailer"])),
            framed_length: value["framed_length"].as_u64(),
            framed_sha256: value["framed_sha256"].as_str().map(ToOwned::to_owned),
        }
    }

    /// The worked examples of the documentation, if it is one with chunks or a trailer.
    pub(crate) fn of_documentation(value: &Value) -> Option<Self> {
        let form = value["form"].as_str()?;
        if !matches!(form, "chunked-upload" | "trailer-only") {
            return None;
        }
        let (request, expected) = (&value["request"], &value["expected"]);
        let sent = |name: &str| request["headers"][name].as_str().map(ToOwned::to_owned);
        let own = [
            "host",
            "content-encoding",
            "x-amz-content-sha256",
            "x-amz-date",
            "x-amz-decoded-content-length",
            "x-amz-trailer",
        ];
        let headers = request["headers"].as_object().into_iter().flatten();
        let data: Vec<(Vec<u8>, &Value)> = expected["chunks"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|chunk| {
                let length = usize::try_from(chunk["data"]["length"].as_u64().unwrap()).unwrap();
                (text(&chunk["data"]["repeat_byte"]).repeat(length).into_bytes(), chunk)
            })
            .collect();
        Some(Self {
            name: text(&value["id"]),
            access_key_id: text(&value["credentials"]["access_key_id"]),
            secret: text(&value["credentials"]["secret_access_key"]),
            region: text(&value["region"]),
            time: text(&value["amz_date"]),
            host: sent("host").unwrap_or_default(),
            path: request["raw_path"].as_str().unwrap_or("/").to_owned(),
            headers: headers
                .filter(|(name, _)| !own.contains(&name.as_str()))
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            signed: true,
            checksum: sent("x-amz-trailer")
                .map(|name| name.strip_prefix("x-amz-checksum-").unwrap_or_default().to_owned()),
            other_trailers: request["canonical_trailers"].as_str().map(|lines| {
                let names = lines.lines().filter_map(|line| Some(line.split_once(':')?.0));
                names.collect::<Vec<_>>().join(",")
            }),
            chunk_size: data.first().map_or(65_536, |(data, _)| data.len() as u64),
            body: data.iter().flat_map(|(data, _)| data.clone()).collect(),
            canonical_request: expected["canonical_request"].as_str().unwrap_or_default().to_owned(),
            string_to_sign: text(&expected["string_to_sign"]),
            seed: expected["seed_signature"].as_str().unwrap_or_default().to_owned(),
            chunks: data.iter().map(|(_, chunk)| signed_text(chunk)).collect(),
            trailer: expected["trailer"].is_object().then(|| signed_text(&expected["trailer"])),
            framed_length: sent("content-length").and_then(|length| length.parse().ok()),
            framed_sha256: None,
        })
    }

    /// Why the case is known not to match, if it is.
    pub(crate) fn known(&self) -> Option<&'static str> {
        // A rule and not a list of names: whoever publishes another such case asks for the same thing.
        self.other_trailers.as_ref().map(|_|
            "its trailers are none that S3 takes: one checksum of the body; the unit tests sign these lines all the same",
        )
    }

    fn now(&self) -> Timestamp {
        Timestamp::parse_iso_basic(&self.time).unwrap()
    }

    fn key(&self) -> StaticKey {
        StaticKey::new(self.access_key_id.as_str(), self.secret.as_str()).unwrap()
    }

    fn expect(&self) -> Expect {
        Expect::new(&self.region, "s3").allow_unsigned_trailers()
    }

    pub(crate) fn run(&self) -> Stage {
        if let Some(names) = &self.other_trailers {
            let request = Request::new("PUT", "https://s3.amazonaws.com", &self.region, "s3").unwrap();
            let request = request.header("x-amz-trailer", names.as_str()).stream(Stream::signed(0));
            return self.key().sign_headers(&request, self.now()).map(|_| ()).map_err(|error| error.to_string());
        }
        match self.checksum.as_deref().map(checksum) {
            Some(None) => self.is_refused_without_its_checksum(),
            Some(Some(checksum)) if self.signed => {
                self.run_as(Stream::signed(self.body.len() as u64).trailer(checksum))
            }
            Some(Some(checksum)) => self.run_as(Stream::unsigned(self.body.len() as u64, checksum)),
            None => self.run_as(Stream::signed(self.body.len() as u64)),
        }
    }

    /// A build that cannot compute the checksum refuses the head and never comes to the body.
    fn is_refused_without_its_checksum(&self) -> Stage {
        let scope = self.string_to_sign.lines().nth(2).unwrap();
        let mut lines = self.canonical_request.lines().skip(3);
        let headers: Vec<(String, Vec<u8>)> = lines
            .by_ref()
            .take_while(|line| !line.is_empty())
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let names = lines.next().unwrap();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
            self.access_key_id, self.seed
        );
        let arriving = Arriving { method: "PUT".into(), target: self.path.clone(), headers, framed: Vec::new() }
            .header("authorization", authorization);
        match arriving.chunks(&self.key(), &self.expect(), &Limits::DEFAULT, self.now()) {
            Err(VerifyError::PayloadMode { .. }) => Ok(()),
            other => Err(format!("without its checksum: {other:?}")),
        }
    }

    fn run_as(&self, stream: Stream) -> Stage {
        let failed = |error: &dyn std::fmt::Display| format!("issue: {error}");
        let stream = stream.chunk_size(self.chunk_size).map_err(|error| failed(&error))?;
        let mut request = Request::new("PUT", &format!("https://{}", self.host), &self.region, "s3")
            .map_err(|error| failed(&error))?
            .encoded_path(self.path.as_str())
            .stream(stream);
        for (name, value) in &self.headers {
            request = request.header(name, value.as_bytes());
        }
        let key = self.key();
        let prepared = request.prepare_headers(key.credential(), self.now()).map_err(|error| failed(&error))?;
        same("issue: canonical request", &self.canonical_request, prepared.canonical_request())?;
        same("issue: string to sign", &self.string_to_sign, prepared.string_to_sign().as_bytes())?;
        let signature = key.sign(prepared.scope(), prepared.string_to_sign()).map_err(|error| failed(&error))?;
        let signed = prepared.finish(&signature);
        same("issue: seed", &self.seed, signed.authorization().rsplit('=').next().unwrap().as_bytes())?;
        self.sign_body(&signed.chunk_signer().unwrap(), &key)?;

        let mut arriving = Arriving::new(&key, &request, &self.host, &self.body, self.now());
        // The caller's own, but for the encoding that stands among the signed ones.
        let own = self.headers.iter().filter(|(name, _)| name != "content-encoding");
        arriving.headers.extend(own.map(|(name, value)| (name.clone(), value.clone().into_bytes())));
        let expected = self.framed_length.unwrap_or(stream.framed_length());
        if (expected, expected) != (stream.framed_length(), arriving.framed.len() as u64) {
            return Err(format!("issue: framed length {expected}, found {}", arriving.framed.len()));
        }
        if let Some(expected) = &self.framed_sha256 {
            same("issue: framed body", expected, hex::encode(Sha256::digest(&arriving.framed)).as_bytes())?;
        }
        self.verify(&arriving)
    }

    fn sign_body(&self, chunks: &valet_key::aws::ChunkSigner, key: &StaticKey) -> Stage {
        let mut chunks = chunks.clone();
        if !self.signed {
            return Ok(());
        }
        let mut rest = &self.body[..];
        for (at, (string_to_sign, signature)) in self.chunks.iter().enumerate() {
            let (data, behind) = rest.split_at(chunks.next_length());
            rest = behind;
            let prepared = chunks.prepare(data).map_err(|error| format!("chunk {at}: {error}"))?;
            same(&format!("chunk {at}: string to sign"), string_to_sign, prepared.string_to_sign().as_bytes())?;
            let ours = key.sign(prepared.scope(), prepared.string_to_sign()).unwrap();
            let frame = prepared.finish(&ours);
            let head = format!("{:x};chunk-signature={signature}\r\n", data.len());
            same(&format!("chunk {at}: frame"), &head, frame.before())?;
        }
        if let Some((string_to_sign, signature)) = &self.trailer {
            let prepared = chunks.prepare_trailer().map_err(|error| format!("trailer: {error}"))?;
            same("trailer: string to sign", string_to_sign, prepared.string_to_sign().as_bytes())?;
            let ours = key.sign(prepared.scope(), prepared.string_to_sign()).unwrap();
            let end = String::from_utf8(prepared.finish(&ours)).unwrap();
            let found = end.lines().find_map(|line| line.strip_prefix("x-amz-trailer-signature:")).unwrap_or_default();
            same("trailer: signature", signature, found.as_bytes())?;
        }
        Ok(())
    }

    /// Accepts the case for as long as it is good, in any pieces, and refuses it after every change.
    fn verify(&self, arriving: &Arriving) -> Stage {
        let head = |arriving: &Arriving, now| arriving.chunks(&self.key(), &self.expect(), &Limits::DEFAULT, now);
        let read = |arriving: &Arriving, pieces| head(arriving, self.now())?.all(&arriving.framed, pieces);
        for pieces in [1, 61, 4096, 65_536, usize::MAX] {
            match read(arriving, pieces) {
                Ok(body) if body == self.body => {}
                Ok(_) => return Err(format!("verify in pieces of {pieces}: another body")),
                Err(error) => return Err(format!("verify in pieces of {pieces}: {error}")),
            }
        }
        for (seconds, good) in [(900, true), (901, false)] {
            for now in [self.now().saturating_add(seconds), self.now().saturating_sub(seconds)] {
                if head(arriving, now).is_ok() != good {
                    return Err(format!("verify at {now}: {}", if good { "refused" } else { "accepted" }));
                }
            }
        }
        for at in 0..arriving.headers.len() {
            let mut changed = arriving.clone();
            changed.headers[at].1.push(b'1');
            if head(&changed, self.now()).is_ok() {
                return Err(format!("verify: accepted with another {}", changed.headers[at].0));
            }
            let (name, _) = changed.headers.remove(at);
            if head(&changed, self.now()).is_ok() {
                return Err(format!("verify: accepted without {name}"));
            }
        }
        // Bytes of the lines, of the data, and of what stands between: all of the lines in a short body.
        let length = arriving.framed.len();
        let stride = 1 + length / 4_000;
        let lines = (0..length.min(120)).chain(length.max(300) - 300..length).step_by(stride);
        let places = lines.chain((120..length).step_by(length / 10 + 1));
        for at in places {
            let mut changed = arriving.framed.clone();
            // The other case of a hex digit of a size is the same size.
            changed[at] ^= 1;
            if let Ok(body) = read(&arriving.clone().framed(changed), 4096) {
                return Err(format!("verify: accepted with another byte at {at}, {} bytes", body.len()));
            }
            if read(&arriving.clone().framed(&arriving.framed[..at]), 4096).is_ok() {
                return Err(format!("verify: accepted cut at {at}"));
            }
        }
        let other = StaticKey::new(self.access_key_id.as_str(), "another secret").unwrap();
        match arriving.chunks(&other, &self.expect(), &Limits::DEFAULT, self.now()) {
            Err(VerifyError::SignatureMismatch) => Ok(()),
            other => Err(format!("verify: another secret: {other:?}")),
        }
    }
}

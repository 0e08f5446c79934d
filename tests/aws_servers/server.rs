//! One server, and how it is asked.

use std::io::Write;
use std::process::{Command, Stdio};
use valet_key::aws::{Endpoint, Region, StaticKey};
use valet_key::clock::{Clock, SystemClock, Timestamp};

/// What a server is documented or seen not to look at, though AWS does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// A region that is not the server's own.
    Region,
    /// A date that lies ahead.
    FutureDate,
    /// A body that is not the one whose hash was signed.
    BodyHash,
    /// An `x-amz-*` header that was not signed.
    UnsignedHeader,
    /// The signatures of chunks.
    Chunks,
    /// The trailer behind signed chunks, which ends up in the object.
    SignedTrailers,
    /// Trailers behind unsigned chunks, of which it knows nothing.
    Trailers,
    /// Bodies in chunks, of which it knows nothing.
    Streams,
    /// Forms, of which it knows nothing.
    Forms,
    /// URLs by Signature Version 2, of which it knows nothing.
    #[cfg_attr(not(feature = "legacy"), expect(dead_code, reason = "without the feature nobody asks"))]
    OldUrls,
}

pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) origin: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) region: String,
    pub(crate) bucket: String,
    overlooks: &'static [Check],
    pub(crate) cases: usize,
    pub(crate) surprises: Vec<String>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Server {
    fn at(name: &'static str, origin: &str, overlooks: &'static [Check]) -> Option<Self> {
        let value = |name: &str| variable(name).unwrap_or_else(|| panic!("{name} is not set"));
        let origin = variable(origin)?;
        Some(Self {
            name,
            origin,
            access_key: value("VALET_KEY_AWS_ACCESS_KEY"),
            secret_key: value("VALET_KEY_AWS_SECRET_KEY"),
            region: value("VALET_KEY_AWS_REGION"),
            bucket: value("VALET_KEY_AWS_BUCKET"),
            overlooks,
            cases: 0,
            surprises: Vec::new(),
        })
    }

    pub(crate) fn seaweedfs() -> Option<Self> {
        Self::at("SeaweedFS", "VALET_KEY_SEAWEEDFS", &[Check::Region, Check::FutureDate, Check::BodyHash])
    }

    pub(crate) fn rclone() -> Option<Self> {
        Self::at(
            "rclone",
            "VALET_KEY_RCLONE",
            &[
                Check::Region,
                Check::FutureDate,
                Check::BodyHash,
                Check::Chunks,
                Check::SignedTrailers,
                Check::Forms,
                Check::OldUrls,
            ],
        )
    }

    pub(crate) fn ministack() -> Option<Self> {
        let server =
            Self::at("MiniStack", "VALET_KEY_MINISTACK", &[Check::BodyHash, Check::UnsignedHeader, Check::OldUrls])?;
        let access_key = variable("VALET_KEY_MINISTACK_ACCESS_KEY").expect("the user's access key");
        let secret_key = variable("VALET_KEY_MINISTACK_SECRET_KEY").expect("the user's secret key");
        Some(Self { access_key, secret_key, ..server })
    }

    pub(crate) fn radosgw() -> Option<Self> {
        use Check as C;
        Self::at(
            "Ceph",
            "VALET_KEY_RADOSGW",
            &[C::Region, C::FutureDate, C::UnsignedHeader, C::SignedTrailers, C::Trailers],
        )
    }

    pub(crate) fn swift() -> Option<Self> {
        let server = Self::at(
            "Swift",
            "VALET_KEY_SWIFT",
            &[Check::FutureDate, Check::UnsignedHeader, Check::Streams, Check::Forms],
        )?;
        let access_key = variable("VALET_KEY_SWIFT_ACCESS_KEY").expect("the user's name");
        let secret_key = variable("VALET_KEY_SWIFT_SECRET_KEY").expect("the user's key");
        Some(Self { access_key, secret_key, ..server })
    }

    pub(crate) fn looks_at(&self, check: Check) -> bool {
        !self.overlooks.contains(&check)
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::custom(&self.origin, Region::new(&self.region).unwrap()).unwrap()
    }

    pub(crate) fn key(&self) -> StaticKey {
        StaticKey::new(self.access_key.clone(), self.secret_key.clone()).unwrap()
    }

    /// The same access key with a secret that is not its own.
    pub(crate) fn other_key(&self) -> StaticKey {
        StaticKey::new(self.access_key.clone(), format!("{}x", self.secret_key)).unwrap()
    }

    /// Sends a request to this server.
    pub(crate) fn send(&self, method: &str, url: &str, headers: &[(String, Vec<u8>)], body: &[u8]) -> Answer {
        let mut command = Command::new("curl");
        command.args(["-s", "-i", "--max-time", "20", "--path-as-is", "--globoff", "-X", method]);
        if method == "HEAD" {
            command.arg("--head");
        }
        for (name, value) in headers {
            command.args(["-H", &format!("{name}: {}", String::from_utf8_lossy(value))]);
        }
        // curl would add a content type of its own, and wait to be told to go on.
        for silenced in ["Content-Type", "Expect"] {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(silenced)) {
                command.args(["-H", &format!("{silenced}:")]);
            }
        }
        if matches!(method, "PUT" | "POST") {
            command.args(["--data-binary", "@-"]);
        }
        assert!(url.starts_with(&self.origin), "{} is asked for its own objects", self.name);
        let mut child = command.arg(url).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // A method without a body leaves the pipe unread.
        let _ = child.stdin.take().unwrap().write_all(body);
        let output = String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned();
        let (head, body) = output.split_once("\r\n\r\n").unwrap_or((&output, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer { status, body: body.to_owned() }
    }

    /// Notes whether the answer is the one that was expected.
    pub(crate) fn case(&mut self, what: &str, accepted: bool, answer: &Answer) {
        self.cases += 1;
        let is_right = if accepted {
            (200..300).contains(&answer.status)
        } else {
            matches!(answer.status, 400 | 403) && !answer.body.contains("<Code>NoSuch")
        };
        if !is_right {
            let start: String = answer.body.chars().take(300).collect();
            let expected = if accepted { "accepted" } else { "refused" };
            self.surprises.push(format!("{what}: should be {expected}, answered {} {start}", answer.status));
        }
    }

    /// The same for a body that is wrong in the middle, for which one of the servers has no better word than an error
    /// of its own.
    pub(crate) fn broken_off(&mut self, what: &str, answer: &Answer) {
        let status = if answer.status == 500 { 403 } else { answer.status };
        self.case(what, false, &Answer { status, body: answer.body.clone() });
    }

    /// The same for what an object holds.
    pub(crate) fn holds(&mut self, what: &str, expected: &str, answer: &Answer) {
        self.cases += 1;
        if answer.status != 200 || answer.body != expected {
            self.surprises.push(format!("{what}: answered {} and not what was uploaded", answer.status));
        }
    }
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

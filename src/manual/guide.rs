//! A way through the crate: issue, verify, put a gate around it, keep the key elsewhere, say what is allowed. Documentation only.
//!
//! # Issue
//!
//! A [`Grant`](crate::grant::Grant) says what is allowed, before any provider: one action on one object for 15 minutes, or more
//! with a reason. A request type of a provider, such as [`aws::UrlRequest`](crate::aws::UrlRequest), takes it or says what it cannot
//! carry; a key makes the token. [`multi::Cloud`](crate::multi::Cloud) does both for any provider, in the narrowest form that
//! carries everything.
//!
//! ```
//! use valet_key::aws::{SigV4, StaticKey, UrlRequest};
//! use valet_key::{clock::Timestamp, error::IssueError, grant::Grant, multi::Cloud};
//!
//! let now = Timestamp::from_unix(1_700_000_000)?; // a service has `clock::SystemClock`
//! let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
//!
//! let avatar = Grant::upload("media", "users/42/a.png").content_type("image/png").exact_size(48_213);
//! let url = key.presign(&UrlRequest::s3(&avatar, "eu-west-1")?, now)?;
//! assert_eq!(url.expires_at(), now.saturating_add(900));
//! assert!(!format!("{url:?}").contains("X-Amz-Signature=")); // only `expose` shows it
//!
//! // A URL of S3 cannot hold an upload to a range of sizes, and says so. A form can.
//! let clip = Grant::upload("media", "users/42/clip.mp4").content_type("video/mp4").size(1..=5_000_000);
//! assert!(matches!(UrlRequest::s3(&clip, "eu-west-1"), Err(IssueError::NotEnforceable { .. })));
//! let token = Cloud::aws(key, "eu-west-1")?.issue(&clip, now)?;
//! assert_eq!(token.form().code(), "s3_post");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Verify
//!
//! A [`RequestView`](crate::view::RequestView) borrows the request as it arrived: the raw target and the header lines. A verifier holds keys and what
//! it serves. What it returns is the only thing to act on; the refusal becomes the provider's own answer.
//!
//! ```
//! use valet_key::aws::{Expect, KeyRing, S3Error, SigV4, StaticKey, UrlRequest, Verifier};
//! use valet_key::{clock::Timestamp, grant::Grant, view::RequestView};
//! # let now = Timestamp::from_unix(1_700_000_000)?;
//! # let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
//! # let url = key.presign(&UrlRequest::s3(&Grant::read("photos", "cat.jpg"), "eu-west-1")?, now)?;
//! # let target = url.expose().strip_prefix("https://photos.s3.eu-west-1.amazonaws.com").unwrap();
//!
//! let verifier = Verifier::new(KeyRing::new().with(key), Expect::new("eu-west-1", "s3"));
//! let headers: [(&str, &[u8]); 1] = [("Host", b"photos.s3.eu-west-1.amazonaws.com")];
//! let view = RequestView::new("GET", target, &headers);
//! let verified = verifier.verify(&view, now)?;
//! assert_eq!(verified.decoded_path()?, "/cat.jpg");
//!
//! let late = verifier.verify(&view, now.saturating_add(901)).unwrap_err();
//! assert_eq!((late.code(), S3Error::from(&late).status), ("expired", 403));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Put a gate around it
//!
//! A signature says what the cloud would say. A [`gateway::Gate`](crate::gateway::Gate) says more: whether the request is within bounds, whether it was revoked, how
//! often, and whether it is the only use. With the feature `tower` it is a layer in front of a service.
//!
//! ```
//! use std::sync::Arc;
//! use valet_key::aws::{Endpoint, Expect, KeyRing, Region, SigV4, StaticKey, UrlRequest, Verifier};
//! use valet_key::gateway::{Gate, GateError, Provider, Revocation, RevocationList};
//! use valet_key::grant::{Action, Grant};
//! use valet_key::{clock::Timestamp, policy::Bounds, view::RequestView};
//! # let now = Timestamp::from_unix(1_700_000_000)?;
//! # let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
//! # let endpoint = Endpoint::aws(Region::new("eu-west-1")?);
//! # let presign = |name: &str| key.presign(&UrlRequest::at(&endpoint, &Grant::read("photos", name))?, now);
//! # let (cat, dog) = (presign("42/cat.jpg")?, presign("43/dog.jpg")?);
//! # let verifier = Verifier::new(KeyRing::new().with(key), Expect::new("eu-west-1", "s3"));
//!
//! let revoked = Arc::new(RevocationList::new(1000));
//! let gate = Gate::aws(verifier, endpoint)
//!     .bounds(Bounds::new().under("photos", "42/", Action::Read)?)
//!     .revocations(Arc::clone(&revoked));
//!
//! let host: [(&str, &[u8]); 1] = [("Host", b"photos.s3.eu-west-1.amazonaws.com")];
//! let target = |url: &str| url.strip_prefix("https://photos.s3.eu-west-1.amazonaws.com").unwrap().to_owned();
//! let (cat, dog) = (target(cat.expose()), target(dog.expose()));
//! let get = |target| RequestView::new("GET", target, &host).over_https(); // what the caller vouches for
//! assert!(gate.admit(&get(&cat), now).is_ok());
//! // Rightly signed, and not what this gate serves.
//! assert_eq!(gate.admit(&get(&dog), now).unwrap_err().code(), "bounds_name");
//! revoked.revoke(&Revocation::under(Provider::Aws, "photos", "42/")?, now)?;
//! assert_eq!(gate.admit(&get(&cat), now).unwrap_err(), GateError::Revoked);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Keep the key elsewhere
//!
//! What has to be signed comes out, its signature goes in; nothing waits and nothing is sent. A KMS, IAM's `signBlob` and an
//! HSM fit between the two halves, in any runtime. An [`Issuer`](crate::issuer::Issuer) authorises first and puts on record what came of it.
//!
//! ```
//! use valet_key::gcs::{Credential, Endpoint, SignBlob};
//! use valet_key::multi::{Account, Signature, ToSign};
//! use valet_key::{clock::Timestamp, grant::Grant};
//! # let now = Timestamp::from_unix(1_700_000_000)?;
//! # let post = |_url: &str, _body: &str| format!("{{\"keyId\":\"1\",\"signedBlob\":\"{}\"}}", "AAAA".repeat(85) + "AA==");
//!
//! let signer = Credential::service_account("signer@project.iam.gserviceaccount.com")?;
//! let account = Account::Gcs { credential: &signer, endpoint: &Endpoint::google() };
//! let prepared = account.prepare(&Grant::read("photos", "cat.jpg"), now)?;
//!
//! let ToSign::Gcs { message, .. } = prepared.to_sign() else { unreachable!() };
//! let call = SignBlob::new(&signer)?;
//! let answer = post(&call.url(), &call.body(message)); // with the caller's HTTP client
//! let token = prepared.finish(&Signature::Gcs(call.read_answer(&answer)?))?;
//! assert_eq!((token.method(), token.expires_at()), ("GET", now.saturating_add(900)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Say what is allowed
//!
//! [`Bounds`](crate::policy::Bounds) are the most that an application lets its grants be. They are asked when a token is issued and when it arrives, and
//! become the session policy or the access boundary of credentials that are handed out.
//!
//! ```
//! use valet_key::grant::{Action, Actions, Classification, Grant, Lifetime};
//! use valet_key::policy::Bounds;
//!
//! let service = Bounds::new()
//!     .under("media", "users/", Actions::READ | Actions::UPLOAD)?
//!     .largest_upload(5 << 20)
//!     .cap(Classification::Pii, Lifetime::from_seconds(60)?);
//! let user = service.narrow(&Bounds::new().under("media", "users/42/", Action::Read)?);
//!
//! assert!(user.permits(&Grant::read("media", "users/42/a.png")).into_result().is_ok());
//! for (other, why) in [
//!     (Grant::read("media", "users/43/a.png"), "bounds_name"),
//!     (Grant::delete("media", "users/42/a.png"), "bounds_action"),
//! ] {
//!     assert_eq!(user.permits(&other).code(), why);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

//! STS: temporary credentials, asked for by signed requests and read from the answers.
//!
//! ```text
//! SessionRequest ──as_form(endpoint)──▶ Call ──sign(key, now)──▶ headers      ... the caller sends it ...
//! answer ──SessionRequest::read_answer(answer, now)──▶ Session ──key()──▶ StaticKey with session token and end
//! ```
//!
//! This crate sends nothing: a request is data, and so is its answer. What comes out of an answer is a key like every other
//! of this crate, so that no token which is signed with it outlives it.
//!
//! | action | signed with | duration in seconds | what it takes beside |
//! |---|---|---|---|
//! | `AssumeRole` | any key; with a role's own it is chaining | 900 to 43,200, chained 3,600 at most; 3,600 | policies, tags, external id, MFA, source identity |
//! | `AssumeRoleWithWebIdentity` | nothing: the identity token is the proof | 900 to 43,200; 3,600 | policies |
//! | `GetFederationToken` | a long-term key | 900 to 129,600; 43,200 | policies, tags |
//! | `GetSessionToken` | a long-term key | 900 to 129,600; 43,200 | MFA |
//!
//! The role or the account may allow less than that; then STS says so. The number behind the semicolon is what STS gives
//! when nothing is said.
//!
//! Source: AWS Security Token Service API Reference, those four actions and `GetCallerIdentity`.

mod answer;
mod check;
mod endpoint;
mod identity;
mod policy;
mod request;

pub use self::{
    answer::{Session, StsCode, StsError},
    endpoint::StsEndpoint,
    identity::CallerIdentity,
    policy::SessionPolicy,
    request::{SessionRequest, UnsignedCall},
};

const VERSION: &str = "2011-06-15";

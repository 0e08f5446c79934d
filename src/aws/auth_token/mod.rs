//! Tokens that are a presigned request in disguise: passwords of databases and caches, bearer tokens of Kubernetes
//! and Kafka, addresses of MQTT.
//!
//! ```text
//! issue    Login ──prepare(credential, now)──▶ PreparedToken ──finish(signature)──▶ BearerToken
//! verify   text ──Login::parse──▶ PresentedToken ──check(credential, now)──▶ PendingToken ──accept(signature)──▶ Verified<SignedLogin>
//! ```
//!
//! None of these requests is ever sent. The client signs it, writes it down and hands it to the server as a password;
//! the server signs the same request and compares, or has AWS do that. So one description serves both sides: a [`Login`]
//! is what a token is made for, and what a server holds a token to.
//!
//! | login | service | signed request | lives | written as |
//! |---|---|---|---|---|
//! | [`Login::rds`] | `rds-db` | `Action=connect&DBUser=...` at host and port | 900 s | URL without its scheme |
//! | [`Login::dsql`] | `dsql` | `Action=DbConnect`, or `DbConnectAdmin` | 900 s, at most a week | URL without its scheme |
//! | [`Login::elasticache`] | `elasticache` | `Action=connect&User=...` at the cache's name | 900 s | URL without its scheme |
//! | [`Login::memorydb`] | `memorydb` | `Action=connect&User=...` at the cluster's name | 900 s | URL without its scheme |
//! | [`Login::eks`] | `sts` | `Action=GetCallerIdentity` with the cluster in a signed header | 15 minutes, told as 14 | `k8s-aws-v1.` and base64url |
//! | [`Login::msk`] | `kafka-cluster` | `Action=kafka-cluster:Connect` | 900 s | base64url |
//! | [`Login::msk_iam`] | `kafka-cluster` | the same, at the broker | 900 s | JSON |
//! | [`Login::iot`] | `iotdevicegateway` | `/mqtt` | 900 s | `wss:` URL |
//!
//! A token is a password in all but name: log nothing of it but what [`BearerToken`](crate::token::BearerToken) shows.
//! A connection that was opened with it outlives it: RDS leaves it open, ElastiCache and MemoryDB cut it after 12 hours
//! unless the client authenticates again.
//!
//! Source: RDS User Guide, "IAM database authentication"; Aurora DSQL User Guide, "Generating authentication tokens";
//! ElastiCache and MemoryDB guides, "Authenticating with IAM"; the README files of aws-msk-iam-auth and
//! aws-iam-authenticator; AWS IoT Core Developer Guide, "Device communication protocols".

mod cache;
mod database;
mod eks;
mod fields;
mod iot;
mod kafka;
mod login;
mod sign;
mod verify;

pub use self::{
    database::DsqlRole,
    eks::{EksAuthenticator, StsCall, UnverifiedCaller},
    login::Login,
    sign::PreparedToken,
    verify::{PendingToken, PresentedToken, SignedLogin},
};

//! Several clouds behind one type: the same grant, whichever provider signs.
//!
//! ```text
//! issue    Grant ──▶ Account ──prepare(grant, now)──▶ Prepared ──finish(signature)──▶ Token
//! ```
//!
//! [`Cloud`] is a holder of a provider's key with the place where its tokens are good, and does both steps at once.
//! [`Account`] is the same without the secret, for a key that lives elsewhere.
//!
//! A grant that one form of token cannot carry may be carried by another of the same provider: a size range by a POST
//! policy where a presigned URL of S3 binds an exact size alone. The narrowest form that carries every constraint is
//! taken; if there is none, issuing fails, and says what could.
//!
//! [`Verifiers`] tells whose token a request carries, and has it checked by that provider's verifier.
//!
//! [`Failover`] asks one cloud after the other while their holders fail.

mod account;
mod cloud;
mod failover;
mod prepared;
mod token;
mod verify;

pub use crate::grant::plan::Form;

pub use self::{
    account::Account,
    cloud::Cloud,
    failover::{Attempt, Circuit, Failover, FailoverError, Issued, Outcome, Site},
    prepared::{Prepared, Signature, ToSign},
    token::Token,
    verify::{SignedRequest, Verifiers},
};

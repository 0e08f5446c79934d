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

mod account;
mod cloud;
mod prepared;
mod token;

pub use self::{
    account::Account,
    cloud::Cloud,
    prepared::{Prepared, Signature, ToSign},
    token::{Form, Token},
};

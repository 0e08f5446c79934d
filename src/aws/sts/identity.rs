//! The answer to `GetCallerIdentity`: who signed a request.

use super::answer::{StsError, required, with_result};
use alloc::{borrow::ToOwned, string::String};

/// Who signed a request, as STS says.
///
/// It comes out of an answer of STS alone: see [`UnverifiedCaller::confirm`](crate::aws::auth_token::UnverifiedCaller::confirm).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    account: String,
    arn: String,
    user_id: String,
}

impl CallerIdentity {
    pub(in crate::aws) fn read(answer: &str) -> Result<Self, StsError> {
        with_result(answer, "GetCallerIdentity", |result| {
            let [account, arn, user_id] = ["Account", "Arn", "UserId"].map(|name| required(result, name));
            let (account, arn, user_id) = (account?, arn?, user_id?);
            let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
            let visible = |text: &str| text.len() <= 2048 && text.bytes().all(|byte| byte.is_ascii_graphic());
            let mut parts = arn.splitn(6, ':');
            let of_arn = (parts.next(), parts.nth(1), parts.nth(1), parts.next());
            let is_arn = matches!(of_arn, (Some("arn"), Some("sts" | "iam"), Some(of), Some(_)) if of == account);
            if !(is_account && is_arn && visible(arn) && visible(user_id)) {
                return Err("names nobody who can be");
            }
            Ok(Self { account: account.to_owned(), arn: arn.to_owned(), user_id: user_id.to_owned() })
        })
    }

    /// The account: 12 digits.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The ARN of the user, or of the session of a role. It is the caller's name: compare it whole, and mind that the path of a
    /// role is not in it.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The id that is not given to another one after the caller has been deleted.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }
}

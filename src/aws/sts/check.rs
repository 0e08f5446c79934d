//! What STS takes of names, ARNs and tags.

use crate::error::IssueError;
use alloc::string::String;

fn invalid(what: &'static str, why: &'static str) -> IssueError {
    IssueError::Invalid { what, why }
}

/// Letters, digits, `_` and some more, in ASCII: `\w` and the others of the patterns in the reference.
fn is_of(text: &str, least: usize, most: usize, more: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || more.as_bytes().contains(&byte);
    (least..=most).contains(&text.len()) && text.bytes().all(plain)
}

/// The name of a session, a federated user or a source: 2 to so many letters, digits, or `_+=,.@-`.
pub(super) fn name(what: &'static str, text: &str, most: usize) -> Result<(), IssueError> {
    if is_of(text, 2, most, "+=,.@-") {
        return Ok(());
    }
    let why = if most == 32 {
        "it must be 2 to 32 letters, digits, or `_+=,.@-`"
    } else {
        "it must be 2 to 64 letters, digits, or `_+=,.@-`"
    };
    Err(invalid(what, why))
}

/// What the role's owner agreed on with the caller.
pub(super) fn external_id(text: &str) -> Result<(), IssueError> {
    let good = is_of(text, 2, 1224, "+=,.@:/-");
    good.then_some(()).ok_or(invalid("external id", "it must be 2 to 1224 letters, digits, or `_+=,.@:/-`"))
}

/// An MFA device and its code.
pub(super) fn mfa(serial: &str, code: &str) -> Result<(), IssueError> {
    if !is_of(serial, 9, 256, "+=/:,.@-") {
        return Err(invalid("MFA device", "it must be a serial number or an ARN of 9 to 256 characters"));
    }
    let digits = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some(()).ok_or(invalid("MFA code", "it must be six digits"))
}

/// Partition, account and the rest of an ARN of IAM of this kind.
pub(super) fn iam_arn<'a>(arn: &'a str, kind: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let rest = arn.strip_prefix("arn:")?;
    let (partition, rest) = rest.split_once(":iam::")?;
    let (account, resource) = rest.split_once(':')?;
    let path = resource.strip_prefix(kind)?.strip_prefix('/')?;
    let visible = arn.len() <= 2048 && path.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    let last = path.rsplit('/').next().unwrap_or_default();
    let is_partition = partition.starts_with("aws") && is_of(partition, 3, 20, "-");
    let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_account = digits || (kind == "policy" && account == "aws");
    (is_partition && is_account && visible && is_of(last, 1, 128, "+=,.@-")).then_some((partition, account, path))
}

/// The ARN of a role.
pub(super) fn role(arn: &str) -> Result<(), IssueError> {
    let good = iam_arn(arn, "role").is_some();
    good.then_some(()).ok_or(invalid("role", "it must be `arn:<partition>:iam::<account>:role/<path and name>`"))
}

/// The ARNs of managed policies, ten at most, each once.
pub(super) fn policy_arns(arns: &[String]) -> Result<(), IssueError> {
    if arns.len() > 10 {
        return Err(invalid("policy ARNs", "there can be ten at most"));
    }
    for (at, arn) in arns.iter().enumerate() {
        if iam_arn(arn, "policy").is_none() {
            return Err(invalid(
                "policy ARN",
                "it must be `arn:<partition>:iam::<account or aws>:policy/<path and name>`",
            ));
        }
        if arns.iter().take(at).any(|other| other == arn) {
            return Err(invalid("policy ARNs", "one is there twice"));
        }
    }
    Ok(())
}

/// Session tags, fifty at most, whose keys differ in more than letter case.
pub(super) fn tags<'a>(tags: &(impl Iterator<Item = (&'a str, &'a str)> + Clone)) -> Result<(), IssueError> {
    let taken = |c: char| c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c);
    if tags.clone().count() > 50 {
        return Err(invalid("tags", "there can be fifty at most"));
    }
    for (at, (key, value)) in tags.clone().enumerate() {
        let length = key.chars().count();
        let own = key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
        if !(1..=128).contains(&length) || !key.chars().all(taken) || own {
            return Err(invalid(
                "tag key",
                "it must be 1 to 128 letters, digits, blanks, or `_.:/=+-@`, and not begin with `aws:`",
            ));
        }
        if value.chars().count() > 256 || !value.chars().all(taken) {
            return Err(invalid("tag value", "it must be 0 to 256 letters, digits, blanks, or `_.:/=+-@`"));
        }
        if tags.clone().take(at).any(|(other, _)| other.to_lowercase() == key.to_lowercase()) {
            return Err(invalid("tags", "two keys differ in letter case at most"));
        }
    }
    Ok(())
}

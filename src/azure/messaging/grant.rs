//! How a grant becomes a token: one right on one queue, topic or event hub.

use super::{MessagingEntity, Right, TokenRequest};
use crate::{
    error::IssueError,
    grant::{Action, Constraint, Grant, Resource, plan::Form},
};

/// The name of this token form in errors.
const FORM: &str = Form::AzureMessagingToken.name();

fn not_enforceable(constraint: Constraint, instead: &'static str) -> IssueError {
    IssueError::NotEnforceable { constraint, form: FORM, instead }
}

impl TokenRequest {
    /// The token that allows exactly this grant, to send to or to receive from what its container names in this namespace:
    /// a queue, topic or event hub, or what is below one, such as `news/subscriptions/mail`.
    ///
    /// A token says nothing of rights: those of the rule that signs it count, and one that has more than the grant
    /// asks for needs a justification.
    ///
    /// ```
    /// use valet_key::azure::{AccessRule, MessagingEntity, MessagingSas, Right, ServiceBusKey, TokenRequest};
    /// use valet_key::{clock::Timestamp, grant::Grant};
    ///
    /// let now = Timestamp::from_unix(1_700_000_000)?;
    /// let namespace = MessagingEntity::namespace("contoso.servicebus.windows.net")?;
    /// let rule = AccessRule::service_bus(&namespace.queue("orders")?, "send", Right::Send)?;
    /// let key = ServiceBusKey::new(rule, "key")?;
    ///
    /// let request = TokenRequest::at(&namespace, &Grant::send("orders"))?;
    /// assert_eq!(key.token(&request, now)?.resource(), "https://contoso.servicebus.windows.net/orders");
    /// assert!(TokenRequest::at(&namespace, &Grant::send("orders").client_address("192.0.2.1")).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] for whatever a token cannot enforce, and [`IssueError::Invalid`] if this is not a
    /// namespace of the Service Bus family or the container is no name in it.
    pub fn at(namespace: &MessagingEntity, grant: &Grant) -> Result<Self, IssueError> {
        let right = grant.lowered(right)?;
        let mut request = Self::new(&namespace.queue(grant.container())?, right).lives(grant.lifetime());
        request.cap = grant.classification.cap();
        Ok(match grant.justification() {
            Some(why) => request.because(why.clone()),
            None => request,
        })
    }
}

/// The right that a grant comes to, if that is all that it asks for.
fn right(grant: &Grant) -> Result<Right, IssueError> {
    grant.refuse_misplaced(not_enforceable)?;
    let right = match grant.actions.only() {
        Some(Action::Send) => Right::Send,
        Some(Action::Receive) => Right::Listen,
        Some(_) => return Err(not_enforceable(Constraint::Action, "a messaging service sends and receives")),
        None => return Err(not_enforceable(Constraint::Action, "a rule for each action keeps them apart")),
    };
    if grant.resource != Resource::Queue {
        return Err(not_enforceable(Constraint::Resource, "it is for a queue: see `Grant::send` and `Grant::receive`"));
    }
    let every_grant = [Constraint::Action, Constraint::Resource, Constraint::Lifetime, Constraint::HttpsOnly];
    let mut asked = Constraint::ALL.iter().filter(|constraint| !every_grant.contains(constraint));
    match asked.find(|constraint| grant.asks_for(**constraint)) {
        Some(Constraint::SingleUse) => {
            Err(not_enforceable(Constraint::SingleUse, "a gateway with replay protection can"))
        }
        Some(Constraint::ClientAddress) => {
            Err(not_enforceable(Constraint::ClientAddress, "an IP firewall rule of the namespace can"))
        }
        Some(constraint) => Err(not_enforceable(*constraint, "a token is a resource and an end, and nothing more")),
        None => Ok(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        azure::{AccessRule, MessagingSas, ServiceBusKey},
        clock::Timestamp,
        grant::{Classification, Justification, Lifetime},
    };
    use alloc::string::ToString;

    fn namespace() -> MessagingEntity {
        MessagingEntity::namespace("contoso.servicebus.windows.net").unwrap()
    }

    fn issued(container: &str, right: Right, grant: &Grant) -> Result<i64, IssueError> {
        let rule = AccessRule::service_bus(&namespace().queue(container)?, "rule", right).unwrap();
        let request = TokenRequest::at(&namespace(), grant)?;
        let token = ServiceBusKey::new(rule, "key").unwrap().token(&request, Timestamp::EPOCH)?;
        Ok(token.expires_at().unix())
    }

    #[test]
    fn a_grant_becomes_one_right_on_one_entity() {
        assert_eq!(issued("orders", Right::Send, &Grant::send("orders")), Ok(900));
        let mail = "news/subscriptions/mail";
        assert_eq!(issued(mail, Right::Listen, &Grant::receive(mail)), Ok(900));
        // The rule must have that right, and be defined on that entity.
        assert!(issued("orders", Right::Listen, &Grant::send("orders")).is_err());
        assert!(issued("orders", Right::Send, &Grant::send("jobs")).is_err());
        assert!(TokenRequest::at(&namespace().queue("orders").unwrap(), &Grant::send("orders")).is_err());
        assert!(TokenRequest::at(&namespace(), &Grant::send("a/../b")).is_err());
    }

    #[test]
    fn the_class_of_a_grant_caps_its_life() {
        let personal = || Grant::send("orders").classified(Classification::Pii);
        let unjustified = issued("orders", Right::Send, &personal());
        assert!(matches!(unjustified, Err(IssueError::Unjustified { .. })), "{unjustified:?}");
        let short = personal().lives(Lifetime::minutes(5).unwrap());
        assert_eq!(issued("orders", Right::Send, &short), Ok(300));
        let why = Justification::new("a test").unwrap();
        assert_eq!(issued("orders", Right::Send, &personal().because(why)), Ok(900));
        let public = Grant::send("orders").classified(Classification::Public).lives(Lifetime::minutes(60).unwrap());
        assert_eq!(issued("orders", Right::Send, &public), Ok(3600));
    }

    #[test]
    fn what_no_token_says_is_refused() {
        let refused = |grant: Grant| match TokenRequest::at(&namespace(), &grant) {
            Err(IssueError::NotEnforceable { constraint, form: "a messaging token", .. }) => constraint.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(Grant::send("orders").client_address("192.0.2.7")), "client address");
        assert_eq!(refused(Grant::send("orders").single_use()), "single use");
        assert_eq!(refused(Grant::send("orders").exact_size(5)), "size");
        assert_eq!(refused(Grant::read("orders", "a")), "action");
    }
}

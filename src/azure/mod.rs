//! Azure: shared access signatures of storage and of messaging, Shared Key, issued and verified.

mod messaging;

pub use self::messaging::{
    AccessRule, EntityLevel, EventGridKey, ExpectToken, IotHubKey, MessagingEntity, MessagingError, MessagingFamily,
    MessagingOperation, MessagingSas, PendingToken, PreparedToken, PresentedToken, PutToken, Right, Rights, RuleKey,
    RuleRing, ServiceBusKey, SignedToken, TokenCarrier, TokenRequest, TokenSignature, TokenToSign, relay_token,
};

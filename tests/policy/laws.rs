//! What holds for all bounds and grants.

use crate::some::{bounds, grants, wide_bounds};
use proptest::prelude::*;
use valet_key::policy::Bounds;

fn any_bounds() -> impl Strategy<Value = Bounds> {
    prop_oneof![1 => bounds(), 2 => wide_bounds()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn narrowed_bounds_permit_exactly_what_both_permit(a in any_bounds(), b in any_bounds(), grant in grants()) {
        let both = a.narrow(&b);
        let expected = a.permits(&grant).is_allowed() && b.permits(&grant).is_allowed();
        prop_assert_eq!(both.permits(&grant).is_allowed(), expected, "{:?}", both.permits(&grant));
        prop_assert_eq!(both.permits_plain_http().is_allowed(), a.permits_plain_http().is_allowed() && b.permits_plain_http().is_allowed());
    }

    #[test]
    fn narrowing_is_idempotent_commutative_and_associative(a in any_bounds(), b in any_bounds(), c in any_bounds(), grant in grants()) {
        prop_assert_eq!(&a.narrow(&a), &a);
        let both = a.narrow(&b);
        prop_assert_eq!(&both.narrow(&b), &both);
        prop_assert_eq!(both.permits(&grant), b.narrow(&a).permits(&grant));
        prop_assert_eq!(both.narrow(&c).permits(&grant), a.narrow(&b.narrow(&c)).permits(&grant));
    }

    #[test]
    fn nothing_is_permitted_within_no_bounds(a in any_bounds(), grant in grants()) {
        prop_assert_eq!(Bounds::new().permits(&grant).code(), "bounds_container");
        prop_assert_eq!(a.narrow(&Bounds::new()).permits(&grant).code(), "bounds_container");
    }
}

/// A law over grants that are never permitted, or always, would say nothing.
#[test]
fn both_answers_are_frequent() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let (mut allowed, mut codes) = (0, std::collections::BTreeSet::new());
    for _ in 0..4_000 {
        let bounds = any_bounds().new_tree(&mut runner).unwrap().current();
        let decision = bounds.permits(&grants().new_tree(&mut runner).unwrap().current());
        allowed += usize::from(decision.is_allowed());
        codes.insert(decision.code());
    }
    assert!((400..3_600).contains(&allowed), "{allowed}");
    let all = "allowed bounds_action bounds_classification bounds_client_address bounds_container bounds_content_type \
               bounds_dot_segments bounds_lifetime bounds_name bounds_size bounds_source bounds_unjustified";
    assert_eq!(codes.into_iter().collect::<Vec<_>>().join(" "), all);
}

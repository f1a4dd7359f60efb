//! The templates are those that the library writes.

use cast_spot_provisioner::cloudformation::{Stack, template};
use cast_spot_tests::{assert_current, root};

/// Bytes of a template in a call ("AWS CloudFormation quotas" in the CloudFormation User Guide).
const LIMIT: usize = 51_200;

#[test]
fn the_templates_say_what_the_library_wants() {
    for (name, stack) in [("account.yaml", Stack::Account), ("cluster.yaml", Stack::Cluster)] {
        let file = root().join("infra/cloudformation").join(name);
        let wanted = template(stack);
        assert!(wanted.len() <= LIMIT, "{name} has {} bytes", wanted.len());
        assert_current(&file, &wanted);
    }
}

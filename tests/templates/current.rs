//! The templates are those that the library writes.

use std::{env, fs};

use cast_spot_provisioner::cloudformation::{Stack, template};
use cast_spot_tests::root;

/// Bytes of a template in a call ("AWS CloudFormation quotas" in the CloudFormation User Guide).
const LIMIT: usize = 51_200;

#[test]
fn the_templates_say_what_the_library_wants() {
    #[expect(clippy::disallowed_methods, reason = "a test has no other way to be asked for it")]
    let bless = env::var("CAST_SPOT_BLESS").is_ok();
    for (name, stack) in [("account.yaml", Stack::Account), ("cluster.yaml", Stack::Cluster)] {
        let file = root().join("infra/cloudformation").join(name);
        let wanted = template(stack);
        assert!(wanted.len() <= LIMIT, "{name} has {} bytes", wanted.len());
        if bless {
            fs::write(&file, wanted).unwrap();
        } else {
            let found = fs::read_to_string(&file).unwrap();
            assert!(found == wanted, "{name} is out of date, CAST_SPOT_BLESS=1 rewrites it:\n{wanted}");
        }
    }
}

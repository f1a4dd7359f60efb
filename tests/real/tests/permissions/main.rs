//! The permissions of `infra/` are sufficient and minimal: no situation needs more, and each verb and action is
//! needed in one of them.

use std::process::ExitCode;

use cast_spot_real::{scenarios, suite};

mod admission;
mod needs;
mod permission;
mod situation;
mod whole_list;

fn main() -> ExitCode {
    suite::run(
        "permissions",
        6,
        scenarios![
            whole_list::every_verb_of_the_cluster_role_is_proven_to_be_needed,
            whole_list::every_action_of_the_policy_is_proven_to_be_needed,
            needs::a_drain_needs_each_of_its_permissions,
            needs::a_cordon_needs_its_patch_and_the_evictions_do_not,
            needs::a_refused_cordon_needs_to_read_the_node,
            needs::without_ec2_the_node_list_is_needed,
            needs::a_last_moment_needs_to_delete_and_to_name_the_budget,
            needs::a_termination_hook_needs_to_be_read,
            needs::a_group_without_a_launch_is_asked_for_the_reason,
            needs::a_group_of_another_cluster_is_out_of_reach,
            admission::the_handler_is_held_to_its_writes,
        ],
    )
}

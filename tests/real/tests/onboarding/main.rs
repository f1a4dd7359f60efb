//! Onboarding by the command line, against emulated AWS with IAM enforced and a real API server. Each scenario
//! takes out again what it has made: one finds the account as the one before has found it.

use std::process::ExitCode;

use cast_spot_real::{scenarios, suite};

mod administrator;
mod interrupted;
mod layer;
mod mapping;
mod page;
mod principals;
mod rollback;
mod self_test;
mod situation;
mod story;
mod templates;

fn main() -> ExitCode {
    suite::run_bare(
        "onboarding",
        scenarios![
            story::a_cluster_is_onboarded_drained_replaced_and_offboarded_without_a_trace,
            story::a_second_onboarding_reads_and_writes_nothing,
            story::what_has_drifted_is_shown_and_mended,
            story::nodes_that_run_with_the_node_role_keep_it_until_somebody_says_so,
            story::commands_that_were_typed_by_hand_leave_nothing_to_do,
            self_test::the_schedule_tests_the_function_and_a_broken_way_in_is_in_its_log_and_metric,
            layer::endpoints_without_room_go_into_a_layer_and_back,
            rollback::one_command_brings_the_code_before_back_and_forward_again,
            templates::stacks_are_what_the_library_makes_and_leave_nothing,
            interrupted::a_killed_onboarding_is_finished_by_the_next,
            interrupted::two_onboardings_at_once_end_as_one,
            interrupted::a_foreign_object_is_a_conflict_and_nothing_is_written,
            interrupted::a_role_that_was_made_anew_gets_a_new_access_entry,
            mapping::every_form_of_aws_auth_is_edited_and_restored,
            mapping::an_edit_of_somebody_else_meanwhile_is_kept,
            mapping::the_functions_identity_may_do_what_its_cluster_role_says_and_no_more,
            administrator::exactly_the_admin_policy_is_enough_in_both_modes,
            administrator::without_any_one_of_its_actions_the_first_command_that_needs_it_says_so,
            principals::a_principal_manages_its_own_cluster_and_no_other,
        ],
    )
}

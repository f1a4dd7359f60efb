//! Onboarding by the command line, against emulated AWS with IAM enforced and a real API server. Each scenario
//! removes what it has created, so that all start with the same account.

use std::process::ExitCode;

use cast_spot_real::{scenarios, suite};

mod administrator;
mod interrupted;
mod layer;
mod mapped_user;
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
        "real_onboarding",
        scenarios![
            story::onboard_drain_and_offboard_leave_no_trace,
            story::a_second_onboarding_reads_and_writes_nothing,
            story::drift_is_shown_and_repaired,
            story::a_node_role_in_use_is_removed_only_on_request,
            story::commands_typed_by_hand_leave_an_empty_plan,
            self_test::a_failed_scheduled_self_test_is_logged_and_counted,
            layer::endpoints_without_room_go_into_a_layer_and_back,
            rollback::one_command_rolls_the_code_back_and_forward,
            templates::stacks_equal_the_library_and_are_deleted_without_a_trace,
            interrupted::a_killed_onboarding_is_finished_by_the_next,
            interrupted::two_onboardings_at_once_end_as_one,
            interrupted::a_foreign_object_is_a_conflict_and_nothing_is_written,
            interrupted::a_recreated_role_gets_a_new_access_entry,
            mapping::every_form_of_aws_auth_is_edited_and_restored,
            mapping::a_concurrent_foreign_edit_is_kept,
            mapping::the_function_may_do_exactly_what_its_cluster_role_grants,
            mapped_user::a_user_manages_nodes_and_is_administrator_by_choice_alone,
            administrator::exactly_the_admin_policy_is_enough_in_both_modes,
            #[extended]
            administrator::a_missing_action_is_reported_by_the_first_command_needing_it,
            principals::a_principal_manages_its_own_cluster_and_no_other,
        ],
    )
}

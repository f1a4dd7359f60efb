//! The function on real parts: the release binary as a Lambda, a real Kubernetes control plane, emulated AWS.
//! The assertions read the API server, its audit log and Auto Scaling.

use std::process::ExitCode;

use cast_spot_real::{scenarios, suite};

mod budgets;
mod deliveries;
mod machines;
mod newcomers;
mod pods;
mod policy;
mod refusals;
mod tokens;
mod webhook;
mod whole_path;

fn main() -> ExitCode {
    suite::run(
        "drains",
        6,
        scenarios![
            whole_path::a_notice_on_the_bus_drains_the_node_and_brings_a_replacement,
            budgets::a_budget_is_obeyed_until_replicas_are_ready_elsewhere,
            budgets::a_budget_that_never_frees_is_overridden_at_the_last_moment,
            budgets::a_budget_is_never_overridden_with_policy_leave,
            budgets::two_budgets_over_one_pod_are_a_fault_of_configuration,
            budgets::a_stopping_instance_overrides_budgets_and_stays_in_its_group,
            budgets::a_hibernating_instance_keeps_its_pods,
            pods::pods_that_belong_to_the_node_stay_and_all_others_leave,
            pods::a_stateful_set_comes_back_under_its_names_and_is_left_alone,
            pods::a_long_grace_is_cut_to_the_time_that_is_left,
            pods::a_pod_held_by_a_finalizer_is_left_and_delays_no_other,
            pods::system_critical_pods_are_evicted_after_ordinary_ones,
            pods::pods_of_a_terminating_namespace_end_without_an_override,
            machines::a_deleted_node_costs_only_its_replacement,
            machines::a_node_of_another_instance_under_the_same_name_is_left_alone,
            machines::a_node_named_after_its_instance_is_found,
            machines::fifty_nodes_under_one_budget_are_drained_and_replaced,
            machines::a_termination_hook_is_named_and_the_instance_lives_on,
            machines::a_group_that_rebalances_by_itself_is_only_watched,
            deliveries::a_notice_that_comes_again_finds_its_work_done,
            deliveries::a_notice_that_comes_twice_at_once_replaces_once,
            deliveries::a_function_that_is_killed_is_called_again_and_goes_on,
            deliveries::a_bad_record_goes_to_the_dead_letter_queue_alone,
            deliveries::a_stale_notice_changes_nothing,
            refusals::a_token_refused_at_first_does_not_end_the_drain,
            refusals::a_refused_annotation_leaves_the_cordon_alone,
            refusals::a_node_that_cannot_be_cordoned_is_emptied,
            refusals::a_webhook_that_denies_evictions_is_passed_at_the_last_moment,
            refusals::a_webhook_that_denies_with_a_500_is_passed_as_well,
            newcomers::pods_that_tolerate_everything_are_not_evicted_repeatedly,
            newcomers::a_pod_that_is_bound_after_the_cordon_is_evicted,
            tokens::a_role_without_an_access_entry_still_replaces_the_instance,
            tokens::a_token_for_another_cluster_still_replaces_the_instance,
            tokens::a_token_is_accepted_for_fifteen_minutes,
        ],
    )
}

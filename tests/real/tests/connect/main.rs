//! Connecting by the command line, against a real API server with real controllers, a real scheduler and Pod Security
//! admission, without AWS. Each scenario removes what it has created.

use std::process::ExitCode;

use cast_spot_real::{scenarios, suite};

mod attempts;
mod bounds;
mod gitops;
mod hardening;
mod older;
mod read_only;
mod situation;
mod story;

fn main() -> ExitCode {
    suite::run_bare(
        "connect",
        scenarios![
            story::a_cluster_is_connected_and_disconnected_without_a_trace,
            story::drift_is_shown_and_repaired_and_autosizing_is_not_drift,
            story::two_at_once_end_as_one,
            story::a_partial_connect_is_completed_or_removed,
            story::foreign_objects_keep_the_namespace,
            story::a_missing_right_is_reported_by_name,
            read_only::the_agent_writes_a_lease_and_the_sizing_one_deployment,
            read_only::one_verb_more_in_any_rule_is_noticed,
            bounds::a_patched_agent_takes_no_more_than_the_quota,
            bounds::pods_are_born_with_limits_and_claim_no_volume,
            hardening::the_pods_pass_the_restricted_standard_and_looser_ones_do_not,
            older::a_foreign_agent_of_2022_is_a_conflict_until_adopted,
            older::an_adopted_agent_is_recreated_even_with_our_selector,
            older::our_older_agent_with_another_selector_is_recreated,
            older::our_agent_whose_sizing_had_no_account_is_moved,
            gitops::a_file_applied_by_kubectl_leaves_an_empty_plan,
            gitops::a_file_without_a_token_leaves_only_the_secret,
        ],
    )
}

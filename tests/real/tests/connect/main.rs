//! Connecting by the command line, against a real API server with real controllers, a real scheduler and Pod Security
//! admission. Nothing is asked of AWS: its endpoint leads nowhere. Each scenario takes out again what it has made.

use std::process::ExitCode;

use cast_spot_real::{scenarios, suite};

mod attempts;
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
            story::a_cluster_is_connected_watched_and_disconnected_without_a_trace,
            story::what_has_drifted_is_shown_and_mended_and_what_the_sizing_writes_is_no_drift,
            story::two_at_once_end_as_one,
            story::half_of_it_is_completed_and_half_of_it_is_taken_out,
            story::what_others_have_in_the_namespace_keeps_it,
            story::whoever_may_not_is_told_what,
            read_only::the_agent_writes_nothing_but_its_lease_and_its_own_size_and_reads_no_secret,
            read_only::one_verb_more_in_any_rule_is_noticed,
            hardening::the_pods_pass_the_restricted_standard_and_looser_ones_do_not,
            older::somebody_elses_agent_of_2022_is_a_conflict_and_is_taken_over_when_adopted,
            older::somebody_elses_agent_leaves_nothing_in_ours_even_with_our_selector,
            older::an_older_one_of_ours_with_another_selector_is_made_anew,
            gitops::the_file_applied_by_kubectl_leaves_nothing_to_do,
            gitops::the_file_without_a_token_leaves_the_secret_to_do,
        ],
    )
}

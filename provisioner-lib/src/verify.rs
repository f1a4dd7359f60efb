//! Whether an onboarded cluster works: the plan is empty, and all checks pass. Writes nothing.

use crate::{
    facts::Facts,
    names,
    onboard::{PlanError, Planned, compare},
    provider::Provider,
    spec::Spec,
};

mod rights;

pub use crate::check::{Check, Checked, Verdict, self_test};

/// What differs, and what works.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// What differs from the target state.
    pub planned: Planned,
    /// All checks.
    pub checks: Vec<Checked>,
}

impl Verification {
    /// Carries out the checks.
    pub(crate) async fn of(planned: Planned, checks: Vec<Check>, provider: &impl Provider) -> Self {
        let verdicts = provider.check(&planned.facts, &checks).await;
        let checks = checks.into_iter().zip(verdicts).map(|(check, answer)| Checked::new(check, answer));
        Self { checks: checks.collect(), planned }
    }

    /// Whether nothing differs and all checks pass.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let plan = &self.planned.plan;
        plan.is_empty() && !plan.has_unexpected() && self.checks.iter().all(|checked| checked.verdict.passed)
    }
}

/// Compares and carries out the checks. `progress` gets each check after all of them have ended.
pub async fn verify(
    spec: &Spec,
    provider: &impl Provider,
    progress: &mut (dyn FnMut(&Checked) + Send),
) -> Result<Verification, PlanError> {
    let planned = compare(spec, provider).await?;
    let checks = checks_of(spec, &planned.facts);
    let verification = Verification::of(planned, checks, provider).await;
    verification.checks.iter().for_each(progress);
    Ok(verification)
}

/// The checks of a cluster: what has to work, and what has to be denied.
#[must_use]
pub fn checks_of(spec: &Spec, facts: &Facts) -> Vec<Check> {
    let mut checks = rights::of_function(spec, facts);
    checks.extend(rights::of_principal(spec, facts));
    checks.extend(self_test::rights(&spec.cluster));
    checks.push(Check::Notice { function: names::FUNCTION.to_owned(), cluster: spec.cluster.clone() });
    checks.push(Check::Reserved { function: names::FUNCTION.to_owned() });
    checks
}

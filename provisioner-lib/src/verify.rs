//! Whether it works: the plan is empty, and what has to work is tried, without changing anything.

use crate::{
    facts::Facts,
    names,
    onboard::{PlanError, Planned, plan},
    provider::Provider,
    spec::Spec,
};

mod rights;

pub use crate::check::{Check, Checked, Verdict, self_test};

/// All that `verify` has found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// What differs from what is to be.
    pub planned: Planned,
    /// What was tried.
    pub checks: Vec<Checked>,
}

impl Verification {
    /// Whether all is as it is to be, and works.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.planned.plan.is_empty() && self.checks.iter().all(|checked| checked.verdict.passed)
    }
}

/// Compares and tries. Writes nothing. `heard` is told of each check when all of them have ended.
pub async fn verify(
    spec: &Spec,
    provider: &impl Provider,
    heard: &mut (dyn FnMut(&Checked) + Send),
) -> Result<Verification, PlanError> {
    let planned = plan(spec, provider).await?;
    let asked = checks_of(spec, &planned.facts);
    let verdicts = provider.check(&planned.facts, &asked).await;
    let answered = asked.into_iter().zip(verdicts).map(|(check, answer)| Checked::new(check, answer));
    let checks: Vec<_> = answered.inspect(|checked| heard(checked)).collect();
    Ok(Verification { planned, checks })
}

/// What has to work, and what must not.
#[must_use]
pub fn checks_of(spec: &Spec, facts: &Facts) -> Vec<Check> {
    let mut checks = rights::of_function(spec, facts);
    checks.extend(rights::of_principal(spec, facts));
    checks.extend(self_test::rights(&spec.cluster));
    checks.push(Check::Notice { function: names::FUNCTION.to_owned(), cluster: spec.cluster.clone() });
    checks.push(Check::Reserved { function: names::FUNCTION.to_owned() });
    checks
}

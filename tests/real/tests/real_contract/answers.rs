//! Comparison by answer: one list of requests, sent to both sides.

use anyhow::{Result, ensure};
use cast_spot_real::{lab::Lab, stack::Stack};

use crate::{
    peer::Peer,
    probes::{Probe, probes},
    refusals, situation,
};

pub(crate) async fn the_world_answers_like_the_real_api_server(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, situation::NAMESPACE).await?;
    situation::real(&lab).await?;
    let mut real = Peer::real(stack, &lab.victim().node).await?;

    let spec = situation::world();
    let node = spec.clusters[0].nodes[0].name.clone();
    let mut world = Peer::world(spec, &node).await?;

    let mut differences = differences(&mut real, &mut world, &probes()).await?;
    for (refuser, probes) in refusals::all() {
        let webhook = refuser.stands_in(&lab).await?;
        let mut world = world.beside(situation::world_with(refuser));
        differences.extend(self::differences(&mut real, &mut world, &probes).await?);
        let denied = webhook.map(|webhook| webhook.denied());
        assert!(denied.is_none_or(|denied| denied == probes.len()), "{refuser:?} denied {denied:?}");
    }
    ensure!(differences.is_empty(), "the world is wrong about\n{}", differences.join("\n"));
    Ok(())
}

/// The probes with different answers.
async fn differences(real: &mut Peer<'_>, world: &mut Peer<'_>, probes: &[Probe]) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    for probe in probes {
        let (expected, found) = tokio::try_join!(real.answer(probe), world.answer(probe))?;
        assert_eq!(expected["status"], probe.expected, "{}: {expected}", probe.case);
        if expected != found {
            differences.push(format!("{}\n   real: {expected}\n  world: {found}", probe.case));
        }
    }
    Ok(differences)
}

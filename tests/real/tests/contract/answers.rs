//! Answer by answer: one list of requests, sent to both.

use anyhow::{Result, ensure};
use cast_spot_real::{lab::Lab, stack::Stack};
use cast_spot_rehearsal::live::Live;

use crate::{peer::Peer, probes::probes, situation};

pub(crate) async fn the_world_answers_as_the_real_api_server_does(stack: &Stack) -> Result<()> {
    let lab = Lab::open(stack, situation::NAMESPACE).await?;
    situation::real(&lab).await?;
    let real = Peer::real(stack, &lab.victim().node).await?;

    let spec = situation::world();
    let node = spec.clusters[0].nodes[0].name.clone();
    let live = Live::begin(spec, "https://world", "");
    assert!(live.invoke().is_some(), "a function that has not begun cannot call");
    let world = Peer::world(live, &node).await?;

    let mut differences = Vec::new();
    for probe in probes() {
        let (expected, found) = tokio::try_join!(real.answer(&probe), world.answer(&probe))?;
        assert_eq!(expected["status"], probe.expected, "{}: {expected}", probe.case);
        if expected != found {
            differences.push(format!("{}\n   real: {expected}\n  world: {found}", probe.case));
        }
    }
    ensure!(differences.is_empty(), "the world is wrong about\n{}", differences.join("\n"));
    Ok(())
}

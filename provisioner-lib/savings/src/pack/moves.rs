//! Which pod of a class moves to which node: one of the same zone where it can be, so that counts by zone stay as they
//! are while pods move.

use std::collections::BTreeMap;

use super::{types::Problem, waves::Waves};

/// A pod, by its class and its place among the members of the class.
pub(super) type Member = (usize, usize);

/// The pods that move to each node.
pub(super) fn moves(problem: &Problem, waves: &Waves) -> Vec<Vec<Member>> {
    let mut left: Vec<Vec<Vec<usize>>> = problem
        .classes
        .iter()
        .map(|class| {
            let mut by_zone = vec![Vec::new(); problem.zones + 1];
            for (member, from) in class.from.iter().enumerate().rev() {
                let zone = from.and_then(|group| problem.today[group].1);
                by_zone[zone.unwrap_or(problem.zones)].push(member);
            }
            by_zone
        })
        .collect();
    let mut elsewhere = Vec::new();
    let mut moves: Vec<Vec<Member>> = Vec::new();
    for (wave, (kind, pods)) in waves.nodes.iter().zip(&waves.pods).enumerate() {
        let zone = problem.kinds[*kind].zone;
        let mut moving = Vec::new();
        for class in pods {
            match left[*class][zone].pop() {
                Some(member) => moving.push((*class, member)),
                None => elsewhere.push((wave, *class)),
            }
        }
        moves.push(moving);
    }
    for (wave, class) in elsewhere {
        // From the zone that has most of those that are left.
        let most = left[class].iter_mut().max_by_key(|members| members.len());
        moves[wave].extend(most.and_then(Vec::pop).map(|member| (class, member)));
    }
    moves
}

/// The pods on each node after a run of the scheduler: those of its own wave where it has any of the class.
pub(super) fn placed(moves: &[Vec<Member>], waves: &Waves) -> Vec<Vec<Member>> {
    let mut left: Vec<Vec<Member>> = moves.to_vec();
    let mut elsewhere = Vec::new();
    let mut placed: Vec<Vec<Member>> = Vec::new();
    for (node, classes) in waves.placed.iter().enumerate() {
        let mut here = Vec::new();
        for class in classes {
            match left[node].iter().position(|(found, _)| found == class) {
                Some(place) => here.push(left[node].swap_remove(place)),
                None => elsewhere.push((node, *class)),
            }
        }
        placed.push(here);
    }
    let mut others: BTreeMap<usize, Vec<Member>> = BTreeMap::new();
    for member in left.into_iter().flatten() {
        others.entry(member.0).or_default().push(member);
    }
    for (node, class) in elsewhere {
        placed[node].extend(others.get_mut(&class).and_then(Vec::pop));
    }
    placed
}

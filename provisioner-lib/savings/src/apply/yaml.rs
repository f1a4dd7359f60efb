//! The objects as one file for `kubectl apply`, with the steps as comments.

use std::fmt::Write as _;

use serde::Serialize;

use super::{CLUSTER, Manifests, Proposed};
use crate::{
    money::Money,
    render::words::{count, rough},
};

/// Widest line of a comment.
const WIDTH: usize = 110;

impl Manifests {
    /// The file.
    pub fn to_yaml(&self) -> Result<String, serde_saphyr::SerializeError> {
        let mut text = self.header();
        let unnamed = "CLUSTER stands for the name of the cluster, which is not in the snapshot.";
        let class = format!(
            "{}The role of nodes, and the tag of subnets and security groups, as in Karpenter's guide: change \
             them if yours differ.",
            if self.cluster.is_none() { format!("{unnamed} ") } else { String::new() }
        );
        if let Some(node_class) = &self.node_class {
            document(&mut text, &class, node_class)?;
        }
        for (pool, proposed) in &self.pools {
            document(&mut text, &self.of_pool(*proposed), pool)?;
        }
        for budget in &self.budgets {
            document(
                &mut text,
                "It has no PodDisruptionBudget. A drain takes at most a quarter at a time.",
                budget,
            )?;
        }
        Ok(text)
    }

    fn of_pool(&self, proposed: Proposed) -> String {
        if proposed.nodes == 0 {
            return "No node is proposed. It launches what EC2 has no Spot capacity for.".to_owned();
        }
        let (nodes, pods) = (count(proposed.nodes, "node"), count(proposed.pods, "pod"));
        format!("Proposed: {nodes} for {pods}, {} a month.", self.month(proposed.hourly))
    }

    fn month(&self, hourly: Money) -> String {
        rough(hourly * i64::from(self.hours_per_month), &self.currency)
    }

    fn header(&self) -> String {
        let mut text = String::new();
        let cluster = self.cluster.as_deref().unwrap_or(CLUSTER);
        comment(&mut text, &format!("What `cast-spot savings` proposes for {cluster}, for Karpenter 1.x."));
        let (mut all, mut number) = (Money::ZERO, 0);
        for step in &self.steps {
            number += 1;
            all += step.hourly;
            let saves = match step.hourly {
                Money::ZERO => "Saves nothing yet.".to_owned(),
                less if less < Money::ZERO => format!("Costs {} a month.", self.month(Money::ZERO - less)),
                more => format!("Saves {} a month.", self.month(more)),
            };
            text.push_str("#\n");
            comment(&mut text, &format!("{number}. {} {saves}", step.what));
            for command in &step.commands {
                let _ = writeln!(text, "#      {}", one_line(command));
            }
        }
        text.push_str("#\n");
        comment(&mut text, &format!("All steps save {} a month.", self.month(all)));
        text
    }
}

fn document(
    text: &mut String,
    about: &str,
    object: &impl Serialize,
) -> Result<(), serde_saphyr::SerializeError> {
    text.push_str("---\n");
    comment(text, about);
    text.push_str(&serde_saphyr::to_string(object)?);
    Ok(())
}

fn comment(text: &mut String, words: &str) {
    let mut line = "#".to_owned();
    for word in one_line(words).split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line.truncate(1);
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

/// Nothing in a comment may end it.
fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control() || "\u{85}\u{2028}\u{2029}".contains(c), "?")
}

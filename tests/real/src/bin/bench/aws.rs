//! EC2 and Auto Scaling for the machines of a round. Emulators in Python would share the cores with what is measured,
//! and take longer for their answers than the API server for its own.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use bytes::Bytes;
use cast_spot_real::{clock, cloud::Machine, emulators::ACCOUNT, stack::CLUSTER};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use jiff::Timestamp;

use crate::loopback;

/// The group of all machines.
const GROUP: &str = "bench";

/// The machines, and those that were detached. The group launches another one for each of these at once.
#[derive(Debug, Default)]
struct Fleet {
    machines: Vec<Machine>,
    /// Time of the last description of an instance.
    located: Option<Timestamp>,
    detached: BTreeSet<String>,
}

/// Answers on a loopback port while the bench runs.
#[derive(Debug, Clone)]
pub(crate) struct Aws {
    fleet: Arc<Mutex<Fleet>>,
    pub(crate) port: u16,
}

impl Aws {
    /// Listens, without machines.
    pub(crate) async fn listen() -> Result<Self> {
        let fleet = Arc::<Mutex<Fleet>>::default();
        let answered = fleet.clone();
        let port = loopback::serve(move |request| answer(answered.clone(), request)).await?;
        Ok(Self { fleet, port })
    }

    /// The machines of the next round, all in service.
    pub(crate) fn set_machines(&self, machines: &[Machine]) {
        let mut fleet = self.fleet.lock().unwrap_or_else(PoisonError::into_inner);
        *fleet = Fleet { machines: machines.to_vec(), ..Fleet::default() };
    }

    /// Time at which the last machine was described to the function.
    pub(crate) fn located(&self) -> Option<Timestamp> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner).located
    }
}

async fn answer(
    fleet: Arc<Mutex<Fleet>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let form: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let mut fleet = fleet.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, body) = match field("Action") {
        "DescribeInstances" => {
            fleet.located = Some(clock::now());
            (StatusCode::OK, fleet.instance(field("Filter.1.Value.1")))
        }
        "DescribeAutoScalingInstances" => (StatusCode::OK, fleet.membership(field("InstanceIds.member.1"))),
        "DescribeAutoScalingGroups" => (StatusCode::OK, fleet.group()),
        "DescribeLifecycleHooks" => (StatusCode::OK, result("DescribeLifecycleHooks", "<LifecycleHooks/>")),
        "DetachInstances" => {
            fleet.detached.insert(field("InstanceIds.member.1").to_owned());
            (StatusCode::OK, result("DetachInstances", "<Activities/>"))
        }
        other => {
            let error = format!("<Error><Code>InvalidAction</Code><Message>{other}</Message></Error>");
            (StatusCode::BAD_REQUEST, format!("<ErrorResponse>{error}</ErrorResponse>"))
        }
    };
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    Ok(answer)
}

impl Fleet {
    fn instance(&self, id: &str) -> String {
        let machine = self.machines.iter().find(|machine| machine.instance == id);
        let reservation = machine.map(|Machine { node, instance, zone }| {
            format!(
                "<item><reservationId>r-0</reservationId><ownerId>{ACCOUNT}</ownerId><instancesSet><item>\
                 <instanceId>{instance}</instanceId><instanceLifecycle>spot</instanceLifecycle>\
                 <instanceState><code>16</code><name>running</name></instanceState>\
                 <privateDnsName>{node}</privateDnsName>\
                 <placement><availabilityZone>{zone}</availabilityZone></placement><tagSet>\
                 <item><key>kubernetes.io/cluster/{CLUSTER}</key><value>owned</value></item>\
                 <item><key>aws:autoscaling:groupName</key><value>{GROUP}</value></item>\
                 </tagSet></item></instancesSet></item>"
            )
        });
        let set = reservation.unwrap_or_default();
        format!(
            "<DescribeInstancesResponse><reservationSet>{set}</reservationSet></DescribeInstancesResponse>"
        )
    }

    fn membership(&self, id: &str) -> String {
        let here = !self.detached.contains(id);
        let group = format!("<AutoScalingGroupName>{GROUP}</AutoScalingGroupName>");
        let member = if here { member(id, &group) } else { String::new() };
        result(
            "DescribeAutoScalingInstances",
            &format!("<AutoScalingInstances>{member}</AutoScalingInstances>"),
        )
    }

    fn group(&self) -> String {
        let ids = self.machines.iter().map(|machine| &machine.instance);
        let members: String =
            ids.map(|id| {
                if self.detached.contains(id) { member(&format!("{id}-new"), "") } else { member(id, "") }
            })
            .collect();
        let inner = format!(
            "<AutoScalingGroups><member><AutoScalingGroupName>{GROUP}</AutoScalingGroupName>\
             <DesiredCapacity>{}</DesiredCapacity><Instances>{members}</Instances></member></AutoScalingGroups>",
            self.machines.len()
        );
        result("DescribeAutoScalingGroups", &inner)
    }
}

fn member(id: &str, more: &str) -> String {
    format!(
        "<member><InstanceId>{id}</InstanceId>{more}<AvailabilityZone>eu-west-1a</AvailabilityZone>\
         <LifecycleState>InService</LifecycleState><HealthStatus>HEALTHY</HealthStatus>\
         <ProtectedFromScaleIn>false</ProtectedFromScaleIn></member>"
    )
}

fn result(action: &str, inner: &str) -> String {
    format!(
        "<{action}Response xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\">\
         <{action}Result>{inner}</{action}Result></{action}Response>"
    )
}

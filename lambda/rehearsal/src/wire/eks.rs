//! Amazon EKS's REST JSON: DescribeCluster.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::Reply;
use crate::{
    faults::{AwsError, FaultKind},
    world::{
        baseline::{ACCOUNT, REGION},
        state::State,
    },
};

pub(super) fn answer(state: &State, name: &str, fault: Option<FaultKind>) -> Reply {
    if let Some(kind) = fault {
        return error(kind.at_aws([
            (429, "ThrottlingException", "Rate exceeded"),
            (403, "AccessDeniedException", "User is not authorized to perform: eks:DescribeCluster"),
            (500, "ServerException", "Internal server error"),
            (503, "ServiceUnavailableException", "Service is unavailable"),
        ]));
    }
    let Some(cluster) = state.clusters.iter().find(|cluster| cluster.spec.name == name) else {
        return error((404, "ResourceNotFoundException", &format!("No cluster found for name: {name}.")));
    };
    let cluster = json!({ "cluster": {
        "name": name,
        "arn": format!("arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{name}"),
        "createdAt": 1_700_000_000,
        "version": "1.33",
        "endpoint": cluster.server,
        "status": "ACTIVE",
        "certificateAuthority": { "data": STANDARD.encode(&cluster.ca) },
        "accessConfig": { "authenticationMode": "API_AND_CONFIG_MAP" },
    }});
    Reply::json(200, cluster.to_string())
}

fn error((status, code, message): AwsError<'_>) -> Reply {
    Reply::json(status, json!({ "__type": code, "message": message }).to_string())
}

//! Prices from AWS: by `cast-spot prices` into a file, and live for a snapshot without prices.

use serde_json::{Value, json};

use crate::{
    aws::Aws,
    script::{Folder, cast_spot, run},
};

/// The answers of EC2 and the Price List for two types in one zone.
pub(crate) fn answer(body: &str) -> Option<String> {
    let types = [("m5.large", 2, "0.107", "0.0449"), ("m5.2xlarge", 8, "0.428", "0.1798")];
    if body.contains(r#""ServiceCode":"AmazonEC2""#) {
        let products = types.map(|(name, _, price, _)| {
            let hour = json!({ "unit": "Hrs", "pricePerUnit": { "USD": price } });
            let terms = json!({ "OnDemand": { "a": { "priceDimensions": { "b": hour } } } });
            json!({ "product": { "attributes": { "instanceType": name, "capacitystatus": "Used" } }, "terms": terms })
        });
        return Some(json!({ "PriceList": products.map(|product| product.to_string()) }).to_string());
    }
    let (call, set, item): (_, _, fn(&str, u64, &str) -> String) = match body {
        _ if body.contains("Action=DescribeInstanceTypes&") => {
            ("DescribeInstanceTypes", "instanceTypeSet", |name, cpus, _| {
                let memory = cpus * 4_096;
                format!(
                    "<instanceType>{name}</instanceType><supportedUsageClasses><item>on-demand</item><item>spot</item>\
                     </supportedUsageClasses><processorInfo><supportedArchitectures><item>x86_64</item>\
                     </supportedArchitectures></processorInfo><vCpuInfo><defaultVCpus>{cpus}</defaultVCpus></vCpuInfo>\
                     <memoryInfo><sizeInMiB>{memory}</sizeInMiB></memoryInfo><networkInfo><maximumNetworkInterfaces>3\
                     </maximumNetworkInterfaces><ipv4AddressesPerInterface>10</ipv4AddressesPerInterface></networkInfo>"
                )
            })
        }
        _ if body.contains("Action=DescribeInstanceTypeOfferings&") => {
            ("DescribeInstanceTypeOfferings", "instanceTypeOfferingSet", |name, _, _| {
                format!("<instanceType>{name}</instanceType><location>eu-west-1a</location>")
            })
        }
        _ if body.contains("Action=DescribeSpotPriceHistory&") => {
            ("DescribeSpotPriceHistory", "spotPriceHistorySet", |name, _, spot| {
                format!(
                    "<instanceType>{name}</instanceType><productDescription>Linux/UNIX</productDescription><spotPrice>\
                     {spot}</spotPrice><timestamp>2020-01-01T00:00:00Z</timestamp><availabilityZone>eu-west-1a\
                     </availabilityZone>"
                )
            })
        }
        _ => return None,
    };
    let items =
        types.map(|(name, cpus, _, spot)| format!("<item>{}</item>", item(name, cpus, spot))).concat();
    let space = "http://ec2.amazonaws.com/doc/2016-11-15/";
    Some(format!("<{call}Response xmlns=\"{space}\"><{set}>{items}</{set}></{call}Response>"))
}

/// Two m5.2xlarge, each with one of two pods that request little.
fn cluster() -> Value {
    let node = |name: &str| {
        let labels = json!({
            "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
            "node.kubernetes.io/instance-type": "m5.2xlarge",
            "topology.kubernetes.io/region": "eu-west-1", "topology.kubernetes.io/zone": "eu-west-1a",
            "eks.amazonaws.com/capacityType": "ON_DEMAND",
        });
        let allocatable = json!({ "cpu": "7910m", "memory": "31482304Ki", "pods": "58" });
        json!({
            "metadata": { "name": name, "labels": labels },
            "spec": { "providerID": format!("aws:///eu-west-1a/{name}") },
            "status": { "allocatable": allocatable, "capacity": allocatable },
        })
    };
    let pod = |name: &str, node: &str| {
        let owner = json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d9f", "uid": "1", "controller": true });
        let requests = json!({ "cpu": "1", "memory": "1Gi" });
        json!({
            "metadata": { "name": name, "namespace": "shop", "labels": { "pod-template-hash": "7d9f" }, "ownerReferences": [owner] },
            "spec": { "nodeName": node, "containers": [{ "name": "c", "resources": { "requests": requests } }] },
            "status": { "phase": "Running" },
        })
    };
    json!({
        "schema": "cast-spot.snapshot/1",
        "nodes": [node("i-0a"), node("i-0b")],
        "pods": [pod("web-7d9f-0", "i-0a"), pod("web-7d9f-1", "i-0b")],
    })
}

#[test]
fn prices_of_a_file_and_of_aws_give_the_same_report() {
    let (folder, aws) = (Folder::new("prices"), Aws::start());
    folder.file("prod.json", &cluster().to_string());
    let with_aws = |args: &[&str]| {
        let mut command = cast_spot(&folder, args);
        command.env("AWS_ENDPOINT_URL", &aws.url).env("AWS_REGION", "eu-west-1");
        run(command.env("AWS_ACCESS_KEY_ID", "AKIA").env("AWS_SECRET_ACCESS_KEY", "secret"))
    };
    let alone = |args: &[&str]| run(&mut cast_spot(&folder, args));
    let read = |(code, out, err): (i32, String, String)| {
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        let mut report: Value = serde_json::from_str(&out).unwrap();
        // They are of two moments.
        report["prices"] = Value::Null;
        report
    };
    let savings = ["savings", "--snapshot", "prod.json", "--no-rehearsal", "--json"];
    assert_eq!(with_aws(&["prices", "--output", "prices.json"]), (0, String::new(), String::new()));
    let asked = aws.asked();
    for call in ["DescribeInstanceTypes", "DescribeInstanceTypeOfferings", "DescribeSpotPriceHistory"] {
        assert!(asked.iter().any(|asked| asked.contains(&format!("Action={call}&"))), "{call}: {asked:?}");
    }
    let live = read(with_aws(&savings));
    assert_eq!(read(alone(&[&savings[..], &["--prices", "prices.json"]].concat())), live);
    // Two m5.2xlarge of 0.428, and an m5.large of 0.107 for each.
    assert_eq!((&live["today"]["hourly"], &live["on_demand"]["hourly"]), (&json!("0.856"), &json!("0.214")));
    // A pod in each of two pools: 0.0449 and 0.1798, which is more than 0.214.
    assert_eq!(live["spot"]["hourly"], "0.214");
}

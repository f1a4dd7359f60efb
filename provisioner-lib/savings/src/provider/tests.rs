//! What is asked of AWS and of the API server, and what becomes of their answers.

use aws_config::Region;
use cast_spot_cloud::wire;
use http::{Request, Response};
use insta::assert_snapshot;
use kube::client::Body;
use serde_json::{Value, json};

use super::*;

const TYPES: &str = r#"<DescribeInstanceTypesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><instanceTypeSet>
<item><autoRecoverySupported>true</autoRecoverySupported><bareMetal>false</bareMetal><burstablePerformanceSupported>false</burstablePerformanceSupported><currentGeneration>true</currentGeneration><ebsInfo><ebsOptimizedSupport>default</ebsOptimizedSupport><encryptionSupport>supported</encryptionSupport><nvmeSupport>required</nvmeSupport></ebsInfo><instanceStorageInfo><disks><item><count>1</count><sizeInGB>75</sizeInGB><type>ssd</type></item></disks><nvmeSupport>required</nvmeSupport><totalSizeInGB>75</totalSizeInGB></instanceStorageInfo><instanceStorageSupported>true</instanceStorageSupported><instanceType>m5d.large</instanceType><memoryInfo><sizeInMiB>8192</sizeInMiB></memoryInfo><networkInfo><ipv4AddressesPerInterface>10</ipv4AddressesPerInterface><maximumNetworkInterfaces>3</maximumNetworkInterfaces></networkInfo><processorInfo><supportedArchitectures><item>x86_64</item></supportedArchitectures><sustainedClockSpeedInGhz>3.1</sustainedClockSpeedInGhz></processorInfo><supportedUsageClasses><item>on-demand</item><item>spot</item></supportedUsageClasses><vCpuInfo><defaultCores>1</defaultCores><defaultThreadsPerCore>2</defaultThreadsPerCore><defaultVCpus>2</defaultVCpus></vCpuInfo></item>
<item><bareMetal>false</bareMetal><burstablePerformanceSupported>false</burstablePerformanceSupported><currentGeneration>true</currentGeneration><ebsInfo><attachmentLimitType>dedicated</attachmentLimitType><maximumEbsAttachments>32</maximumEbsAttachments></ebsInfo><gpuInfo><gpus><item><count>1</count><manufacturer>NVIDIA</manufacturer><memoryInfo><sizeInMiB>24576</sizeInMiB></memoryInfo><name>L4</name></item></gpus></gpuInfo><instanceType>g6.xlarge</instanceType><memoryInfo><sizeInMiB>16384</sizeInMiB></memoryInfo><networkInfo><defaultNetworkCardIndex>1</defaultNetworkCardIndex><ipv4AddressesPerInterface>15</ipv4AddressesPerInterface><maximumNetworkCards>2</maximumNetworkCards><maximumNetworkInterfaces>6</maximumNetworkInterfaces><networkCards><item><maximumNetworkInterfaces>2</maximumNetworkInterfaces><networkCardIndex>0</networkCardIndex></item><item><maximumNetworkInterfaces>4</maximumNetworkInterfaces><networkCardIndex>1</networkCardIndex></item></networkCards></networkInfo><processorInfo><supportedArchitectures><item>x86_64</item></supportedArchitectures></processorInfo><supportedUsageClasses><item>on-demand</item></supportedUsageClasses><vCpuInfo><defaultVCpus>4</defaultVCpus></vCpuInfo></item>
<item><instanceType>mac2.metal</instanceType><bareMetal>true</bareMetal><memoryInfo><sizeInMiB>16384</sizeInMiB></memoryInfo><networkInfo><ipv4AddressesPerInterface>30</ipv4AddressesPerInterface><maximumNetworkInterfaces>8</maximumNetworkInterfaces></networkInfo><processorInfo><supportedArchitectures><item>arm64_mac</item></supportedArchitectures></processorInfo><supportedUsageClasses><item>on-demand</item></supportedUsageClasses><vCpuInfo><defaultVCpus>8</defaultVCpus></vCpuInfo></item>
</instanceTypeSet></DescribeInstanceTypesResponse>"#;

fn spot(time: &str, price: &str) -> String {
    format!(
        "<item><instanceType>m5.large</instanceType><productDescription>Linux/UNIX</productDescription><spotPrice>{price}</spotPrice><timestamp>{time}</timestamp><availabilityZone>eu-west-1a</availabilityZone></item>"
    )
}

fn history(items: &str, next: &str) -> String {
    format!(
        "<DescribeSpotPriceHistoryResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><spotPriceHistorySet>{items}</spotPriceHistorySet><nextToken>{next}</nextToken></DescribeSpotPriceHistoryResponse>"
    )
}

fn denied() -> (u16, String) {
    let words = "You are not authorized to perform this operation.";
    (
        403,
        format!(
            "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>{words}</Message></Error></Errors></Response>"
        ),
    )
}

#[tokio::test]
async fn instance_types_are_read_as_ec2_tells_them() {
    let (config, asked) = wire::config(|_| (200, TYPES.to_owned()));
    let types = Ec2::of(&config).types().await.unwrap();
    let names: Vec<_> = types.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(names, ["g6.xlarge", "m5d.large"], "EKS does not run on a Mac");
    assert_eq!(types[0].devices, [("nvidia.com/gpu".to_owned(), 1)].into());
    let accelerator = types[0].accelerator.clone().unwrap();
    assert_eq!((accelerator.name.as_str(), accelerator.memory_mib), ("L4", Some(24_576)));
    assert_eq!((types[1].accelerator.clone(), types[1].local_nvme_gb), (None, Some(75)));
    assert_eq!(types[0].ebs_attachments, Some(32));
    assert_eq!(
        (types[0].network_interfaces, types[0].max_pods()),
        (4, 58),
        "of the default network card, and not of all"
    );
    assert_eq!(
        (types[1].vcpus, types[1].memory_mib, types[1].local_disks, types[1].max_pods()),
        (2, 8_192, 1, 29)
    );
    assert_snapshot!("instance_types_asked", asked.lock().unwrap().join("\n"));
}

#[tokio::test]
async fn spot_prices_are_read_page_by_page_and_weighted() {
    let (config, asked) = wire::config(|asked| {
        let next = asked.contains("NextToken=more");
        let page = if next {
            history(&spot("2026-11-01T00:00:00Z", "0.030000"), "")
        } else {
            history(&spot("2026-11-24T12:00:00Z", "0.050000"), "more")
        };
        (200, page)
    });
    let (from, to) = ("2026-11-20T12:00:00Z".parse().unwrap(), "2026-11-27T12:00:00Z".parse().unwrap());
    let zones = ["eu-west-1a".to_owned()].into();
    let points = Ec2::of(&config).spot_prices(&["m5.large".to_owned()], &zones, from, to).await.unwrap();
    let prices = time_weighted(&points, from, to);
    // Four days at 0.03 and three at 0.05.
    assert_eq!(prices[0].hourly.to_string(), "0.038571");
    assert_snapshot!("spot_prices_asked", asked.lock().unwrap().join("\n"));
}

#[tokio::test]
async fn prices_are_asked_for_at_the_endpoint_that_there_is() {
    let product = json!({
        "product": { "attributes": { "instanceType": "m5.large", "capacitystatus": "Used" } },
        "terms": { "OnDemand": { "a": { "priceDimensions": { "b": { "unit": "Hrs", "pricePerUnit": { "USD": "0.1070000000" } } } } } },
    });
    let answer = json!({ "FormatVersion": "aws_v1", "PriceList": [product.to_string()] }).to_string();
    let (config, asked) = wire::described(
        move |_| (200, answer.clone()),
        |request| format!("{} {}", request.uri(), wire::body(request)),
    );
    let config = config.into_builder().region(Region::new("eu-north-1")).build();
    let (prices, currency) = Pricing::of(&config).on_demand("eu-north-1").await.unwrap();
    assert_eq!((prices[0].hourly.to_string(), currency.as_deref()), ("0.107".to_owned(), Some("USD")));
    assert_snapshot!("on_demand_prices_asked", asked.lock().unwrap().join("\n"));
}

#[tokio::test]
async fn a_refusal_names_the_action_and_the_policy_that_allows_it() {
    let (config, _) = wire::config(|_| denied());
    let error = Ec2::of(&config).types().await.unwrap_err();
    let missing = note("instance types could not be read", &error);
    assert_snapshot!("refused_instance_types", format!("{}\n{}", missing.what, missing.hint));
}

#[tokio::test]
async fn instances_say_how_they_were_bought() {
    let answer = r#"<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet><item><instancesSet><item><instanceId>i-0a</instanceId><instanceLifecycle>spot</instanceLifecycle></item><item><instanceId>i-0b</instanceId></item></instancesSet></item></reservationSet></DescribeInstancesResponse>"#;
    let (config, asked) = wire::config(move |_| (200, answer.to_owned()));
    let ids = ["i-0a".to_owned(), "i-0b".to_owned(), "i-0c".to_owned()];
    let found = Ec2::of(&config).lifecycles(&ids).await.unwrap();
    assert_eq!(
        found,
        [("i-0a", "spot"), ("i-0b", "on-demand")].map(|(id, how)| (id.to_owned(), how.to_owned())).into()
    );
    assert_snapshot!("lifecycles_asked", asked.lock().unwrap().join("\n"));
}

#[test]
fn a_scoring_strategy_has_its_name_of_eks() {
    assert_eq!(scoring("MostAllocated"), Some(Scoring::MostAllocated));
    assert_eq!(scoring("LeastAllocated"), Some(Scoring::LeastAllocated));
    assert_eq!(scoring("RequestedToCapacityRatio"), None);
}

#[test]
fn a_price_of_the_region_holds_where_the_type_is_offered() {
    let price = |name: &str| Price {
        instance_type: name.to_owned(),
        zone: None,
        market: Market::OnDemand,
        hourly: crate::money::Money::from_micros(1),
        spread: None,
    };
    let local = "eu-west-1-lax-1a";
    let offered = [("m5.large", "a"), ("m5.large", "b"), ("m5.large", local), ("m5.xlarge", "a")];
    let offered = offered.map(|(name, zone)| (name.to_owned(), zone.to_owned())).into();
    let prices = in_zones("eu-west-1", &[price("m5.large"), price("x9.huge")], &offered);
    let found: Vec<_> =
        prices.iter().map(|found| (found.instance_type.as_str(), found.zone.as_deref().unwrap())).collect();
    assert_eq!(found, [("m5.large", "a"), ("m5.large", "b")]);
}

/// An API server that answers paths.
fn server(answer: impl Fn(&str) -> (u16, Value) + Send + Sync + Clone + 'static) -> kube::Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let path = request.uri().path_and_query().unwrap().to_string();
        let (status, body) = answer(&path);
        let response = Response::builder().status(status).body(Body::from(body.to_string().into_bytes()));
        async move { Ok::<_, kube::Error>(response.unwrap()) }
    });
    kube::Client::new(service, "default")
}

fn forbidden() -> (u16, Value) {
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403, "reason": "Forbidden", "message": "no" });
    (403, status)
}

#[tokio::test]
async fn objects_are_read_page_by_page() {
    let client = server(|path| {
        let item = |name: &str| json!({ "metadata": { "name": name } });
        let page = |items: Value, next: &str| json!({ "kind": "List", "apiVersion": "v1", "metadata": { "continue": next }, "items": items });
        match path {
            _ if path.starts_with("/api/v1/pods") && path.contains("continue=more") => {
                (200, page(json!([item("b")]), ""))
            }
            _ if path.starts_with("/api/v1/pods") => (200, page(json!([item("a")]), "more")),
            _ => (200, page(json!([]), "")),
        }
    });
    let snapshot = kubernetes::read(&client).await.unwrap();
    let names: Vec<_> = snapshot.pods.iter().map(|pod| pod.metadata.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(snapshot.missing, []);
}

#[tokio::test]
async fn what_may_not_be_read_is_missing_and_the_rest_is_read() {
    let client = server(|path| {
        if path.contains("poddisruptionbudgets") || path.contains("/nodes") {
            return forbidden();
        }
        (200, json!({ "kind": "List", "apiVersion": "v1", "metadata": {}, "items": [] }))
    });
    let snapshot = kubernetes::read(&client).await.unwrap();
    let missing: Vec<_> = snapshot.missing.iter().map(|missing| missing.what.as_str()).collect();
    assert_snapshot!("refused_lists", missing.join("\n"));
}

#[tokio::test]
async fn usage_is_read_where_the_metrics_api_answers() {
    let metrics = json!({ "kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": [{
        "metadata": { "name": "web-1", "namespace": "shop", "creationTimestamp": "2026-11-27T06:39:58Z", "labels": { "app": "web" } },
        "timestamp": "2026-11-27T06:39:41Z", "window": "15.04s",
        "containers": [{ "name": "web", "usage": { "cpu": "122123456n", "memory": "40000Ki" } }],
    }]});
    let status = |code: u16, reason: &str| {
        let words = format!("{reason} of the test");
        (
            code,
            json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": words }),
        )
    };
    for (case, answer, pods, words) in [
        ("it does", (200, metrics), 1, None),
        ("no metrics-server", status(404, "NotFound"), 0, Some("NotFound of the test")),
        ("none that serves", status(503, "ServiceUnavailable"), 0, Some("ServiceUnavailable of the test")),
        ("not allowed", forbidden(), 0, Some("not allowed: list pods.metrics.k8s.io")),
    ] {
        let client = server(move |path| match path.split('?').next() {
            Some("/apis/metrics.k8s.io/v1beta1/pods") => answer.clone(),
            _ => (200, json!({ "kind": "List", "apiVersion": "v1", "metadata": {}, "items": [] })),
        });
        let snapshot = kubernetes::read(&client).await.unwrap();
        let read: Vec<_> = snapshot.pod_metrics.iter().map(|metrics| metrics.containers.len()).collect();
        assert_eq!((read, &snapshot.missing), (vec![1; pods], &Vec::new()), "{case}");
        let unread = snapshot.usage_unread.unwrap_or_default();
        assert!(
            unread.contains(words.unwrap_or_default()) && unread.is_empty() == words.is_none(),
            "{case}: {unread}"
        );
    }
}

#[tokio::test]
async fn without_nodes_and_pods_there_is_no_report_but_the_reason() {
    let errors = kubernetes::read(&server(|_| forbidden())).await.unwrap_err();
    let hints = errors.iter().map(|error| error.hint.as_deref().unwrap_or_default());
    assert!(hints.into_iter().all(|hint| hint.contains("infra/kubernetes/savings.yaml")), "{errors:?}");
    let denied: Vec<_> = errors.iter().map(|error| error.reason.clone()).collect();
    assert_eq!(
        denied,
        ["list nodes", "list pods"].map(|action| ErrorKind::Denied { action: action.to_owned() })
    );
}

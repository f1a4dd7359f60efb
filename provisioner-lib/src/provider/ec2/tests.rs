use super::*;
use crate::provider::wire::{self, Asked, action};

fn ec2(mut answer: impl FnMut(&str) -> String + Send + 'static) -> (Client, Asked) {
    let (config, asked) = wire::config(move |asked| {
        let action = action(asked).unwrap_or_default().to_owned();
        (200, format!("<{action}Response>{}</{action}Response>", answer(asked)))
    });
    (Client::new(&config), asked)
}

fn table(associations: &str, target: &str) -> String {
    let local =
        "<item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId></item>";
    format!(
        "<item><associationSet>{associations}</associationSet><routeSet>{local}<item>\
         <destinationCidrBlock>0.0.0.0/0</destinationCidrBlock>{target}</item></routeSet></item>"
    )
}

fn of(subnet: &str) -> String {
    format!("<item><subnetId>{subnet}</subnetId><main>false</main></item>")
}

const MAIN: &str = "<item><main>true</main></item>";
const INTERNET: &str = "<gatewayId>igw-1</gatewayId>";
const NAT: &str = "<natGatewayId>nat-1</natGatewayId>";

async fn public(tables: String) -> Vec<String> {
    let (ec2, _) = ec2(move |_| format!("<routeTableSet>{tables}</routeTableSet>"));
    let ids = ["subnet-a", "subnet-b"].map(str::to_owned);
    public_subnets(&ec2, "vpc-1", &ids).await.unwrap().into_iter().collect()
}

#[tokio::test]
async fn a_subnet_without_route_table_follows_that_of_the_vpc() {
    let mixed = table(&of("subnet-a"), INTERNET) + &table(MAIN, NAT);
    assert_eq!(public(mixed).await, ["subnet-a"]);
    let by_default = table(&of("subnet-a"), NAT) + &table(MAIN, INTERNET);
    assert_eq!(public(by_default).await, ["subnet-b"]);
    // A transit gateway, VPC endpoints alone: a way out, or none that a public address would give.
    let transit = table(MAIN, "<transitGatewayId>tgw-1</transitGatewayId>");
    assert_eq!(public(transit).await, Vec::<String>::new());
    assert_eq!(public(String::new()).await, Vec::<String>::new());
}

#[tokio::test]
async fn all_pages_of_instances_are_asked_for_and_only_those_that_run() {
    let (ec2, asked) = ec2(|asked| {
        let (id, next) =
            if asked.contains("NextToken=") { ("i-2", "") } else { ("i-1", "<nextToken>n</nextToken>") };
        let instances = format!("<instancesSet><item><instanceId>{id}</instanceId></item></instancesSet>");
        format!("<reservationSet><item>{instances}</item></reservationSet>{next}")
    });
    let found =
        instances_with(&ec2, &["arn:aws:iam::123456789012:instance-profile/cast-prod-eks-1".to_owned()])
            .await
            .unwrap();
    assert_eq!(found, ["i-1", "i-2"]);
    let first = asked.lock().unwrap()[0].clone();
    for words in ["iam-instance-profile.arn", "instance-profile%2Fcast-prod-eks-1", "pending", "running"] {
        assert!(first.contains(words), "{words}: {first}");
    }
    assert!(!first.contains("terminated"), "{first}");
}

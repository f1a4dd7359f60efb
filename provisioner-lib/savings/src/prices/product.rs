//! A product of the AWS Price List, which GetProducts returns as JSON in a string.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    catalog::{Market, Price},
    money::Money,
};

/// The filters that leave one On-Demand price for each Linux instance type ("Using the AWS Price List Query API" in
/// the AWS Billing User Guide); the region's comes with them.
pub const FILTERS: [(&str, &str); 6] = [
    ("operatingSystem", "Linux"),
    ("preInstalledSw", "NA"),
    ("tenancy", "Shared"),
    ("capacitystatus", "Used"),
    ("licenseModel", "No License required"),
    ("marketoption", "OnDemand"),
];

#[derive(Deserialize)]
struct Listed {
    product: Product,
    terms: Terms,
}

#[derive(Deserialize)]
struct Product {
    attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    instance_type: String,
    /// `UnusedCapacityReservation` and the like are other products of the same type.
    #[serde(default)]
    capacitystatus: Option<String>,
}

#[derive(Deserialize)]
struct Terms {
    #[serde(default, rename = "OnDemand")]
    on_demand: BTreeMap<String, Term>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    price_dimensions: BTreeMap<String, Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    unit: String,
    price_per_unit: BTreeMap<String, String>,
}

/// A product that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a product of the price list: {0}")]
pub struct NoPrice(String);

/// The On-Demand prices of all products and their currency. What makes two products of a type differ costs more, so the
/// lower price is that of the instance alone.
pub fn all_on_demand(products: &[String]) -> Result<(Vec<Price>, Option<String>), NoPrice> {
    let (mut prices, mut currency) = (BTreeMap::<String, Price>::new(), None);
    for product in products {
        let Some((price, of)) = on_demand(product)? else { continue };
        currency.get_or_insert(of);
        let known = prices.entry(price.instance_type.clone()).or_insert_with(|| price.clone());
        known.hourly = known.hourly.min(price.hourly);
    }
    Ok((prices.into_values().collect(), currency))
}

/// The On-Demand price of a product and its currency; none where it has none by the hour.
fn on_demand(product: &str) -> Result<Option<(Price, String)>, NoPrice> {
    let listed: Listed = serde_json::from_str(product).map_err(|error| NoPrice(error.to_string()))?;
    let attributes = listed.product.attributes;
    if attributes.capacitystatus.is_some_and(|status| status != "Used") {
        return Ok(None);
    }
    let dimensions =
        listed.terms.on_demand.into_values().flat_map(|term| term.price_dimensions.into_values());
    let hours = dimensions.filter(|dimension| dimension.unit == "Hrs");
    let Some((currency, amount)) = hours.flat_map(|dimension| dimension.price_per_unit).next() else {
        return Ok(None);
    };
    let hourly: Money =
        amount.parse().map_err(|error| NoPrice(format!("{}: {error}", attributes.instance_type)))?;
    // Types that are not available are listed with a price of zero.
    let price = (hourly > Money::ZERO).then_some(Price {
        instance_type: attributes.instance_type,
        zone: None,
        market: Market::OnDemand,
        hourly,
        spread: None,
    });
    Ok(price.map(|price| (price, currency)))
}

/// The region of the endpoint for prices of a region: the Price List API has few ("AWS Price List endpoints and quotas"
/// in the AWS General Reference).
#[must_use]
pub fn endpoint_region(region: &str) -> &'static str {
    match region.split('-').next().unwrap_or_default() {
        "eu" | "af" | "il" | "me" => "eu-central-1",
        "ap" => "ap-south-1",
        "cn" => "cn-northwest-1",
        _ => "us-east-1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As GetProducts answers, shortened by attributes that are not read.
    const M5_LARGE: &str = r#"{"product":{"productFamily":"Compute Instance","attributes":{"enhancedNetworkingSupported":"Yes","intelTurboAvailable":"Yes","memory":"8 GiB","dedicatedEbsThroughput":"Up to 2120 Mbps","vcpu":"2","classicnetworkingsupport":"false","capacitystatus":"Used","locationType":"AWS Region","storage":"EBS only","instanceFamily":"General purpose","operatingSystem":"Linux","intelAvx2Available":"Yes","regionCode":"eu-west-1","physicalProcessor":"Intel Xeon Platinum 8175","clockSpeed":"3.1 GHz","ecu":"10","networkPerformance":"Up to 10 Gigabit","servicename":"Amazon Elastic Compute Cloud","instancesku":"WBU7P5SZ53SQPTVZ","vpcnetworkingsupport":"true","instanceType":"m5.large","tenancy":"Shared","usagetype":"EU-BoxUsage:m5.large","normalizationSizeFactor":"4","processorFeatures":"Intel AVX; Intel AVX2; Intel AVX512; Intel Turbo","servicecode":"AmazonEC2","licenseModel":"No License required","currentGeneration":"Yes","preInstalledSw":"NA","location":"EU (Ireland)","processorArchitecture":"64-bit","marketoption":"OnDemand","operation":"RunInstances","availabilityzone":"NA"},"sku":"WBU7P5SZ53SQPTVZ"},"serviceCode":"AmazonEC2","terms":{"OnDemand":{"WBU7P5SZ53SQPTVZ.JRTCKXETXF":{"priceDimensions":{"WBU7P5SZ53SQPTVZ.JRTCKXETXF.6YS6EN2CT7":{"unit":"Hrs","endRange":"Inf","description":"$0.107 per On Demand Linux m5.large Instance Hour","appliesTo":[],"rateCode":"WBU7P5SZ53SQPTVZ.JRTCKXETXF.6YS6EN2CT7","beginRange":"0","pricePerUnit":{"USD":"0.1070000000"}}},"sku":"WBU7P5SZ53SQPTVZ","effectiveDate":"2026-11-01T00:00:00Z","offerTermCode":"JRTCKXETXF","termAttributes":{}}},"Reserved":{"WBU7P5SZ53SQPTVZ.6QCMYABX3D":{"priceDimensions":{"x":{"unit":"Quantity","description":"Upfront Fee","appliesTo":[],"rateCode":"x","pricePerUnit":{"USD":"551"}}},"sku":"WBU7P5SZ53SQPTVZ","effectiveDate":"2017-10-31T23:59:59Z","offerTermCode":"6QCMYABX3D","termAttributes":{"LeaseContractLength":"1yr","OfferingClass":"standard","PurchaseOption":"All Upfront"}}}},"version":"20261120000000","publicationDate":"2026-11-20T00:00:00Z"}"#;

    #[test]
    fn the_on_demand_price_is_read() {
        let (price, currency) = on_demand(M5_LARGE).unwrap().unwrap();
        assert_eq!((price.instance_type.as_str(), price.zone, currency.as_str()), ("m5.large", None, "USD"));
        assert_eq!((price.market, price.hourly.micros()), (Market::OnDemand, 107_000));
    }

    #[test]
    fn a_type_that_is_listed_twice_has_the_lower_price() {
        let products = ["0.1070000000", "0.0000000000", "0.1020000000", "0.1990000000"];
        let products = products.map(|amount| M5_LARGE.replace("0.1070000000", amount));
        let (prices, currency) = all_on_demand(&products).unwrap();
        let found: Vec<_> = prices.iter().map(|price| price.hourly.micros()).collect();
        assert_eq!((found, currency.as_deref()), (vec![102_000], Some("USD")));
    }

    #[test]
    fn products_without_an_hourly_price_are_left_out() {
        for (case, product, expected) in [
            ("an unused reservation", M5_LARGE.replace("\"Used\"", "\"UnusedCapacityReservation\""), None),
            ("for nothing", M5_LARGE.replace("0.1070000000", "0.0000000000"), None),
            ("not by the hour", M5_LARGE.replace("\"Hrs\"", "\"Quantity\""), None),
            ("no amount", M5_LARGE.replace("0.1070000000", "free"), Some("m5.large")),
            ("no product", "{}".to_owned(), Some("missing field `product`")),
        ] {
            match (on_demand(&product), expected) {
                (Ok(None), None) => {}
                (Err(error), Some(words)) if error.to_string().contains(words) => {}
                (found, _) => panic!("{case}: {found:?}"),
            }
        }
    }

    #[test]
    fn each_region_has_a_price_list_endpoint() {
        for (region, endpoint) in [
            ("us-west-2", "us-east-1"),
            ("ca-central-1", "us-east-1"),
            ("sa-east-1", "us-east-1"),
            ("us-gov-west-1", "us-east-1"),
            ("eu-west-1", "eu-central-1"),
            ("il-central-1", "eu-central-1"),
            ("ap-southeast-2", "ap-south-1"),
            ("cn-north-1", "cn-northwest-1"),
        ] {
            assert_eq!(endpoint_region(region), endpoint, "{region}");
        }
    }
}

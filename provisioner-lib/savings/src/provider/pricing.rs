//! AWS Price List: On-Demand prices.

use aws_config::{Region, SdkConfig};
use aws_sdk_pricing::{
    Client,
    config::Builder,
    types::{Filter, FilterType},
};
use cast_spot_cloud::{Error, ErrorKind, from_sdk};

use crate::{
    catalog::Price,
    prices::product::{FILTERS, all_on_demand, endpoint_region},
};

const SERVICE: &str = "AmazonEC2";
const CALL: &str = "pricing:GetProducts";

/// The Price List API, at the endpoint that is next to the region.
pub(super) struct Pricing {
    client: Client,
}

impl Pricing {
    pub(super) fn of(config: &SdkConfig) -> Self {
        let region = config.region().map(AsRef::as_ref).unwrap_or_default();
        let own = Builder::from(config).region(Region::new(endpoint_region(region)));
        Self { client: Client::from_conf(own.build()) }
    }

    /// Prices of all Linux types of a region, and their currency.
    pub(super) async fn on_demand(&self, region: &str) -> Result<(Vec<Price>, Option<String>), Error> {
        let filters = FILTERS.into_iter().chain([("regionCode", region)]).map(|(field, value)| {
            let filter = Filter::builder().r#type(FilterType::TermMatch).field(field).value(value);
            filter.build().map_err(|error| Error::new(ErrorKind::Other, CALL, error.to_string()))
        });
        let filters = filters.collect::<Result<Vec<_>, _>>()?;
        let call = self.client.get_products().service_code(SERVICE).set_filters(Some(filters));
        let products = call.into_paginator().items().send();
        let products: Vec<String> = products.try_collect().await.map_err(from_sdk(CALL))?;
        all_on_demand(&products).map_err(|error| Error::new(ErrorKind::Other, CALL, error.to_string()))
    }
}

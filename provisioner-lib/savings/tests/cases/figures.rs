//! Figures: month and year, discounts, the headline and its confidence.

use cast_spot_savings::{
    catalog::{Market, Spread},
    money::Money,
    render::{headline, page, table},
    report::{Confidence, Report},
};

use crate::case::Case;

fn dollars(text: &str) -> Money {
    text.parse().unwrap()
}

fn shown(report: &Report) -> String {
    table::render(report, 200)
}

#[test]
fn a_month_has_730_hours_unless_chosen() {
    // 8,760 hours of a year / 12.
    let today = Case::read("one-pool").compare().report.today;
    assert_eq!(today.monthly, today.hourly * 730);
    assert_eq!(today.yearly, today.hourly * 8_760);
    let report = Case::read("one-pool").choosing(|choices| choices.hours_per_month = 720).compare().report;
    assert_eq!((report.hours_per_month, report.today.monthly), (720, report.today.hourly * 720));
    let saves = report.spot.saves.unwrap();
    assert_eq!((saves.monthly, saves.yearly), (saves.hourly * 720, saves.hourly * 8_640));
}

#[test]
fn a_discount_lowers_on_demand_prices_alone() {
    let list = Case::read("one-pool").compare().report;
    let case = Case::read("one-pool").choosing(|choices| choices.discount_percent = 28);
    let report = case.compare().report;
    assert_eq!(report.today.hourly_on_demand, list.today.hourly_on_demand.less_percent(28));
    for node in &report.spot.configuration.nodes {
        let price = case.prices.catalog.prices.iter().find(|price| {
            price.instance_type == node.instance_type
                && Some(price.market) == node.market
                && (price.zone.is_none() || price.zone == node.zone)
        });
        let price = price.unwrap().hourly;
        let is_spot = node.market.unwrap().to_string() == "Spot";
        assert_eq!(node.hourly_each, Some(if is_spot { price } else { price.less_percent(28) }));
    }
    assert!(shown(&report).contains("less 28 %, Spot without a discount"), "{}", shown(&report));
}

#[test]
fn the_headline_is_a_range_from_right_sizing_to_spot() {
    let report = Case::read("all-pods").compare().report;
    let range = report.range.clone().unwrap();
    assert_eq!(Some(&range.low), report.on_demand.saves.as_ref());
    assert_eq!(Some(&range.high), report.spot.saves.as_ref());
    assert_eq!((range.confidence, range.because.as_slice()), (Confidence::High, &[][..]));
    let headline = headline(&report);
    assert!(headline.contains(&format!("({} to {} %)", range.low.percent, range.high.percent)), "{headline}");
    assert!(headline.contains(" a month ") && headline.contains(" a year"), "{headline}");
    let basis = "List prices; by requests alone, not by usage. Confidence high.";
    assert!(shown(&report).contains(basis), "beside the number: {}", shown(&report));
    assert!(page::render(&report).unwrap().contains(basis));
}

#[test]
fn each_missing_fact_lowers_the_confidence() {
    let mut case = Case::read("all-pods").priced_by("prices");
    case.prices.read_at = Some("2026-09-28T12:00:00Z".parse().unwrap());
    let old = case.compare().report.range.unwrap();
    assert_eq!(old.confidence, Confidence::Medium);
    assert_eq!(old.because, ["the prices are 61 days old"]);
    case.snapshot.missing.push(cast_spot_savings::report::Missing {
        what: "PodDisruptionBudgets could not be read".to_owned(),
        hint: String::new(),
    });
    let range = case.compare().report.range.unwrap();
    assert_eq!((range.confidence, range.because.len()), (Confidence::Low, 2));
}

#[test]
fn without_a_price_today_there_is_no_headline() {
    for name in ["unpriced-today", "spot-node-without-spot-price"] {
        let report = Case::read(name).compare().report;
        assert_eq!(report.range, None, "{name}");
        assert!(headline(&report).contains("not known"), "{name}: {}", headline(&report));
        let (table, page) = (shown(&report), page::render(&report).unwrap());
        assert!(!table.contains("$0.00") && !page.contains("$0.00"), "{name}: {table}");
        assert!(report.today.hourly == dollars("0"), "{name}");
    }
}

#[test]
fn prices_of_another_region_are_not_used() {
    // Nodes in us-east-1, prices of eu-west-1.
    let report = Case::read("prices-of-another-region").priced_by("prices").compare().report;
    let why = "the prices are of eu-west-1, and the nodes are in us-east-1";
    assert_eq!((report.unknown.as_deref(), &report.range), (Some(why), &None));
    assert_eq!((report.today.hourly, report.spot.configuration.count), (Money::ZERO, 0));
    assert!(report.missing.iter().any(|missing| missing.what.starts_with(why)), "{:?}", report.missing);
    assert!(headline(&report).contains(why), "{}", headline(&report));
    assert_eq!(report.region.as_deref(), Some("us-east-1"));
}

#[test]
fn spot_is_shown_at_its_lowest_and_highest_price() {
    let mut case = Case::read("all-pods");
    assert_eq!(case.compare().report.spot_spread, None, "the file has the means alone");
    for price in case.prices.catalog.prices.iter_mut().filter(|price| price.market == Market::Spot) {
        price.spread = Some(Spread { lowest: price.hourly, highest: price.hourly * 2 });
    }
    let report = case.compare().report;
    let (spot, spread) = (&report.spot.configuration, report.spot_spread.unwrap());
    assert_eq!(spread.lowest, spot.monthly);
    assert_eq!(spread.highest, (spot.hourly + spot.hourly_spot) * 730);
    assert!(
        shown(&report).contains("At the lowest and the highest Spot prices of 7 days"),
        "{}",
        shown(&report)
    );
}

#[test]
fn what_is_left_out_is_named_with_its_numbers() {
    let mut case = Case::read("all-pods");
    let node = &mut case.snapshot.nodes[0];
    let labels = node.metadata.labels.get_or_insert_default();
    labels.insert("eks.amazonaws.com/compute-type".to_owned(), "auto".to_owned());
    let report = case.compare().report;
    let nodes = [&report.today, &report.on_demand.configuration, &report.spot.configuration];
    let [today, on_demand, spot] = nodes.map(|configuration| configuration.count);
    let volumes = format!("today {today}, On-Demand {on_demand}, with Spot {spot}.");
    for part in [volumes.as_str(), "Auto Mode for 1 of today's nodes", "public IPv4", "AWS Fargate (0 of"] {
        assert!(report.left_out.iter().any(|line| line.contains(part)), "{part}: {:#?}", report.left_out);
    }
}

#[test]
fn what_is_dated_later_than_now_lowers_the_confidence() {
    // Clocks may differ by five minutes. Now it is 12:00 in these tests.
    for (prices_at, nodes_at, words, because) in [
        ("2026-11-28T12:05:00Z", "2026-11-28T12:05:00Z", "(just now)", &[][..]),
        (
            "2030-01-01T00:00:00Z",
            "2026-11-28T12:00:00Z",
            "prices of 2030-01-01 00:00 UTC (dated later than now)",
            &["the prices are dated later than now"],
        ),
        (
            "2026-11-28T12:06:00Z",
            "2026-11-28T12:06:00Z",
            "(dated later than now)",
            &["the prices are dated later than now", "nodes and pods are dated later than now"],
        ),
    ] {
        let mut case = Case::read("all-pods");
        case.prices.read_at = prices_at.parse().ok();
        case.snapshot.read_at = nodes_at.parse().ok();
        let report = case.compare().report;
        assert_eq!(report.range.as_ref().unwrap().because, because, "{prices_at}");
        let text = table::render(&report, 400);
        assert!(text.contains(words), "{words}: {text}");
    }
}

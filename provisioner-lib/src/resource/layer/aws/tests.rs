use serde_json::{Value, json};

use super::*;
use crate::provider::wire::{self, Asked};

const VERSIONS: &str = "/2018-10-31/layers/cast-spot-endpoints/versions";

fn arn(layer: &str, number: i64) -> String {
    format!("arn:aws:lambda:eu-west-1:123456789012:layer:{layer}:{number}")
}

/// Lambda with versions of our layer: number and SHA-256. Version 9 has our name and is not ours.
fn lambda(versions: &'static [(i64, &str)]) -> (Client, Asked) {
    let (config, asked) = wire::config(move |asked| {
        let mut words = asked.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let number = path.rsplit('/').next().unwrap().parse::<i64>().ok();
        let answer: Value = match (method, number) {
            ("GET", None) => {
                let listed = |(number, description): (i64, &str)| json!({ "Version": number, "LayerVersionArn": arn(LAYER, number), "Description": description });
                let ours = versions.iter().map(|(number, _)| (*number, DESCRIPTION));
                json!({ "LayerVersions": ours.chain([(9, "theirs")]).map(listed).collect::<Vec<_>>() })
            }
            ("GET", Some(number)) => match versions.iter().find(|(known, _)| *known == number) {
                Some((_, sha256)) => json!({ "Version": number, "Content": { "CodeSha256": sha256 } }),
                None => return (404, json!({ "__type": "ResourceNotFoundException" }).to_string()),
            },
            _ => json!({}),
        };
        (200, answer.to_string())
    });
    (Client::new(&config), asked)
}

/// A function with these layers.
fn function(arns: &[String]) -> FunctionConfiguration {
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:cast-spot";
    let layers = arns.iter().map(|arn| Attached::builder().arn(arn).build()).collect();
    FunctionConfiguration::builder().function_arn(arn).set_layers(Some(layers)).build()
}

/// Our layer's name in another account.
fn foreign() -> String {
    arn(LAYER, 3).replace("123456789012", "210987654321")
}

fn layer(sha256: &str) -> Layer {
    Layer { name: LAYER.to_owned(), code: Code { sha256: sha256.to_owned(), zip: b"zip".to_vec() } }
}

fn writes(asked: &Asked) -> Vec<String> {
    wire::calls(asked).into_iter().filter(|call| !call.starts_with("GET")).collect()
}

#[tokio::test]
async fn a_function_has_our_layer_and_no_other() {
    let (lambda, _) = lambda(&[(3, "old"), (4, "new")]);
    assert_eq!(exactly(&lambda, Some("new")).await.unwrap(), [arn(LAYER, 4)]);
    assert!(exactly(&lambda, None).await.unwrap().is_empty());
    let error = exactly(&lambda, Some("gone")).await.unwrap_err();
    assert_eq!(error.reason, ErrorKind::Changed);
    let there = [arn("one", 1), arn(LAYER, 3), arn("two", 7), foreign()];
    assert_eq!(others(&function(&there)), [arn("one", 1), arn("two", 7), foreign()]);
}

#[tokio::test]
async fn the_layer_of_a_function_is_known_by_its_content() {
    let (lambda, _) = lambda(&[(4, "new")]);
    for (arns, found) in [
        (vec![], None),
        (vec![arn("one", 4), arn(&format!("their-{LAYER}"), 4)], None),
        (vec![foreign(), arn(LAYER, 3).replace("eu-west-1", "us-east-1")], None),
        (vec![arn("one", 1), arn(LAYER, 4)], Some("new".to_owned())),
        (vec![arn(LAYER, 3)], Some(arn(LAYER, 3))),
    ] {
        assert_eq!(attached(&lambda, &function(&arns)).await.unwrap(), found, "{arns:?}");
    }
}

#[tokio::test]
async fn content_that_is_published_is_published_no_second_time() {
    let (lambda, asked) = lambda(&[(4, "new")]);
    layer("new").create(&lambda).await.unwrap();
    assert_eq!(writes(&asked), Vec::<String>::new());
    layer("newer").create(&lambda).await.unwrap();
    assert_eq!(writes(&asked), [format!("POST {VERSIONS}")]);
}

#[tokio::test]
async fn only_our_versions_with_the_content_are_deleted() {
    let (lambda, asked) = lambda(&[(3, "old"), (4, "new"), (5, "old")]);
    layer("old").delete(&lambda).await.unwrap();
    assert_eq!(writes(&asked), [3, 5].map(|number| format!("DELETE {VERSIONS}/{number}")));
    assert_eq!(super::layers(&lambda).await.unwrap(), ["old", "new", "old"]);
}

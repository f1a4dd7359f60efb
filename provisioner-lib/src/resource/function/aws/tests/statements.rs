//! Statements of the function's policy.

use super::*;

#[tokio::test]
async fn all_statements_are_found_by_any_author() {
    let (lambda, _) = lambda(|_| {
        let statement = json!({
            "Sid": "rule", "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" },
            "Action": "lambda:InvokeFunction",
            "Condition": { "ArnLike": { "AWS:SourceArn": "arn:rule" } },
        });
        let policy = json!({ "Statement": [{ "Sid": "other", "Principal": "*" }, statement] }).to_string();
        (200, json!({ "Policy": policy }))
    });
    let statement = |id: &str| {
        Resource::Permission(Permission {
            function: "cast-spot".into(),
            statement_id: id.into(),
            principal: "events.amazonaws.com".into(),
            source_arn: "arn:rule".into(),
        })
    };
    let expected = statement("rule");
    let found = lambda.observe(MODE, &[&expected]).await;
    let [Ok(other), ours] = &found[..] else { panic!("{found:?}") };
    assert_eq!(*ours, Ok(Found::from(expected)));
    assert_eq!(other.resource.id(), statement("other").id());
}

#[tokio::test]
async fn the_statements_of_all_rules_are_one_call() {
    let (lambda, asked) = lambda(|_| {
        let statement = |sid: &str| json!({ "Sid": sid, "Principal": "events.amazonaws.com" });
        let policy = json!({ "Statement": [statement("one"), statement("two")] }).to_string();
        (200, json!({ "Policy": policy }))
    });
    let permission = |id: &str| {
        Resource::Permission(Permission {
            function: "cast-spot".into(),
            statement_id: id.into(),
            principal: String::new(),
            source_arn: String::new(),
        })
    };
    let (one, two, none) = (permission("one"), permission("two"), permission("none"));
    let found = lambda.observe(MODE, &[&one, &two, &none]).await;
    let found: Vec<_> = found.into_iter().map(|found| found.unwrap().resource.id()).collect();
    assert_eq!(found, [one.id(), two.id()]);
    assert_eq!(wire::calls(&asked).len(), 1);
}

#[tokio::test]
async fn a_statement_that_says_what_ours_says_is_ours() {
    let ours = |id: &str| {
        Resource::Permission(Permission {
            function: "cast-spot".into(),
            statement_id: id.into(),
            principal: "events.amazonaws.com".into(),
            source_arn: "arn:rule".into(),
        })
    };
    // CloudFormation makes up the ids of its statements.
    for (ids, action, expected) in [
        (vec!["stack-Permission-1A2B"], "lambda:InvokeFunction", vec!["rule"]),
        (vec!["stack-Permission-1A2B", "rule"], "lambda:InvokeFunction", vec!["rule"]),
        (vec!["stack-Permission-1A2B"], "lambda:*", vec!["stack-Permission-1A2B"]),
    ] {
        let (lambda, _) = lambda(move |_| {
            let statement = |id: &&str| {
                json!({
                    "Sid": id, "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" },
                    "Action": action, "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:cast-spot",
                    "Condition": { "ArnLike": { "AWS:SourceArn": "arn:rule" } },
                })
            };
            let statements: Vec<Value> = ids.iter().map(statement).collect();
            (200, json!({ "Policy": json!({ "Statement": statements }).to_string() }))
        });
        let found = lambda.observe(MODE, &[&ours("rule")]).await;
        let found: Vec<_> = found.into_iter().map(|found| found.unwrap().resource.id()).collect();
        assert_eq!(found, expected.iter().map(|id| ours(id).id()).collect::<Vec<_>>(), "{action}");
    }
}

#[tokio::test]
async fn a_statement_of_ours_that_grants_more_is_drift() {
    let ours = Permission {
        function: "cast-spot".into(),
        statement_id: "rule".into(),
        principal: "events.amazonaws.com".into(),
        source_arn: "arn:rule".into(),
    };
    let plain = json!({
        "Sid": "rule", "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" },
        "Action": "lambda:InvokeFunction", "Condition": { "ArnLike": { "AWS:SourceArn": "arn:rule" } },
    });
    for (field, value) in [
        ("Action", json!("lambda:*")),
        ("Principal", json!({ "Service": "events.amazonaws.com", "AWS": "*" })),
        ("Condition", json!({ "ArnLike": { "AWS:SourceArn": ["arn:rule", "*"] } })),
    ] {
        // Beside one of a stack that is as it should be, too.
        let (mut more, mut stack) = (plain.clone(), plain.clone());
        more[field] = value;
        stack["Sid"] = json!("stack-Permission-1A2B");
        let policy = json!({ "Statement": [more, stack] }).to_string();
        let (lambda, _) = lambda(move |_| (200, json!({ "Policy": policy })));
        let wanted = Resource::from(ours.clone());
        let found = lambda.observe(MODE, &[&wanted]).await;
        let found: Vec<Resource> = found.into_iter().map(|found| found.unwrap().resource).collect();
        let [own, other] = &found[..] else { panic!("{found:?}") };
        assert!(own.id() == wanted.id() && !wanted.changes(own).is_empty(), "{field}: {own:?}");
        assert_eq!(other.id(), Id::new(Kind::Permission, "cast-spot/stack-Permission-1A2B"), "{field}");
    }
}

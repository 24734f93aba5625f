//! Labels, their values, series and volumes.

use crate::support::logs::{Backend, NOW, SECOND, encode, stream};
use lab_backends::logs::Limits;
use lab_backends::logs::store::Entry;
use serde_json::json;

#[tokio::test]
async fn labels_values_series_and_volumes_follow_their_selectors() {
    let backend = Backend::start(Limits::default()).await;
    for app in ["a", "b"] {
        let entries = vec![Entry::new(NOW - SECOND, format!("line of {app}"))];
        backend
            .store
            .push(vec![stream(&[("app", app), ("env", "test")], entries)])
            .unwrap();
    }
    let range = [("start", "1795360000"), ("end", "1795360560")];
    let get = async |path: &str, more: &[(&str, &str)]| {
        let params = [&range, more].concat();
        backend
            .get(&format!("/loki/api/v1/{path}"), &params)
            .await
            .json()["data"]
            .clone()
    };
    assert_eq!(get("labels", &[]).await, json!(["app", "env"]));
    assert_eq!(
        get("label/app/values", &[("query", r#"{app="b"}"#)]).await,
        json!(["b"])
    );
    let selectors = [("match[]", r#"{app="a"}"#), ("match[]", r#"{env="test"}"#)];
    let both = json!([{"app": "a", "env": "test"}, {"app": "b", "env": "test"}]);
    assert_eq!(get("series", &selectors).await, both);
    assert_eq!(
        get("series", &[("match[]", r#"{app="c"}"#)]).await,
        json!([])
    );
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let posted = backend
        .request(
            "POST",
            "/loki/api/v1/series",
            &headers,
            encode(&[&range[..], &selectors].concat()),
        )
        .await;
    assert_eq!(posted.json()["data"], both);
    let volume = [
        ("query", r#"{env="test"}"#),
        ("targetLabels", "app"),
        ("step", "600"),
    ];
    let of_range = get("index/volume_range", &volume).await;
    // One bucket: as in Loki a vector.
    assert_eq!(of_range["resultType"], "vector");
    assert_eq!(of_range["result"].as_array().unwrap().len(), 2);
    let by_labels = [("query", r#"{env="test"}"#), ("aggregateBy", "labels")];
    let by_labels = get("index/volume", &by_labels).await;
    assert_eq!(by_labels["result"].as_array().unwrap().len(), 2);
}

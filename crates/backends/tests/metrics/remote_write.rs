//! Remote write: what is stored, and what is refused with which status.

use crate::support::metrics::{Embedded, now_ms};
use crate::support::write::{Pair, Sample, Series, Write};

#[tokio::test]
async fn remote_write_2_is_refused_by_its_content_type_so_that_the_sender_falls_back() {
    let embedded = Embedded::empty().await;
    let series = Series {
        labels: vec![Pair {
            name: "__name__".to_owned(),
            value: "pushed".to_owned(),
        }],
        samples: vec![Sample {
            value: 2.5,
            timestamp: now_ms(),
        }],
        histograms: Vec::new(),
    };
    let write = Write {
        series: vec![series],
    };
    let raw = prost::Message::encode_to_vec(&write);
    let body = snap::raw::Encoder::new().compress_vec(&raw).unwrap();
    for (kind, wanted) in [
        (
            "application/x-protobuf;proto=io.prometheus.write.v2.Request",
            415,
        ),
        ("application/x-protobuf; proto=unknown.Message", 415),
        ("text/plain", 415),
        ("application/json", 415),
        ("application/x-protobuf;proto=prometheus.WriteRequest", 204),
        ("application/x-protobuf", 204),
    ] {
        let http = &embedded.http;
        let (status, text) = http.post_raw("/api/v1/write", kind, body.clone()).await;
        let text = String::from_utf8_lossy(&text);
        assert_eq!(status.as_u16(), wanted, "{kind}: {text}");
        let there = embedded.vector("pushed").await.len();
        assert_eq!(there, usize::from(wanted == 204), "{kind}");
        assert!(wanted == 204 || text.contains("x-protobuf") || text.contains("WriteRequest"));
    }
}

#[tokio::test]
async fn an_invalid_histogram_is_refused_with_its_reason_and_the_rest_of_its_batch_is_kept() {
    let embedded = Embedded::empty().await;
    let series = |name: &str, histograms: Vec<Vec<u8>>| Series {
        labels: vec![Pair {
            name: "__name__".to_owned(),
            value: name.to_owned(),
        }],
        samples: if histograms.is_empty() {
            vec![Sample {
                value: 1.0,
                timestamp: now_ms(),
            }]
        } else {
            Vec::new()
        },
        histograms,
    };
    let write = Write {
        series: vec![
            series("before", Vec::new()),
            // A count of five, and no bucket.
            series("native", vec![vec![0x08, 0x05]]),
            series("after", Vec::new()),
        ],
    };
    let raw = prost::Message::encode_to_vec(&write);
    let body = snap::raw::Encoder::new().compress_vec(&raw).unwrap();
    let http = &embedded.http;
    let (status, text) = http
        .post_raw("/api/v1/write", "application/x-protobuf", body)
        .await;
    let text = String::from_utf8_lossy(&text);
    assert_eq!(status, 400);
    assert!(
        text.contains("0 observations found in buckets, but the Count field is 5")
            && text.contains("native"),
        "{text}"
    );
    for (name, there) in [("before", 1), ("native", 0), ("after", 1)] {
        assert_eq!(embedded.vector(name).await.len(), there, "{name}");
    }
}

/// Labels as bytes: a sender may get them wrong in ways that the types of a language do not allow.
#[derive(Clone, PartialEq, prost::Message)]
struct RawPair {
    #[prost(bytes = "vec", tag = "1")]
    name: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RawSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<RawPair>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RawWrite {
    #[prost(message, repeated, tag = "1")]
    series: Vec<RawSeries>,
}

#[tokio::test]
async fn a_pushed_series_with_wrong_labels_is_refused_alone() {
    let embedded = Embedded::empty().await;
    let series = |labels: &[(&[u8], &[u8])]| RawSeries {
        labels: labels
            .iter()
            .map(|(name, value)| RawPair {
                name: name.to_vec(),
                value: value.to_vec(),
            })
            .collect(),
        samples: vec![Sample {
            value: 1.0,
            timestamp: now_ms(),
        }],
    };
    for (wrong, said) in [
        (&[(&b"a"[..], &b"1"[..]), (b"a", b"2")][..], "given twice"),
        (&[(b"a", b"1"), (b"a", b"1")], "given twice"),
        (&[(b"__name__", b"other")], "given twice"),
        (&[(b"", b"1")], "without a name"),
        (&[(b"a", b"\xff")], "not UTF-8"),
        (&[(b"\xff", b"1")], "not UTF-8"),
    ] {
        let mut labels = vec![(&b"__name__"[..], &b"wrong"[..])];
        labels.extend_from_slice(wrong);
        let write = RawWrite {
            series: vec![
                series(&[(b"__name__", b"before")]),
                series(&labels),
                series(&[(b"__name__", b"after")]),
            ],
        };
        let raw = prost::Message::encode_to_vec(&write);
        let body = snap::raw::Encoder::new().compress_vec(&raw).unwrap();
        let (status, text) = embedded
            .http
            .post_raw("/api/v1/write", "application/x-protobuf", body)
            .await;
        let text = String::from_utf8_lossy(&text);
        assert!(status == 400 && text.contains(said), "{status} {text}");
    }
    for (name, there) in [("before", 1), ("wrong", 0), ("other", 0), ("after", 1)] {
        assert_eq!(embedded.vector(name).await.len(), there, "{name}");
    }
}

#[tokio::test]
async fn remote_write_stores_and_refuses_garbage() {
    let embedded = Embedded::empty().await;
    let now = now_ms();
    let message = |timestamp: i64| {
        let pair = |name: &str, value: &str| Pair {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let series = Series {
            labels: vec![pair("job", "x"), pair("__name__", "pushed")],
            samples: vec![Sample {
                value: 2.5,
                timestamp,
            }],
            histograms: Vec::new(),
        };
        let raw = prost::Message::encode_to_vec(&Write {
            series: vec![series],
        });
        snap::raw::Encoder::new().compress_vec(&raw).unwrap()
    };
    let kind = "application/x-protobuf";
    assert_eq!(
        embedded
            .http
            .post_raw("/api/v1/write", kind, message(now))
            .await
            .0,
        204
    );
    assert_eq!(
        embedded.vector("pushed").await,
        [("{\"__name__\":\"pushed\"}".to_owned(), 2.5)]
    );
    let (status, text) = embedded
        .http
        .post_raw("/api/v1/write", kind, message(now - 1))
        .await;
    assert_eq!(status, 400);
    assert!(String::from_utf8_lossy(&text).contains("out of order"));
    let broken = snap::raw::Encoder::new().compress_vec(&[0xff; 50]).unwrap();
    for (body, wanted) in [
        (b"no snappy".to_vec(), 400),
        (broken, 400),
        (vec![0; 5 << 20], 413),
        (vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0x00], 413),
    ] {
        assert_eq!(
            embedded
                .http
                .post_raw("/api/v1/write", kind, body)
                .await
                .0
                .as_u16(),
            wanted
        );
    }
}

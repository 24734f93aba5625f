//! Spans: a store, OTLP ingest and the Tempo API over them.

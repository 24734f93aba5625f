//! Time series: a store, a scraper and the Prometheus API over them.

//! `lab verify --grafana` checks data sources and dashboards of a Grafana.

use crate::support::lab::Lab;
use crate::support::verdict::{PATIENCE, verify};
use salvo::Router;
use salvo::writing::{Json, Text};
use serde_json::json;

#[test]
fn a_grafana_is_checked_with_its_data_sources_and_dashboards() {
    let lab = Lab::start();
    let healthy = lab.serve(grafana(true));
    let sick = lab.serve(grafana(false));
    let password = std::env::temp_dir().join(format!("lab-password-{}", std::process::id()));
    std::fs::write(&password, "secret\n").expect("a file");
    let check = |address: std::net::SocketAddr, timeout: &str| {
        let url = format!("http://{address}");
        let file = password.to_str().expect("a path");
        verify(
            &lab,
            &[
                "--timeout",
                timeout,
                "--grafana",
                &url,
                "--grafana-password-file",
                file,
            ],
        )
    };
    // What works is waited for no longer than it takes; what does not, to the end.
    let (well, ill) = (check(healthy, "60s"), check(sick, PATIENCE[1]));
    std::fs::remove_file(&password).expect("removed");
    assert_eq!(well.code, Some(0), "{}", well.pretty());
    for id in [
        "grafana.health",
        "grafana.data_sources",
        "grafana.dashboards",
    ] {
        assert_eq!(well.promise(id)["state"], "kept");
    }
    ill.only("grafana.data_sources");
    let came = &ill.promise("grafana.data_sources")["came"];
    assert!(
        came.as_str().is_some_and(|it| it.contains("as it is")),
        "{came}"
    );
}

/// What Grafana answers to those who know the password; sick when Loki does not answer it.
fn grafana(well: bool) -> Router {
    #[salvo::handler]
    fn health(response: &mut salvo::Response) {
        response.render(Json(json!({"database": "ok", "version": "13.0.0"})));
    }
    #[salvo::handler]
    fn login(
        request: &mut salvo::Request,
        response: &mut salvo::Response,
        flow: &mut salvo::FlowCtrl,
    ) {
        // admin:secret
        if request.header::<String>("authorization").as_deref() != Some("Basic YWRtaW46c2VjcmV0") {
            response.status_code(salvo::http::StatusCode::UNAUTHORIZED);
            response.render(Text::Plain("who are you?"));
            flow.skip_rest();
        }
    }
    #[salvo::handler]
    fn source(request: &mut salvo::Request, response: &mut salvo::Response) {
        let uid = request.param::<String>("uid").unwrap_or_default();
        response.render(Json(json!({"uid": uid, "type": uid})));
    }
    #[salvo::handler]
    fn ok(request: &mut salvo::Request, response: &mut salvo::Response) {
        // Until 12.2 Tempo's plugin has no health check.
        if request.param::<String>("uid").as_deref() == Some("tempo") {
            response.status_code(salvo::http::StatusCode::NOT_FOUND);
            return response.render(Json(json!({
                "message": "Not found", "messageId": "plugin.notImplemented", "statusCode": 404,
            })));
        }
        response.render(Json(json!({"status": "OK", "message": "works"})));
    }
    #[salvo::handler]
    fn echo(response: &mut salvo::Response) {
        response.render(Text::Plain("echo"));
    }
    #[salvo::handler]
    fn not_ok(request: &mut salvo::Request, response: &mut salvo::Response) {
        let status = match request.param::<String>("uid").as_deref() {
            Some("loki") => "ERROR",
            _ => "OK",
        };
        response.render(Json(json!({"status": status, "message": "as it is"})));
    }
    #[salvo::handler]
    fn dashboard(request: &mut salvo::Request, response: &mut salvo::Response) {
        let title = match request.param::<String>("uid").as_deref() {
            Some("salvo-observability") => "Salvo Observability",
            _ => "Salvo Telemetry",
        };
        response.render(Json(json!({"dashboard": {"title": title}})));
    }
    let checked = Router::with_path("health");
    let checked = if well {
        checked.get(ok)
    } else {
        checked.get(not_ok)
    };
    Router::with_path("api")
        .push(Router::with_path("health").get(health))
        .push(
            Router::new()
                .hoop(login)
                .push(
                    Router::with_path("datasources/uid/{uid}")
                        .get(source)
                        .push(checked),
                )
                .push(Router::with_path("datasources/proxy/uid/tempo/api/echo").get(echo))
                .push(Router::with_path("dashboards/uid/{uid}").get(dashboard)),
        )
}

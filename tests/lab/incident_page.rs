//! `/api/incidents`: the console does what `lab incident` does, and both tell the same.

use std::process::Command;
use std::time::Duration;

use salvo_observability::lab::incident::{Catalogue, Desk, State, proof};
use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::http::{self, Response};
use crate::support::player::Player;
use crate::support::up::{Lab, on_ports};

/// A lab whose console has the state of a player.
fn lab(player: &Player, flags: &[&str]) -> Lab {
    let state = player.0.to_str().unwrap();
    Lab::start_with(flags, &[("LAB_STATE", state)])
}

/// One whose instances can be broken.
fn breakable(player: &Player) -> Lab {
    lab(player, &["--faults", "--faults-port", "0"])
}

fn now(lab: &Lab) -> Value {
    lab.json("console", "/api/incidents", &[])
}

fn post(lab: &Lab, order: &str, body: &str) -> Response {
    let path = format!("/api/incidents/{order}");
    lab.post("console", &path, &[], body.as_bytes())
}

/// What an order gives that is carried out.
fn done(lab: &Lab, order: &str, body: &Value) -> Value {
    let answer = post(lab, order, &body.to_string());
    assert_eq!(answer.status, 200, "{order} {body}: {}", answer.body);
    answer.json()
}

/// The message to an order that is not, which names no command but `lab up`.
fn refused(lab: &Lab, order: &str, body: &str, status: u16) -> String {
    let answer = post(lab, order, body);
    assert_eq!(answer.status, status, "{order} {body}: {}", answer.body);
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(!message.contains("lab incident"), "{order}: {message}");
    message
}

/// The state that the command line tells.
fn told(player: &Player) -> Value {
    player.good(&["status"])["incident"].clone()
}

/// What does not change between two looks.
fn lasting(view: &Value) -> Value {
    let mut view = view.clone();
    for (field, inner) in [("to_ms", None), ("score", Some("seconds"))] {
        match inner {
            None => view[field] = Value::Null,
            Some(inner) => view[field][inner] = Value::Null,
        }
    }
    view
}

#[test]
fn an_incident_is_played_in_the_console_and_the_command_line_agrees() {
    let player = Player::new("page");
    let lab = breakable(&player);
    let first = now(&lab);
    assert_eq!(first["incident"], Value::Null);
    assert_eq!(first["problem"], Value::Null);
    let listed = player.good(&["list"])["incidents"].clone();
    assert_eq!(first["incidents"], listed);

    let order = json!({"name": "slow-shop", "seed": 7});
    let started = done(&lab, "start", &order)["incident"].clone();
    assert_eq!(started["stage"], "open");
    assert_eq!(started["seed"], 7);
    assert_eq!(
        started["servers"]["console"], lab.ready["console"],
        "the lab knows its own console"
    );
    let view = now(&lab);
    assert_eq!(view["here"], true);
    assert_eq!(lasting(&view["incident"]), lasting(&told(&player)));
    // Neither the page nor the questions give it away.
    assert!(!started.to_string().contains("latency"), "{started}");

    let again = refused(&lab, "start", &order.to_string(), 409);
    assert!(again.contains("stop it first"), "{again}");
    let early = refused(&lab, "solution", "{}", 409);
    assert!(early.contains("give it up"), "{early}");
    let unread = refused(&lab, "answer", r#"{"answers":{"ms":"slow"}}"#, 400);
    assert!(unread.contains("a number in ms"), "{unread}");
    let unknown = refused(&lab, "answer", r#"{"answers":{"cause":"x"}}"#, 400);
    assert!(unknown.contains("there are route, ms"), "{unknown}");
    refused(&lab, "answer", r#"{"answers":{}}"#, 400);

    let wrong = done(&lab, "answer", &json!({"answers": {"route": "/chain"}}));
    assert_eq!(wrong["right"], json!({"route": false}));
    assert_eq!(wrong["incident"]["asked"][0]["wrong"], json!(["/chain"]));
    let hint = done(&lab, "hint", &json!({}));
    assert_eq!(hint["incident"]["hints"], json!([hint["hint"]]));
    // A hint of the command line is one of the page's too.
    player.good(&["hint"]);
    let view = now(&lab)["incident"].clone();
    assert_eq!(view["hints_left"], 1);
    assert_eq!(view["score"]["points"], 75);

    let desk = Desk::new(Catalogue::default(), State::new(player.0.join("incident")));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let found = eventually("the telemetry tells", || {
        let found = runtime.block_on(proof::find(&desk)).unwrap();
        if found.missing.is_empty() {
            return Some(found.answers);
        }
        std::thread::sleep(Duration::from_millis(500));
        None
    });
    let solved = done(&lab, "answer", &json!({"answers": found}));
    assert_eq!(solved["incident"]["stage"], "solved");
    assert_eq!(told(&player)["stage"], "solved");

    let shown = done(&lab, "solution", &json!({}))["incident"]["solution"].clone();
    assert_eq!(shown["answers"]["route"], json!(found["route"]));
    let console = lab.ready["console"].as_str().unwrap();
    for step in shown["steps"].as_array().unwrap() {
        assert!(step["rows"].as_u64().unwrap() > 0, "{step}");
        // The link opens this query in this run's time.
        let link = step["link"].as_str().unwrap();
        let from = format!("from={}&to=", solved["incident"]["started_ms"]);
        assert!(link.starts_with(console) && link.contains(&from), "{link}");
    }
    let stopped = done(&lab, "stop", &json!({}));
    assert_eq!(stopped["incident"]["active"], false);
    assert_eq!(told(&player)["active"], false);
    assert_eq!(player.runner(), None);
    assert!(refused(&lab, "hint", "{}", 409).contains("solved already"));
}

#[test]
fn what_the_command_line_starts_is_on_the_page_and_is_ended_there() {
    let player = Player::new("page-command");
    let lab = breakable(&player);
    let console = lab.ready["console"].as_str().unwrap();
    player.good(&["start", "holes", "--healthy", "--console", console]);
    let view = now(&lab)["incident"].clone();
    assert_eq!(
        (&view["name"], &view["healthy"]),
        (&json!("holes"), &json!(true))
    );
    done(&lab, "stop", &json!({}));
    assert_eq!(told(&player)["stage"], "stopped");
    // After the end the solution can be seen, for no points.
    let given = done(&lab, "solution", &json!({"give_up": true}));
    assert_eq!(given["incident"]["stage"], "given_up");
    assert_eq!(given["incident"]["score"]["points"], 0);

    // Without a name the seed chooses, as on the command line.
    let order = json!({"seed": 5, "healthy": true});
    let name = done(&lab, "start", &order)["incident"]["name"].clone();
    done(&lab, "stop", &json!({}));
    let args = ["start", "--random", "--seed", "5", "--console", console];
    assert_eq!(player.good(&args)["incident"]["name"], name);
}

#[test]
fn an_incident_of_another_lab_is_told_to_be_elsewhere() {
    let player = Player::new("page-elsewhere");
    let (one, other) = (breakable(&player), lab(&player, &["--no-apps"]));
    done(
        &one,
        "start",
        &json!({"name": "slow-shop", "healthy": true}),
    );
    assert_eq!(now(&one)["here"], true);
    let there = now(&other);
    assert_eq!(there["here"], false);
    assert_eq!(
        there["incident"]["servers"]["console"],
        one.ready["console"]
    );
}

#[test]
fn without_faults_the_page_has_the_list_and_says_how_to_start() {
    let player = Player::new("page-without");
    let without = lab(&player, &[]);
    let view = now(&without);
    assert!(view["incidents"].as_array().unwrap().len() >= 12);
    let problem = view["problem"].as_str().unwrap();
    assert!(problem.contains("`lab up --faults`"), "{problem}");
    let text = refused(&without, "start", r#"{"name":"slow-shop"}"#, 409);
    assert_eq!(text, problem);
    assert!(refused(&without, "stop", "{}", 409).contains("start one of the list"));

    // A machine without a folder for the state has the list too.
    let nowhere = Lab::start(&["--no-apps"]);
    let view = now(&nowhere);
    assert!(view["incidents"].as_array().unwrap().len() >= 12);
    assert!(
        view["problem"].as_str().unwrap().contains("LAB_STATE"),
        "{view}"
    );
    refused(&nowhere, "hint", "{}", 400);

    let few = lab(
        &player,
        &["--faults", "--faults-port", "0", "--app-count", "1"],
    );
    let text = refused(&few, "start", r#"{"name":"echo"}"#, 409);
    assert!(text.contains("three instances"), "{text}");
}

#[test]
fn an_instance_that_is_gone_is_told_with_what_to_do() {
    let player = Player::new("page-gone");
    let lab = breakable(&player);
    let text = eventually("an order meets no instance", || {
        if let Some(instance) = lab.instance("app-a") {
            instance.signal("KILL");
        }
        let answer = post(&lab, "start", r#"{"name":"slow-shop","healthy":true}"#);
        if answer.status == 200 {
            done(&lab, "stop", &json!({}));
            return None;
        }
        assert_eq!(answer.status, 502, "{}", answer.body);
        Some(answer.json()["message"].as_str().unwrap().to_owned())
    });
    assert!(text.contains("app-a"), "{text}");
    assert!(text.contains("try once more"), "{text}");
    assert_eq!(now(&lab)["incident"]["stage"], told(&player)["stage"]);
}

#[test]
fn what_is_no_order_is_refused() {
    let player = Player::new("page-refused");
    let lab = breakable(&player);
    for (order, body, status, part) in [
        ("start", "", 400, "JSON"),
        ("start", "[]", 400, "JSON"),
        ("start", r#"{"name":"slow-shop","place":"x"}"#, 400, "place"),
        ("start", r#"{"seed":-1}"#, 400, "JSON"),
        ("start", r#"{"seed":18446744073709551615}"#, 400, "a seed"),
        ("start", r#"{"name":"slow-shob"}"#, 404, "of the list"),
        // A page reads no files.
        ("start", r#"{"name":"/etc/passwd"}"#, 404, "of the list"),
        (
            "start",
            r#"{"name":"./incidents/slow-shop.toml"}"#,
            404,
            "of the list",
        ),
        ("hint", "", 400, "JSON"),
        ("hint", r#"{"all":true}"#, 400, "all"),
        ("hint", "[]", 400, "a list, and no object"),
        (
            "start",
            r#"["holes", 7, false]"#,
            400,
            "a list, and no object",
        ),
        ("answer", r#"{"route":"/"}"#, 400, "route"),
        ("answer", r#"{"answers":{"ms":5}}"#, 400, "JSON"),
        // Of two answers only one could be kept.
        (
            "answer",
            r#"{"answers":{"ms":"5","ms":"6"}}"#,
            400,
            "is there twice",
        ),
        (
            "answer",
            r#"{"answers":{"ms":"5"}}"#,
            409,
            "start one of the list",
        ),
        ("solution", r#"{"give_up":1}"#, 400, "JSON"),
        ("stop", "{}", 409, "start one of the list"),
    ] {
        let message = refused(&lab, order, body, status);
        assert!(message.contains(part), "{order} {body}: {message}");
    }
    let long = json!({"answers": {"ms": "5".repeat(20_000)}}).to_string();
    let message = refused(&lab, "answer", &long, 413);
    assert!(message.contains("16384 bytes"), "{message}");
    let at = lab.server("console");
    assert_eq!(http::get(at, "/api/incidents/start").status, 405);
    assert_eq!(post(&lab, "heal", "{}").status, 404);
    assert_eq!(now(&lab)["incident"], Value::Null);
}

#[test]
fn a_page_of_another_site_starts_nothing() {
    let player = Player::new("page-origin");
    let lab = breakable(&player);
    let body = br#"{"name":"slow-shop"}"#;
    for header in [
        "Origin: http://evil.example",
        "Origin: http://localhost:5173",
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
    ] {
        let answer = lab.post("console", "/api/incidents/start", &[header], body);
        assert_eq!(answer.status, 403, "{header}: {}", answer.body);
    }
    assert_eq!(now(&lab)["incident"], Value::Null);
    let own = format!("Origin: http://{}", lab.server("console"));
    let answer = lab.post("console", "/api/incidents/start", &[&own], body);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn a_lab_whose_file_was_replaced_by_a_build_goes_on() {
    let player = Player::new("page-replaced");
    let folder = player.0.join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("lab");
    std::fs::copy(env!("CARGO_BIN_EXE_lab"), &program).unwrap();
    let state = [("LAB_STATE", player.0.to_str().unwrap())];
    let lab = Lab::start_from(&program, &["--faults", "--faults-port", "0"], &state);
    std::fs::remove_file(&program).unwrap();
    std::fs::write(&program, "another program").unwrap();
    done(&lab, "start", &json!({"name": "half-broken"}));
    done(&lab, "stop", &json!({}));

    let before = eventually("app-b runs", || lab.instance("app-b"));
    before.signal("KILL");
    let after = eventually("app-b runs again", || {
        lab.instance("app-b").filter(|it| it.id != before.id)
    });
    assert!(after.runs());
}

#[test]
fn incidents_of_ones_own_are_on_the_page() {
    let player = Player::new("page-own");
    let folder = player.0.join("own");
    std::fs::create_dir_all(&folder).unwrap();
    let text = std::fs::read_to_string("incidents/slow-shop.toml").unwrap();
    let own = text.replace("The shop is slow", "Mine is slow");
    std::fs::write(folder.join("mine.toml"), own).unwrap();
    let own = folder.to_str().unwrap();
    let lab = lab(
        &player,
        &["--faults", "--faults-port", "0", "--incidents", own],
    );
    let titles = |view: &Value| -> Vec<String> {
        let all = view["incidents"].as_array().unwrap().iter();
        all.map(|it| it["title"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(titles(&now(&lab)).contains(&"Mine is slow".to_owned()));
    let view = done(&lab, "start", &json!({"name": "mine"}))["incident"].clone();
    assert_eq!(view["title"], "Mine is slow");

    // A file with a problem is named, and what runs goes on.
    std::fs::write(folder.join("broken.toml"), "title = 1").unwrap();
    let view = now(&lab);
    assert!(
        view["problem"].as_str().unwrap().contains("broken.toml"),
        "{view}"
    );
    assert_eq!(view["incident"]["name"], "mine");
    // It takes no other away.
    assert!(titles(&view).contains(&"The shop is slow".to_owned()));
    done(&lab, "stop", &json!({}));
    done(&lab, "start", &json!({"name": "half-broken"}));
    let (code, listed) = player.json(&["list", "--incidents", own]);
    assert_eq!(code, 1, "{listed}");
    assert!(
        listed["problems"][0]
            .as_str()
            .unwrap()
            .contains("broken.toml"),
        "{listed}"
    );
    assert!(titles(&listed).contains(&"Mine is slow".to_owned()));
    // A lab is not started with it.
    let free: [String; 7] = std::array::from_fn(|_| "0".to_owned());
    let refused = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["up", "--no-apps", "--incidents", own])
        .args(on_ports(&free))
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(error.contains("broken.toml: line 1"), "{error}");
}

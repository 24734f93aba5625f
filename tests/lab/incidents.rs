//! `lab incident`: played from the command line, and what it refuses. That each incident can be solved is in
//! `tests/incidents/`.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use salvo_observability::lab::incident::{Catalogue, Desk, State, proof};
use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::http;
use crate::support::player::Player;
use crate::support::up::{Lab, address};

/// A lab that can be broken.
fn lab() -> Lab {
    Lab::start(&["--faults", "--faults-port", "0"])
}

fn console(lab: &Lab) -> &str {
    lab.ready["console"].as_str().unwrap()
}

/// Starts an incident in it, always the same.
fn slow_shop(lab: &Lab) -> [&str; 6] {
    let console = console(lab);
    ["start", "slow-shop", "--seed", "7", "--console", console]
}

/// The faults that an instance has.
fn faults(lab: &Lab, app: &str) -> Value {
    let url = lab.ready["faults"][app].as_str().unwrap();
    let address = address(&json!(url.trim_end_matches("/faults")));
    http::get(address, "/faults").json()["faults"].clone()
}

#[test]
fn an_incident_is_played_from_the_page_to_the_solution() {
    let (lab, player) = (lab(), Player::new("played"));
    let listed = player.good(&["list"]);
    let names = listed["incidents"].as_array().unwrap();
    assert!(names.len() >= 12);
    assert_eq!(player.good(&["status"])["incident"], Value::Null);

    let start = slow_shop(&lab);
    let view = player.good(&start)["incident"].clone();
    assert_eq!(view["stage"], "open");
    assert!(
        view["page"].as_str().unwrap().contains("customers"),
        "{view}"
    );
    assert_eq!(view["seed"], 7);
    assert_eq!(faults(&lab, "app-b")[0]["kind"], "latency");
    // The page and the questions tell nothing of that.
    assert!(!view.to_string().contains("latency"), "{view}");

    let again = player.refused(&start);
    assert!(again.contains("lab incident stop"), "{again}");
    let unknown = player.refused(&["answer", "cause=x"]);
    assert!(unknown.contains("there are route, ms"), "{unknown}");
    let unread = player.refused(&["answer", "ms=slow"]);
    assert!(unread.contains("a number in ms"), "{unread}");
    let nowhere = player.refused(&["answer", "route=/basket"]);
    assert!(nowhere.contains("one of /, /items/{item_id}"), "{nowhere}");
    let early = player.refused(&["solution"]);
    assert!(early.contains("--give-up"), "{early}");

    let (code, said) = player.json(&["answer", "route=/chain"]);
    assert_eq!((code, &said["right"]["route"]), (1, &json!(false)));
    let hint = player.good(&["hint"]);
    assert!(hint["hint"].as_str().unwrap().contains("route"), "{hint}");
    assert_eq!(hint["incident"]["hints_left"], 2);
    assert_eq!(hint["incident"]["score"]["points"], 85);

    let desk = Desk::new(Catalogue::default(), State::new(player.0.join("incident")));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let found = eventually("the telemetry tells", || {
        let found = runtime.block_on(proof::find(&desk)).unwrap();
        let done = found.missing.is_empty();
        if !done {
            std::thread::sleep(Duration::from_millis(500));
        }
        done.then_some(found.answers)
    });
    let answers: Vec<String> = found
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
    let solved = player.good(&[&["answer"], &answers[..]].concat());
    assert_eq!(solved["incident"]["stage"], "solved");
    assert_eq!(solved["incident"]["score"]["wrong"], 1);

    let solution = &player.good(&["solution"])["incident"]["solution"];
    assert_eq!(solution["answers"]["route"], found["route"]);
    assert_eq!(solution["steps"][0]["derived"]["route"], found["route"]);
    assert_eq!(solution["steps"].as_array().unwrap().len(), 2);

    // Who has solved one may start the next at once; the faults are then those of the next.
    player.good(&["start", "holes", "--seed", "7", "--console", console(&lab)]);
    let kinds: Vec<Value> = ["app-a", "app-b", "app-c"]
        .iter()
        .flat_map(|app| faults(&lab, app).as_array().unwrap().clone())
        .map(|fault| fault["kind"].clone())
        .collect();
    assert_eq!(kinds, ["scrape"]);
    // Without its runner a fault ends with the incident's time at the latest.
    let lasts = ["app-a", "app-b", "app-c"].map(|app| faults(&lab, app)[0]["for_s"].as_f64());
    assert!(lasts.iter().flatten().all(|it| *it <= 3600.0), "{lasts:?}");
    assert_eq!(lasts.iter().flatten().count(), 1, "{lasts:?}");
    // What is ended unsolved is worth nothing.
    let stopped = player.good(&["stop"]);
    assert_eq!(stopped["incident"]["score"]["points"], 0);
    for app in ["app-a", "app-b", "app-c"] {
        assert_eq!(faults(&lab, app), json!([]), "{app}");
    }
    assert_eq!(player.runner(), None);
}

#[test]
fn the_same_seed_breaks_the_same_and_chooses_the_same() {
    let (lab, player) = (lab(), Player::new("seed"));
    let start = |seed: &str| {
        let args = [
            "start",
            "--random",
            "--seed",
            seed,
            "--console",
            console(&lab),
        ];
        let name = player.good(&args)["incident"]["name"].clone();
        let faults = ["app-a", "app-b", "app-c"].map(|app| faults(&lab, app));
        player.good(&["stop"]);
        (name, faults)
    };
    let first = start("5");
    assert_eq!(first, start("5"));
    assert_ne!(first, start("6"));
}

#[test]
fn two_players_do_not_break_one_lab_at_a_time() {
    let (lab, one, other) = (lab(), Player::new("one"), Player::new("other"));
    let start = slow_shop(&lab);
    one.good(&start);
    let before = faults(&lab, "app-a");
    let refused = other.refused(&start);
    assert!(refused.contains("app-a has faults already"), "{refused}");
    let url = lab.ready["faults"]["app-a"].as_str().unwrap();
    assert!(
        refused.contains(&format!("curl -X DELETE {url}`")),
        "{refused}"
    );
    assert_eq!(faults(&lab, "app-a"), before);
    assert_eq!(other.good(&["status"])["incident"], Value::Null);
    one.good(&["stop"]);
    other.good(&start);
}

#[test]
fn a_runner_that_is_ended_heals_the_lab() {
    let (lab, player) = (lab(), Player::new("ended"));
    player.good(&["start", "half-broken", "--console", console(&lab)]);
    let broken = || {
        let of = |app: &&str| faults(&lab, app) != json!([]);
        ["app-a", "app-b", "app-c"]
            .iter()
            .filter(|app| of(app))
            .count()
    };
    assert_eq!(broken(), 1);
    let runner = player.runner().unwrap().to_string();
    let killed = Command::new("sh")
        .args(["-c", &format!("kill -TERM {runner}")])
        .status();
    assert!(killed.unwrap().success());
    eventually("the lab is healed", || (broken() == 0).then_some(()));
    eventually("the runner is gone", || {
        player.runner().is_none().then_some(())
    });
    assert_eq!(player.good(&["status"])["incident"]["stage"], "stopped");
    let late = player.refused(&["hint"]);
    assert!(late.contains("lab incident start"), "{late}");
}

#[test]
fn an_incident_ends_when_its_lab_has_gone() {
    let (lab, player) = (lab(), Player::new("gone"));
    player.good(&["start", "half-broken", "--console", console(&lab)]);
    drop(lab);
    let began = Instant::now();
    while player.runner().is_some() {
        assert!(
            began.elapsed() < Duration::from_secs(90),
            "the runner waits"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(player.good(&["status"])["incident"]["stage"], "stopped");
}

#[test]
fn what_cannot_be_started_is_refused_with_what_to_do() {
    let player = Player::new("refused");
    let closed = "http://127.0.0.1:9";
    let without = Lab::start(&[]);
    let few = Lab::start(&["--faults", "--faults-port", "0", "--app-count", "1"]);
    for (args, expected) in [
        (
            &["start", "slow-shop", "--console", closed][..],
            "lab up --faults",
        ),
        (&["start", "slow-shop", "--app", closed], "lab up --faults"),
        (
            &["start", "slow-shop", "--console", console(&without)],
            "lab up --faults",
        ),
        (
            &["start", "echo", "--console", console(&few)],
            "three instances",
        ),
        (
            &["start", "slow-shob", "--console", closed],
            "did you mean slow-shop?",
        ),
        (&["start", "x.toml"], "x.toml"),
        (
            &["start", "slow-shop", "--console", "http://192.0.2.1:3000"],
            "--allow-remote",
        ),
        (&["hint"], "lab incident start"),
        (&["stop"], "lab incident start"),
        (&["answer", "a=b"], "lab incident start"),
        (&["list", "--incidents", "/nowhere"], "/nowhere"),
    ] {
        let refused = player.refused(args);
        assert!(refused.contains(expected), "{args:?}: {refused}");
    }
    for args in [
        &["start"][..],
        &["start", "slow-shop", "--random"],
        &["start", "slow-shop", "--seed", "-1"],
        &["answer"],
        &["answer", "no-value"],
    ] {
        let output = player.output(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn a_state_that_is_not_understood_says_how_to_begin_anew() {
    let (lab, player) = (lab(), Player::new("state"));
    player.good(&["start", "half-broken", "--console", console(&lab)]);
    let file = player.0.join("incident/incident.json");
    let good: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let mut later = good.clone();
    later["version"] = json!(2);
    later["another"] = json!("field");
    let mut unknown = good;
    unknown["text"] = json!("title = 1");
    let written = |text: String| {
        std::fs::write(&file, text).unwrap();
        player.refused(&["stop"])
    };
    for (text, expected) in [
        (later.to_string(), "has version 2"),
        ("{".to_owned(), "EOF"),
        (unknown.to_string(), "the incident that runs: line 1"),
    ] {
        let refused = written(text);
        assert!(refused.contains(expected), "{refused}");
        assert!(refused.contains("remove the file"), "{refused}");
    }
    // What it says of the incident is not needed to heal the lab.
    for app in ["app-a", "app-b", "app-c"] {
        assert_eq!(faults(&lab, app), json!([]), "{app}");
    }
    std::fs::remove_file(&file).unwrap();
    player.good(&["start", "half-broken", "--console", console(&lab)]);
}

#[test]
fn without_a_console_the_links_lead_into_grafana() {
    let (lab, player) = (lab(), Player::new("grafana"));
    let ready = &lab.ready;
    let url = |name: &str| ready[name].as_str().unwrap();
    let (app, control) = (
        ready["apps"]["app-a"].as_str().unwrap(),
        ready["faults"]["app-a"].as_str().unwrap(),
    );
    let view = player.good(&[
        "start",
        "slow-shop",
        "--app",
        app,
        "--faults",
        control.trim_end_matches("/faults"),
        "--prometheus",
        url("prometheus"),
        "--loki",
        url("loki"),
        "--tempo",
        url("tempo"),
        "--grafana",
        "http://127.0.0.1:3999",
    ])["incident"]
        .clone();
    let links = view["links"].as_array().unwrap();
    let names: Vec<&Value> = links.iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["dashboard", "traces", "logs", "metrics", "alerts"]);
    let text = String::from_utf8(player.output(&["status"]).stdout).unwrap();
    for link in links {
        let link = link["url"].as_str().unwrap();
        assert!(link.starts_with("http://127.0.0.1:3999/"), "{link}");
        assert!(text.contains(link), "{text}");
    }
    let range = format!("from={}&to=now", view["started_ms"]);
    assert!(links[0]["url"].as_str().unwrap().ends_with(&range));
    // The steps of the solution are opened there too.
    let solution = player.good(&["solution", "--give-up"])["incident"]["solution"].clone();
    let first = solution["steps"][0]["link"].as_str().unwrap();
    assert!(
        first.starts_with("http://127.0.0.1:3999/explore?schemaVersion=1&orgId=1&panes="),
        "{first}"
    );
}

#[test]
fn alerts_from_before_an_incident_are_told_to_be_so() {
    let (lab, player) = (lab(), Player::new("earlier"));
    let start = |name: &str| {
        let flags = ["start", name, "--seed", "4", "--console", console(&lab)];
        player.good(&flags)
    };
    // Its errors are on app-c, as those that the rule notices are.
    assert_eq!(start("half-broken")["earlier_alerts"], json!([]));
    let is_noticed = || {
        let alerts = lab.json("prometheus", "/api/v1/alerts", &[]);
        let all = alerts["data"]["alerts"].as_array().unwrap();
        all.iter()
            .any(|it| it["labels"]["alertname"] == "ErrorRatioHigh")
    };
    // Rules are looked at every 15 s.
    let deadline = Instant::now() + Duration::from_secs(75);
    while !is_noticed() {
        assert!(Instant::now() < deadline, "the rule notices no errors");
        std::thread::sleep(Duration::from_millis(200));
    }
    let own = player.good(&["status"]);
    assert_eq!(own["earlier_alerts"], json!([]), "it is of this incident");
    player.good(&["stop"]);
    assert_eq!(player.good(&["status"])["earlier_alerts"], json!([]));

    let next = start("slow-shop");
    let began = next["incident"]["started_ms"].as_u64().unwrap();
    let earlier = &next["earlier_alerts"][0];
    assert_eq!(earlier["name"], "ErrorRatioHigh", "{next}");
    assert_eq!(earlier["labels"], json!({"app_name": "app-c"}), "{next}");
    assert!(earlier["since_ms"].as_u64().unwrap() < began, "{next}");
    let text = player.output(&["status"]).stdout;
    let text = String::from_utf8(text).unwrap();
    let told = "since before this incident, which it has not caused:\n  ErrorRatioHigh (app_name=\"app-c\"), ";
    assert!(text.contains(told), "{text}");
}

#[test]
fn the_solution_has_the_answers_in_the_order_of_the_questions() {
    let (lab, player) = (lab(), Player::new("order"));
    player.good(&[
        "start",
        "no-answer",
        "--seed",
        "7",
        "--console",
        console(&lab),
    ]);
    let text = player.output(&["solution", "--give-up"]).stdout;
    let text = String::from_utf8(text).unwrap();
    let answers: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  ").filter(|it| !it.starts_with(' ')))
        .collect();
    let keys = ["service", "route", "since"];
    assert_eq!(answers.len(), keys.len(), "{text}");
    for (line, key) in answers.iter().zip(keys) {
        assert!(line.starts_with(key), "{text}");
    }
    assert!(answers[2].ends_with(" [UTC]"), "{text}");
}

#[test]
fn verify_proves_that_an_incident_is_fair() {
    let lab = lab();
    let command = |names: &str, faults: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command
            .env_clear()
            .args(["verify", "--json", &format!("--incidents={names}")]);
        for app in ["app-a", "app-b", "app-c"] {
            command.args(["--app", &format!("http://{}", lab.app(app))]);
            let control = match faults {
                true => lab.ready["faults"][app].as_str().unwrap(),
                false => "http://127.0.0.1:9",
            };
            command.args(["--faults", control]);
        }
        for server in ["prometheus", "loki", "tempo"] {
            let url = format!("http://{}", lab.server(server));
            command.args([format!("--{server}"), url]);
        }
        command
    };
    let verify = |names: &str, faults: bool| {
        let output = command(names, faults).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), report)
    };
    let (code, report) = verify("slow-shop", true);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["incidents"].as_array().unwrap().len(), 1);
    assert_eq!(report["incidents"][0]["name"], "slow-shop");
    assert!(report["incidents"][0]["answers"]["route"].is_string());
    assert_eq!(faults(&lab, "app-a"), json!([]));

    // One of one's own is named by its path.
    let player = Player::new("verify-own");
    std::fs::create_dir_all(&player.0).unwrap();
    let own = player.0.join("own.toml");
    std::fs::copy("incidents/slow-shop.toml", &own).unwrap();
    let (code, report) = verify(own.to_str().unwrap(), true);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["incidents"][0]["name"], "own", "{report}");

    for (names, with_faults, expected) in [
        ("slow-shob", true, "did you mean slow-shop?"),
        ("slow-shop", false, "lab up --faults"),
    ] {
        let (code, report) = verify(names, with_faults);
        assert_eq!(code, Some(2), "{report}");
        let error = report["error"].as_str().unwrap();
        assert!(error.contains(expected), "{error}");
    }

    // Who ends it finds the lab healed: its runner would go on for an hour.
    let mut cut = command("slow-shop", true)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the lab is broken", || {
        (0..3)
            .any(|at| faults(&lab, ["app-a", "app-b", "app-c"][at]) != json!([]))
            .then_some(())
    });
    let pid = cut.id().to_string();
    assert!(Command::new("kill").arg(pid).status().unwrap().success());
    let mut told = String::new();
    cut.stdout
        .take()
        .unwrap()
        .read_to_string(&mut told)
        .unwrap();
    assert_eq!(cut.wait().unwrap().code(), Some(2), "{told}");
    assert!(told.contains("the lab is healed"), "{told}");
    for app in ["app-a", "app-b", "app-c"] {
        assert_eq!(faults(&lab, app), json!([]), "{app}");
    }
}
